"""The stage `decode` as it runs in a process of its own; prints how many seconds it took after its imports.

Run  python -m benchmarks.stage [without_worker]
"""

import contextlib
import sys
import time
from collections.abc import Callable
from unittest import mock

from stages import decode
from stages.decoders.shard import Shard
from stages.decoders.tally import Tally


def here(work: Callable[..., Tally], shard: Shard, limits: object) -> Tally:
    """Decode a shard in this process."""
    return work(shard, {}, lambda place: None)


def main() -> None:
    with contextlib.ExitStack() as patched:
        if sys.argv[1:] == ["without_worker"]:
            patched.enter_context(mock.patch.object(decode, "survived", here))
            patched.enter_context(mock.patch.object(decode, "copy_workers"))
        began = time.perf_counter()
        with contextlib.redirect_stdout(None):
            decode.main()
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
