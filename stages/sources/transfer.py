"""One archive from any address that fsspec knows (a local path, https, s3, ...), checked by its SHA-256."""

import hashlib
from pathlib import Path
from typing import Annotated

import fsspec
from aiohttp import ClientError
from botocore.exceptions import BotoCoreError
from pydantic import Field

from stages.files import BLOCK_BYTES, whole
from stages.params import Section
from stages.sources.origin import Archive, SourceError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


# What fsspec and the stores behind it raise where an address gives nothing.
UNREADABLE = (OSError, ImportError, ValueError, ClientError, BotoCoreError)


class Address(Section):
    """Where an archive is and what it must be."""

    url: Annotated[str, Field(min_length=1)]  # a path, or https://, s3://, ...
    sha256: Sha256
    n_bytes_max: Annotated[int, Field(gt=0)]  # B; a longer answer is refused


def fetch(address: Address, folder: Path, key: str, part: str = "") -> Archive:
    """Put the archive at `address`, the section `key` of params.yaml, whole into `folder`; return what it is.

    Raises SourceError where it cannot be read, is longer than `n_bytes_max`, or its SHA-256 is another; nothing is
    left behind then.
    """
    name = address.url.rstrip("/").rsplit("/", 1)[-1]
    digest = hashlib.sha256()
    n_bytes = 0
    with whole(folder / name) as temporary:
        try:
            with fsspec.open(address.url, "rb") as source, temporary.open("wb") as target:
                while block := source.read(BLOCK_BYTES):
                    n_bytes += len(block)
                    if n_bytes > address.n_bytes_max:
                        raise SourceError(
                            f"{address.url}: is longer than {key}.n_bytes_max, {address.n_bytes_max:,}; "
                            "raise it in params.yaml if that is right"
                        )
                    digest.update(block)
                    target.write(block)
        except SourceError:
            raise
        except UNREADABLE as error:
            reason = f"{type(error).__name__}: {error}"
            raise SourceError(f"{address.url}: cannot be read ({reason}); check {key}.url and the network") from error
        if digest.hexdigest() != address.sha256:
            raise SourceError(
                f"{address.url}: sha256 is {digest.hexdigest()} over {n_bytes:,} bytes, expected {address.sha256}; "
                f"the transfer broke or the archive is another one: check {key}.sha256"
            )
    return Archive(name, address.url, address.sha256, n_bytes, part)
