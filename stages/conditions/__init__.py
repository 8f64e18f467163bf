"""Conditions under which a model is judged once more: the sound of a clip in, the same sound as heard under it out.

Each module has `Params` (its levels, their unit in the key), `UNIT` (of a level, as tables have it), `NEEDS_NOISE`
(whether the part must hold background noise), `levels(params)` (in rising order) and
`apply(sound (n,) float32, level, setting) -> sound (m,) float32`. The sound is of full scale 1.0 and without the zeros
that pad a clip: a condition changes the recording, which is then cut and padded to a clip as all others are. Nothing is
drawn here: which noise a clip meets, at every level the same, is said by its setting.
"""

from types import ModuleType

from stages.conditions import loudness, snr, speed, telephone

CONDITIONS: dict[str, ModuleType] = {"snr": snr, "loudness": loudness, "speed": speed, "telephone": telephone}
