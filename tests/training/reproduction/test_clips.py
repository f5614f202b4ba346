"""Clips against means by hand; silhouette and ellipse against clusters whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from faces_over_time import timeline_of

from classmood.emotions import CLASSROOM_VAD, MEASURED
from classmood.errors import InputError
from classmood.timeline import Timeline
from classmood.training.reproduction.clips import (
    Clips,
    cut_clips,
    dealt_silhouettes,
    gaussian_ellipse,
    sampling_step_s,
    silhouette,
)

JOY = MEASURED.index("joy")
NEUTRAL = MEASURED.index("neutral")


def test_a_clip_is_the_mean_of_one_face_over_its_seconds() -> None:
    course = np.concatenate([np.full(25, 0.2), np.linspace(0.5, 0.9, 25)])
    clips = cut_clips(timeline_of({7: course, 9: np.full(50, 0.1)}))
    assert clips.start_s.tolist() == [0, 5, 0, 5]
    assert clips.person.tolist() == [0, 0, 1, 1]
    assert clips.shares[:, JOY] == pytest.approx([0.2, 0.7, 0.1, 0.1], abs=1e-6)
    assert clips.shares.sum(1) == pytest.approx(np.ones(4))
    assert clips.vad[1] == pytest.approx(0.7 * np.array(CLASSROOM_VAD["joy"]), abs=1e-6)
    assert clips.leading.tolist() == [NEUTRAL, JOY, NEUTRAL, NEUTRAL]
    assert clips.left_out == 0


def test_readings_that_are_not_sure_are_left_out_and_so_is_a_clip_without_half() -> None:
    course = np.full(50, 0.9)
    course[::2] = 0.1
    unsure = np.zeros(50)
    unsure[:25:2] = 1  # 13 of 25: less than half is left
    unsure[26::4] = 1  # 6 of 25: the clip stays, and they do not count in it
    clips = cut_clips(timeline_of({1: course}, unsure={1: unsure}))
    assert clips.start_s.tolist() == [5]
    assert clips.left_out == 1
    assert clips.shares[0, JOY] == pytest.approx((13 * 0.9 + 6 * 0.1) / 19, abs=0.03)


def test_a_face_that_leaves_has_clips_where_it_was_seen() -> None:
    course = np.full(100, 0.5)
    course[30:75] = np.nan
    clips = cut_clips(timeline_of({1: course, 2: np.full(100, 0.3)}))
    assert clips.start_s[clips.person == 0].tolist() == [0, 15]
    assert clips.start_s[clips.person == 1].tolist() == [0, 5, 10, 15]


def test_what_cannot_be_cut_is_refused() -> None:
    photo = timeline_of({1: np.array([0.5])})
    with pytest.raises(InputError, match="expected a video, in which time passes"):
        cut_clips(photo)
    with pytest.raises(InputError, match="holds no face"):
        cut_clips(Timeline.of([]))
    with pytest.raises(InputError, match=r"clip length: expected at least the 0\.2 s"):
        cut_clips(timeline_of({1: np.full(50, 0.5)}), 0.1)
    with pytest.raises(InputError, match="no face could be read for half of 5 s"):
        cut_clips(timeline_of({1: np.full(50, 0.5)}, unsure={1: np.ones(50)}))


def test_the_step_is_the_mean_one() -> None:
    assert sampling_step_s(timeline_of({1: np.full(9, 0.5)}, rate_hz=8.0)) == pytest.approx(0.125)


def test_silhouette_by_hand() -> None:
    # Two pairs on a line: for the first point a = 1, b = (10 + 11) / 2.
    points, clusters = np.array([[0.0, 0.0], [1.0, 0.0], [10.0, 0.0], [11.0, 0.0]]), np.array([0, 0, 4, 4])
    each = [1 - 1 / 10.5, 1 - 1 / 9.5, 1 - 1 / 9.5, 1 - 1 / 10.5]
    assert silhouette(points, clusters) == pytest.approx(np.mean(each))
    assert silhouette(points, np.array([0, 1, 0, 1])) < 0  # type: ignore[operator]


def test_silhouette_is_not_defined_for_fewer_than_two_clusters() -> None:
    points = np.random.default_rng(0).normal(size=(6, 2))
    assert silhouette(points, np.zeros(6, int)) is None
    assert silhouette(points, np.arange(6)) is None
    assert silhouette(points[:0], np.zeros(0, int)) is None


def test_coordinates_alone_give_clusters_where_the_faces_show_none() -> None:
    random = np.random.default_rng(1)
    shares = random.dirichlet(np.full(7, 0.05), 120)
    clips = Clips(5.0, np.zeros(120, int), np.zeros(120), shares, np.zeros((120, 3)), 0)
    dealt = dealt_silhouettes(clips, rounds=20)
    # Decided clips cluster whatever they are decided for; undecided ones hardly do.
    assert dealt.min() > 0.5
    vague = Clips(
        5.0, np.zeros(120, int), np.zeros(120), random.dirichlet(np.full(7, 20.0), 120), np.zeros((120, 3)), 0
    )
    assert dealt_silhouettes(vague, rounds=20).max() < 0.2
    assert dealt.tolist() == dealt_silhouettes(clips, rounds=20).tolist()


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_an_ellipse_holds_its_share_of_a_gaussian(share: float) -> None:
    random = np.random.default_rng(2)
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    points = random.normal(size=(4000, 2)) * [3.0, 1.0] @ turn.T + [5.0, -2.0]
    ellipse = gaussian_ellipse(points, share)
    assert ellipse is not None
    assert ellipse.holds(points).mean() == pytest.approx(share, abs=0.02)
    assert ellipse.centre == pytest.approx((5, -2), abs=0.2)
    assert ellipse.axes[0] / ellipse.axes[1] == pytest.approx(3, rel=0.08)
    assert ellipse.angle_degrees == pytest.approx(np.rad2deg(0.6), abs=2)


def test_no_ellipse_of_few_points_or_of_a_line() -> None:
    points = np.random.default_rng(3).normal(size=(4, 2))
    assert gaussian_ellipse(points, 0.8) is None
    assert gaussian_ellipse(np.stack([np.arange(9.0), 2 * np.arange(9.0)], 1), 0.8) is None
