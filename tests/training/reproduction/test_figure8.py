"""Figure 8: stored and read back, circular and said to be, drawn with every cluster."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from faces_over_time import timeline_of

from classmood.errors import InputError
from classmood.training.reproduction.figure8 import (
    CIRCULAR,
    describe,
    draw_figure8,
    measure_figure8,
    read_figure8,
    write_figure8,
)


def courses(people: int, smiling: float) -> dict[int, np.ndarray]:
    random = np.random.default_rng(0)
    smile = np.repeat([0.1, smiling, 0.2, smiling], 25)
    return {person: np.clip(smile + random.normal(0, 0.03, 100), 0, 1) for person in range(1, people + 1)}


def test_clips_survive_the_file(tmp_path: Path) -> None:
    figure = measure_figure8(timeline_of(courses(3, 0.9)), model="a model (12)")
    write_figure8(figure, tmp_path / "figure8.json")
    again = read_figure8(tmp_path / "figure8.json")
    assert again.videos == ("lesson.mp4",)
    assert (again.sampling_hz, again.model) == (5, "a model (12)")
    assert again.clips.person.tolist() == figure.clips.person.tolist()
    assert again.clips.leading.tolist() == figure.clips.leading.tolist()
    np.testing.assert_allclose(again.clips.vad, figure.clips.vad, atol=1e-4)
    np.testing.assert_allclose(again.clips.shares, figure.clips.shares, atol=1e-4)


def test_the_words_give_counts_and_both_silhouettes_and_say_that_they_are_circular() -> None:
    text = describe(measure_figure8(timeline_of(courses(3, 0.9))))
    assert "12 clips of 5 s, of 3 persons in lesson.mp4 at 5 Hz, by a model that is not known" in text
    assert "neutral 6, joy 6" in text
    # With neutral there are two clusters far apart; without it one is left.
    row = next(line for line in text.splitlines() if line.startswith("| all three"))
    assert float(row.split("|")[2]) > 0.9
    assert "not defined" in row.split("|")[3]
    assert "The coordinates alone give a silhouette of" in text
    assert CIRCULAR in text


def test_of_one_cluster_no_silhouette_is_defined(tmp_path: Path) -> None:
    figure = measure_figure8(timeline_of(courses(2, 0.15)))
    assert set(figure.clusters.silhouettes(neutral=True).values()) == {None}
    draw_figure8(figure, tmp_path / "figure8.svg")
    assert "not defined" in (tmp_path / "figure8.svg").read_text()


def test_clusters_classes_and_ellipses_are_drawn(tmp_path: Path) -> None:
    draw_figure8(measure_figure8(timeline_of(courses(3, 0.9))), tmp_path / "figure8.svg")
    text = " ".join(re.findall(r"<!-- (.*?) -->", (tmp_path / "figure8.svg").read_text()))
    assert "neutral: 6 clips of 3 persons" in text
    assert "joy: 6 clips of 3 persons" in text
    assert "valence (response efficacy)" in text
    assert "arousal (stimulus)" in text
    assert "Circular" in text
    for name in ("terror", "fury", "grief", "disdain", "surprise"):
        assert text.split().count(name) == 2


@pytest.mark.parametrize("content", [None, "", "{}", '{"clips": [], "clip_s": 5}', '{"clips": [[1, 2]], "clip_s": 5}'])
def test_a_file_that_holds_no_clips_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "figure8.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"figure8\.json: expected clips .* run it anew"):
        read_figure8(path)
