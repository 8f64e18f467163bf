"""Section evaluate of params.yaml, which evaluate and summarize read."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from stages.params import Section


class Params(Section):
    """How scores are resampled, binned and listed, and under which conditions accuracy is measured once more."""

    seed: Annotated[int, Field(ge=0)]  # of the bootstrap
    n_bootstrap: Annotated[int, Field(ge=100)]  # resamples of groups
    confidence: Annotated[float, Field(gt=0, lt=1)]  # of the intervals
    n_ece_bins: Annotated[int, Field(ge=1)]  # of equal width over confidence 0..1
    n_listed: Annotated[int, Field(ge=1)]  # clips in each table of errors, and of suspicious labels
    conditions: Mapping[str, object]  # module in stages/conditions -> its Params; may be empty
    n_condition_clips: Annotated[int, Field(ge=0)]  # of part test, drawn class by class where there are more; 0 for all
