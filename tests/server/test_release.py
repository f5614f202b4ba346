"""How much is told: the settings, and that none is undocumented."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from classmood.server.release import ReleaseSettings


@pytest.mark.parametrize("key", ["k", "batch"])
def test_k_is_at_least_five(key: str) -> None:
    with pytest.raises(ValidationError):
        ReleaseSettings.model_validate({key: 4})


def test_every_setting_is_documented_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "privacy" / "releases.md").read_text(encoding="utf-8")
    for name, field in ReleaseSettings.model_fields.items():
        assert f"| `{name}` | {field.default:g} |" in text, name


def test_nudges_see_less_noise_in_a_class_and_no_less_than_releases_in_a_small_one() -> None:
    settings, seen = ReleaseSettings(), ReleaseSettings().for_nudges()
    assert seen.noise_students * seen.widening(30) == pytest.approx(1.2)
    assert seen.press_noise_students * seen.widening(60) == pytest.approx(1.5)
    assert seen.noise_students * seen.widening(10) == pytest.approx(2.4)
    for size in range(5, 200):
        assert seen.noise_students * seen.widening(size) <= settings.noise_students * settings.widening(size) + 1e-9
    assert seen.noise_students * seen.widening(8) == pytest.approx(3.0)
    assert (seen.k, seen.batch, seen.interval_s) == (settings.k, settings.batch, settings.interval_s)


@pytest.mark.parametrize("told", [0.0, 0.5])
def test_nudges_never_see_more_noise_than_is_told(told: float) -> None:
    seen = ReleaseSettings(noise_students=told, press_noise_students=told).for_nudges()
    assert (seen.noise_students, seen.press_noise_students) == (told, told)
