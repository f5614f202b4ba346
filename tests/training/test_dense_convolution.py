"""The laid-out product against the library's convolution, forward and backward."""

import pytest
import torch
from torch.nn import functional

from classmood.training.dense_convolution import DenseConvolution


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (1, 4), (3, 3)])
def test_same_sums_and_gradients_as_the_plain_convolution(size: tuple[int, int]) -> None:
    torch.manual_seed(3)
    layer = DenseConvolution(5, 7).double().to(memory_format=torch.channels_last)
    image = torch.randn(4, 5, *size, dtype=torch.float64, requires_grad=True)
    seen = torch.randn(4, 7, *size, dtype=torch.float64)

    (layer(image) * seen).sum().backward()
    found = layer.weight.grad, image.grad
    weight = layer.weight.detach().clone().requires_grad_()
    other = image.detach().clone().requires_grad_()
    plain = functional.conv2d(other, weight, padding=1)
    (plain * seen).sum().backward()

    torch.testing.assert_close(layer(image), plain)
    torch.testing.assert_close(found, (weight.grad, other.grad))


def test_inference_takes_the_plain_convolution() -> None:
    layer = DenseConvolution(3, 3).eval()
    image = torch.randn(2, 3, 2, 2)

    assert torch.equal(layer(image), functional.conv2d(image, layer.weight, padding=1))
