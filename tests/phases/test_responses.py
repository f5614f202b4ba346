"""What the faces did: movement in face widths a second, nearness, missing instants, and only what is sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classmood.errors import InputError
from classmood.phases.responses import responses
from classmood.timeline import Timeline
from synthetic_class import make_instant, make_timeline


def moving(speed_px: float, *, seconds: int = 10, rate_hz: int = 5, growth: float = 0.0) -> Timeline:
    """One face that moves right at a steady speed and grows."""
    neutral = np.eye(8)[:1]
    instants = []
    for k in range(seconds * rate_hz):
        t = k / rate_hz
        box = np.array([[100 + speed_px * t, 50, 80, 100 * (1 + growth * t)]])
        instants.append(make_instant(t, [1], neutral, boxes_px=box))
    return Timeline.of(instants)


@pytest.mark.parametrize("rate_hz", [2, 5, 20])
def test_movement_is_in_face_widths_a_second_whatever_the_sampling(rate_hz: int) -> None:
    found = responses(moving(40, rate_hz=rate_hz))
    np.testing.assert_allclose(found.of("movement")[0], 0.5, rtol=1e-3)
    np.testing.assert_allclose(found.of("nearness")[0], 0, atol=1e-6)
    np.testing.assert_allclose(found.time_s, np.arange(10) + 0.5)


def test_leaning_in_shows_as_nearness_over_the_person_s_own_median() -> None:
    near = responses(moving(0, growth=0.1)).of("nearness")[0]
    assert (np.diff(near) > 0).all()
    assert near[0] < 0 < near[-1]


def test_missing_is_counted_between_a_person_s_first_and_last_reading() -> None:
    neutral = np.eye(8)[[0, 0]]
    instants = []
    for k in range(60):
        t = k / 5
        ids = [1] + ([2] if 4 <= t < 10 and not 6 <= t < 7 else [])
        instants.append(make_instant(t, ids, neutral[: len(ids)]))
    missing = responses(Timeline.of(instants)).of("missing")
    assert (missing[0] == 0).all()
    np.testing.assert_array_equal(missing[1], [np.nan] * 4 + [0, 0, 1, 0, 0, 0] + [np.nan] * 2)


def test_a_face_that_comes_back_elsewhere_has_not_raced_there() -> None:
    neutral = np.eye(8)[:1]
    box = np.array([[0.0, 0, 80, 100]])
    instants = [
        make_instant(t, [1], neutral, boxes_px=box + np.array([[900 * (t > 5), 0, 0, 0]])) for t in (0.0, 0.5, 9.0, 9.5)
    ]
    movement = responses(Timeline.of(instants)).of("movement")[0]
    assert np.nanmax(movement) == 0


def test_what_is_not_sure_is_not_an_emotion() -> None:
    joy = np.tile(np.linspace(0, 1, 20)[:, None], (1, 3))
    timeline = make_timeline(np.arange(20.0), joy)
    doubt = replace(timeline, not_sure=timeline.track_id == 2)
    found = responses(doubt)
    assert np.isnan(found.of("joy")[1]).all()
    np.testing.assert_allclose(found.of("joy")[0], joy[:, 0], atol=1e-6)
    assert np.isfinite(found.of("missing")).all()


def test_several_recordings_or_no_face_are_refused() -> None:
    with pytest.raises(InputError, match="holds no face"):
        responses(Timeline.of([make_instant(0.0, [], np.zeros((0, 8)))]))
    two = Timeline.of([make_instant(0.0, [1], np.eye(8)[:1], source=name) for name in ("a.mp4", "b.mp4")])
    with pytest.raises(InputError, match="of one recording, got 2"):
        responses(two)
