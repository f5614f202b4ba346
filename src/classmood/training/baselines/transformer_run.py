"""The training of a vision transformer, epoch by epoch; a run that was stopped is carried on to the same weights.

AdamW (Loshchilov and Hutter, ICLR 2019), whose rate rises linearly and falls along a cosine: transformers do not train
well by the paper network's SGD. Every epoch draws from its own seeds, so that no generator's state need be kept.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import nn
from torch.nn import functional

from classmood.errors import TrainingError
from classmood.training.augment import Augment, mixup
from classmood.training.checkpoints import read_state, write_state
from classmood.training.recipe import AugmentSection
from classmood.training.resnet import normalise
from classmood.training.train import follow, rate_share


@dataclass(frozen=True, slots=True)
class TransformerSchedule:
    """How a transformer is trained.

    Attributes:
        epochs: passes over the samples.
        batch_size: samples a step.
        learning_rate: the highest.
        weight_decay: of matrices; norms and biases have none.
        warmup_epochs: how long the rate rises.
        ema_decay: of the averaged weights.
        gradient_clip: the greatest norm of a step's gradient.
        seed: on one machine and as many threads the same seed gives the same network.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_epochs: float
    ema_decay: float
    gradient_clip: float
    seed: int


class TransformerRun:
    """A network in training, its averaged weights, the mean loss of each epoch that is done, and the time all took."""

    def __init__(self, network: nn.Module, schedule: TransformerSchedule, augment: AugmentSection) -> None:
        self.network, self.average = network, copy.deepcopy(network)
        self.losses: list[float] = []
        self.spent_s = 0.0
        self._schedule, self._mixup, self._augment = schedule, augment.mixup, Augment(augment)
        matrices = [p for p in network.parameters() if p.ndim > 1]
        vectors = [p for p in network.parameters() if p.ndim <= 1]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": schedule.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=schedule.learning_rate,
        )

    def finish(
        self,
        crops: UInt8[np.ndarray, "n 48 48"],
        shares: Float32[np.ndarray, "n k"],
        *,
        checkpoint: Path | None = None,
        key: str = "",
    ) -> None:
        """Train the epochs that are left.

        Args:
            crops: faces.
            shares: of the votes; rows sum to 1.
            checkpoint: a file that is written after each epoch, and carried on from where it is there.
            key: names what is trained on what; a checkpoint with another key is refused.

        Raises:
            TrainingError: the loss is not a number, or the checkpoint cannot be read or written, or is another run's.
        """
        if checkpoint and checkpoint.is_file():
            self._resume(checkpoint, key)
        while len(self.losses) < self._schedule.epochs:
            began = time.monotonic()
            self.losses.append(self._one_epoch(crops, shares, len(self.losses)))
            self.spent_s += time.monotonic() - began
            if checkpoint:
                self._save(checkpoint, key)

    def _one_epoch(self, crops: UInt8[np.ndarray, "n 48 48"], shares: Float32[np.ndarray, "n k"], epoch: int) -> float:
        schedule = self._schedule
        device = next(self.network.parameters()).device
        generator = torch.Generator().manual_seed(schedule.seed * 1_000_003 + epoch)
        # Layers are dropped by torch's own generator.
        torch.manual_seed(schedule.seed * 1_000_003 + epoch)
        batch = min(schedule.batch_size, len(crops))
        steps = len(crops) // batch
        order = torch.randperm(len(crops), generator=generator).numpy()
        self.network.train()
        total = 0.0
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            images = torch.from_numpy(crops[chosen]).to(device).float().div(255).unsqueeze(1)
            target = torch.from_numpy(shares[chosen]).to(device)
            images, target = mixup(self._augment(images, generator), target, self._mixup, generator)
            for group in self._optimizer.param_groups:
                share = rate_share(epoch + step / steps, schedule.epochs, schedule.warmup_epochs)
                group["lr"] = schedule.learning_rate * share
            self._optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(self.network(normalise(images)), target)
            if not math.isfinite(float(loss.detach())):
                raise TrainingError(
                    f"epoch {epoch + 1}, step {step + 1}: the loss is {float(loss.detach())}; lower learning_rate"
                )
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), schedule.gradient_clip)
            self._optimizer.step()
            total += float(loss.detach())
            follow(self.average, self.network, schedule.ema_decay, epoch * steps + step)
        return total / steps

    def _save(self, checkpoint: Path, key: str) -> None:
        state = {
            "key": key,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "losses": self.losses,
            "spent_s": self.spent_s,
        }
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        write_state(state, checkpoint)

    def _resume(self, checkpoint: Path, key: str) -> None:
        state = read_state(checkpoint, next(self.network.parameters()).device)
        if state.get("key") != key:
            raise TrainingError(f"{checkpoint}: belongs to other faces or settings; remove it or name another file")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.losses, self.spent_s = state["losses"], state["spent_s"]
