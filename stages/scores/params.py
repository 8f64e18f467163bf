"""Section evaluate of params.yaml, which evaluate and summarize read."""

from typing import Annotated

from pydantic import Field

from stages.params import Section


class Params(Section):
    """How scores are resampled, binned and listed."""

    seed: Annotated[int, Field(ge=0)]  # of the bootstrap
    n_bootstrap: Annotated[int, Field(ge=100)]  # resamples of groups
    confidence: Annotated[float, Field(gt=0, lt=1)]  # of the intervals
    n_ece_bins: Annotated[int, Field(ge=1)]  # of equal width over confidence 0..1
    n_listed: Annotated[int, Field(ge=1)]  # clips in each table of errors, and of suspicious labels
