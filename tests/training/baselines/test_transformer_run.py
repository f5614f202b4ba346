"""A transformer's training that was stopped ends at the weights of one that was not; what is not its own is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from classmood.errors import TrainingError
from classmood.training.baselines.transformer_run import TransformerRun, TransformerSchedule
from classmood.training.baselines.vision_transformer import TransformerSettings, VisionTransformer
from classmood.training.recipe import AugmentSection

SETTINGS = TransformerSettings(classes=3, patch_px=8, width=32, depth=2, heads=2, expansion=2, drop_layers=0.3)
CROPS = np.random.default_rng(0).integers(0, 256, (12, 48, 48), np.uint8)
SHARES = np.eye(3, dtype=np.float32)[np.arange(12) % 3]


def begin(seed: int = 1, learning_rate: float = 1e-3) -> TransformerRun:
    torch.manual_seed(seed)
    schedule = TransformerSchedule(
        epochs=4,
        batch_size=4,
        learning_rate=learning_rate,
        weight_decay=0.05,
        warmup_epochs=1.0,
        ema_decay=0.9,
        gradient_clip=1.0,
        seed=seed,
    )
    return TransformerRun(VisionTransformer(SETTINGS), schedule, AugmentSection())


class Stopped(Exception):
    """In place of a kill."""


def stop_before_epoch(run: TransformerRun, epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = run._one_epoch

    def one_epoch(crops: np.ndarray, shares: np.ndarray, number: int) -> float:
        if number == epoch:
            raise Stopped
        return go_on(crops, shares, number)

    monkeypatch.setattr(run, "_one_epoch", one_epoch)


def weights(run: TransformerRun) -> list[torch.Tensor]:
    return [*run.network.state_dict().values(), *run.average.state_dict().values()]


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = begin()
    whole.finish(CROPS, SHARES)
    first = begin()
    stop_before_epoch(first, 2, monkeypatch)
    with pytest.raises(Stopped):
        first.finish(CROPS, SHARES, checkpoint=tmp_path / "new" / "run.pt", key="a")
    assert len(first.losses) == 2
    second = begin()
    torch.manual_seed(999)
    second.finish(CROPS, SHARES, checkpoint=tmp_path / "new" / "run.pt", key="a")
    assert second.losses == whole.losses
    assert len(second.losses) == 4
    assert second.spent_s > first.spent_s > 0
    assert all(torch.equal(a, b) for a, b in zip(weights(second), weights(whole), strict=True))
    # Both were moved by the training: the average is not the network, nor what it began as.
    assert not torch.equal(whole.average.embed.weight, begin().average.embed.weight)
    assert not torch.equal(whole.average.embed.weight, whole.network.embed.weight)


def test_a_finished_run_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "run.pt"
    begin().finish(CROPS, SHARES, checkpoint=checkpoint, key="a")
    again = begin()
    stop_before_epoch(again, 4, monkeypatch)
    again.finish(CROPS, SHARES, checkpoint=checkpoint, key="a")
    assert len(again.losses) == 4


def test_another_run_s_checkpoint_is_refused_and_kept(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.pt"
    begin().finish(CROPS, SHARES, checkpoint=checkpoint, key="a")
    before = checkpoint.read_bytes()
    with pytest.raises(TrainingError, match="belongs to other faces or settings"):
        begin().finish(CROPS, SHARES, checkpoint=checkpoint, key="b")
    assert checkpoint.read_bytes() == before


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    run = begin(learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"step \d+: the loss is (nan|inf); lower learning_rate"):
        run.finish(CROPS, SHARES)
