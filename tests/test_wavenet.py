"""The causal network: nothing of a frame is known before it, and a stream gives what the whole clip gives."""

import pytest
import torch

from stages.models import wavenet

PARAMS = wavenet.Params(channels=8, skip=12, kernel=3, dilations=(1, 2, 4, 8, 1, 2), dropout=0.1)


@pytest.fixture
def network() -> wavenet.WaveNet:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return wavenet.build(PARAMS, (101, 40), 12).eval()


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.randn(3, 101, 40, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def test_a_change_in_a_later_frame_changes_no_earlier_logit(network: wavenet.WaveNet, frames: torch.Tensor) -> None:
    before = network.positions(frames)
    frames[:, 60] += 1
    after = network.positions(frames)
    assert torch.equal(before[:, :60], after[:, :60])
    seen = 1 + 2 * (1 + sum(PARAMS.dilations))
    changed = (before != after).any(dim=2).any(dim=0).nonzero().flatten()
    assert changed.tolist() == list(range(60, min(60 + seen, 101)))


@pytest.mark.parametrize("n", [1, 2, 7, 50, 101])
@torch.no_grad()
def test_frames_as_they_come_give_the_logits_of_the_whole_clip(
    network: wavenet.WaveNet, frames: torch.Tensor, n: int
) -> None:
    state, parts = network.start(frames), []
    for block in frames.split(n, dim=1):
        logits, state = network.step(block, state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), network.positions(frames), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.cat(parts, dim=1).mean(dim=1), network(frames), rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_running_mean_of_a_stream_is_what_the_clip_so_far_gives(
    network: wavenet.WaveNet, frames: torch.Tensor
) -> None:
    logits, _ = network.step(frames[:, :37], network.start(frames))
    torch.testing.assert_close(logits.mean(dim=1), network(frames[:, :37]), rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_state_does_not_grow(network: wavenet.WaveNet, frames: torch.Tensor) -> None:
    first = network.start(frames)
    _, state = network.step(frames, first)
    assert [part.shape for part in state] == [part.shape for part in first]
    assert [part.shape[2] for part in state] == [2, *(2 * dilation for dilation in PARAMS.dilations)]
