"""The two simulated studies: their protocols, their participants, and what each is good for.

- ``london``: the neutral and smiling faces of the Face Research Lab London Set (DeBruine and Jones 2017,
  doi:10.6084/m9.figshare.5047666), a person's two photos blended and moved into a film. Faces and labels are real, the
  motion is not, and nobody was asked what they felt: there are no ratings.
- ``synthetic``: drawn faces, all eight emotions, answers drawn by chance around what the face shows. Plumbing only:
  every class, head, file and page is exercised, and no score means anything.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import UInt8

from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, DIMENSIONS, EMOTIONS
from classmood.errors import InputError
from classmood.frames import read_image
from classmood.selfreport import ASPECT_COLUMNS
from classmood.study.drawn_faces import EXPRESSIONS, Looks, draw_face

FormName = Literal["london", "synthetic"]
SIDE_PX: Final = 320
PLUMBING: Final = "PLUMBING ONLY, drawn faces and made-up answers: no score here says anything about people"
_LONDON_TITLE: Final = "Simulated study on the London set: neutral and smiling photos, blended and moved"
# Steps of a drawn expression from rest to full.
_STEPS: Final = 4
_AGREES: Final = 0.85


@runtime_checkable
class Actor(Protocol):
    """Somebody who can be filmed."""

    def face(self, expression: str, share: float) -> UInt8[np.ndarray, "s s 3"]:
        """Their face with an expression of this strength."""

    def answers(self, evokes: str) -> Mapping[str, Mapping[str, str]]:
        """What they answer after a scenario, by page."""

    def shows(self, evokes: str) -> str:
        """What their face shows in a scenario."""


@dataclass(frozen=True, slots=True)
class Form:
    """A study to simulate.

    Attributes:
        title: of the protocol; it says what the study is good for.
        evoked: the emotions of the scenarios.
        pages: what is asked after each, as kinds of pages by id.
        course: of the participant with this number.
        least_score: of the face detector; drawn faces are not quite faces to it.
        caveat: what its scores do not say.
        model: name of the exported model, which every timeline and report made with it carries.
    """

    name: FormName
    title: str
    evoked: tuple[str, ...]
    pages: Mapping[str, str]
    courses: tuple[str, ...]
    least_score: float
    caveat: str
    model: str


LONDON: Final = Form(
    "london",
    _LONDON_TITLE,
    ("joy",),
    {"which": "emotion"},
    ("london",),
    0.6,
    "In these films a face changes only where it begins to smile, so motion alone gives the class away: OF and HMM are "
    "flattered.",
    "own",
)
SYNTHETIC: Final = Form(
    "synthetic",
    PLUMBING,
    EMOTIONS,
    {"felt": "sam", "which": "emotion", "learning": "aspects"},
    ("course-a", "course-b"),
    0.4,
    f"{PLUMBING}.",
    "plumbing-only",
)
FORMS: Final = {form.name: form for form in (LONDON, SYNTHETIC)}


def protocol_text(form: Form) -> str:
    """The protocol as TOML: a resting face, the scenarios, a debrief, and mood repair where it must be."""
    pages = ", ".join(f'"{name}"' for name in form.pages)
    parts = [
        f'[protocol]\nname = "simulated-{form.name}"\ntitle = "{form.title}"\ncourse = "{form.courses[0]}"\n'
        'seed = 1\nlimit_min = 5\norder = "latin-square"\nrecording = "video"\n'
    ]
    for name, kind in form.pages.items():
        parts.append(f'[[pages]]\nid = "{name}"\nkind = "{kind}"\nask = "Simulated."\nduration_s = 1\n')
    for name in form.evoked:
        parts.append(
            f'[[scenarios]]\nid = "{name}"\nevokes = "{name}"\nstimulus = "words"\nduration_s = 3\npages = [{pages}]\n'
        )
    parts.append('[[stimuli]]\nid = "words"\nkind = "text"\ntext = "Simulated: nobody reads this."\n')
    parts.append('[[phases]]\nid = "rest-first"\nkind = "baseline"\nduration_s = 3\n')
    scenarios = ", ".join(f'"{name}"' for name in form.evoked)
    parts.append(f'[[phases]]\nid = "situations"\nkind = "scenarios"\nscenarios = [{scenarios}]\n')
    for kind in ("debrief", "repair"):
        parts.append(f'[[phases]]\nid = "{kind}"\nkind = "{kind}"\nstimulus = "words"\nduration_s = 1\n')
    return "\n".join(parts)


class LondonActor:
    """One person of the London set: neutral, smiling, and blends of the two photos."""

    def __init__(self, neutral: Path, smiling: Path) -> None:
        self._photos = [_framed(path).astype(np.float32) for path in (neutral, smiling)]

    def face(self, expression: str, share: float) -> UInt8[np.ndarray, "s s 3"]:
        """Between the photos."""
        if expression not in ("neutral", "joy"):
            raise InputError(f"expected neutral or joy of the London set, got {expression}")
        mixed = self._photos[0] * (1 - share) + self._photos[1] * share
        return mixed.round().astype(np.uint8)

    def answers(self, evokes: str) -> Mapping[str, Mapping[str, str]]:  # noqa: ARG002 (an actor's)
        """None: they were asked for a smile, not for what they felt."""
        return {}

    def shows(self, evokes: str) -> str:
        """A smile for joy."""
        return evokes


def _framed(path: Path) -> UInt8[np.ndarray, "s s 3"]:
    """A photo with its face as large as a webcam has it: the middle of the picture."""
    image = read_image(path)
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    shrunk: UInt8[np.ndarray, "s s 3"] = cv2.resize(
        image[top : top + side, left : left + side], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA
    )
    return shrunk


class DrawnActor:
    """A drawn person who mostly feels what was meant, shows what they feel, and rates near the emotion's place."""

    def __init__(self, seed: int) -> None:
        self._looks = Looks.of(seed)
        self._rng = np.random.default_rng(10_000 + seed)
        self._strength = float(self._rng.uniform(0.75, 1.0))
        self._felt = {
            name: name if self._rng.random() < _AGREES else str(self._rng.choice(CLASSROOM_CLASSES))
            for name in EMOTIONS
        }
        self._drawn: dict[tuple[str, int], UInt8[np.ndarray, "s s 3"]] = {}

    def face(self, expression: str, share: float) -> UInt8[np.ndarray, "s s 3"]:
        """Drawn in a few steps from rest to full, each once."""
        step = round(share * _STEPS)
        key = (expression, step)
        if key not in self._drawn:
            strength = self._strength * step / _STEPS
            self._drawn[key] = draw_face(self._looks, EXPRESSIONS[expression].scaled(strength), SIDE_PX)
        return self._drawn[key]

    def shows(self, evokes: str) -> str:
        """What they feel."""
        return self._felt[evokes]

    def answers(self, evokes: str) -> Mapping[str, Mapping[str, str]]:
        """Points of nine: around the place of what is felt, with a deviation of one point."""
        felt = self._felt[evokes]
        place = dict(zip(DIMENSIONS, CLASSROOM_VAD[felt], strict=True))
        return {
            "felt": {name: self._point(5 + 4 * place[name]) for name in DIMENSIONS},
            "which": {"emotion": felt, "intensity": self._point(9 * self._strength)},
            "learning": {name: self._point(5 + 2 * place["valence"]) for name in ASPECT_COLUMNS},
        }

    def _point(self, mean: float) -> str:
        return str(int(np.clip(round(self._rng.normal(mean, 1.0)), 1, 9)))


def actors(form: Form, participants: int, london: Path | None) -> list[Actor]:
    """Who takes part.

    Raises:
        InputError: the London set is not there, or holds fewer people.
    """
    if form.name == "synthetic":
        return [DrawnActor(seed) for seed in range(1, participants + 1)]
    return [LondonActor(*pair) for pair in _pairs(london, participants)]


def _pairs(london: Path | None, participants: int) -> list[tuple[Path, Path]]:
    if london is None or not (london / "london.csv").is_file():
        raise InputError(f"{london}: expected the folder of the London set with london.csv; name it with --london")
    photos: dict[str, dict[str, Path]] = {}
    with (london / "london.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            photos.setdefault(row["subject"], {})[row["expression"]] = london / row["path"]
    pairs = [(both["neutral"], both["smiling"]) for _, both in sorted(photos.items()) if len(both) == 2]
    if len(pairs) < participants:
        raise InputError(f"{london}: holds {len(pairs)} people, {participants} are wanted; ask for fewer")
    return pairs[:participants]
