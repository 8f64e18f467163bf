"""The log-mel front end: by every path the same decibels, on a CPU, traced, exported, learned through, on a GPU."""

import numpy as np
import pytest
import torch
from feature_sounds import FRAMING, PARAMS, SOUNDS, frames_of

from stages.features import FAMILIES, mel, mfcc
from stages.features.engine import as_float
from stages.features.stft import PowerSpectrum


def test_log_mel_is_clamped_below_the_clips_own_maximum() -> None:
    frames = frames_of("mel", SOUNDS)
    spans = frames.max(axis=(1, 2)) - frames.min(axis=(1, 2))
    assert spans.max() == pytest.approx(80, abs=1e-4)
    assert frames[5].max() < frames[0].max() - 30


def test_a_part_of_the_spectrum_is_that_of_the_whole() -> None:
    spectrum, samples = PowerSpectrum(FRAMING, 512), torch.from_numpy(as_float(SOUNDS[:3]))
    whole = spectrum(samples)
    for first, stop in ((0, 1), (0, 101), (3, 50), (99, 101), (100, 101)):
        np.testing.assert_allclose(spectrum.part(samples, first, stop), whole[:, first:stop], rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_front_end_traced_where_nothing_is_learned_reads_other_clips_too() -> None:
    module = mel.computation(PARAMS["mel"], FRAMING)
    first, second = torch.from_numpy(as_float(SOUNDS[:1])), torch.from_numpy(as_float(SOUNDS[2:3]))
    with torch.inference_mode():
        traced = torch.jit.trace(module, first)
        np.testing.assert_allclose(traced(second), module(second), rtol=0, atol=2e-3)


def test_the_front_end_is_a_module_whose_gradient_reaches_the_samples() -> None:
    samples = torch.from_numpy(as_float(SOUNDS[1:2])).requires_grad_()
    mfcc.computation(PARAMS["mfcc"], FRAMING)(samples).sum().backward()
    assert torch.isfinite(samples.grad).all()
    assert samples.grad.abs().sum() > 0


def exported(module: torch.nn.Module, samples: torch.Tensor) -> torch.nn.Module:
    shapes = ({0: torch.export.Dim("n_clips", max=1024)},)
    return torch.export.export(module, (samples[:2],), dynamic_shapes=shapes).module()


@pytest.mark.parametrize("family", ["mel", "mfcc"])
def test_what_is_learned_through_exported_or_on_a_gpu_gives_the_frames_of_the_stage(family) -> None:
    samples = torch.from_numpy(as_float(SOUNDS))
    module = FAMILIES[family].computation(PARAMS[family], FRAMING)
    found = {"learned through": module(samples), "exported": exported(module, samples)(samples)}
    if torch.cuda.is_available():
        found["cuda"] = module.cuda()(samples.cuda()).cpu()
    for where, frames in found.items():
        np.testing.assert_allclose(frames.numpy(), frames_of(family, SOUNDS), rtol=0, atol=2e-3, err_msg=where)
