"""A linear map and the batch normalisation of what it gives, as one linear map.

Mean and variance of A x follow from the mean m and the second moments M of x: A m, and the diagonal of A M A^T less
the square of A m. So the map's output is never kept unnormalised, and where x has fewer rows than columns by far (here
25 to 10,000 and more) its moments are one cheap product. Ioffe and Szegedy 2015, sub-bands as in Chang and others 2021.
"""

from math import prod

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

EPSILON = 1e-5  # added to a variance; this and the next as torch's batch norm has them
MOMENTUM = 0.1  # weight of a batch in the running statistics


class Moments(Function):
    """Sums (n_groups, n_rows, 1) and sums of products (n_groups, n_rows, n_rows) of rows (n_groups, n_rows, n).

    As `bmm(rows, rows^T)`, whose gradient torch would take with two large products; both are the same one.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(rows)
        return rows.sum(2, keepdim=True), torch.bmm(rows, rows.transpose(1, 2))

    @staticmethod
    def backward(ctx: FunctionCtx, by_sums: Tensor, by_products: Tensor) -> Tensor:
        (rows,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return torch.baddbmm(by_sums, by_products + by_products.transpose(1, 2), rows)


class Normalised(nn.Module):
    """(matrices, what they will be applied to) -> (scaled matrices, shift): output of mean `bias`, deviation `weight`.

    Neighbouring output rows share statistics: all n_groups * n_outputs are cut into `n_values` runs of equal length.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, n_values: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_values))
        self.bias = nn.Parameter(torch.zeros(n_values))
        self.register_buffer("running_mean", torch.zeros(n_values))
        self.register_buffer("running_var", torch.ones(n_values))

    def forward(self, matrices: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """matrices (n_groups, n_outputs, n_inputs), rows (n_groups, n_inputs, n) -> such, (n_groups, n_outputs, 1)."""
        mean, variance = self.statistics(matrices, rows) if self.training else (self.running_mean, self.running_var)
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        shift = self.bias - mean * scale
        each = (len(scale), prod(matrices.shape[:2]) // len(scale))
        scale, shift = (row[:, None].expand(each).reshape(*matrices.shape[:2], 1) for row in (scale, shift))
        return matrices * scale, shift

    def statistics(self, matrices: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of each value of the output over the batch; the running ones follow them."""
        sums, products = Moments.apply(rows)
        n = rows.shape[2] * (prod(matrices.shape[:2]) // len(self.weight))
        mean = torch.bmm(matrices, sums).view(len(self.weight), -1).sum(dim=1) / n
        square = (torch.bmm(matrices, products) * matrices).sum(dim=2).view(len(self.weight), -1).sum(dim=1) / n
        variance = (square - mean.square()).clamp_min(0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, MOMENTUM)
            self.running_var.lerp_(variance * (n / (n - 1)), MOMENTUM)
        return mean, variance


def uniform_weight(n_outputs: int, *inputs: int) -> nn.Parameter:
    """Return a fresh weight (n_outputs, *inputs), even between plus and minus one over the root of the inputs.

    As torch draws the weights of its own layers.
    """
    bound = prod(inputs) ** -0.5
    return nn.Parameter(torch.empty(n_outputs, *inputs).uniform_(-bound, bound))
