"""What a network costs and how far it looks: parameters, multiply-adds a clip, receptive field."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

MOST_FRAMES = 4096  # that are tried before a receptive field counts as without end
N_DRAWN = 4  # clips of noise whose gradients are looked at together: in one a path may be shut by chance


@dataclass(frozen=True)
class Footprint:
    """Of one network and clips of one shape."""

    n_parameters: int
    n_multiply_adds: int  # a clip, of layers with weights: no norms, no activations, no products of states
    n_receptive_frames: int | None  # that one position sees before the clip is summed up; None is the whole clip


def footprint(network: nn.Module, input_shape: tuple[int, ...]) -> Footprint:
    """Return what `network` costs for clips of `input_shape`, (n_frames, n_dims) or (n_columns,); it stays as it is."""
    n_parameters = sum(weight.numel() for weight in network.parameters())
    still = deepcopy(network).eval()
    return Footprint(n_parameters, multiply_adds(still, input_shape), receptive_frames(still, input_shape))


def multiply_adds(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Return the products of a weight and a value for one clip, of a network that is not in training.

    A network that computes without torch's layers says it itself: `multiply_adds(input_shape)`.
    """
    if hasattr(network, "multiply_adds"):
        return network.multiply_adds(input_shape)  # type: ignore[operator]
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> None:
        counted.append(COUNTS[type(layer)](layer, inputs[0], output))

    hooks = [layer.register_forward_hook(count) for layer in network.modules() if type(layer) in COUNTS]
    with torch.no_grad():
        network(_noise(network, 1, input_shape))
    for hook in hooks:
        hook.remove()
    return sum(counted)


def receptive_frames(network: nn.Module, input_shape: tuple[int, ...]) -> int | None:
    """Return how many frames one of the network's positions sees, or None where it sees the whole of any clip.

    Measured: from the first to the last frame by which the middle position's values have a gradient, in a clip so long
    that neither is at an end of it; the network is not in training. One without `positions(frames) -> (batch,
    n_positions, n_values)` sums up the clip before there are any.
    """
    if len(input_shape) < 2 or not hasattr(network, "positions"):
        return None
    n_frames = input_shape[0]
    while n_frames < MOST_FRAMES:
        frames = _noise(network, N_DRAWN, (n_frames, *input_shape[1:])).requires_grad_()
        positions = network.positions(frames)  # type: ignore[operator]
        middle = positions[:, positions.shape[1] // 2]
        (by_frame,) = torch.autograd.grad(middle, frames, _noise(network, *middle.shape))
        seen = by_frame.abs().amax(dim=(0, 2)).nonzero().flatten()
        if len(seen) and seen[0] > 0 and seen[-1] < n_frames - 1:
            return int(seen[-1] - seen[0]) + 1
        n_frames *= 2
    return None


def _noise(network: nn.Module, n: int, shape: tuple[int, ...] | int) -> Tensor:
    """Return (n, *shape) normal numbers, each time the same, where the network's weights are."""
    whole = (n, *shape) if isinstance(shape, tuple) else (n, shape)
    numbers = torch.randn(whole, generator=torch.Generator().manual_seed(0))
    return numbers.to(next((weight.device for weight in network.parameters()), torch.device("cpu")))


def _of_linear(layer: nn.Linear, values: Tensor, output: Tensor) -> int:
    return output.numel() * layer.in_features


def _of_convolution(layer: nn.Conv1d | nn.Conv2d, values: Tensor, output: Tensor) -> int:
    return output.numel() * (layer.in_channels // layer.groups) * prod(layer.kernel_size)


def _of_recurrence(layer: nn.LSTM | nn.GRU, values: Tensor, output: tuple[Tensor, ...]) -> int:
    n_steps = values.numel() // layer.input_size
    return n_steps * sum(weight.numel() for weight in layer.parameters() if weight.ndim == 2)


COUNTS: dict[type[nn.Module], Callable[..., int]] = {
    nn.Linear: _of_linear,
    nn.Conv1d: _of_convolution,
    nn.Conv2d: _of_convolution,
    nn.LSTM: _of_recurrence,
    nn.GRU: _of_recurrence,
}
