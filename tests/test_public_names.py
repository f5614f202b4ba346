"""What `import classmood` promises: these names, each documented, and quickly."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import classmood

PROMISED = {
    "CLASSROOM_CLASSES",
    "EMOTIONS",
    "CenterFace",
    "Classifier",
    "ClassmoodError",
    "Emotions",
    "Faces",
    "Frame",
    "Instant",
    "Pipeline",
    "Timeline",
    "YuNet",
    "analyze",
    "make_crops",
    "read_frames",
    "read_out",
    "read_timeline",
    "write_report",
}


def test_the_public_names_are_those_promised() -> None:
    assert set(classmood.__all__) == PROMISED
    assert len(classmood.__all__) == len(PROMISED)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_each_can_be_imported_and_says_what_it_is(name: str) -> None:
    thing = getattr(classmood, name)
    if not callable(thing):
        assert name.isupper()
        return
    said = inspect.getdoc(thing) or ""
    # A dataclass without a docstring is given its own signature as one.
    assert len(said) > 10
    assert not said.startswith(f"{name}(")
    for word, member in vars(thing).items() if inspect.isclass(thing) else ():
        if inspect.isfunction(member) and not word.startswith("_"):
            assert inspect.getdoc(member), f"{name}.{word}"


def test_the_eight_emotions_and_neutral() -> None:
    words = ["joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution"]
    assert sorted(classmood.EMOTIONS) == sorted(words)
    assert sorted(classmood.CLASSROOM_CLASSES) == sorted([*words, "neutral"])


def test_the_package_says_what_it_is_for() -> None:
    assert "import classmood" in (classmood.__doc__ or "")


def test_importing_it_brings_in_no_training() -> None:
    code = (
        "import sys, classmood; print(*({'torch', 'matplotlib', 'sklearn', 'pyarrow', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_it_brings_in_nothing_that_reads_faces() -> None:
    code = "import sys, classmood; print(*({'classmood.classifier', 'onnxruntime', 'cv2', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_name_that_is_not_there_is_no_module_of_ours() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'analyse'"):
        classmood.analyse  # noqa: B018
    assert set(classmood.__all__) <= set(dir(classmood))
