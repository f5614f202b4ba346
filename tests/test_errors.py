"""The exception tree: as its drawing says, caught by its root, one line each."""

from __future__ import annotations

import inspect
import re

import pytest

from classmood import errors

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


def drawn() -> dict[str, str]:
    """Each error's parent, by the indentation of the drawing in the module's docstring."""
    parents, above = {}, {0: "ClassmoodError"}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([| `-]+)(\w+)", line):
            depth = len(found[1]) // 4
            above[depth] = found[2]
            parents[found[2]] = above[depth - 1]
    return parents


def test_the_drawing_is_the_tree() -> None:
    tree = {kind.__name__: kind.__base__.__name__ for kind in CLASSES if kind is not errors.ClassmoodError}
    assert drawn() == tree
    assert len(tree) > 5


def test_the_root_catches_all_and_nothing_else() -> None:
    assert all(issubclass(kind, errors.ClassmoodError) for kind in CLASSES)
    assert errors.ClassmoodError.__base__ is Exception


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.TruncatedVideo("lesson.mp4", 12.345), ("lesson.mp4", "12.3", "kept")),
        (errors.ChecksumError("m.onnx", "a" * 64, "b" * 64), ("m.onnx", "a" * 16, "b" * 16, "reinstall")),
        (errors.MissingExtra("training", "train"), ("training", "pip install 'classmood[train]'")),
    ],
)
def test_messages_are_one_line_that_says_what_to_do(error: errors.ClassmoodError, words: tuple[str, ...]) -> None:
    assert "\n" not in str(error)
    assert all(word in str(error) for word in words)


def test_a_truncated_video_says_when() -> None:
    with pytest.raises(errors.InputError) as caught:
        raise errors.TruncatedVideo("lesson.mp4", 12.5)
    assert caught.value.time_s == 12.5  # type: ignore[attr-defined]
