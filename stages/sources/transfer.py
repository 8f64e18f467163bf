"""One archive from any address (a local path, https, s3, ...), checked by its SHA-256.

Bytes arrive in `.scratch/download/<sha256>.part`, where a broken transfer goes on, even that of a killed process. What
is whole and right is `.scratch/download/<sha256>`, of which data/raw gets a hard link: a stage that runs again because
code has changed fetches nothing again.
"""

import fcntl
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from stages.files import BLOCK_BYTES, sha256_of, whole
from stages.origin import SourceError
from stages.params import Section
from stages.sources.source import Archive
from stages.sources.stores import Passing, Unreadable, opened

HELD = Path(".scratch/download")
ATTEMPTS = 6  # in a row that bring less than BLOCK_BYTES
FIRST_WAIT_S = 1.0  # doubled from attempt to attempt
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sleep = Callable[[float], None]


class Address(Section):
    """Where an archive is and what it must be."""

    url: Annotated[str, Field(min_length=1)]  # a path, or https://, s3://, ...
    sha256: Sha256
    n_bytes_max: Annotated[int, Field(gt=0)]  # B; a longer answer is refused


def fetch(address: Address, folder: Path, key: str, part: str = "", sleep: Sleep = time.sleep) -> Archive:
    """Put the archive at `address`, the section `key` of params.yaml, whole into `folder`; return what it is.

    Raises SourceError where it cannot be read, is longer than `n_bytes_max` or than the disk has room for, or its
    SHA-256 is another; `folder` is left as it was then.
    """
    name = address.url.rstrip("/").rsplit("/", 1)[-1]
    if name in ("", ".", ".."):
        raise SourceError(f"{address.url}: ends in no name of a file; check {key}.url")
    HELD.mkdir(parents=True, exist_ok=True)
    held = HELD / address.sha256
    with _alone(HELD / f"{address.sha256}.lock", address.url):
        if not _is_right(held, address):
            partial = held.with_suffix(".part")
            if not _is_right(partial, address):
                _bring(address, partial, key, sleep)
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            partial.replace(held)
        n_bytes = held.stat().st_size
        _place(held, folder / name)
    return Archive(name, address.url, address.sha256, n_bytes, part)


@contextmanager
def _alone(lock: Path, url: str) -> Iterator[None]:
    """Wait until no other process fetches the same archive."""
    with lock.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"download: {url}: another process fetches it, waiting", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_right(path: Path, address: Address) -> bool:
    return path.is_file() and path.stat().st_size <= address.n_bytes_max and sha256_of(path) == address.sha256


def _place(held: Path, target: Path) -> None:
    """Give `held` the name `target` too; where a file cannot have two names, move it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    link = held.with_suffix(".link")
    link.unlink(missing_ok=True)
    try:
        os.link(held, link)
        link.replace(target)
        link.unlink(missing_ok=True)  # still there where `target` was a link to the same file
    except OSError:  # another file system, or one without hard links
        link.unlink(missing_ok=True)
        with whole(target) as temporary:
            shutil.copyfile(held, temporary)
        held.unlink()


def _bring(address: Address, partial: Path, key: str, sleep: Sleep) -> None:
    """Bring the bytes of an archive into `partial` and check their sum; what was resumed gets a second chance."""
    resumed = _transfer(address, partial, key, sleep)
    if resumed and sha256_of(partial) != address.sha256:
        print(f"download: {address.url}: not the same bytes as before the transfer broke, from zero", flush=True)
        partial.unlink()
        _transfer(address, partial, key, sleep)
    found, n_bytes = sha256_of(partial), partial.stat().st_size
    if found != address.sha256:
        partial.unlink()
        raise SourceError(
            f"{address.url}: sha256 is {found} over {n_bytes:,} bytes, expected {address.sha256}; "
            f"the transfer broke or the archive is another one: check {key}.sha256"
        )


def _transfer(address: Address, partial: Path, key: str, sleep: Sleep) -> bool:
    """Bring the bytes of an archive into `partial`; return whether the last attempt went on with an earlier one."""
    furthest, n_attempts = 0, 0
    while True:
        try:
            return _attempt(address, partial, key)
        except (Passing, Unreadable) as error:
            n_bytes = _size(partial)
            n_attempts = 1 if n_bytes >= furthest + BLOCK_BYTES else n_attempts + 1
            furthest = max(furthest, n_bytes)
            if isinstance(error, Unreadable) or n_attempts == ATTEMPTS:
                raise SourceError(
                    f"{address.url}: cannot be read ({error}); check {key}.url and the network"
                ) from error
            wait_s = FIRST_WAIT_S * 2 ** (n_attempts - 1)
            print(f"download: {address.url}: {error}; again in {wait_s:g} s, from byte {n_bytes:,}", flush=True)
            sleep(wait_s)


def _attempt(address: Address, partial: Path, key: str) -> bool:
    """Bring what `partial` lacks; return whether it held the beginning already. Raises Passing, Unreadable."""
    with opened(address.url, _size(partial)) as stream, partial.open("ab", buffering=0) as target:
        _check(address, key, partial, stream.n_bytes or 0, stream.start)
        n_bytes = target.truncate(stream.start)
        while n_bytes != stream.n_bytes and (block := stream.read(BLOCK_BYTES)):
            n_bytes += len(block)
            _check(address, key, partial, n_bytes, n_bytes)
            try:
                _write(target, block)
            except OSError as error:
                raise SourceError(
                    f"{partial}: cannot be written ({error}) at byte {n_bytes:,} of "
                    f"{stream.n_bytes or address.n_bytes_max:,}, {shutil.disk_usage(HELD).free:,} are free; make room "
                    "and run again, it goes on from there"
                ) from error
        if stream.n_bytes is not None and n_bytes < stream.n_bytes:
            raise Passing(f"broke off after {n_bytes:,} of {stream.n_bytes:,} bytes")
        return stream.start > 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _write(target: io.FileIO, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[target.write(view) :]


def _check(address: Address, key: str, partial: Path, n_bytes: int, n_held: int) -> None:
    """Raise SourceError where `n_bytes` are too many for params.yaml, or those not held yet for the disk."""
    if n_bytes > address.n_bytes_max:
        partial.unlink()
        raise SourceError(
            f"{address.url}: is longer than {key}.n_bytes_max, {address.n_bytes_max:,}; "
            "raise it in params.yaml if that is right"
        )
    free = shutil.disk_usage(HELD).free
    if n_bytes - n_held > free:
        raise SourceError(
            f"{partial}: needs {n_bytes - n_held:,} bytes more for {address.url}, {free:,} are free; make room"
        )
