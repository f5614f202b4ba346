"""A study's data as a dataset's folder (``classmood.dataset``), which an erasure finds again."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from classmood.dataset.folder import Participant, add_participant, create_dataset, read_table
from classmood.dataset.layout import DESCRIPTION, PARTICIPANTS
from classmood.errors import InputError, OutputError
from classmood.experiment.check import open_protocol
from classmood.experiment.rules import file_hash
from classmood.experiment.schedule import schedule
from classmood.server.records import Records, utc_now
from classmood.server.study.film import join_film
from classmood.server.study.readings import write_readings
from classmood.server.study.recordings import Recordings, whole_runs
from classmood.server.study.telling import NothingShown, Telling, tell
from classmood.studies import StoredParticipant, StoredStudy, Studies

# Whoever is still taking part is written once they have ended.
ENDED: Final = ("finished", "stopped", "stopping")


@dataclass(frozen=True, slots=True)
class Exported:
    """One participant who was written.

    Attributes:
        id: in the dataset.
        telling: their session.
        recorded: videos that could be read, of how many.
        lost_parts: parts of recordings that came after one that never did, and cannot be read.
    """

    id: str
    telling: Telling
    recorded: tuple[int, int]
    lost_parts: int


@dataclass(frozen=True, slots=True)
class Export:
    """What came of an export.

    Attributes:
        written: who was written.
        left_out: ids, as they would be in the dataset, of those who ended before anything was shown.
    """

    written: tuple[Exported, ...]
    left_out: tuple[str, ...]


def export_study(records: Records, studies: Studies, recordings: Recordings, protocol: Path, folder: Path) -> Export:
    """Write all who have ended and are not in the folder yet.

    Args:
        records: of the server.
        studies: of the same database.
        recordings: of the same server.
        protocol: the file that was run.
        folder: a new one, or one that was exported to before.

    Returns:
        Who was written, and who ended without anything to write.

    Raises:
        InputError: the protocol was never run here, or the folder holds something else.
        OutputError: the folder cannot be written.
    """
    study = study_of(studies, protocol)
    # Noted first: an erasure must find also what a kill left half done.
    studies.add_export(study.session, str(folder.resolve()), utc_now())
    if not (folder / DESCRIPTION).is_file():
        create_dataset(folder, protocol)
    elif json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")).get("ProtocolSha256") != study.protocol_sha256:
        raise InputError(f"{folder}: holds a dataset of another protocol; choose another folder")
    there = {row["participant_id"] for row in read_table(folder / PARTICIPANTS)}
    written, left_out = [], []
    for one in studies.participants(study.session):
        if one.state in ENDED and f"sub-{one.name}" not in there:
            try:
                written.append(_export(records, studies, recordings, protocol, folder, one))
            except NothingShown:
                # Who was stopped at the door keeps nobody else out of the dataset.
                left_out.append(f"sub-{one.name}")
    records.log_now("exported", session=study.session)
    return Export(tuple(written), tuple(left_out))


def study_of(studies: Studies, protocol: Path) -> StoredStudy:
    """The study of a protocol's file.

    Raises:
        InputError: it cannot be read, or was never run here.
    """
    try:
        sha256 = file_hash(protocol)
    except OSError as error:
        raise InputError(f"{protocol}: cannot be read ({error.strerror}); give the protocol that was run") from error
    for study in studies.studies():
        if study.protocol_sha256 == sha256:
            return study
    raise InputError(f"{protocol}: nobody took part under this protocol in this database; give the one that was run")


def _export(
    records: Records, studies: Studies, recordings: Recordings, protocol: Path, folder: Path, who: StoredParticipant
) -> Exported:
    opened = open_protocol(protocol)
    telling = tell(opened, schedule(opened, who.number), studies.events(who.id))
    consents = [one for one in records.store.receipts(who.id) if one.document == "consent" and one.withdrawn is None]
    with tempfile.TemporaryDirectory(prefix="classmood-export-") as scratch:
        video = Path(scratch) / "video.webm"
        recorded, lost = _film(studies, recordings, who, telling, video)
        media = {"video": video} if video.is_file() else {}
        if telling.readings:
            media["features"] = write_readings(telling.readings, Path(scratch) / "features.csv")
        add_participant(
            folder,
            Participant(
                id=f"sub-{who.name}",
                number=who.number,
                course=opened.protocol.course,
                recording=opened.protocol.recording if who.records else "none",
                consent=consents[0].id if consents else "",
                session_date=telling.began.date(),
                completed=who.state == "finished",
                events=telling.events,
                media=media,
            ),
        )
    return Exported(f"sub-{who.name}", telling, recorded, lost)


def _film(
    studies: Studies, recordings: Recordings, who: StoredParticipant, telling: Telling, target: Path
) -> tuple[tuple[int, int], int]:
    """One video of all parts; how many recordings could be read of how many, and the parts that could not."""
    files, lost = [], 0
    for key, run, beyond in whole_runs(studies.chunks(who.id)):
        lost += beyond
        if run and key in telling.recordings:
            joined = target.with_name(f"{key[0]:03d}-{key[1]:04d}.webm")
            recordings.join(who.id, run, joined)
            files.append((telling.recordings[key], joined))
    if not files:
        return (0, 0), lost
    try:
        return (join_film(sorted(files), target), len(files)), lost
    except OutputError as error:
        raise OutputError(f"sub-{who.name}: {error}") from error
