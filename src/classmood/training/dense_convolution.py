"""A 3x3 convolution that trains as one matrix product where the map is tiny.

On a 2x2 map most taps of a 3x3 kernel meet the padding: of nine products a position only four count, and the general
convolution's bookkeeping costs more than they do. Written as a product of the flattened map with the taps laid out
position by position the same sum takes
a third of the time on a CPU (``docs/decisions/0005-training-on-two-cores.md``).
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# Above this many positions the laid-out matrix has more products than the convolution.
_MOST_POSITIONS = 4


def _taps(rows: int, columns: int) -> list[tuple[int, int, int, int]]:
    """(output position, input position, kernel row, kernel column) of every product that does not meet the padding."""
    cells = list(product(range(rows), range(columns)))
    found = []
    for outgoing, (i, j) in enumerate(cells):
        for incoming, (k, m) in enumerate(cells):
            if abs(k - i) <= 1 and abs(m - j) <= 1:
                found.append((outgoing, incoming, k - i + 1, m - j + 1))
    return found


class _LayOut(torch.autograd.Function):
    """Kernel (outputs, inputs, 3, 3) to matrix (positions * outputs, positions * inputs), and its adjoint."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: int, columns: int) -> Tensor:
        ctx.rows, ctx.columns = rows, columns
        ctx.save_for_backward(weight)
        outputs, inputs = weight.shape[:2]
        positions = rows * columns
        matrix = weight.new_zeros(positions, outputs, positions, inputs)
        for outgoing, incoming, kernel_row, kernel_column in _taps(rows, columns):
            matrix[outgoing, :, incoming] = weight[:, :, kernel_row, kernel_column]
        return matrix.reshape(positions * outputs, positions * inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        outputs, inputs = weight.shape[:2]
        positions = ctx.rows * ctx.columns
        matrix = gradients[0].reshape(positions, outputs, positions, inputs)
        gathered = torch.zeros_like(weight)
        for outgoing, incoming, kernel_row, kernel_column in _taps(ctx.rows, ctx.columns):
            gathered[:, :, kernel_row, kernel_column] += matrix[outgoing, :, incoming]
        return gathered, None, None


class DenseConvolution(nn.Conv2d):
    """A bias-free 3x3 convolution of stride 1 and padding 1; the same sums as ``nn.Conv2d``, in another order.

    Only training takes the matrix: at inference and in the exported graph it is the plain convolution.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, 1, 1, bias=False)

    def forward(self, x: Float[Tensor, "m c f q"]) -> Float[Tensor, "m d f q"]:
        rows, columns = x.shape[-2:]
        if not self.training or rows * columns > _MOST_POSITIONS:
            return super().forward(x)
        flat = x.permute(0, 2, 3, 1).reshape(len(x), -1)
        matrix = _LayOut.apply(self.weight, rows, columns)  # type: ignore[no-untyped-call]
        y: Tensor = functional.linear(flat, matrix).reshape(len(x), rows, columns, self.out_channels)
        return y.permute(0, 3, 1, 2)
