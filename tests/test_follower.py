"""A video's working size follows what is seen, and the mosaic shows no less than the whole.

Tested with a stand-in that sees drawn rectangles as a network sees faces: between two heights, and in pieces beyond.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.detectors import SizingDetector
from classmood.follower import Follower
from classmood.scales import survey_scales
from rectangles import Box, Rectangles, draw, gallery, matches


def frames_until(follower: Follower, frame: np.ndarray, truth: list[Box], limit: int = 140) -> int:
    """Frames that pass until all is found."""
    for i in range(1, limit):
        if matches(follower.detect(frame), truth, 1.5 / min(follower.scales) + 1):
            return i
    raise AssertionError(f"not found in {limit} frames")


def settled(frame: np.ndarray) -> Follower:
    """A follower that has seen the same frame until its surveys are as seldom as they get."""
    follower = SizingDetector(Rectangles()).follow()
    for _ in range(8 + 16 + 32 + 64 + 1):
        follower.detect(frame)
    return follower


def test_the_working_size_suits_the_smallest_face() -> None:
    for share in (0.2, 0.4):
        follower = settled(draw(gallery(3, 4, share)))
        seen_px = min(h for *_, h in gallery(3, 4, share)) * follower.scales[0]
        assert Rectangles.floor_px < seen_px < 1.4 * Rectangles.aim_px
    frame = draw(gallery(1, 1, 0.9))
    assert settled(frame).scales == (survey_scales(frame)[1],)


def test_surveys_grow_seldom_while_nothing_is_new() -> None:
    network = Rectangles()
    follower = SizingDetector(network).follow()
    frame, surveys = draw(gallery(4, 5)), []
    for i in range(400):
        before = len(network.calls)
        assert len(follower.detect(frame)) == 20
        if len(network.calls) - before > 1:
            surveys.append(i)
    assert np.diff(surveys).tolist() == [8, 16, 32, 64, 128, 128]


def test_another_layout_is_noticed_within_a_sixteenth_of_the_longest_wait() -> None:
    one, many = gallery(1, 1, 0.9), gallery(4, 5, 0.3)
    follower = settled(draw(one))
    assert follower.scales[0] * many[0][3] < Rectangles.least_px
    for frame, truth in ((draw(many, ground=10), many), (draw(one), one)):
        assert frames_until(follower, frame, truth) <= 128 // 16


def test_a_change_in_part_of_the_picture_is_noticed_within_a_quarter_of_the_longest_wait() -> None:
    before, added = [(100, 260, 160, 200)], [(700 + 90 * i, 300, 20, 25) for i in range(6)]
    follower = settled(draw(before))
    frame = draw([*before, *added])
    frame[:, 640:960][frame[:, 640:960, 0] == 90] = 10  # a quarter of the frame
    assert follower.scales[0] * 25 < Rectangles.least_px
    assert frames_until(follower, frame, [*before, *added]) <= 128 // 4


def test_a_small_face_that_changes_nothing_else_waits_for_the_next_survey() -> None:
    before, added = [(100, 260, 160, 200)], [(900, 300, 24, 30)]
    follower = settled(draw(before))
    assert 16 < frames_until(follower, draw([*before, *added]), [*before, *added]) <= 128


def test_a_face_that_is_lost_asks_for_a_survey() -> None:
    follower = settled(draw([(600, 300, 80, 100)]))
    away = [(622, 328, 36, 44)]  # leans back: too small for the working size, too little for the thumbnail
    assert follower.scales[0] * 44 < Rectangles.least_px
    assert frames_until(follower, draw(away), away) <= 128 // 4


def test_a_face_that_shrinks_is_followed_before_it_is_lost() -> None:
    follower = settled(draw([(600, 300, 80, 100)]))
    lost = 0
    for height in range(100, 24, -3):
        frame = draw([(640 - round(0.4 * height), 350 - height // 2, round(0.8 * height), height)])
        for _ in range(4):
            lost += len(follower.detect(frame)) != 1
    assert lost == 0
    assert follower.scales[0] * 25 > Rectangles.floor_px


def test_a_new_face_must_be_surer_than_a_known_one() -> None:
    # In a frame so small that a mosaic would save nothing.
    face, other = (20, 30, 80, 100), (150, 30, 80, 100)
    detector = SizingDetector(Rectangles())
    follower = detector.follow()

    def count(*scores: float) -> int:
        return len(follower.detect(draw([face, other][: len(scores)], scores, width=256, height=160)))

    assert [count(score) for score in (0.39, 0.41, 0.26, 0.3, 0.26)] == [0, 1, 1, 1, 1]
    assert [count(0.3, 0.39), count(0.3, 0.41), count(0.3, 0.3)] == [1, 2, 2]
    assert [count(0.24), count(0.39), count(0.41)] == [0, 0, 1]
    assert [len(detector.detect(draw([face], [score], width=256, height=160))) for score in (0.39, 0.41)] == [0, 1]


def test_another_frame_size_starts_afresh() -> None:
    follower = settled(draw(gallery(1, 1)))
    truth = gallery(5, 5, width=640, height=360)
    assert matches(follower.detect(draw(truth, width=640, height=360)), truth, 4)


def test_every_video_has_a_follower_of_its_own() -> None:
    detector = SizingDetector(Rectangles())
    first = detector.follow()
    first.detect(draw(gallery(1, 1), [0.9]))
    for other in (detector.follow(), first.follow()):
        assert other.scales == ()
        assert len(other.detect(draw(gallery(1, 1), [0.3]))) == 0
    assert len(first.detect(draw(gallery(1, 1), [0.3]))) == 1


# --- the mosaic ---


def watched(frame: np.ndarray) -> tuple[Follower, Rectangles]:
    """A follower that has seen a frame twice, and its network with a clean slate."""
    network = Rectangles()
    follower = SizingDetector(network).follow()
    follower.detect(frame)
    follower.detect(frame)
    network.calls.clear()
    return follower, network


def test_a_gallery_at_rest_is_mostly_seen_as_a_mosaic_and_wholly_found() -> None:
    truth = gallery(4, 5, 0.35)
    follower, network = watched(draw(truth))
    assert all(matches(follower.detect(draw(truth)), truth, 4) for _ in range(6))
    height, width = (round(side * follower.scales[0]) for side in (720, 1280))
    shares = [rows * columns / (height * width) for rows, columns in network.calls]
    assert len(shares) == 6
    assert max(shares) < 0.7
    assert len(set(network.calls)) == 1  # every new size costs memory


def test_a_face_that_fills_the_frame_is_never_cut_out() -> None:
    follower, network = watched(draw(gallery(1, 1, 0.8)))
    follower.detect(draw(gallery(1, 1, 0.8)))
    picture = [round(side * follower.scales[0]) for side in (720, 1280)]
    assert all(rows >= picture[0] and columns >= picture[1] for rows, columns in network.calls)


def test_someone_new_is_found_in_the_frame_that_changes() -> None:
    truth, empty = gallery(4, 5, 0.35)[1:], gallery(4, 5, 0.35)[:1]
    follower, _ = watched(draw(truth))
    assert matches(follower.detect(draw([*truth, *empty])), [*truth, *empty], 4)


def test_someone_new_in_front_of_much_the_same_is_found_within_eight_frames() -> None:
    truth, empty = gallery(4, 5, 0.35)[1:], gallery(4, 5, 0.35)[0]

    def frame(level: int) -> np.ndarray:
        """The empty tile holds a patch that the network takes for a face from a level of 128 on."""
        image = draw(truth)
        x, y, w, h = empty
        image[y : y + h, x : x + w] = (level, 0, 230)
        return image

    follower, _ = watched(frame(115))
    assert 2 <= frames_until(follower, frame(140), [*truth, empty]) <= 8


def test_someone_who_leaves_is_gone_and_who_jumps_is_found_in_the_same_frame() -> None:
    truth = gallery(4, 5, 0.35)
    follower, _ = watched(draw(truth))
    assert matches(follower.detect(draw(truth[1:])), truth[1:], 4)
    x, y, w, h = truth[5]
    moved = [*truth[1:5], (x + 90, y, w, h), *truth[6:]]
    assert matches(follower.detect(draw(moved)), moved, 4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(0.0, 0.12))
def test_people_who_move_are_followed_as_if_the_whole_were_seen(seed: int, columns: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    at_home = gallery(3, columns, 0.3)
    follower = SizingDetector(Rectangles()).follow()
    away = np.zeros((len(at_home), 2))
    for _ in range(30):
        away = np.clip(away + rng.normal(0, step * 72, away.shape), -50, 50)
        truth = [
            (round(x + dx), round(y + dy), w, h) for (x, y, w, h), (dx, dy) in zip(at_home, away.tolist(), strict=True)
        ]
        assert matches(follower.detect(draw(truth)), truth, 1.5 / min(follower.scales) + 1)


def test_a_mosaic_follows_a_new_working_size() -> None:
    small, large = gallery(4, 5, 0.3), gallery(4, 5, 0.6)
    follower, network = watched(draw(small))
    for _ in range(40):
        assert matches(follower.detect(draw(large)), large, 1.5 / min(follower.scales) + 1)
    assert network.calls
