"""The clips of a study: each stretch of a participant's video in which a scenario was on, or a resting face.

A video's own clock is the session's: a frame stamped 65 s was taken in second 65 of the participant's session. Between
what is recorded there may be nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from classmood.dataset.folder import read_events, read_table
from classmood.dataset.layout import MEDIA, PARTICIPANTS, media_file
from classmood.emotions import DIMENSIONS, NEUTRAL
from classmood.errors import InputError
from classmood.selfreport import POINTS, number

# No id of a protocol has an underscore.
RESTING: Final = "resting_face"


@dataclass(frozen=True, slots=True)
class RecordedClip:
    """A stretch of a video and what is known of it.

    Attributes:
        participant: their id.
        scenario: its id; ``RESTING`` for the resting face.
        evokes: the emotion that was meant; neutral for the resting face.
        emotion: the one that the participant chose, "" where none.
        ratings: valence, arousal, dominance in [-1, 1], NaN where not given: point 1 is -1, 5 is 0, 9 is 1.
        start_s, end_s: by the session's clock.
    """

    participant: str
    course: str
    scenario: str
    evokes: str
    emotion: str
    ratings: tuple[float, float, float]
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Recording:
    """One participant's video and the clips in it."""

    participant: str
    video: Path
    clips: tuple[RecordedClip, ...]


def read_recordings(folder: Path) -> tuple[Recording, ...]:
    """All participants of a dataset who have a video, in the order of their rows.

    Raises:
        InputError: the folder cannot be read, or nobody has a video.
    """
    rows = read_table(folder / PARTICIPANTS)
    videos = videos_of(folder)
    found = [
        Recording(row["participant_id"], video, _clips(folder, row["participant_id"], row["course"]))
        for row in rows
        if (video := videos.get(row["participant_id"]))
    ]
    if not found:
        raise InputError(
            f"{folder}: expected participants with a video, got {len(rows)} without; crops are cut from videos, which "
            'are kept where the protocol says recording = "video" and the participant agreed'
        )
    return tuple(found)


def videos_of(folder: Path) -> dict[str, Path]:
    """The video of each participant of a dataset who has one.

    Raises:
        InputError: the folder cannot be read.
    """
    found = {}
    for row in read_table(folder / PARTICIPANTS):
        who = row["participant_id"]
        paths = [folder / media_file(who, "video", ending) for ending in MEDIA["video"]]
        if video := next((path for path in paths if path.is_file()), None):
            found[who] = video
    return found


def _clips(folder: Path, who: str, course: str) -> tuple[RecordedClip, ...]:
    events = read_events(folder, who)
    answers: dict[str, dict[str, str]] = {}
    for event in events:
        if event.scenario and event.answers:
            answers.setdefault(event.scenario, {}).update(event.answers)
    clips = []
    for event in events:
        if event.trial_type == "baseline":
            meant = (RESTING, NEUTRAL)
        elif event.trial_type == "stimulus":
            meant = (event.scenario, event.evokes)
        else:
            continue
        said = answers.get(event.scenario, {}) if event.scenario else {}
        valence, arousal, dominance = (_centred(said.get(name, "")) for name in DIMENSIONS)
        end_s = event.onset_s + event.duration_s
        ratings = (valence, arousal, dominance)
        clips.append(RecordedClip(who, course, *meant, said.get("emotion", ""), ratings, event.onset_s, end_s))
    return tuple(clips)


def _centred(text: str) -> float:
    middle = (POINTS + 1) / 2
    return (number(text) - middle) / (middle - 1)
