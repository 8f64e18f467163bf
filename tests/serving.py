"""A web server on this machine that breaks off, lies, stalls or refuses, and fetching from it."""

import hashlib
import http.server
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.sources.transfer import HELD, Address, fetch

CONTENT = random.Random(1).randbytes(3_000_000)
OTHER = random.Random(2).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = "download.options.archive"
RAW = Path("raw")
PART = HELD / f"{SHA256}.part"


def address(url: str, sha256: str = SHA256, n_bytes_max: int = 10_000_000) -> Address:
    return Address(url=url, sha256=sha256, n_bytes_max=n_bytes_max)


def put_archive() -> None:
    """Make there/words.tar in the current folder."""
    Path("there").mkdir()
    Path("there/words.tar").write_bytes(CONTENT)


class Server(http.server.ThreadingHTTPServer):
    """Gives each request to the next of `answers`, the last of them to all that follow."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Callable[[Handler, int], None]] = [whole]
        self.ranges: list[int] = []  # the first byte that each request asked for
        self.url = f"http://127.0.0.1:{self.server_port}/words.tar"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of the server."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        number = len(self.server.ranges)
        self.server.ranges.append(start)
        self.server.answers[min(number, len(self.server.answers) - 1)](self, start)

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


def part_of(content: bytes, handler: Handler, start: int, stop: int) -> None:
    """Answer a range rightly, but only up to byte `stop`."""
    if start >= len(content):
        handler.begin(416, Content_Range=f"bytes */{len(content)}")
        return
    span = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
    handler.begin(206 if start else 200, Content_Length=len(content) - start, **span)
    handler.wfile.write(content[start:stop])


def whole(handler: Handler, start: int) -> None:
    part_of(CONTENT, handler, start, len(CONTENT))


def until(stop: int) -> Callable[[Handler, int], None]:
    return lambda handler, start: part_of(CONTENT, handler, start, stop)


def without_ranges(handler: Handler, start: int) -> None:
    handler.begin(200, Content_Length=len(CONTENT))
    handler.wfile.write(CONTENT)


def another(handler: Handler, start: int) -> None:
    part_of(OTHER, handler, start, len(OTHER))


def shifted(handler: Handler, start: int) -> None:
    if not start:
        whole(handler, start)
        return
    handler.begin(206, Content_Length=100, Content_Range=f"bytes {start + 1}-{start + 100}/{len(CONTENT)}")
    handler.wfile.write(CONTENT[start + 1 : start + 101])


def status(code: int) -> Callable[[Handler, int], None]:
    return lambda handler, start: handler.begin(code, Content_Length=0)


def claiming(n_bytes: int) -> Callable[[Handler, int], None]:
    def answer(handler: Handler, start: int) -> None:
        handler.begin(200, Content_Length=n_bytes)
        handler.wfile.write(CONTENT)

    return answer


def stalling(handler: Handler, start: int) -> None:
    handler.begin(200, Content_Length=len(CONTENT))
    handler.wfile.write(CONTENT[:500_000])
    handler.wfile.flush()
    time.sleep(1.5)


def endless(handler: Handler, start: int) -> None:
    handler.begin(200)
    while True:
        handler.wfile.write(bytes(100_000))


def to_a_file(handler: Handler, start: int) -> None:
    handler.begin(302, Location=Path("there/words.tar").absolute().as_uri(), Content_Length=0)


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server of its own."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


def fetched(url: str) -> list[float]:
    """Fetch, check what came, and return the waits in between."""
    waits: list[float] = []
    fetch(address(url), RAW, KEY, sleep=waits.append)
    assert (RAW / "words.tar").read_bytes() == CONTENT
    assert [path.name for path in RAW.iterdir()] == ["words.tar"]
    return waits
