"""Export to ELAN (Max Planck Institute for Psycholinguistics), to look at and to annotate a session by hand.

One .eaf file a participant, with tiers for what was shown, the scenario, what it was meant to evoke, and the answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from classmood.dataset.folder import Event, read_events, read_table
from classmood.dataset.layout import MEDIA, PARTICIPANTS, media_file
from classmood.errors import MissingExtra, OutputError

TIERS: Final = ("shown", "scenario", "meant to evoke", "answers")
_MIME: Final = {"webm": "video/webm", "mp4": "video/mp4"}


def write_elan(folder: Path, out: Path) -> list[Path]:
    """Write every participant's events as an .eaf file.

    Raises:
        MissingExtra: pympi-ling is not installed.
        InputError: the dataset cannot be read.
        OutputError: a file cannot be written.
    """
    try:
        from pympi.Elan import Eaf
    except ImportError as error:
        raise MissingExtra("exporting to ELAN", "experiment") from error
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for row in read_table(folder / PARTICIPANTS):
            who = row["participant_id"]
            eaf = Eaf(author="classmood")
            eaf.remove_tier("default")
            for tier in TIERS:
                eaf.add_tier(tier)
            for tier, start_ms, end_ms, words in _annotations(read_events(folder, who)):
                eaf.add_annotation(tier, start_ms, end_ms, words)
            for ending in MEDIA["video"]:
                video = folder / media_file(who, "video", ending)
                if video.is_file():
                    eaf.add_linked_file(str(video.resolve()), relpath=video.name, mimetype=_MIME[ending])
            path = out / f"{who}.eaf"
            # pympi would rename an older file to one that may be there too, which Windows refuses.
            path.unlink(missing_ok=True)
            eaf.to_file(str(path))
            written.append(path)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}); choose another folder") from error
    return written


def _annotations(events: tuple[Event, ...]) -> list[tuple[str, int, int, str]]:
    """Tier, beginning and end in milliseconds, and words; ELAN takes no annotation without length."""
    found = []
    spans: dict[str, tuple[int, int, str]] = {}
    for event in events:
        start_ms = round(1000 * event.onset_s)
        end_ms = max(round(1000 * (event.onset_s + event.duration_s)), start_ms + 1)
        shown = event.page or event.stimulus or event.phase
        found.append(("shown", start_ms, end_ms, f"{event.trial_type}: {shown}" if shown else event.trial_type))
        if event.answers:
            words = ", ".join(f"{name}={value}" for name, value in event.answers.items())
            found.append(("answers", start_ms, end_ms, words))
        if event.scenario:
            first, _, _ = spans.get(event.scenario, (start_ms, 0, ""))
            spans[event.scenario] = first, end_ms, event.evokes
    for scenario, (start_ms, end_ms, evokes) in spans.items():
        found.append(("scenario", start_ms, end_ms, scenario))
        if evokes:
            found.append(("meant to evoke", start_ms, end_ms, evokes))
    return found
