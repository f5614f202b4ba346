"""An id stays with its person, whatever the tiles do, and never passes to another."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.faces import Faces
from classmood.tracks import Tracker
from drawn_gallery import gallery, person

# Drawn people whose faces, hair and shirts differ plainly.
ANNA, BEN, CLEO, DAN, EVE, FINN = 1, 2, 3, 5, 8, 11
LIGHT_S = 0.2

rates_hz = st.sampled_from([1.0, 2.5, 5.0, 15.0, 30.0])


def seen(
    tracker: Tracker, tiles: Mapping[int, int], time_s: float, rng: np.random.Generator | None = None
) -> list[int]:
    """The ids of the people in these tiles."""
    image, faces = gallery({tile: person(who) for tile, who in tiles.items()}, noise=rng)
    return tracker.update(faces, image, time_s).tolist()


@settings(deadline=None, max_examples=15)
@given(rates_hz, st.integers(0, 1000))
def test_still_people_keep_their_ids_at_any_rate(rate_hz: float, seed: int) -> None:
    rng, tracker = np.random.default_rng(seed), Tracker()
    for k in range(8):
        assert seen(tracker, {0: ANNA, 1: BEN, 4: CLEO}, k / rate_hz, rng) == [1, 2, 3]


@settings(deadline=None, max_examples=15)
@given(st.permutations([ANNA, BEN, CLEO, DAN, EVE, FINN]), st.permutations(range(6)), rates_hz, st.integers(0, 1000))
def test_the_order_of_detections_does_not_matter(
    people: list[int], order: list[int], rate_hz: float, seed: int
) -> None:
    rng, tracker = np.random.default_rng(seed), Tracker()
    image, faces = gallery({tile: person(who) for tile, who in enumerate(people)}, noise=rng)
    first = tracker.update(faces, image, 0.0)
    image, faces = gallery({tile: person(who) for tile, who in enumerate(people)}, noise=rng)
    assert tracker.update(faces.take(np.array(order)), image, 1 / rate_hz).tolist() == first[order].tolist()


@settings(deadline=None, max_examples=15)
@given(st.permutations([ANNA, BEN, CLEO, DAN, EVE, FINN]), rates_hz, st.integers(0, 1000))
def test_tiles_that_trade_places_take_their_ids_along(people: list[int], rate_hz: float, seed: int) -> None:
    rng, tracker = np.random.default_rng(seed), Tracker()
    before = dict(enumerate(people[:4]))
    after = before | {0: people[3], 3: people[0]}
    for k in range(5):
        ids = seen(tracker, before, k / rate_hz, rng)
    for k in range(5, 8):
        assert seen(tracker, after, k / rate_hz, rng) == [ids[3], ids[1], ids[2], ids[0]]


@settings(deadline=None, max_examples=15)
@given(st.permutations([ANNA, BEN, CLEO, DAN, EVE, FINN]), rates_hz, st.integers(0, 1000))
def test_a_new_layout_takes_all_ids_along(people: list[int], rate_hz: float, seed: int) -> None:
    """Every tile moves at once, as when somebody joins the meeting."""
    rng, tracker = np.random.default_rng(seed), Tracker()
    ids = seen(tracker, dict(enumerate(people[:5])), 0.0, rng)
    moved = {tile + 1: who for tile, who in enumerate(people[:5])}
    assert seen(tracker, {0: people[5]} | moved, 1 / rate_hz, rng) == [6, *ids]


@settings(deadline=None, max_examples=15)
@given(st.permutations([ANNA, BEN, CLEO, DAN, EVE, FINN]), rates_hz, st.floats(0, 20))
def test_a_stranger_in_a_tile_gets_a_new_id(people: list[int], rate_hz: float, away_s: float) -> None:
    """At once or after a while, and the first person's id waits for that person."""
    rng, tracker = np.random.default_rng(3), Tracker()
    for k in range(3):
        assert seen(tracker, {2: people[0]}, k / rate_hz, rng) == [1]
    time_s = 3 / rate_hz + away_s
    assert seen(tracker, {2: people[1]}, time_s, rng) == [2]
    assert seen(tracker, {2: people[1]}, time_s + 1 / rate_hz, rng) == [2]
    assert seen(tracker, {2: people[0]}, time_s + 2 / rate_hz, rng) == [1]


