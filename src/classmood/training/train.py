"""The training loop: `classmood train recipes/NAME.toml`.

Resumable: every random draw of an epoch comes from (seed, epoch, rank) alone and a checkpoint holds all else, so that a
run that was killed and started again gives the same metrics as an unbroken one on as many threads.
Data-parallel under ``torchrun``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float32
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from classmood.emotions import DIMENSIONS
from classmood.errors import OutputError, RecipeError, TrainingError
from classmood.scores import concordance
from classmood.training.augment import Augment, mixup
from classmood.training.checkpoints import read_state, write_state
from classmood.training.distill import distil
from classmood.training.export import read_weights
from classmood.training.heads import CLASSES, ClassroomHead, class_loss, dimension_loss
from classmood.training.recipe import Recipe
from classmood.training.resnet import EmotionNetwork, normalise
from classmood.training.samples import Samples
from classmood.training.transfer import starting_weights

CHECKPOINT: Final = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Worker:
    """This process among the data-parallel ones; alone it is rank 0 of 1."""

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0


def join_workers() -> Worker:
    """Join the processes that torchrun started, over gloo on CPUs and NCCL on GPUs; alone when it did not."""
    if "WORLD_SIZE" not in os.environ:
        return Worker(0, 1)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Worker(distributed.get_rank(), distributed.get_world_size())


def leave_workers() -> None:
    """Take leave of the other data-parallel processes, if there are any."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def train(recipe: Recipe, training: Samples, held: Samples, folder: Path, *, stop_after: int | None = None) -> Path:
    """Run or resume a recipe and return the checkpoint's path.

    Args:
        recipe: what to do.
        training: what to learn from.
        held: the held-out fold, scored after each epoch; never a test split.
        folder: where ``checkpoint.pt`` and ``metrics.jsonl`` go.
        stop_after: end after this many epochs in all although the schedule goes on (for tests and time limits).

    Raises:
        RecipeError: the folder holds a run of another recipe or on other data, or ``start_from`` holds another network.
        ModelError: ``start_from`` is missing or holds no weights.
        OutputError: the folder cannot be made.
        TrainingError: there are too few samples for a step, the loss is not a number, or the checkpoint cannot be read
            or written; the last good one is kept.
    """
    worker = join_workers()
    if min(recipe.schedule.batch_size, len(training)) < 2 * worker.size:
        raise TrainingError(
            f"expected at least {2 * worker.size} samples and schedule.batch_size for {worker.size} worker(s), got "
            f"{len(training)} and {recipe.schedule.batch_size}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
    run = _Run(recipe, worker, folder)
    run.resume(digest_of(training, held))
    run.learn_classes(training)
    last = min(recipe.schedule.epochs, stop_after or recipe.schedule.epochs)
    if run.epoch < last:
        half = recipe.schedule.precision == "bfloat16"
        kept = folder / "taught.npz"
        training = distil(recipe.distill, training, rank=worker.rank, workers=worker.size, half=half, kept=kept)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not worker.leads) as progress:
        for epoch in range(run.epoch, last):
            started = time.monotonic()
            loss = run.one_epoch(training, epoch, progress)
            scores = run.score(held) if worker.leads else {}
            run.epoch = epoch + 1
            run.save({"epoch": epoch + 1, "loss": loss, **scores, "wall_s": round(time.monotonic() - started, 1)})
            if worker.size > 1:
                distributed.barrier()
    return run.checkpoint


