"""earmark: sound in, trustworthy keyword spotters out. One script a verb; see README.md.

One math thread a process, set here because numpy and torch read it when they are first imported: the parallel unit is
the shard, and sums do not depend on the machine's number of cores.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"
