"""Bytes from an address: http and https by themselves, whatever else fsspec knows (a path, s3, ...) through it.

Every error of a store is one of two: Passing, which may be gone in a moment, or Unreadable, which will not.
"""

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import fsspec
from aiohttp import ClientError
from botocore.exceptions import BotoCoreError, EndpointConnectionError, HTTPClientError, IncompleteReadError

SILENCE_S = 60.0  # without a byte, until a connection counts as lost
TOO_MANY_REQUESTS = 429
TIMED_OUT = 408
BEYOND_THE_END = 416
PARTIAL = 206
RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
STORE_ERRORS = (OSError, ImportError, ValueError, ClientError, BotoCoreError, http.client.HTTPException)
LOST = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    TimeoutError,
    http.client.IncompleteRead,
    http.client.BadStatusLine,
    ssl.SSLEOFError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)


class Passing(Exception):
    """A store does not answer now, or broke off."""


class Unreadable(Exception):
    """A store will not give what was asked for."""


class Opened:
    """A stream of bytes from byte `start` on, of `n_bytes` in all where the store says so."""

    def __init__(self, file: IO[bytes], start: int, n_bytes: int | None) -> None:
        self.start, self.n_bytes, self.close = start, n_bytes, file.close
        self._read = getattr(file, "read1", file.read)  # what has come is not lost when the rest does not

    def read(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes`, none at the end."""
        with told():
            return self._read(n_bytes)


@contextmanager
def opened(url: str, start: int) -> Iterator[Opened]:
    """Open what is at `url` from byte `start` on, or from 0 where the store cannot begin there."""
    is_web = url.lower().startswith(("http://", "https://"))
    with told():
        stream = _web(url, start) if is_web else _stored(url, start)
    try:
        yield stream
    finally:
        stream.close()


@contextmanager
def told() -> Iterator[None]:
    """Turn the errors of stores into Passing and Unreadable."""
    try:
        yield
    except STORE_ERRORS as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        passes = isinstance(cause, LOST) and not isinstance(cause, EndpointConnectionError)
        if isinstance(error, urllib.error.HTTPError):
            passes = error.code in (TIMED_OUT, TOO_MANY_REQUESTS) or 500 <= error.code < 600
        elif isinstance(cause, socket.gaierror):
            passes = cause.errno == socket.EAI_AGAIN
        raise (Passing if passes else Unreadable)(f"{type(error).__name__}: {error}") from error


class Web(urllib.request.OpenerDirector):
    """Opens http and https, and follows redirects to these alone: never to a file of this machine."""

    def __init__(self) -> None:
        super().__init__()
        for handler in (
            urllib.request.ProxyHandler,
            urllib.request.HTTPHandler,
            urllib.request.HTTPSHandler,
            urllib.request.HTTPRedirectHandler,
            urllib.request.HTTPDefaultErrorHandler,
            urllib.request.HTTPErrorProcessor,
            urllib.request.UnknownHandler,
        ):
            self.add_handler(handler())


def _web(url: str, start: int) -> Opened:
    request = urllib.request.Request(url, headers={"User-Agent": "earmark"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = Web().open(request, timeout=SILENCE_S)
    except urllib.error.HTTPError as error:
        if error.code == BEYOND_THE_END and start:
            error.close()
            return _web(url, 0)
        raise
    if answer.status != PARTIAL:
        length = answer.headers.get("Content-Length", "")
        return Opened(answer, 0, int(length) if length.isdigit() else None)
    found = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if not found or int(found[1]) != start:
        answer.close()
        if not start:
            raise ValueError("the server answers a part where all was asked for")
        return _web(url, 0)
    return Opened(answer, start, int(found[2]) if found[2].isdigit() else None)


def _stored(url: str, start: int) -> Opened:
    store, path = fsspec.core.url_to_fs(url)
    facts = store.info(path)
    if facts["type"] != "file":
        raise ValueError(f"is a {facts['type']}, expected a file")
    file = store.open(path, "rb")
    size = facts.get("size")
    if start and (not file.seekable() or size is None or start > size):
        start = 0
    if start:
        file.seek(start)
    return Opened(file, start, size)
