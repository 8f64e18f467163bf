"""earmark: sound in, trustworthy keyword spotters out. One script a verb; see README.md.

What all scripts share, set before anything else is imported:
- One math thread a process, because numpy and torch read it when first imported: the parallel unit is the shard, and
  sums do not depend on the machine's number of cores.
- The project's own errors are read by people: they end a script with their words alone, not with a traceback.
"""

import os
import sys
from types import TracebackType

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"


def _in_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if kind.__module__ == "__main__" or kind.__module__.startswith("stages."):
        print(f"{kind.__name__}: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if sys.argv[0] == "-m":  # this process runs one of the scripts, as `python -m stages.decode`
    sys.excepthook = _in_words
