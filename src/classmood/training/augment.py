"""Random changes to a batch of crops, so that the network holds for other cameras, crops and lighting.

Convention: batches are float32 M x 1 x F x Q with grey in [0, 1]; geometry repeats the border. Every draw comes from
the generator that is passed in, so that a run can be repeated and resumed to the digit.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from classmood.training.recipe import AugmentSection

_BLUR = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]).div(16).reshape(1, 1, 3, 3)


class Augment:
    """Geometry, then light, then damage, then erasing; all a sample of its own, all on the batch's device."""

    def __init__(self, settings: AugmentSection) -> None:
        self.settings = settings

    def __call__(
        self, x: Float[Tensor, "m 1 f q"], generator: torch.Generator, *, side_px: int | None = None
    ) -> Float[Tensor, "m 1 f2 q2"]:
        """Change a batch, and shrink it to ``side_px`` where that is given."""
        x = self._geometry(x, generator, side_px or x.shape[-1])
        x = self._light(x, generator)
        x = self._damage(x, generator)
        return self._erase(x.clamp(0, 1), generator)

    def _uniform(self, x: Tensor, generator: torch.Generator, reach: float) -> Float[Tensor, " m"]:
        """One number a sample in [-reach, reach], drawn on the CPU so that every device sees the same."""
        return ((torch.rand(len(x), generator=generator) * 2 - 1) * reach).to(x.device)

    def _geometry(self, x: Tensor, generator: torch.Generator, side_px: int) -> Tensor:
        s = self.settings
        angle = self._uniform(x, generator, s.rotation_degrees * torch.pi / 180)
        zoom = torch.exp2(self._uniform(x, generator, s.scale))
        shear = self._uniform(x, generator, s.shear)
        shift_x = self._uniform(x, generator, 2 * s.shift)
        shift_y = self._uniform(x, generator, 2 * s.shift)
        mirror = torch.where(self._uniform(x, generator, 1.0) < 0, -1.0, 1.0) if s.flip else torch.ones_like(zoom)
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        matrix = torch.stack(
            [
                torch.stack([cos * mirror, -sin + shear, shift_x], 1),
                torch.stack([sin * mirror, cos, shift_y], 1),
            ],
            1,
        )
        grid = functional.affine_grid(matrix, [len(x), 1, side_px, side_px], align_corners=False)
        return functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def _light(self, x: Tensor, generator: torch.Generator) -> Tensor:
        s = self.settings
        contrast = torch.exp2(self._uniform(x, generator, s.contrast))[:, None, None, None]
        brightness = self._uniform(x, generator, s.brightness)[:, None, None, None]
        gamma = torch.exp2(self._uniform(x, generator, s.gamma))[:, None, None, None]
        mean = x.mean((2, 3), keepdim=True)
        return ((x - mean) * contrast + mean + brightness).clamp(1e-4, 1).pow(gamma)

    def _damage(self, x: Tensor, generator: torch.Generator) -> Tensor:
        s = self.settings
        if s.coarse_probability:
            # A face far from the camera: one size a batch, since a batch is one array.
            share = 0.3 + 0.45 * float(torch.rand((), generator=generator))
            side = [max(2, round(length * share)) for length in x.shape[-2:]]
            small = functional.interpolate(x, side, mode="bilinear", antialias=True)
            coarse = functional.interpolate(small, x.shape[-2:], mode="bilinear")
            chosen = (torch.rand(len(x), generator=generator) < s.coarse_probability).to(x.device)
            x = torch.where(chosen[:, None, None, None], coarse, x)
        if s.blur_probability:
            blurred = functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), _BLUR.to(x))
            chosen = (torch.rand(len(x), generator=generator) < s.blur_probability).to(x.device)
            x = torch.where(chosen[:, None, None, None], blurred, x)
        if s.noise:
            strength = self._uniform(x, generator, s.noise).clamp_min(0)[:, None, None, None]
            x = x + strength * torch.randn(x.shape, generator=generator).to(x.device)
        return x

    def _erase(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Random erasing (Zhong et al. 2017): a rectangle of 2 to 20 percent of the crop becomes noise."""
        if not self.settings.erase_probability:
            return x
        m, _, f, q = x.shape
        draws = torch.rand(5, m, generator=generator)
        area = 0.02 + 0.18 * draws[0]
        aspect = torch.exp2(draws[1] * 3 - 1.5)
        height, width = (area * aspect).sqrt() * f, (area / aspect).sqrt() * q
        top, left = draws[2] * (f - height), draws[3] * (q - width)
        rows, columns = torch.arange(f)[None, :], torch.arange(q)[None, :]
        inside_f = (rows >= top[:, None]) & (rows < (top + height)[:, None])
        inside_q = (columns >= left[:, None]) & (columns < (left + width)[:, None])
        chosen = draws[4] < self.settings.erase_probability
        mask = (inside_f[:, :, None] & inside_q[:, None, :] & chosen[:, None, None]).unsqueeze(1)
        noise = torch.rand(x.shape, generator=generator)
        return torch.where(mask.to(x.device), noise.to(x.device), x)


def mixup(
    x: Float[Tensor, "m 1 f q"], target: Float[Tensor, "m k"], alpha: float, generator: torch.Generator
) -> tuple[Float[Tensor, "m 1 f q"], Float[Tensor, "m k"]]:
    """Mixup (Zhang et al. 2018): samples blended with others of the batch, one Beta(alpha, alpha) share for all."""
    if alpha <= 0:
        return x, target
    # torch's own Beta ignores generators; NumPy's is started from the one that was passed in.
    start = int(torch.randint(2**62, (), generator=generator))
    share = float(np.random.default_rng(start).beta(alpha, alpha))
    other = torch.randperm(len(x), generator=generator).to(x.device)
    return share * x + (1 - share) * x[other], share * target + (1 - share) * target[other]
