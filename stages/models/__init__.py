"""Models: a batch of frames or vectors in, one logit a class out.

Each module is the model and nothing else: `Params` (its sizes), `INPUT_AXES` (the numbers of axes of one clip it can
read: 2 for frames, 1 for a vector) and `build(params, input_shape, n_classes) -> nn.Module`. Inputs come normalised.
"""

from types import ModuleType

from stages.models import cnn, dnn, lstm

MODELS: dict[str, ModuleType] = {"dnn": dnn, "cnn": cnn, "lstm": lstm}
