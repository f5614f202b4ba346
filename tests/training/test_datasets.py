"""The loaders on small files made on the spot, and what bad files get."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from crop_sets import make_clip, make_set, write_set
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, ManifestError, RecipeError
from classmood.training.datasets import (
    VOTE_COLUMNS,
    check_classes,
    decode_grey,
    load_parts,
    load_training,
    read_split,
    samples_of,
    soft_labels,
)
from classmood.training.recipe import DataSection
from classmood.training.samples import Samples

parquet = pytest.importorskip("pyarrow.parquet")
pyarrow = pytest.importorskip("pyarrow")

COLUMNS = (*VOTE_COLUMNS, "votes_unknown", "votes_not_a_face")


def crop(seed: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side)).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


def votes(**counts: int) -> list[int]:
    names = (*FERPLUS_CLASSES, "unknown", "not_a_face")
    return [counts.get(name, 0) for name in names]


Row = tuple[str, bytes, list[int], "str | None"]


def write_split(folder: Path, split: str, rows: list[Row]) -> None:
    columns = {
        "name": pyarrow.array([name for name, *_ in rows], pyarrow.string()),
        "image": [{"bytes": data, "path": name} for name, data, *_ in rows],
        **{c: pyarrow.array([row[2][i] for row in rows], pyarrow.int8()) for i, c in enumerate(COLUMNS)},
        "fer2013_label": ["x"] * len(rows),
        "duplicate_group": pyarrow.array([group for *_, group in rows], pyarrow.string()),
    }
    parquet.write_table(pyarrow.table(columns), folder / f"{split}.parquet")


@pytest.fixture
def ferplus_folder(tmp_path: Path) -> Path:
    happy = votes(happiness=8, neutral=2)
    training: list[Row] = [
        ("a.png", png(crop(1)), happy, None),
        ("b.png", png(crop(2)), votes(sadness=6, neutral=3, fear=1), "7"),
        ("c.png", png(crop(3)), happy, "8"),
        ("d.png", png(crop(4)), happy, "9"),
        ("e.png", png(crop(5)), votes(neutral=1, anger=1, unknown=8), None),
        ("f.png", png(crop(6)), votes(neutral=4, not_a_face=6), None),
        ("g.png", png(crop(7)), votes(contempt=5, not_a_face=5), None),
        ("h.png", png(crop(3)), happy, "7"),
    ]
    write_split(tmp_path, "train", training)
    write_split(tmp_path, "public_test", [("p.png", png(crop(20)), happy, "8"), ("q.png", png(crop(21)), happy, None)])
    write_split(tmp_path, "private_test", [("r.png", png(crop(22)), happy, "9")])
    return tmp_path


def test_ferplus_drops_duplicates_of_test_rows_and_rows_without_a_label(ferplus_folder: Path) -> None:
    samples = load_training("ferplus", ferplus_folder)
    # c and d are in test splits; e has no class with two votes; six raters called f no face, but only five called g so.
    assert samples.names == ("a.png", "b.png", "g.png", "h.png")
    # A row without a duplicate is its own group; b and h are duplicates of one another and stay together.
    assert samples.groups == ("a.png", "7", "g.png", "7")
    np.testing.assert_array_equal(samples.images[1], crop(2))
    expected = np.zeros((4, 8))
    expected[0, [0, 1]] = 0.2, 0.8
    expected[1, [0, 3]] = 1 / 3, 2 / 3
    expected[2, 7] = 1
    expected[3, [0, 1]] = 0.2, 0.8
    np.testing.assert_allclose(samples.targets, expected, atol=1e-6)


def test_a_split_is_read_row_by_row(ferplus_folder: Path) -> None:
    names, images, counted, groups = read_split(ferplus_folder, "public_test")
    assert names == ["p.png", "q.png"]
    assert images == [png(crop(20)), png(crop(21))]
    assert counted.tolist() == [votes(happiness=8, neutral=2)] * 2
    assert groups == ["8", "q.png"]


def test_ferplus_without_its_files_says_what_is_expected(ferplus_folder: Path) -> None:
    (ferplus_folder / "private_test.parquet").unlink()
    with pytest.raises(InputError, match=r"private_test\.parquet: not found; expected the FER\+ parquet files"):
        load_training("ferplus", ferplus_folder)


@pytest.mark.parametrize("content", [b"", b"name,image\n1,2\n", b"PAR1 cut off"])
def test_a_file_that_is_no_parquet_is_named(ferplus_folder: Path, content: bytes) -> None:
    (ferplus_folder / "train.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"train\.parquet: expected FER\+ as parquet") as caught:
        load_training("ferplus", ferplus_folder)
    assert "\n" not in str(caught.value)


def test_a_parquet_file_of_something_else_is_named(ferplus_folder: Path) -> None:
    parquet.write_table(pyarrow.table({"name": ["x"]}), ferplus_folder / "train.parquet")
    with pytest.raises(InputError, match="votes_neutral"):
        load_training("ferplus", ferplus_folder)


def test_a_parquet_file_without_rows_is_named(ferplus_folder: Path) -> None:
    empty = parquet.read_table(ferplus_folder / "train.parquet").slice(0, 0)
    parquet.write_table(empty, ferplus_folder / "train.parquet")
    with pytest.raises(InputError, match="no training rows"):
        load_training("ferplus", ferplus_folder)


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_an_image_that_cannot_be_decoded_is_named(data: bytes) -> None:
    with pytest.raises(InputError, match=r"row3\.png: cannot be read"):
        decode_grey(data, "row3.png")


def test_an_image_of_another_size_becomes_a_crop() -> None:
    large = np.full((96, 96), 100, np.uint8)
    np.testing.assert_array_equal(decode_grey(png(large), "large"), np.full((48, 48), 100, np.uint8))


@given(hnp.arrays(np.int64, st.tuples(st.integers(0, 6), st.just(8)), elements=st.integers(0, 10)))
def test_soft_labels_are_shares_of_the_votes_that_were_cast_twice(counts: np.ndarray) -> None:
    shares = soft_labels(counts)
    for row, share in zip(counts.tolist(), shares, strict=True):
        kept = [count if count >= 2 else 0 for count in row]
        np.testing.assert_allclose(share, np.array(kept) / max(sum(kept), 1), atol=1e-6)


KAGGLE_VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")


def write_kaggle(folder: Path, rows: list[tuple[str, np.ndarray, list[int], str]]) -> None:
    with (folder / "fer2013.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        writer.writerows([0, " ".join(map(str, image.ravel())), usage] for usage, image, *_ in rows)
    with (folder / "fer2013new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *KAGGLE_VOTES])
        writer.writerows([usage, name, *counts] for usage, _, counts, name in rows)


KAGGLE = [
    ("Training", crop(1), votes(happiness=8, neutral=2), "fer0000000.png"),
    ("Training", crop(2), votes(sadness=10), "fer0000001.png"),
    ("Training", crop(3), votes(not_a_face=10), ""),
    ("Training", crop(4), votes(anger=9, unknown=1), ""),
    ("PublicTest", crop(2), votes(sadness=10), "fer0000004.png"),
    ("PrivateTest", crop(9), votes(sadness=10), "fer0000005.png"),
]


def test_kaggle_s_pair_of_files_gives_the_same_samples(tmp_path: Path) -> None:
    write_kaggle(tmp_path, KAGGLE)
    samples = load_training("fer2013", tmp_path)
    assert samples.names == ("fer0000000.png", "row5")
    np.testing.assert_array_equal(samples.images, [crop(1), crop(4)])
    np.testing.assert_allclose(samples.targets[0], np.array([2, 8, 0, 0, 0, 0, 0, 0]) / 10, atol=1e-6)
    assert samples.targets[1].argmax() == FERPLUS_CLASSES.index("anger")


def test_exact_duplicates_share_a_group_in_kaggle_s_files_too(tmp_path: Path) -> None:
    write_kaggle(tmp_path, [*KAGGLE, ("Training", crop(1), votes(happiness=7), "again.png")])
    samples = load_training("fer2013", tmp_path)
    assert samples.groups[0] == samples.groups[2] != samples.groups[1]


@pytest.mark.parametrize("missing", ["fer2013.csv", "fer2013new.csv"])
def test_one_of_kaggle_s_files_missing_is_named(tmp_path: Path, missing: str) -> None:
    write_kaggle(tmp_path, KAGGLE)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=f"{missing}: not found"):
        load_training("fer2013", tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("fer2013.csv", "Usage", "Split", "row 2: no column 'Usage'"),
        ("fer2013.csv", "PublicTest", "Testing", "row 6: expected Usage Training"),
        ("fer2013new.csv", "PublicTest", "Training", "row 6: Usage is PublicTest in one file and Training"),
        ("fer2013new.csv", "Training,fer0000001.png,0", "Training,fer0000001.png,many", "row 3: .*many"),
        ("fer2013new.csv", ",NF", ",nf", "row 2: no column 'NF'"),
    ],
)
def test_a_bad_row_of_kaggle_s_files_is_named(tmp_path: Path, name: str, old: str, new: str, expected: str) -> None:
    write_kaggle(tmp_path, KAGGLE)
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=expected):
        load_training("fer2013", tmp_path)


@pytest.mark.parametrize(
    ("pixels", "expected"), [("1 2 3", "2304 pixels, got 3"), (" ".join(["256"] * 2304), "256"), ("a b", "row 3")]
)
def test_bad_pixels_are_named_by_their_row(tmp_path: Path, pixels: str, expected: str) -> None:
    write_kaggle(tmp_path, KAGGLE)
    lines = (tmp_path / "fer2013.csv").read_text().splitlines()
    lines[2] = f"0,{pixels},Training"
    (tmp_path / "fer2013.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=rf"row 3: .*{expected}|{expected}.*"):
        load_training("fer2013", tmp_path)


@pytest.mark.parametrize("short", ["fer2013.csv", "fer2013new.csv"])
def test_files_of_different_length_are_refused(tmp_path: Path, short: str) -> None:
    write_kaggle(tmp_path, KAGGLE)
    lines = (tmp_path / short).read_text().splitlines()
    (tmp_path / short).write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match=f"{short}: ends before row 7"):
        load_training("fer2013", tmp_path)


def test_a_folder_of_classes(tmp_path: Path) -> None:
    for folder, seed in (("Happy", 1), ("sad", 2), ("anger", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "face.png").write_bytes(png(crop(seed)))
        (tmp_path / folder / "notes.txt").write_text("no image")
    samples = load_training("folder", tmp_path)
    found = {name: FERPLUS_CLASSES[place] for name, place in zip(samples.names, samples.targets.argmax(1), strict=True)}
    assert found == {
        str(tmp_path / "Happy" / "face.png"): "happiness",
        str(tmp_path / "sad" / "face.png"): "sadness",
        str(tmp_path / "anger" / "face.png"): "anger",
    }
    np.testing.assert_array_equal(samples.targets.sum(1), 1)
    happy = samples.names.index(str(tmp_path / "Happy" / "face.png"))
    np.testing.assert_array_equal(samples.images[happy], crop(1))


def test_colour_images_of_any_size_become_grey_crops(tmp_path: Path) -> None:
    (tmp_path / "fear").mkdir()
    colour = np.zeros((100, 100, 3), np.uint8)
    colour[:] = 20, 100, 220
    (tmp_path / "fear" / "face.png").write_bytes(png(colour))
    (image,) = load_training("folder", tmp_path).images
    # BT.601 luma of blue 20, green 100, red 220.
    np.testing.assert_allclose(image, 0.299 * 220 + 0.587 * 100 + 0.114 * 20, atol=1)


def test_a_folder_of_no_class_is_named(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    with pytest.raises(InputError, match=r"faces: unknown label 'faces'; expected one of neutral"):
        load_training("folder", tmp_path)


def test_no_folder_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: not a folder"):
        load_training("folder", tmp_path / "nowhere")
    (tmp_path / "happy").mkdir()
    with pytest.raises(InputError, match="no images found"):
        load_training("folder", tmp_path)


def test_a_manifest(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        (tmp_path / f"{seed}.png").write_bytes(png(crop(seed)))
    lines = ["path,label,subject", "1.png,smiling,ann", "2.png,Fury,ann", "3.png,contempt,"]
    (tmp_path / "faces.csv").write_text("\n".join(lines))
    samples = load_training("manifest", tmp_path / "faces.csv")
    assert [FERPLUS_CLASSES[i] for i in samples.targets.argmax(1)] == ["happiness", "anger", "contempt"]
    np.testing.assert_array_equal(samples.images, [crop(1), crop(2), crop(3)])
    # Rows of one person stay in one fold; a row without a person is on its own.
    assert samples.groups == ("ann", "ann", str(tmp_path / "3.png"))


def test_a_manifest_s_test_rows_are_not_trained_on(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        (tmp_path / f"{seed}.png").write_bytes(png(crop(seed)))
    manifest = tmp_path / "faces.csv"
    manifest.write_text("path,label,subject,split\n1.png,happy,ann,train\n2.png,sad,bob ,test\n3.png,fear,bob,Test\n")
    assert load_training("manifest", manifest).names == (str(tmp_path / "1.png"),)
    manifest.write_text(manifest.read_text().replace("3.png,fear,bob,Test", "3.png,fear,bob,train"))
    with pytest.raises(ManifestError, match=r"row 4: bob is in the split 'train', above in 'test'"):
        load_training("manifest", manifest)
    manifest.write_text("path,label,split\n1.png,happy,test\n")
    with pytest.raises(ManifestError, match="no row is of the split train"):
        load_training("manifest", manifest)


def test_a_class_without_a_face_is_named_or_said_to_be_without() -> None:
    targets = np.eye(8, dtype=np.float32)[[0, 1, 2, 3, 4, 5]]
    names = tuple("abcdef")
    samples = Samples(np.zeros((6, 48, 48), np.uint8), targets, names, names)
    with pytest.raises(RecipeError, match=r"no face of fear, contempt .*data\.may_lack = \['fear', 'contempt'\]"):
        check_classes(DataSection(), samples)
    with pytest.raises(RecipeError, match="no face of fear to train on"):
        check_classes(DataSection(may_lack=("contempt",)), samples)
    check_classes(DataSection(may_lack=("contempt", "fear")), samples)
    with pytest.raises(RecipeError, match="got 'terror'"):
        check_classes(DataSection(may_lack=("terror",)), samples)
    # A study's data has the classes that its scenarios have.
    check_classes(DataSection(source="crops"), samples)


def test_a_manifest_s_bad_rows_are_named(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png(crop(1)))
    manifest = tmp_path / "faces.csv"
    manifest.write_text("path,label\n1.png,happy\n1.png,bored\n")
    with pytest.raises(ManifestError, match=r"faces\.csv: row 3: unknown label 'bored'"):
        load_training("manifest", manifest)
    manifest.write_text("path,label\n1.png,happy\nmissing.png,happy\n")
    with pytest.raises(InputError, match=r"faces\.csv: row 3: .*missing\.png"):
        load_training("manifest", manifest)
    (tmp_path / "text.png").write_text("no image")
    manifest.write_text("path,label\ntext.png,happy\n")
    with pytest.raises(InputError, match=r"row 2: .*text\.png"):
        load_training("manifest", manifest)


def test_another_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"data\.source: expected ferplus, .* got 'imagenet'"):
        load_training("imagenet", tmp_path)


def test_ferplus_itself_shares_no_image_between_training_and_test(ferplus: Path) -> None:
    names, encoded, _, _ = read_split(ferplus, "train")
    # The decoded pixels, and not the group ids that the loader goes by. A tenth of the training split is enough to fail
    # were duplicates kept: 556 groups cross the splits.
    tests = {
        decode_grey(data, name).tobytes()
        for split in ("public_test", "private_test")
        for name, data in zip(*read_split(ferplus, split)[:2], strict=True)
    }
    some = [(name, decode_grey(data, name).tobytes()) for name, data in list(zip(names, encoded, strict=True))[::10]]
    shared = {name for name, pixels in some if pixels in tests}
    assert shared
    kept = set(load_training("ferplus", ferplus).names)
    assert not shared & kept
    assert len(kept) > 27_000


def test_crops_of_a_study_become_faces_with_targets_ratings_and_people(tmp_path: Path) -> None:
    crops = write_set(tmp_path / "set", make_set(6, ("neutral", "joy", ""), frames=8))
    section = DataSection(source="crops", held_fold=2, settle_s=0.5, most_frames=3)
    training, held = load_parts(section, tmp_path / "set")
    assert set(held.groups) == {"sub-001", "sub-004"}
    assert not set(held.groups) & set(training.groups)
    assert (len(training), len(held)) == (4 * 3 * 3, 2 * 3 * 3)
    assert held.targets.sum(1).tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0] * 2
    clip = next(clip for clip in crops.clips if clip.participant == "sub-001")
    # The faces after half a second are 2 to 7: first, middle and last of them.
    np.testing.assert_array_equal(held.images[:3], clip.crops[[2, 4, 7]])
    np.testing.assert_allclose(held.ratings[:3], np.tile(clip.ratings, (3, 1)), rtol=1e-5)
    nobody = load_parts(section.model_copy(update={"held_fold": 0}), tmp_path / "set")[1]
    assert len(nobody) == 0
    with pytest.raises(RecipeError, match=r"expected one of the folds 1, 2, 3 .* got 9"):
        load_parts(section.model_copy(update={"held_fold": 9}), tmp_path / "set")


def test_a_clip_shorter_than_the_settling_time_keeps_its_faces() -> None:
    clip = make_clip(1, "joy", frames=3)
    assert len(samples_of([clip], DataSection(source="crops", settle_s=60))) == 3
