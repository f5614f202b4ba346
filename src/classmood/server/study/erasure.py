"""A participant without a trace: recordings, exports, rows; and which models were trained on their data.

The rows go last: they say that an erasure is under way, so that one that was broken off is finished at the next start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
        path = Path(folder)
        if not path.is_dir():
            missing.append(folder)
            continue
        cleaned.append(folder)
    recordings.erase(participant.id)
    records.erase_student(participant.id, participant.session)
    return Erased(tuple(cleaned), tuple(missing), tuple(models))
