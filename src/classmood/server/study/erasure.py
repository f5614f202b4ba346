"""A participant without a trace: recordings, exports, rows; and which models were trained on their data.

The rows go last: they say that an erasure is under way, so that one that was broken off is finished at the next start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from classmood.dataset.folder import erase_participant as erase_from_dataset
from classmood.dataset.folder import read_table
from classmood.dataset.layout import PARTICIPANTS
from classmood.dataset.trained import forget_participant, models_of
from classmood.server.records import Records
from classmood.server.study.recordings import Recordings
from classmood.studies import StoredParticipant, Studies


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure found.

    Attributes:
        exports: folders from which the participant was removed.
        missing: folders that are not there any more: where they went, the participant is still in them.
        models: models that were trained on the participant's data, as the exports know them.
    """

    exports: tuple[str, ...]
    missing: tuple[str, ...]
    models: tuple[str, ...]


def erase_participant(
    records: Records, studies: Studies, recordings: Recordings, participant: StoredParticipant
) -> Erased:
    """Erase a participant down to the bytes.

    Raises:
        OutputError: a file cannot be removed; the participant stays marked, and the next start tries again.
    """
    studies.set_state(participant.id, "erasing")
    cleaned: list[str] = []
    missing: list[str] = []
    models: list[str] = []
    for folder in studies.exports(participant.session):
        path, who = Path(folder), f"sub-{participant.name}"
        if not (path / PARTICIPANTS).is_file():
            missing.append(folder)
            continue
        models += models_of(path, who)
        forget_participant(path, who)
        known = any(row["participant_id"] == who for row in read_table(path / PARTICIPANTS))
        if known or (path / who).is_dir() or (path / f".{who}").is_dir():
            erase_from_dataset(path, who)
            cleaned.append(folder)
    recordings.erase(participant.id)
    records.erase_student(participant.id, participant.session)
    return Erased(tuple(cleaned), tuple(missing), tuple(dict.fromkeys(models)))
