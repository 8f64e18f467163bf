"""Re-hash DVC's cache and name what is corrupt: DVC itself hands out a flipped byte in silence.

A file in the cache is named after its MD5 (`files/md5/ab/cdef...`; folders are lists, named with `.dir`). Outputs that
use a corrupt file are named too, as far as dvc.lock knows them.

Run  python -m apps.fsck [CACHE FOLDER]
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stages.executors import n_workers
from stages.params import read_yaml

CACHE = Path(".dvc/cache")
LOCK = Path("dvc.lock")
NAME = re.compile(r"^[0-9a-f]{30}(\.dir)?$")


def cached_files(cache: Path) -> list[Path]:
    """Return the files of a cache that are named after what they hold, sorted."""
    return sorted(path for path in (cache / "files/md5").glob("??/*") if NAME.match(path.name))


def is_sound(path: Path) -> bool:
    """Return whether a cached file holds what its name says."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    return found == path.parent.name + path.name.removesuffix(".dir")


def outputs(lock: Path, cache: Path) -> Iterator[tuple[str, str]]:
    """Yield (MD5, path of the output) for each file that the lock knows, those in folders too."""
    stages = read_yaml(lock)["stages"] if lock.exists() else {}
    for stage in stages.values():  # type: ignore[attr-defined]
        for out in stage.get("outs", []):
            digest = out["md5"]
            yield digest, out["path"]
            listing = cache / "files/md5" / digest[:2] / digest[2:]
            if digest.endswith(".dir") and listing.exists() and is_sound(listing):
                yield from (
                    (entry["md5"], f"{out['path']}/{entry['relpath']}") for entry in json.loads(listing.read_text())
                )


def corrupt(cache: Path) -> list[Path]:
    """Return the files of a cache that do not hold what their names say."""
    files = cached_files(cache)
    with ThreadPoolExecutor(n_workers()) as executor:
        return [path for path, sound in zip(files, executor.map(is_sound, files), strict=True) if not sound]


def main() -> None:
    """Check the cache of this repository, or the one named on the command line."""
    cache = Path(sys.argv[1]) if len(sys.argv) > 1 else CACHE
    found = corrupt(cache)
    used: dict[str, list[str]] = {}
    for digest, output in outputs(LOCK, cache):
        used.setdefault(digest, []).append(output)
    for path in found:
        names = ", ".join(used.get(path.parent.name + path.name, [])) or "nothing in dvc.lock"
        print(f"{path}: is corrupt; it is {names}; delete it, then `dvc pull` or `dvc repro`")
    print(f"fsck: {len(cached_files(cache)):,} files in {cache}, {len(found)} corrupt")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
