"""The figures of benchmarks/class_video.py on timelines made by hand, whose figures are known."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from loaded_benchmark import load

TIMES_S = np.arange(0, 40, 0.2).round(3)
TILE_PX = (100, 80)
SWAP_S = 30.0


@pytest.fixture(scope="module")
def class_video() -> ModuleType:
    return load("class_video")


@pytest.fixture
def truth(class_video: ModuleType, tmp_path: Path) -> object:
    """Two rows of two: 001 and 002 trade places, 003's camera is off from 10 to 18 s, in the middle of a smile."""
    path = tmp_path / "truth.csv"
    path.write_text(
        "subject,state,start_s,end_s,tile_before_swap,tile_after_swap,swap_s\n"
        "001,smiling,5.0,11.0,0,1,30.0\n"
        "002,smiling,20.0,26.0,1,0,30.0\n"
        "003,smiling,9.5,22.0,2,2,30.0\n"
        "003,camera_off,10.0,18.0,2,2,30.0\n"
        "004,smiling,34.0,47.0,3,3,30.0\n",
        encoding="utf-8",
    )
    return class_video.read_truth(path)


def perfect(truth: object, delay_s: float = 0.4) -> list[list[float]]:
    """Rows as a faultless product gives them (time, track, x, y, joy), joy up some time after half amplitude."""
    rows = []
    for t in TIMES_S.tolist():
        for number, person in enumerate(sorted(truth.tiles), start=1):
            if truth.is_off(person, t):
                continue
            tile = truth.tiles[person][t >= SWAP_S]
            smiles = any(a + 0.3 + delay_s <= t < b for a, b in truth.smiles[person])
            rows.append([t, number, tile % 2 * 100 + 50, tile // 2 * 80 + 40, 0.9 if smiles else 0.05])
    return rows


def scored(class_video: ModuleType, truth: object, rows: list[list[float]]) -> dict[str, float]:
    columns = np.array(rows).T
    timeline = class_video.Rows(columns[0], columns[1].astype(int), *columns[2:])
    return class_video.score(timeline, TIMES_S, truth, TILE_PX, 2)


def test_a_faultless_timeline(class_video: ModuleType, truth: object) -> None:
    figures = scored(class_video, truth, perfect(truth))
    assert figures["found"] == 1
    assert figures["false_faces"] == 0
    assert figures["purity"] == 1
    assert figures["strays"] == 0
    assert figures["tracks_a_person"] == 1
    # 003's first half second does not count; 004 smiles on beyond the end.
    assert figures["smiles"] == 4
    assert figures["smile_f1"] == 1
    assert figures["onset_error_s"] == pytest.approx(0.4, abs=0.11)


def test_an_onset_that_nobody_saw_is_not_counted(class_video: ModuleType, truth: object) -> None:
    """003 comes back smiling: a smile to be found, but none that began."""
    rows = [row for row in perfect(truth, 0.0) if row[1] == 3]
    assert np.isnan(scored(class_video, truth, rows)["onset_error_s"])


def test_missed_faces_and_false_ones(class_video: ModuleType, truth: object) -> None:
    rows = perfect(truth)
    visible = len(rows)
    without = [row for row in rows if not (row[1] == 4 and row[0] < 4)]
    missed = visible - len(without)
    assert scored(class_video, truth, without)["found"] == pytest.approx(1 - missed / visible)
    poster_and_double = [*rows, [12.0, 9, 50, 120, 0.05], [12.0, 8, 60, 45, 0.05]]
    figures = scored(class_video, truth, poster_and_double)
    assert figures["found"] == 1
    assert figures["false_faces"] == 2


def test_an_id_that_stays_with_the_tile_is_impure(class_video: ModuleType, truth: object) -> None:
    """The mistake the tracker must not make: ids of tiles, not of people."""
    rows = perfect(truth)
    for row in rows:
        if row[0] >= SWAP_S and row[1] in (1, 2):
            row[1] = 3 - row[1]
    figures = scored(class_video, truth, rows)
    after = sum(t >= SWAP_S for t in TIMES_S)
    assert figures["purity"] == pytest.approx(1 - 2 * after / len(rows))
    assert figures["strays"] == 2


def test_one_row_of_a_second_person_is_no_stray_and_two_are(class_video: ModuleType, truth: object) -> None:
    rows = perfect(truth)
    late = [row for row in rows if row[0] >= SWAP_S and row[1] == 1]
    late[0][1] = 2
    assert scored(class_video, truth, rows)["strays"] == 0
    late[1][1] = 2
    assert scored(class_video, truth, rows)["strays"] == 1


def test_tracks_a_person_counts_every_new_id(class_video: ModuleType, truth: object) -> None:
    rows = perfect(truth)
    for row in rows:
        if row[1] == 3 and row[0] >= 18:
            row[1] = 7
    assert scored(class_video, truth, rows)["tracks_a_person"] == pytest.approx(5 / 4)


def test_an_imagined_and_a_missed_smile(class_video: ModuleType, truth: object) -> None:
    rows = perfect(truth)
    for row in rows:
        if row[1] == 1:
            row[4] = 0.9 if 12 <= row[0] < 16 else 0.05
    figures = scored(class_video, truth, rows)
    assert figures["smile_recall"] == pytest.approx(3 / 4)
    assert figures["smile_precision"] == pytest.approx(3 / 4)
    assert figures["smile_f1"] == pytest.approx(3 / 4)


def test_a_flat_curve_has_no_smiles_and_short_gaps_are_closed(class_video: ModuleType) -> None:
    joy = np.where((TIMES_S >= 10) & (TIMES_S < 14), 0.12, 0.05)
    assert class_video.risen_spells(TIMES_S, joy) == []
    joy = np.where((TIMES_S >= 10) & (TIMES_S < 14), 0.8, 0.05)
    joy[TIMES_S == 12.0] = 0.1
    (spell,) = class_video.risen_spells(TIMES_S, joy)
    assert spell == pytest.approx((10.0, 13.8))
    joy[(TIMES_S >= 20) & (TIMES_S < 20.3)] = 0.8
    assert len(class_video.risen_spells(TIMES_S, joy)) == 1


def test_people_who_use_one_tile_by_turns(class_video: ModuleType, tmp_path: Path) -> None:
    """An id that stays when another person takes over the picture is a stray."""
    path = tmp_path / "turns.csv"
    path.write_text(
        "subject,state,start_s,end_s,tile_before_swap,tile_after_swap,swap_s\n"
        "001,camera_off,20.0,40.0,0,0,1e9\n002,camera_off,0.0,20.0,0,0,1e9\n",
        encoding="utf-8",
    )
    turns = class_video.read_truth(path)
    rows = [[t, 1 + (t >= 20), 50, 40, 0.05] for t in TIMES_S.tolist()]
    figures = scored(class_video, turns, rows)
    assert (figures["found"], figures["false_faces"], figures["strays"]) == (1, 0, 0)
    assert scored(class_video, turns, [[t, 1, x, y, joy] for t, _, x, y, joy in rows])["strays"] == 1


@pytest.mark.parametrize(
    ("tiles", "picture", "grid"),
    [
        (12, (1280, 720), (3, 4)),
        (20, (1280, 720), (4, 5)),
        (25, (1600, 900), (5, 5)),
        (49, (1918, 1078), (7, 7)),
        (1, (720, 720), (1, 1)),
    ],
)
def test_grids_are_guessed(
    class_video: ModuleType, tiles: int, picture: tuple[int, int], grid: tuple[int, int]
) -> None:
    assert class_video.guess_grid(tiles, *picture) == grid