def test_a_camera_that_comes_back_finds_its_id() -> None:
    rng, tracker = np.random.default_rng(4), Tracker()
    for k in range(10):
        ids = seen(tracker, {0: ANNA, 1: BEN}, k * LIGHT_S, rng)
    for k in range(10, 50):
        assert seen(tracker, {0: ANNA}, k * LIGHT_S, rng) == ids[:1]
    assert seen(tracker, {0: ANNA, 1: BEN}, 10.0, rng) == ids


def test_who_comes_back_in_another_tile_is_known() -> None:
    rng, tracker = np.random.default_rng(5), Tracker()
    ids = seen(tracker, {0: ANNA, 1: BEN}, 0.0, rng)
    seen(tracker, {0: ANNA}, 4.0, rng)
    assert seen(tracker, {0: ANNA, 5: BEN}, 8.0, rng) == ids


def test_a_lost_track_is_forgotten_after_its_time() -> None:
    tracker = Tracker(forget_after_s=30.0)
    assert seen(tracker, {0: ANNA}, 0.0) == [1]
    seen(tracker, {}, 15.0)
    seen(tracker, {}, 29.0)
    assert seen(tracker, {0: ANNA}, 29.5) == [1]
    seen(tracker, {}, 40.0)
    seen(tracker, {}, 70.0)
    assert seen(tracker, {0: ANNA}, 70.2) == [2]


def test_only_the_latest_lost_tracks_are_remembered() -> None:
    """A day of strangers takes no more memory than an hour."""
    tracker = Tracker(remember=2)
    for k, who in enumerate([ANNA, BEN, CLEO, DAN]):
        seen(tracker, {0: who}, float(k))
    assert len(tracker._lost) == 2
    assert seen(tracker, {0: CLEO}, 4.0) == [3]
    assert seen(tracker, {0: ANNA}, 5.0) == [5]


def tinted(who: int, levels: int) -> np.ndarray:
    """A person whose face is a little redder."""
    picture = person(who).astype(np.int16)
    picture[60:150, 125:195] += np.array([levels, 0, -levels], np.int16)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("others", "expected"), [([12], 3), ([], 1)])
def test_between_two_who_look_alike_nobody_is_guessed(others: list[int], expected: int) -> None:
    """Who returns elsewhere halfway between two lost people gets a new id; with only one to be, that one's."""
    tracker = Tracker()
    image, faces = gallery(dict(enumerate([tinted(ANNA, levels) for levels in [0, *others]])))
    assert tracker.update(faces, image, 0.0).tolist() == [1, 2][: 1 + len(others)]
    seen(tracker, {}, 1.0)
    image, faces = gallery({5: tinted(ANNA, 6)})
    assert tracker.update(faces, image, 4.0).tolist() == [expected]


def test_a_smile_is_no_other_person() -> None:
    tracker = Tracker()
    for k in range(12):
        image, faces = gallery({0: person(ANNA, smiling=k % 4 > 1), 1: person(BEN, smiling=k % 6 > 2)})
        assert tracker.update(faces, image, k * LIGHT_S).tolist() == [1, 2]


@pytest.mark.parametrize(("room", "ids"), [(1, [1]), (None, [2])])
def test_a_room_that_stays_vouches_for_a_head_that_turns(room: int | None, ids: list[int]) -> None:
    """Before a plain wall nothing tells a turned head from somebody else; a wrong id would be worse than a new one."""
    tracker = Tracker()
    for k in range(3):
        image, faces = gallery({0: person(DAN, room=room)})
        assert tracker.update(faces, image, k * LIGHT_S).tolist() == [1]
    image, faces = gallery({0: person(DAN, room=room, turned=True)})
    assert tracker.update(faces, image, 3 * LIGHT_S).tolist() == ids


@pytest.mark.parametrize(("who", "ids"), [(BEN, [1]), (CLEO, [2])])
def test_a_box_that_jumps_is_no_other_person(who: int, ids: list[int]) -> None:
    """A detector that hesitates boxes half a face for an instant. A stranger boxed as badly is still a stranger."""
    tracker = Tracker()
    for k in range(4):
        image, faces = gallery({1: person(BEN)})
        assert tracker.update(faces, image, k * LIGHT_S).tolist() == [1]
    image, faces = gallery({1: person(who)})
    shrunk = faces.boxes_px + np.float32([[5, 9, -8, -14]])
    assert tracker.update(Faces(shrunk, faces.scores, faces.landmarks_px), image, 4 * LIGHT_S).tolist() == ids


