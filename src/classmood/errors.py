"""Every error that classmood raises on purpose.

    ClassmoodError
    |-- InputError            what was given cannot be read or used
    |   |-- TruncatedVideo    a video that breaks off; the frames before the break were delivered
    |   `-- ManifestError     a row of a manifest or a label is wrong; the row is named
    |-- OutputError           a result cannot be written
    |-- ModelError            a model file is missing, of the wrong kind, or not the one that was shipped
    |   `-- ChecksumError     a model file's bytes are not those that were recorded
    |-- RecipeError           a training recipe has an unknown key or an impossible value
    |-- TrainingError         a training run cannot go on (a loss that is not a number, a full disk)
    `-- MissingExtra          a part that is not installed is needed; the message names the extra

A message says what was expected, what came, and what to do, on one line: the command line prints it as it is.
"""

from __future__ import annotations


class ClassmoodError(Exception):
    """The root: catch this to catch all that classmood raises on purpose."""


class InputError(ClassmoodError):
    """What was given cannot be read or used."""


class TruncatedVideo(InputError):
    """A video breaks off. What came before the break has been delivered.

    Attributes:
        time_s: the time of the last frame that could be read.
    """

    def __init__(self, source: str, time_s: float) -> None:
        super().__init__(f"{source}: the video breaks off after {time_s:.2f} s; what came before it is kept")
        self.time_s = time_s


class ManifestError(InputError):
    """A row of a manifest is wrong; the message names the row."""


class OutputError(ClassmoodError):
    """A result cannot be written."""


class ModelError(ClassmoodError):
    """A model file is missing or of the wrong kind."""


class ChecksumError(ModelError):
    """A model file's bytes are not those that were recorded for it."""

    def __init__(self, path: str, expected: str, actual: str) -> None:
        super().__init__(
            f"{path}: expected SHA-256 {expected[:16]}..., got {actual[:16]}...; the file was changed or damaged, "
            "reinstall classmood or pass the file with its own card"
        )


class RecipeError(ClassmoodError):
    """A training recipe has an unknown key or an impossible value."""


class TrainingError(ClassmoodError):
    """A training run cannot go on; the last good checkpoint is kept."""


class MissingExtra(ClassmoodError):
    """A part that is not installed is needed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed: pip install 'classmood[{extra}]'")
