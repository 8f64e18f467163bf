"""Noise mixed into waves instead of added as powers: a model of params.yaml trained that way, on the same draws.

All else is the model's own training: same first weights, same order of clips, same noise windows at the same gains for
the same clips, then the same shifts and masks. Only the frames of a batch are computed anew, from its mixed waves. What
is learned goes to data/models/<key>_waves, to be scored like any other model:

    python -m benchmarks.noise cnn
    python -m stages.evaluate cnn_waves

Its `augment` must begin with noise, so that both draw alike: move that line in params.yaml, and `dvc repro` first. Take
a clone: data/models/*_waves, data/predictions/*_waves.parquet and metrics/evaluate/*_waves* are to be removed before
its next `dvc repro`, which would not know them.

Run  EARMARK_DEVICE=cpu python -m benchmarks.noise KEY
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Generator, Tensor

from stages import decode, train
from stages.augmentations import noise
from stages.executors import in_copies
from stages.features import mel
from stages.features.frontend import LogMel
from stages.features.stft import Frame, Framing
from stages.models.card import network
from stages.models.checkpoint import Checkpoint
from stages.models.choices import Params, augmentation
from stages.models.fitting import WEIGHTS, Learner, fit
from stages.models.launching import launched
from stages.models.parts import Part
from stages.models.recipe import generator
from stages.models.runs import Run, run_of
from stages.models.task import Task, task_of
from stages.models.trained import write_trained
from stages.params import check_section, read_section
from stages.tables import clips
from stages.tables import labels as labels_table
from stages.tables.inputs import Inputs, read_inputs
from stages.tables.parquet import read_table
from stages.tables.parts import learned_rows
from stages.tables.sounds import read_sounds

CLIPS_AT_ONCE = 8  # through the front end; more leave the cache


def mixed(samples: Tensor, settings: noise.Params, windows: Tensor, draw: Generator) -> Tensor:
    """Return clips (batch, n_samples) in -1..1, each with `probability` plus a noise of its own.

    Draws what stages/augmentations/noise.py draws, in its order.
    """
    lowest, highest = settings.gain_db
    which = torch.randint(len(windows), (len(samples),), generator=draw)
    gain_db = lowest + (highest - lowest) * torch.rand(len(samples), generator=draw)
    chosen = torch.rand(len(samples), generator=draw) < settings.probability
    factor = torch.where(chosen, 10 ** (gain_db / 20), 0.0)[:, None]
    return samples + factor * windows[which] / clips.FULL_SCALE


def on_waves(task: Task, waves: Tensor, inputs: Inputs, front: LogMel) -> Task:
    """Return the task with waves (n_clips, n_samples) int16 to learn from; `front` makes frames of the mixed ones."""
    settings = check_section(task.params.augment["noise"], "noise", noise.Params)
    others = {name: section for name, section in task.params.augment.items() if name != "noise"}
    after = augmentation("augment", task.params.model_copy(update={"augment": others}), inputs, task.train, task.groups)
    windows = waves[task.groups.silences]

    def augment(samples: Tensor, draw: Generator) -> Tensor:
        loud = mixed(samples / clips.FULL_SCALE, settings, windows, draw)
        with torch.inference_mode():
            frames = torch.cat([front(few) for few in loud.split(CLIPS_AT_ONCE)])
        return after(frames.clone(), draw)

    return replace(task, train=Part(waves, task.train.labels), augment=augment)


def learned(task: Task, waved: Task, seed: int) -> Run:
    """Return what one seed gives that learns from waves and is judged on stored frames."""
    torch.manual_seed(generator(seed, WEIGHTS, torch.device("cpu")).initial_seed())
    learner = Learner(network(task.card), task.params, seed, launched())
    nowhere, epochs = Checkpoint(Path("there/is/none"), writes=False), range(task.params.epochs)
    kept = fit(learner, waved.train, task.groups, task.val, task.scale, waved.augment, nowhere, lambda _: epochs)
    return run_of(task, kept, learner.curve)


def main() -> None:
    """Train the model named on the command line on mixed waves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noise", description=__doc__.splitlines()[0])
    parser.add_argument("key", help="a name below train.models in params.yaml, which reads features/mel")
    key = parser.parse_args().key
    params = read_section(f"train.models.{key}", Params)
    if next(iter(params.augment), "") != "noise" or params.input != "features/mel":
        sys.exit(f"params.yaml: train.models.{key} must read features/mel and begin its augment with noise")
    labels = read_table(train.LABELS, labels_table.TABLE)
    clip_ids = learned_rows(labels).column("clip_id").to_pylist()
    inputs = read_inputs(train.DATA / params.input, clip_ids)
    rate_hz = read_section("decode", decode.Params).sample_rate_hz
    framing = Framing.of(read_section("extract.frame", Frame), rate_hz)
    front = LogMel(read_section("extract.families.mel", mel.Params), framing)

    task = task_of(f"train.models.{key}", params, (), labels, inputs, launched().device)
    sounds = read_sounds(train.DATA / "clips", clip_ids[: len(task.train.labels)])
    waved = on_waves(task, torch.from_numpy(sounds.samples), inputs, front)
    runs = in_copies(lambda seed: learned(task, waved, seed), task.card.seeds)

    weights = {seed: run.weights for seed, run in zip(task.card.seeds, runs, strict=True)}
    write_trained(train.MODELS_FOLDER / f"{key}_waves", task.card, weights)
    for seed, run in zip(task.card.seeds, runs, strict=True):
        print(f"seed {seed}: val accuracy {run.scores['val_accuracy']}, loss {run.scores['val_loss_nats']} nats")


if __name__ == "__main__":
    main()