def test_somebody_walks_across_the_picture() -> None:
    tracker, background = Tracker(), np.full((240, 960, 3), 205, np.uint8)
    head = person(EVE)[40:230, 70:250]
    for k in range(10):
        image, x = background.copy(), 20 + 70 * k
        image[40:230, x : x + 180] = head
        boxes = np.array([[x + 50, 20, 80, 100]], np.float32)
        faces = Faces(boxes, np.array([0.9], np.float32), np.zeros((1, 5, 2), np.float32))
        assert tracker.update(faces, image, k * LIGHT_S).tolist() == [1]


def test_a_doubtful_detection_keeps_its_track_but_takes_none_from_a_sure_one() -> None:
    """Two boxes on one face: the sure one has the track, whatever the order."""
    tracker = Tracker()
    image, faces = gallery({0: person(ANNA)})
    tracker.update(faces, image, 0.0)
    weak = Faces(faces.boxes_px, np.array([0.3], np.float32), faces.landmarks_px)
    assert tracker.update(weak, image, LIGHT_S).tolist() == [1]
    both = Faces(
        np.concatenate([faces.boxes_px, faces.boxes_px + np.float32([[3, 2, 0, 0]])]),
        np.array([0.3, 0.9], np.float32),
        np.zeros((2, 5, 2), np.float32),
    )
    assert tracker.update(both, image, 2 * LIGHT_S).tolist() == [2, 1]


def test_instants_without_faces_and_times_that_stand_still() -> None:
    tracker = Tracker()
    assert seen(tracker, {}, 0.0) == []
    assert seen(tracker, {0: ANNA}, 1.0) == [1]
    assert seen(tracker, {0: ANNA}, 1.0) == [1]
    assert seen(tracker, {0: ANNA}, 0.5) == [1]
    assert tracker.update(*reversed(gallery({}, rows=1)), 1.2).dtype == np.int64


def test_class20_keeps_everyone_through_the_swap_and_the_cameras(london: Path) -> None:
    """Real faces, boxes from the tiles: from before three cameras are off until after two tiles have traded places."""
    with (london / "class20_truth.csv").open(newline="", encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    swap_s = float(truth[0]["swap_s"])
    off = {
        row["subject"]: (float(row["start_s"]), float(row["end_s"])) for row in truth if row["state"] == "camera_off"
    }
    tiles = {row["subject"]: (int(row["tile_before_swap"]), int(row["tile_after_swap"])) for row in truth}
    moments = [(28.5, 29.5), (swap_s - 1.0, swap_s + 1.0), (42.0, 43.0)]
    tracker, found = Tracker(), defaultdict(Counter)
    with av.open(str(london / "class20.mp4")) as video:
        stream = video.streams.video[0]
        for start_s, end_s in moments:
            video.seek(int(start_s / stream.time_base), stream=stream)
            next_s = start_s
            for frame in video.decode(stream):
                if frame.time >= end_s:
                    break
                if frame.time < next_s:
                    continue
                next_s = frame.time + LIGHT_S
                here = {
                    who: pair[frame.time >= swap_s]
                    for who, pair in tiles.items()
                    if not (who in off and off[who][0] <= frame.time < off[who][1])
                }
                boxes = np.array(
                    [[100 + 256 * (t % 5), 52 + 180 * (t // 5), 56, 76] for t in here.values()], np.float32
                )
                n = len(boxes)
                faces = Faces(boxes, np.ones(n, np.float32), np.zeros((n, 5, 2), np.float32))
                ids = tracker.update(faces, frame.to_ndarray(format="rgb24"), frame.time)
                for who, number in zip(here, ids.tolist(), strict=True):
                    found[number][who] += 1
    assert sum(sum(c.values()) for c in found.values()) > 300
    assert all(sum(c.values()) - max(c.values()) < 2 for c in found.values())
    assert len(found) <= 1.2 * len(tiles)
