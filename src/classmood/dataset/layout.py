"""What a dataset's files are called, what their columns mean, and the sidecars that say so."""

from __future__ import annotations

import re
from typing import Final

from classmood.emotions import CLASSROOM_CLASSES
from classmood.selfreport import AGAIN, ASPECT_COLUMNS, RATED

FORMAT: Final = "classmood study"
FORMAT_VERSION: Final = 1
DESCRIPTION: Final = "dataset_description.json"
PROTOCOL: Final = "protocol.toml"
PARTICIPANTS: Final = "participants.tsv"
PARTICIPANTS_SIDECAR: Final = "participants.json"
EVENTS_SIDECAR: Final = "events.json"
CHECKSUMS: Final = "checksums.sha256"
NONE: Final = "n/a"

PARTICIPANT_ID: Final = re.compile(r"^sub-[0-9A-Za-z]{1,32}$")
TRIAL_TYPES: Final = ("baseline", "class", "rest", "stimulus", "page", "debrief", "repair")
MEDIA: Final = {"video": ("webm", "mp4"), "features": ("csv",)}

ANSWERS: Final = ("emotion", *RATED, "score")
EVENT_COLUMNS: Final = (
    "onset",
    "duration",
    "trial_type",
    "phase",
    "scenario",
    "evokes",
    "stimulus",
    "page",
    "browser_onset",
    *ANSWERS,
)
PARTICIPANT_COLUMNS: Final = ("participant_id", "number", "course", "recording", "consent", "session_date", "completed")

_NINE: Final = "point from 1 to 9"
EVENTS: Final[dict[str, dict[str, object]]] = {
    "onset": {"Description": "when it began, by the session's clock, which is the server's", "Units": "s"},
    "duration": {"Description": "how long it was shown", "Units": "s"},
    "trial_type": {
        "Description": "what was shown",
        "Levels": {
            "baseline": "a resting face was asked for",
            "class": "a lesson",
            "rest": "nothing",
            "stimulus": "a scenario's stimulus",
            "page": "questions; the row holds the answers",
            "debrief": "what the study is about",
            "repair": "something pleasant to end with",
        },
    },
    "phase": {"Description": "id of the protocol's phase"},
    "scenario": {"Description": "id of the scenario, n/a outside of one"},
    "evokes": {"Description": "the emotion that the scenario is meant to evoke"},
    "stimulus": {"Description": "id of the stimulus"},
    "page": {"Description": "id of the page of questions"},
    "browser_onset": {"Description": "when it began, by the browser's clock, from the same zero", "Units": "s"},
    "emotion": {"Description": "the emotion chosen", "Levels": {name: name for name in CLASSROOM_CLASSES}},
    "valence": {"Description": "Self-Assessment Manikin, unpleasant to pleasant", "Units": _NINE},
    "arousal": {"Description": "Self-Assessment Manikin, calm to stirred up", "Units": _NINE},
    "dominance": {"Description": "Self-Assessment Manikin, controlled to in control", "Units": _NINE},
    **{name: {"Description": f"{name.split('_')[0]}, asked a second time", "Units": _NINE} for name in AGAIN},
    "intensity": {"Description": "how strong the chosen emotion was", "Units": _NINE},
    **{
        name: {"Description": f"learning effect: {name.removeprefix('aspect_').replace('_', ' ')}", "Units": _NINE}
        for name in ASPECT_COLUMNS
    },
    "score": {"Description": "share of the scenario's task that was right", "Units": "share from 0 to 1"},
}
PARTICIPANT_FIELDS: Final[dict[str, dict[str, object]]] = {
    "participant_id": {"Description": "a pseudonym; no list of names is kept here"},
    "number": {"Description": "place in the study, from 1; it decides the order of scenarios", "Units": "1"},
    "course": {"Description": "the course that the participant comes from"},
    "recording": {
        "Description": "what the participant agreed to have kept",
        "Levels": {"none": "answers alone", "features": "numbers from the face, no picture", "video": "video"},
    },
    "consent": {"Description": "id of the receipt of consent"},
    "session_date": {"Description": "day of the session", "Units": "YYYY-MM-DD"},
    "completed": {"Description": "whether the session was gone through to its end", "Levels": {"yes": "", "no": ""}},
}


def events_file(participant: str) -> str:
    """Where a participant's events lie, from the dataset's folder."""
    return f"{participant}/{participant}_events.tsv"


def media_file(participant: str, kind: str, ending: str) -> str:
    """Where a participant's video or features lie."""
    return f"{participant}/{participant}_{kind}.{ending}"
