"""What every model said of every face of the sample sets, kept so that tables need no training to be made again.

One JSON file. Classes are below ten, so that a set's labels and a model's answers are each one string of digits, a
digit a face, in the order of the data: 7,152 faces and four models take 36 kB, and a change shows in a diff.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from classmood.emotions import FERPLUS_CLASSES
from classmood.errors import InputError, OutputError
from classmood.training.datasets import decode_grey, read_split
from classmood.training.protocol import labels as labels_by

# The paper's sample sets came from different courses; ours are the two test splits of FER+.
SPLITS = {"1": "public_test", "2": "private_test"}
SPLIT_TITLES = {"public_test": "FER+ PublicTest", "private_test": "FER+ PrivateTest"}


@dataclass(frozen=True, slots=True)
class SampleSet:
    """N labelled faces that nothing was learned from.

    Attributes:
        number: "1" or "2", as in the paper's Table 1.
        split: of the data.
        crops: grey.
        labels: arg-max of the votes, as places in ``FERPLUS_CLASSES``.
        digest: of crops and labels; results of other faces are not mixed with these.
    """

    number: str
    split: str
    crops: UInt8[np.ndarray, "n 48 48"]
    labels: Int[np.ndarray, " n"]
    digest: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one model said.

    Attributes:
        title: the model in words.
        made_of: what the answers hang on besides the faces; where it changes they are stale.
        training_faces: how many it learned from; None where it had learned before.
        wall_s: time that fitting and answering took.
        machine: where.
        date: when, as year-month-day.
        answers: a string of digits for each sample set.
    """

    title: str
    made_of: str
    training_faces: int | None
    wall_s: float
    machine: str
    date: str
    answers: dict[str, str]


@dataclass(slots=True)
class Predictions:
    """All models' answers, and the labels that they are compared with."""

    digests: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    models: dict[str, Said] = field(default_factory=dict)

    def take_sets(self, sets: Iterable[SampleSet]) -> None:
        """Make these the faces; answers about others are dropped."""
        digests = {one.number: one.digest for one in sets}
        if digests != self.digests:
            self.models.clear()
        self.digests = digests
        self.labels = {one.number: as_digits(one.labels) for one in sets}


def as_digits(classes: Int[np.ndarray, " n"]) -> str:
    """Places of classes as one string, a digit a face."""
    return "".join(map(str, classes.tolist()))


def from_digits(text: str) -> Int[np.ndarray, " n"]:
    """The places of classes that a string of digits means."""
    return np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - ord("0")


def load_sets(data: Path) -> tuple[SampleSet, ...]:
    """Both sample sets.

    Raises:
        InputError: the data is not there; the message says what was expected.
    """
    sets = []
    for number, split in SPLITS.items():
        names, encoded, votes, _ = read_split(data, split)
        if not names:
            raise InputError(f"{data / split}.parquet: expected labelled faces, found no row; take the whole split")
        crops = np.stack([decode_grey(image, name) for image, name in zip(encoded, names, strict=True)])
        labels = labels_by(votes, "argmax")
        digest = hashlib.sha256(crops.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()[:16]
        sets.append(SampleSet(number, split, crops, labels, digest))
    return tuple(sets)


def read_predictions(path: Path) -> Predictions:
    """Stored predictions; none where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return Predictions()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        models = {name: Said(**said) for name, said in content["models"].items()}
        found = Predictions(content["digests"], content["labels"], models)
        for said in models.values():
            _check(path, found.labels, said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: expected predictions as classmood reproduce table1 writes them ({error}); remove it to start anew"
        ) from error
    return found


def _check(path: Path, labels: dict[str, str], said: Said) -> None:
    digits = set("0123456789"[: len(FERPLUS_CLASSES)])
    for number, truth in labels.items():
        answers = said.answers[number]
        if len(answers) != len(truth) or not set(answers + truth) <= digits:
            raise InputError(
                f"{path}: {said.title}, set {number}: expected {len(truth)} digits below {len(digits)}, got "
                f"{len(answers)} characters; remove the file to start anew"
            )


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions beside the old ones and swap, so that a kill leaves a good file.

    Raises:
        OutputError: the file cannot be written.
    """
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(asdict(predictions), indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
