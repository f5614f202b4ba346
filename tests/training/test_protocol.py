"""The two FER+ test protocols, and the manifests they become."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, OutputError
from classmood.manifest import read_manifest
from classmood.training.datasets import VOTE_COLUMNS, read_split
from classmood.training.protocol import labels, write_manifest

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

#        neutral happiness surprise sadness anger disgust fear contempt unknown not_a_face
VOTES = [
    ([0, 6, 4, 0, 0, 0, 0, 0, 0, 0], "happiness", "happiness"),
    ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], "neutral", None),  # a tie: half is not more than half
    ([4, 1, 1, 1, 1, 1, 1, 0, 0, 0], "neutral", "neutral"),  # single votes do not count against it
    ([0, 0, 0, 4, 0, 0, 0, 0, 6, 0], "sadness", None),  # "unknown" holds the majority
    ([0, 0, 0, 5, 0, 0, 0, 0, 3, 2], "sadness", None),  # five of ten, "unknown" and "not a face" included
    ([0, 0, 0, 0, 0, 0, 0, 1, 0, 9], "contempt", None),
    ([0, 0, 0, 0, 0, 0, 7, 3, 0, 0], "fear", "fear"),
]


def test_labels_by_both_protocols() -> None:
    votes = np.array([row for row, *_ in VOTES])
    named = {
        protocol: [FERPLUS_CLASSES[i] if i >= 0 else None for i in labels(votes, protocol)]
        for protocol in ("argmax", "majority")
    }
    assert named["argmax"] == [name for _, name, _ in VOTES]
    assert named["majority"] == [name for *_, name in VOTES]


@given(hnp.arrays(np.int64, st.tuples(st.integers(0, 5), st.just(10)), elements=st.integers(0, 10)))
def test_a_majority_is_more_than_half_of_the_votes_cast_twice(votes: np.ndarray) -> None:
    for row, label in zip(votes.tolist(), labels(votes, "majority"), strict=True):
        kept = [count if count > 1 else 0 for count in row]
        winners = [place for place in range(8) if kept[place] > sum(kept) / 2]
        assert [label] == (winners or [-1])


def write_split(folder: Path) -> list[np.ndarray]:
    images = [np.random.default_rng(i).integers(0, 256, (48, 48)).astype(np.uint8) for i in range(len(VOTES))]
    names = [f"face{i}.png" for i in range(len(VOTES))]
    columns = {
        "name": names,
        "image": [{"bytes": bytes(cv2.imencode(".png", image)[1]), "path": ""} for image in images],
        "duplicate_group": pyarrow.array([None] * len(VOTES), pyarrow.string()),
    }
    for i, column in enumerate((*VOTE_COLUMNS, "votes_unknown", "votes_not_a_face")):
        columns[column] = [row[i] for row, *_ in VOTES]
    parquet.write_table(pyarrow.table(columns), folder / "private_test.parquet")
    return images


def test_a_manifest_lists_the_rows_that_have_a_label_with_their_images(tmp_path: Path) -> None:
    images = write_split(tmp_path)
    path = write_manifest(tmp_path, "private_test", "majority", tmp_path / "out")
    assert path == tmp_path / "out" / "private_test-majority.csv"
    entries = read_manifest(path).entries
    assert [(entry.path.name, entry.label) for entry in entries] == [
        ("face0.png", "happiness"),
        ("face2.png", "neutral"),
        ("face6.png", "fear"),
    ]
    for entry, i in zip(entries, (0, 2, 6), strict=True):
        np.testing.assert_array_equal(cv2.imread(str(entry.path), cv2.IMREAD_GRAYSCALE), images[i])
    assert len(read_manifest(write_manifest(tmp_path, "private_test", "argmax", tmp_path / "all")).entries) == 7


def test_a_missing_split_and_an_unwritable_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"private_test\.parquet: not found"):
        write_manifest(tmp_path, "private_test", "argmax", tmp_path / "out")
    write_split(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: cannot be written"):
        write_manifest(tmp_path, "private_test", "argmax", tmp_path / "file")


def test_ferplus_has_the_known_numbers_of_rows(ferplus: Path) -> None:
    votes = read_split(ferplus, "private_test")[2]
    assert (labels(votes, "argmax") >= 0).sum() == 3573
    # The literature gives 3,153; by the official rule these votes give one fewer, which the property above confirms.
    assert (labels(votes, "majority") >= 0).sum() == 3152
