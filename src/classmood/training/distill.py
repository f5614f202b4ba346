"""Self-distillation: votes blended with what earlier networks of one's own say of the same face.

Ten raters are a coarse measure of how a face looks; the mean of the networks' answers over mirrored and zoomed views of
the training image is a smoother one, and it costs nothing at run time. No outside data takes part. After Hinton,
Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015), and Furlanello et al., "Born-Again Neural
Networks" (ICML 2018).
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from classmood.models.weights import sha256
from classmood.training.export import read_weights
from classmood.training.recipe import DistillSection
from classmood.training.resnet import normalise
from classmood.training.samples import Samples

_LOG: Final = logging.getLogger(__name__)
# A view shows this share of the crop's side, enlarged or with its border repeated.
ZOOMS: Final = (1.0, 0.9, 1.1)


def distil(
    settings: DistillSection,
    training: Samples,
    *,
    rank: int = 0,
    workers: int = 1,
    batch: int = 256,
    half: bool = False,
    kept: Path | None = None,
) -> Samples:
    """The samples with targets ``(1 - share) * votes + share * teachers' mean``; the same samples without a teacher.

    Args:
        settings: the teachers' files and their share.
        training: samples as loaded.
        rank: of this data-parallel worker; the workers divide the images among them.
        workers: how many there are.
        batch: images shown to a teacher at a time.
        half: ask in bfloat16.
        kept: a file for the teachers' mean answer, so that a run that is carried on need not ask again; they are asked
            for anew when teachers or images are others.

    Raises:
        ModelError: a teacher is missing or holds no weights.
    """
    if not settings.teacher:
        return training
    paths = [Path(each) for each in settings.teacher]
    # All are read before any is asked: that one is missing must not come out an hour later.
    teachers = [read_weights(path).network for path in paths]
    digests = "".join(map(sha256, paths))
    key = hashlib.sha256(digests.encode() + training.images.tobytes() + str(ZOOMS).encode()).hexdigest()
    taught = _recall(kept, key)
    if taught is None:
        taught = np.stack([_ask(teacher, training, rank, workers, batch, half) for teacher in teachers]).mean(0)
        if kept and rank == 0:
            _keep(kept, key, taught)
    blended = (1 - settings.share) * training.targets + settings.share * taught
    return replace(training, targets=blended.astype(training.targets.dtype))


def _recall(kept: Path | None, key: str) -> Float32[np.ndarray, "n k"] | None:
    """The answers of an earlier run to the same question, if they are there."""
    try:
        with np.load(kept or "") as file:
            return file["taught"] if str(file["key"]) == key else None
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None


def _keep(kept: Path, key: str, taught: Float32[np.ndarray, "n k"]) -> None:
    """Keep answers for another time; where there is no room for them, training goes on without."""
    try:
        np.savez(kept, key=key, taught=taught)
    except OSError as error:
        _LOG.warning("%s: the teachers' answers cannot be kept (%s); a resumed run asks again", kept, error)
        kept.unlink(missing_ok=True)


def _ask(
    teacher: nn.Module, training: Samples, rank: int, workers: int, batch: int, half: bool
) -> Float32[np.ndarray, "n k"]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = teacher.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    taught = torch.zeros(training.targets.shape)
    for first in range(rank * batch, len(training), workers * batch):
        rows = slice(first, first + batch)
        images = torch.from_numpy(training.images[rows]).to(device).float().div(255).unsqueeze(1)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            taught[rows] = mean_over_views(teacher, images).cpu()
    if workers > 1:
        # Each worker filled its own rows and left the others zero.
        taught = taught.to(device)
        torch.distributed.all_reduce(taught)
        taught = taught.cpu()
    answers: Float32[np.ndarray, "n k"] = taught.numpy()
    return answers


@torch.no_grad()
def mean_over_views(network: nn.Module, images: Float[Tensor, "m 1 f q"]) -> Float[Tensor, "m k"]:
    """The network's class probabilities, averaged over zooms and their mirror images; grey in [0, 1]."""
    network.eval()
    total = torch.zeros(())
    for zoom in ZOOMS:
        matrix = torch.tensor([[zoom, 0.0, 0.0], [0.0, zoom, 0.0]], device=images.device).expand(len(images), -1, -1)
        grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
        view = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        for each in (view, view.flip(3)):
            laid_out = normalise(each).contiguous(memory_format=torch.channels_last)
            total = total.to(images.device) + network(laid_out).float().softmax(1)
    return total / (2 * len(ZOOMS))
