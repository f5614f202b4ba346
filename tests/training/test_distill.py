"""The blend of votes and teacher is what the docstring says, on one worker as on several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from classmood.errors import ModelError
from classmood.training import distill
from classmood.training.distill import ZOOMS, distil, mean_over_views
from classmood.training.export import Master, write_master
from classmood.training.recipe import DistillSection, Recipe
from classmood.training.resnet import EmotionNetwork, normalise
from classmood.training.samples import Samples

COUNT = 13


@pytest.fixture(scope="module")
def samples() -> Samples:
    rng = np.random.default_rng(0)
    names = tuple(str(i) for i in range(COUNT))
    crops = rng.integers(0, 256, (COUNT, 48, 48), np.uint8)
    return Samples(
        crops,
        rng.dirichlet(np.ones(8), COUNT).astype(np.float32),
        names,
        names,
    )


def a_teacher(folder: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    recipe = Recipe()
    network = EmotionNetwork(recipe.settings())
    torch.nn.init.normal_(network.classifier.weight, std=0.5)
    path = folder / "master.safetensors"
    write_master(Master(network.eval(), recipe), path)
    return path


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_teacher(tmp_path_factory.mktemp("teacher"), 0)


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_teacher(tmp_path_factory.mktemp("another"), 3)


def settings(teacher: Path, share: float, *others: Path) -> DistillSection:
    return DistillSection(teacher=(str(teacher), *map(str, others)), share=share)


def test_without_a_teacher_nothing_changes(samples: Samples) -> None:
    assert distil(DistillSection(), samples) is samples


def test_the_share_blends_votes_and_teacher(samples: Samples, teacher: Path) -> None:
    votes, half, taught = (distil(settings(teacher, share), samples) for share in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(votes.targets, samples.targets, atol=1e-6)
    assert np.abs(taught.targets - samples.targets).max() > 0.1
    np.testing.assert_allclose(half.targets, (samples.targets + taught.targets) / 2, atol=1e-6)
    np.testing.assert_allclose(taught.targets.sum(1), 1, atol=1e-5)
    assert half.targets.dtype == np.float32
    assert half.names == samples.names
    assert half.images is samples.images


def test_several_teachers_are_heard_alike(samples: Samples, teacher: Path, another: Path, tmp_path: Path) -> None:
    kept = tmp_path / "taught.npz"
    first, second = (distil(settings(each, 1.0), samples).targets for each in (teacher, another))
    assert np.abs(first - second).max() > 0.1
    both = distil(settings(teacher, 1.0, another), samples, kept=kept)
    np.testing.assert_allclose(both.targets, (first + second) / 2, atol=1e-6)
    # What two said is not taken for what one of them says.
    np.testing.assert_allclose(distil(settings(teacher, 1.0), samples, kept=kept).targets, first, atol=1e-6)


def test_how_many_images_are_shown_at_a_time_changes_nothing(samples: Samples, teacher: Path) -> None:
    whole, parts = (distil(settings(teacher, 1.0), samples, batch=batch) for batch in (256, 5))
    np.testing.assert_allclose(whole.targets, parts.targets, atol=1e-5)


def test_workers_divide_the_images_among_them(samples: Samples, teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[Tensor] = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda part: parts.append(part.clone()))
    for rank in range(3):
        distil(settings(teacher, 1.0), samples, rank=rank, workers=3, batch=2)
    assert not (torch.stack(parts).sum(2) > 0.5).sum(0).gt(1).any()
    whole = distil(settings(teacher, 1.0), samples)
    np.testing.assert_allclose(torch.stack(parts).sum(0).numpy(), whole.targets, atol=1e-5)


def test_a_face_and_its_mirror_image_are_told_the_same(samples: Samples) -> None:
    torch.manual_seed(1)
    network = EmotionNetwork(Recipe().settings())
    torch.nn.init.normal_(network.classifier.weight, std=0.5)
    images = torch.from_numpy(samples.images).float().div(255).unsqueeze(1)
    told, mirrored = mean_over_views(network, images), mean_over_views(network, images.flip(3))
    torch.testing.assert_close(told, mirrored, rtol=0, atol=1e-4)


def test_the_first_views_are_the_image_itself_and_its_mirror(samples: Samples) -> None:
    torch.manual_seed(1)
    network = EmotionNetwork(Recipe().settings())
    torch.nn.init.normal_(network.classifier.weight, std=0.5)
    images = torch.from_numpy(samples.images).float().div(255).unsqueeze(1)
    seen: list[Tensor] = []
    handle = network.register_forward_pre_hook(lambda module, given: seen.append(given[0].clone()))
    mean_over_views(network, images)
    handle.remove()
    assert len(seen) == 2 * len(ZOOMS)
    torch.testing.assert_close(seen[0], normalise(images), rtol=0, atol=1e-4)
    torch.testing.assert_close(seen[1], normalise(images.flip(3)), rtol=0, atol=1e-4)


def test_a_missing_teacher_is_named(samples: Samples) -> None:
    with pytest.raises(ModelError, match=r"nobody\.safetensors: expected a master"):
        distil(DistillSection(teacher=("nobody.safetensors",)), samples)


def test_a_missing_teacher_is_named_before_another_is_asked(
    samples: Samples, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distill, "mean_over_views", lambda *_: pytest.fail("asked"))
    with pytest.raises(ModelError, match=r"nobody\.safetensors: expected a master"):
        distil(settings(teacher, 1.0, Path("nobody.safetensors")), samples)


def test_kept_answers_are_used_again_and_only_for_the_same_question(
    samples: Samples, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "taught.npz"
    asked = distil(settings(teacher, 1.0), samples, kept=kept)
    counted: list[int] = []
    whole = distill.mean_over_views
    monkeypatch.setattr(distill, "mean_over_views", lambda *given: counted.append(1) or whole(*given))
    np.testing.assert_array_equal(distil(settings(teacher, 1.0), samples, kept=kept).targets, asked.targets)
    assert not counted
    fewer = samples.take(np.arange(COUNT - 1))
    assert len(distil(settings(teacher, 1.0), fewer, kept=kept)) == COUNT - 1
    assert counted
    kept.write_bytes(b"PK not a file of answers")
    np.testing.assert_array_equal(distil(settings(teacher, 1.0), samples, kept=kept).targets, asked.targets)


def test_a_full_disk_costs_the_memory_of_the_answers_and_nothing_else(
    samples: Samples, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(file: Path, **_: object) -> None:
        file.write_bytes(b"PK half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    kept = tmp_path / "taught.npz"
    expected = distil(settings(teacher, 1.0), samples).targets
    np.testing.assert_array_equal(distil(settings(teacher, 1.0), samples, kept=kept).targets, expected)
    assert "cannot be kept" in caplog.text
    assert not kept.exists()
