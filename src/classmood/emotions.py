"""The emotions: label sets, their order, colours, places in valence-arousal-dominance, and other sets' spellings.

Sources: the eight emotions are the paper's Figure 1, which is Plutchik's wheel through translation; coordinates are
Russell and Mehrabian 1977, doi:10.1016/0092-6566(77)90037-X, each in [-1, 1] with neutral at the origin; the face
classes are FER+ (Barsoum et al. 2016, doi:10.1145/2993148.2993165).

No public face set is labelled appreciation or caution. A model trained on FER+ *measures* the other six and neutral;
appreciation and caution are *derived* from the coordinates (see ``classmood.classifier``) and marked as such.
"""

from __future__ import annotations

from typing import Final

NEUTRAL: Final = "neutral"
# The paper's order (its Figure 1), which is the order of every table and wheel here.
EMOTIONS: Final = ("joy", "appreciation", "terror", "surprise", "grief", "disdain", "fury", "caution")
CLASSROOM_CLASSES: Final = (NEUTRAL, *EMOTIONS)
DERIVED: Final = ("appreciation", "caution")
MEASURED: Final = tuple(name for name in CLASSROOM_CLASSES if name not in DERIVED)
DIMENSIONS: Final = ("valence", "arousal", "dominance")

# The paper's word is its translation's; the standard term is what the field says.
STANDARD_TERM: Final = {
    "neutral": "neutral",
    "joy": "joy",
    "appreciation": "trust",
    "terror": "fear",
    "surprise": "surprise",
    "grief": "sadness",
    "disdain": "disgust",
    "fury": "anger",
    "caution": "anticipation",
    "valence": "response efficacy",
    "arousal": "stimulus",
    "dominance": "dominance",
}

# Distinct also for colour-blind readers: hues from Okabe and Ito 2008 and Paul Tol's muted set, ordered by the wheel.
COLOURS: Final = {
    "neutral": "#8A8A8A",
    "joy": "#E69F00",
    "appreciation": "#117733",
    "terror": "#332288",
    "surprise": "#56B4E9",
    "grief": "#0072B2",
    "disdain": "#AA3377",
    "fury": "#D55E00",
    "caution": "#999933",
}

FERPLUS_CLASSES: Final = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)

# What a model of either kind of labels measures.
CLASSES_OF: Final = {"ferplus": FERPLUS_CLASSES, "classroom": CLASSROOM_CLASSES}

# Which classroom class a FER+ class counts for; disgust and contempt add up to disdain.
FERPLUS_TO_CLASSROOM: Final = {
    "neutral": "neutral",
    "happiness": "joy",
    "surprise": "surprise",
    "sadness": "grief",
    "anger": "fury",
    "disgust": "disdain",
    "fear": "terror",
    "contempt": "disdain",
}

# (valence, arousal, dominance) of each FER+ class: joyful, surprised, sad, enraged, disgusted, terrified, contempt.
FERPLUS_VAD: Final = {
    "neutral": (0.0, 0.0, 0.0),
    "happiness": (0.76, 0.48, 0.35),
    "surprise": (0.40, 0.67, -0.13),
    "sadness": (-0.63, -0.27, -0.33),
    "anger": (-0.44, 0.72, 0.32),
    "disgust": (-0.60, 0.35, 0.11),
    "fear": (-0.62, 0.82, -0.43),
    "contempt": (-0.23, 0.31, 0.18),
}

# Appreciation is Russell and Mehrabian's "appreciative", caution the midpoint of "alert" and "suspicious".
CLASSROOM_VAD: Final = {
    "neutral": (0.0, 0.0, 0.0),
    "joy": (0.76, 0.48, 0.35),
    "appreciation": (0.55, 0.07, -0.14),
    "terror": (-0.62, 0.82, -0.43),
    "surprise": (0.40, 0.67, -0.13),
    "grief": (-0.63, -0.27, -0.33),
    "disdain": (-0.60, 0.35, 0.11),
    "fury": (-0.44, 0.72, 0.32),
    "caution": (0.12, 0.50, 0.28),
}

_SPELLINGS: Final = {
    "neutral": ("neutral", "neutrality", "calm", "none", "ne"),
    "happiness": ("happiness", "happy", "joy", "joyful", "smiling", "smile", "ha", "enjoyment"),
    "surprise": ("surprise", "surprised", "su"),
    "sadness": ("sadness", "sad", "grief", "sa"),
    "anger": ("anger", "angry", "fury", "rage", "an"),
    "disgust": ("disgust", "disgusted", "di"),
    "fear": ("fear", "fearful", "afraid", "terror", "scared", "fe"),
    "contempt": ("contempt", "contemptuous", "co"),
}
_FERPLUS_BY_SPELLING: Final = {spelling: name for name, all_ in _SPELLINGS.items() for spelling in all_}
_CLASSROOM_ONLY: Final = {
    "disdain": "disdain",
    "distain": "disdain",
    "appreciation": "appreciation",
    "caution": "caution",
}


class UnknownLabel(ValueError):
    """A label that no spelling matches."""

    def __init__(self, label: str, expected: tuple[str, ...]) -> None:
        super().__init__(
            f"unknown label {label!r}; expected one of {', '.join(expected)}, or a common spelling of them"
        )


def ferplus_class(label: str) -> str:
    """The FER+ class that a data set's label means, whatever its spelling and case.

    Raises:
        UnknownLabel: no FER+ class is meant.
    """
    try:
        return _FERPLUS_BY_SPELLING[label.strip().lower()]
    except KeyError:
        raise UnknownLabel(label, FERPLUS_CLASSES) from None


def classroom_class(label: str) -> str:
    """The classroom class that a data set's label means; disgust and contempt are both disdain.

    Raises:
        UnknownLabel: no classroom class is meant.
    """
    spelled = label.strip().lower()
    if spelled in _CLASSROOM_ONLY:
        return _CLASSROOM_ONLY[spelled]
    try:
        return FERPLUS_TO_CLASSROOM[_FERPLUS_BY_SPELLING[spelled]]
    except KeyError:
        raise UnknownLabel(label, CLASSROOM_CLASSES) from None
