"""Boosted trees on one vector a clip (LightGBM; Ke and others 2017), kept as tensors once they have grown.

`learn` grows them; the network then holds each split's column, threshold and two ways on, and each leaf's logit, and is
saved, loaded and asked as any other. It has no weights that a gradient could change.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from stages import boosting
from stages.params import Section

if TYPE_CHECKING:
    import lightgbm

INPUT_AXES = (1,)

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class Params(Section):
    """How many trees, how large, and how they grow."""

    n_rounds: Count  # trees a class
    n_leaves: Annotated[int, Field(ge=2)]  # of a tree, at most
    min_clips: Count  # in a leaf
    max_bin: Annotated[int, Field(ge=2, le=255)]  # of a column's values
    shrinkage: Share  # of each tree's logits
    column_share: Share  # of the columns, drawn anew for each tree
    leaf_decay: Annotated[float, Field(ge=0)]  # L2 penalty of a leaf's logit


class Trees(nn.Module):
    """(batch, n_columns) -> (batch, n_classes) logits; 0 until the trees have grown.

    A node is a split or a leaf, the first one the root; a leaf leads to itself, so that a walk of as many steps as the
    deepest tree can have ends at a leaf from anywhere. Float64, as LightGBM compares and adds.
    """

    column: Tensor  # (n_trees, n_nodes) that a split looks at
    threshold: Tensor  # values up to it go to the first way, greater ones to the second
    way: Tensor  # (n_trees, n_nodes, 2) nodes
    logit: Tensor  # (n_trees, n_nodes) of a leaf

    def __init__(self, params: Params, n_classes: int) -> None:
        super().__init__()
        self.params, self.n_classes = params, n_classes
        n_trees, n_nodes = params.n_rounds * n_classes, 2 * params.n_leaves - 1
        self.register_buffer("column", torch.zeros(n_trees, n_nodes, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(n_trees, n_nodes, dtype=torch.float64))
        self.register_buffer("way", torch.arange(n_nodes)[:, None].repeat(n_trees, 1, 2))
        self.register_buffer("logit", torch.zeros(n_trees, n_nodes, dtype=torch.float64))

    def forward(self, vectors: Tensor) -> Tensor:
        tree = torch.arange(len(self.column), device=vectors.device)
        clip = torch.arange(len(vectors), device=vectors.device)[:, None]
        at = torch.zeros(len(vectors), len(tree), dtype=torch.int64, device=vectors.device)
        for _ in range(self.params.n_leaves - 1):
            greater = vectors.double()[clip, self.column[tree, at]] > self.threshold[tree, at]
            at = self.way[tree, at, greater.long()]
        return self.logit[tree, at].view(len(vectors), -1, self.n_classes).sum(dim=1).float()

    @torch.no_grad()
    def plant(self, number: int, node: Mapping, place: int = 0, free: int = 1) -> int:
        """Put `node`, as LightGBM tells of it, with all below it at `place` of a tree; return the next free place."""
        if "leaf_value" in node:
            self.logit[number, place] = node["leaf_value"]
            return free
        self.column[number, place] = node["split_feature"]
        self.threshold[number, place] = node["threshold"]
        self.way[number, place] = torch.tensor([free, free + 1])
        below = self.plant(number, node["left_child"], free, free + 2)
        return self.plant(number, node["right_child"], free + 1, below)


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for vectors (n_columns,), without trees."""
    return Trees(params, n_classes)


def grown(params: Params, vectors: np.ndarray, labels: np.ndarray, n_classes: int, seed: int) -> "lightgbm.Booster":
    """Return trees for vectors (n_clips, n_columns) without NaN and labels (n_clips,) int, each time the same."""
    return boosting.grown(
        vectors,
        labels,
        n_classes,
        params.n_rounds,
        seed,
        num_leaves=params.n_leaves,
        min_data_in_leaf=params.min_clips,
        max_bin=params.max_bin,
        learning_rate=params.shrinkage,
        feature_fraction=params.column_share,
        lambda_l2=params.leaf_decay,
    )


def learn(network: Trees, vectors: Tensor, labels: Tensor, seed: int) -> None:
    """Grow the trees of a fresh network from normalised vectors (n_clips, n_columns) and labels (n_clips,) int64."""
    arrays = vectors.cpu().numpy(), labels.cpu().numpy()
    booster = grown(network.params, *arrays, network.n_classes, seed)
    for tree in booster.dump_model()["tree_info"]:  # by round, then by class
        network.plant(tree["tree_index"], tree["tree_structure"])