class _Run:
    """The state that a checkpoint holds, and one epoch of work on it."""

    def __init__(self, recipe: Recipe, worker: Worker, folder: Path) -> None:
        self.recipe = recipe
        self.worker = worker
        self.checkpoint = folder / CHECKPOINT
        self.metrics = folder / "metrics.jsonl"
        schedule = recipe.schedule
        local = int(os.environ.get("LOCAL_RANK", "0"))
        self.device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
        torch.manual_seed(schedule.seed)
        # channels_last is the layout in which oneDNN and cuDNN run convolutions fastest.
        self.network = self._new_network()
        self.average = self._new_network()
        if schedule.start_from:
            self._start_from(Path(schedule.start_from))
        self.average.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.SGD(
            _decay_groups(self.network, schedule.weight_decay),
            lr=schedule.learning_rate,
            momentum=schedule.momentum,
            nesterov=schedule.momentum > 0,
        )
        self.model: nn.Module = DistributedDataParallel(self.network) if worker.size > 1 else self.network
        if schedule.compile:
            # Sizes as constants: a second crop size would else be compiled for any size, which runs at half the speed.
            self.model = torch.compile(self.model, dynamic=False)  # type: ignore[assignment]
        self.augment = Augment(recipe.augment)
        self.head = self.network.classifier if isinstance(self.network.classifier, ClassroomHead) else None
        self.epoch = 0
        self.data = ""
        self.rows: list[dict[str, int | float]] = []

    def _new_network(self) -> EmotionNetwork:
        network = EmotionNetwork(self.recipe.settings()).to(self.device)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _start_from(self, path: Path) -> None:
        """Take over the averaged weights of another run; the optimiser starts anew."""
        partly = self.recipe.schedule.start_partly
        self.network.load_state_dict(starting_weights(read_weights(path), self.network, path, partly=partly))

    def learn_classes(self, training: Samples) -> None:
        """Let a head for own data know which classes there are to learn.

        Raises:
            TrainingError: there are not two.
        """
        if self.head is None:
            return
        learned = training.targets.sum(0) > 0
        if learned.sum() < 2:
            raise TrainingError(
                f"expected faces of two or more classes to train on, got {int(learned.sum())}; record more scenarios, "
                "or choose other labels (classmood dataset build --label)"
            )
        for network in (self.network, self.average):
            if isinstance(network.classifier, ClassroomHead):
                network.classifier.learned.copy_(torch.from_numpy(learned))

    def one_epoch(self, training: Samples, epoch: int, progress: Progress) -> float:
        """Train on every sample once and return the mean loss."""
        schedule, worker = self.recipe.schedule, self.worker
        shared = torch.Generator().manual_seed(schedule.seed * 1_000_003 + epoch)
        own = torch.Generator().manual_seed((schedule.seed * 1_000_003 + epoch) * 64 + worker.rank + 1)
        torch.manual_seed((schedule.seed * 1_000_003 + epoch) * 64 + worker.rank + 33)
        order = torch.randperm(len(training), generator=shared)
        batch = min(schedule.batch_size, len(training)) // worker.size
        steps = len(training) // (batch * worker.size)
        side_px = schedule.small_side_px if epoch < schedule.small_epochs else None
        self.network.train()
        task = progress.add_task(f"epoch {epoch + 1}/{schedule.epochs}", total=steps)
        total = 0.0
        for step in range(steps):
            first = (step * worker.size + worker.rank) * batch
            chosen = order[first : first + batch].numpy()
            images = torch.from_numpy(training.images[chosen]).to(self.device).float().div(255).unsqueeze(1)
            target = torch.from_numpy(_targets(training, chosen)).to(self.device)
            images, target = mixup(self.augment(images, own, side_px=side_px), target, self.recipe.augment.mixup, own)
            self._set_rate(epoch + step / steps)
            loss = self._step(normalise(images), target)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"epoch {epoch + 1}, step {step + 1}: the loss is {loss}; the last good checkpoint is kept, "
                    "lower schedule.learning_rate or use float32"
                )
            total += loss
            follow(self.average, self.network, self.recipe.schedule.ema_decay, epoch * steps + step)
            progress.advance(task)
        progress.remove_task(task)
        return round(total / steps, 6)

    def _step(self, images: Tensor, target: Tensor) -> float:
        half = self.recipe.schedule.precision == "bfloat16"
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = self.model(images.contiguous(memory_format=torch.channels_last))
        loss = self._loss(logits.float(), target)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.schedule.gradient_clip)
        self.optimizer.step()
        return float(loss.detach())

    def _loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        if self.head is None:
            return functional.cross_entropy(outputs, target)
        classes = class_loss(outputs[:, :CLASSES], target[:, :CLASSES], self.head.learned)
        return classes + self.recipe.loss.dimensions * dimension_loss(outputs[:, CLASSES:], target[:, CLASSES:])

    def _set_rate(self, epoch: float) -> None:
        schedule = self.recipe.schedule
        share = rate_share(epoch, schedule.epochs, schedule.warmup_epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * share

    def score(self, held: Samples) -> dict[str, float]:
        """Arg-max accuracy and soft-label loss of the averaged weights on the held-out fold."""
        if not len(held):
            return {}
        logits = predict(self.average, held.images, self.device)
        target = torch.from_numpy(_targets(held, np.arange(len(held))))
        if self.head is not None:
            return self._score_own(logits, target)
        accuracy = (logits.argmax(1) == target.argmax(1)).float().mean()
        loss = functional.cross_entropy(logits, target)
        return {"held_accuracy": round(float(accuracy), 6), "held_loss": round(float(loss), 6)}

    def _score_own(self, outputs: Tensor, target: Tensor) -> dict[str, float]:
        """The same over the faces that have a class, and the CCC of each dimension that was rated."""
        assert self.head is not None
        logits, dimensions = outputs[:, :CLASSES], outputs[:, CLASSES:]
        classes, ratings = target[:, :CLASSES], target[:, CLASSES:]
        named = classes.sum(1) > 0
        found: dict[str, float] = {}
        if named.any():
            right = logits[named].argmax(1) == classes[named].argmax(1)
            loss = class_loss(logits, classes, self.head.learned.cpu())
            found |= {"held_accuracy": round(float(right.float().mean()), 6), "held_loss": round(float(loss), 6)}
        for name, said, rated in zip(DIMENSIONS, dimensions.T, ratings.T, strict=True):
            known = ~rated.isnan()
            agreed = concordance(said[known].numpy(), rated[known].numpy())
            if not math.isnan(agreed):
                found[f"held_ccc_{name}"] = round(agreed, 6)
        return found

    def save(self, row: dict[str, int | float]) -> None:
        """Write the checkpoint and the metrics."""
        if not self.worker.leads:
            return
        self.rows.append(row)
        state = {
            "recipe": self.recipe.model_dump_json(),
            "data": self.data,
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rows": self.rows,
        }
        write_state(state, self.checkpoint)
        self._write_metrics()

    def _write_metrics(self) -> None:
        try:
            self.metrics.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                f"{self.metrics}: cannot be written ({error}); the checkpoint holds its rows"
            ) from error

    def resume(self, data: str) -> None:
        """Carry on from the checkpoint, if there is one.

        Args:
            data: digest of what is learned from and held out.

        Raises:
            RecipeError: the checkpoint belongs to another recipe or to other data.
            TrainingError: the checkpoint cannot be read.
        """
        self.data = data
        if not self.checkpoint.is_file():
            return
        state = read_state(self.checkpoint, self.device)
        if Recipe.model_validate_json(state["recipe"]) != self.recipe:
            raise RecipeError(f"{self.checkpoint}: belongs to another recipe; choose another folder or remove it")
        # With other folds a face that is held out now may have been learned from before.
        if state.get("data", data) != data:
            raise RecipeError(
                f"{self.checkpoint}: was trained on other data (faces, labels or folds have changed since); choose "
                "another folder or remove it"
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch = state["epoch"]
        self.rows = state["rows"]
        # The kill may have come between the checkpoint and its metrics.
        if self.worker.leads:
            self._write_metrics()


def digest_of(training: Samples, held: Samples) -> str:
    """What names the data of a run: every face, label, rating and name, and which of them are held out."""
    found = hashlib.sha256()
    for part in (training, held):
        found.update(repr((len(part), part.names)).encode())
        for array in (part.images, part.targets, part.ratings):
            found.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def is_of_other_data(folder: Path, training: Samples, held: Samples) -> bool:
    """Whether a run's folder holds a checkpoint that was trained on other data than this.

    Raises:
        TrainingError: the checkpoint cannot be read.
    """
    checkpoint = folder / CHECKPOINT
    if not checkpoint.is_file():
        return False
    expected = digest_of(training, held)
    return bool(read_state(checkpoint, torch.device("cpu")).get("data", expected) != expected)


def _targets(samples: Samples, chosen: np.ndarray) -> Float32[np.ndarray, "m _"]:
    """What a batch is to be told: class shares, and beside them the ratings where the samples have any."""
    targets: Float32[np.ndarray, "m _"] = samples.targets[chosen]
    return targets if samples.ratings is None else np.concatenate([targets, samples.ratings[chosen]], 1)


def rate_share(epoch: float, epochs: float, warmup_epochs: float) -> float:
    """The share of the highest rate at a time in epochs: a linear rise, then a cosine's fall to 0."""
    if epoch < warmup_epochs:
        return (epoch + 0.05) / (warmup_epochs + 0.05)
    done = (epoch - warmup_epochs) / max(epochs - warmup_epochs, 1e-9)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards a network's; the decay rises with the steps so that the start is forgotten."""
    decay = min(decay, (1 + step) / (10 + step))
    for averaged, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if averaged.dtype.is_floating_point:
            averaged.lerp_(current, 1 - decay)
        else:
            averaged.copy_(current)


def _decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay for convolutions and the classifier; none for norms, gates and biases."""
    matrices = [p for p in network.parameters() if p.ndim in (2, 4) and p.shape[1:].numel() > 2 and p.shape[0] > 1]
    known = {id(p) for p in matrices}
    rest = [p for p in network.parameters() if id(p) not in known]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


@torch.no_grad()
def predict(network: nn.Module, images: np.ndarray, device: torch.device, *, batch: int = 256) -> Tensor:
    """A network's outputs for grey crops (n x 48 x 48, uint8), on the CPU, in float32."""
    network.eval()
    parts = []
    for first in range(0, len(images), batch):
        x = torch.from_numpy(images[first : first + batch]).to(device).float().div(255).unsqueeze(1)
        parts.append(network(normalise(x)).float().cpu())
    return torch.cat(parts)
