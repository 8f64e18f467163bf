"""Mu-law of ITU-T G.711: samples as eight bits, a sign, three for a segment and four for a step in it.

In units of 1/8192 of full scale a magnitude m is biased by 33, so that segment s holds 33 + m from 2^(s+5) to 2^(s+6),
in sixteen steps of 2^(s+1); a step is heard as its middle. Steps grow with the sound: its noise lies some 38 dB below.
"""

import numpy as np

UNITS = 8192  # to full scale
BIAS = 33
HIGHEST = 8158  # the largest magnitude; louder ones are heard as it is
LEADING_BIT = 5  # of the first segment


def as_heard(samples: np.ndarray) -> np.ndarray:
    """Return samples (n,) of full scale 1.0 as they are decoded from their codes: (n,) float32."""
    biased = np.minimum(np.abs(np.rint(samples * UNITS)), HIGHEST).astype(np.int64) + BIAS
    segment = np.floor(np.log2(biased)).astype(np.int64) - LEADING_BIT
    step = (biased >> (segment + 1)) & 15
    heard = ((2 * step + BIAS) << segment) - BIAS
    return (np.copysign(heard, samples) / UNITS).astype(np.float32)
