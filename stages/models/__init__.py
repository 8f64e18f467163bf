"""Models: a batch of frames or vectors in, one logit a class out.

Each module is the model and nothing else: `Params` (its sizes), `INPUT_AXES` (the numbers of axes of one clip it can
read: 2 for frames, 1 for a vector) and `build(params, input_shape, n_classes) -> nn.Module`, which raises ParamsError
where a clip is too short for it. Inputs come normalised. A network that sums up a clip over its frames has
`positions(frames) -> (batch, n_positions, n_values)`, what stands at each moment before. A module that learns without a
gradient has `learn(network, vectors, labels, seed)`; of the recipe, it asks for the shares of an epoch alone.
"""

from types import ModuleType

from stages.models import bcresnet, cnn, cnn_trad, dnn, ds_cnn, gru, linear, lstm, trees, wavenet

MODELS: dict[str, ModuleType] = {
    "dnn": dnn,
    "cnn": cnn,
    "cnn_trad": cnn_trad,
    "ds_cnn": ds_cnn,
    "bcresnet": bcresnet,
    "lstm": lstm,
    "gru": gru,
    "wavenet": wavenet,
    "linear": linear,
    "trees": trees,
}
