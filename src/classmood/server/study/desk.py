"""Everything that a running study holds. What must be right before anybody takes part is checked when it is opened."""

from __future__ import annotations

import asyncio
import hmac
import logging
from pathlib import Path
from typing import Final

from classmood.errors import ClassmoodError, InputError
from classmood.experiment.check import open_protocol
from classmood.experiment.protocol import ProtocolError
from classmood.experiment.registration import check_registered
from classmood.experiment.rules import file_hash
from classmood.experiment.schedule import Schedule, schedule
from classmood.server.classrooms import stated_deployment
from classmood.server.gate import NotPermitted, check_protocol
from classmood.server.gatekeeper import Gatekeeper
from classmood.server.limits import Tries
from classmood.server.records import Records, utc_now
from classmood.server.settings import Settings
from classmood.server.study.erasure import Erased, erase_participant
from classmood.server.study.papers import Paper, PaperName, fill_paper, read_paper
from classmood.server.study.recordings import MOST_BYTES, BadPart, Recordings
from classmood.server.tokens import Keyring, Links, plain_code
from classmood.studies import StoredParticipant, Studies

PROFILE: Final = "research"
_CHECK_S: Final = 3600.0
log = logging.getLogger(__name__)


class Desk:
    """A study that is running: protocol, texts, records, keys."""

    def __init__(
        self, settings: Settings, path: Path, *, consent: Path | None = None, guardian: Path | None = None
    ) -> None:
        """Open a study; nothing is begun where anything is wrong.

        Args:
            settings: of the server.
            path: the protocol's file, which was frozen before.
            consent: a text of one's own instead of the one that is filled from the deployment.
            guardian: the same for guardians.

        Raises:
            NotPermitted: the deployment is not one for research, is denied, or names another protocol.
            ProtocolError: the protocol has a mistake, was not frozen, was changed since, or a stimulus file is missing.
            ClassmoodError: database, keys or texts cannot be used.
        """
        deployment = stated_deployment(settings)
        if deployment is None:
            raise NotPermitted(
                f"{settings.deployment}: is not there, and a study runs under the profile {PROFILE!r} alone; "
                "'classmood serve --init' writes it"
            )
        self.gatekeeper = Gatekeeper(deployment, settings.release.k)
        if deployment.profile != PROFILE:
            raise NotPermitted(
                f"{settings.deployment}: a study runs under the profile {PROFILE!r} alone, got {deployment.profile!r}; "
                "state the approval with 'classmood serve --init'"
            )
        self.gatekeeper.permit()
        self.path = path
        self.protocol = open_protocol(path)
        check_protocol(deployment, path)
        self.registration = check_registered(path)
        self.settings = settings
        self.papers: dict[PaperName, Paper] = {
            "consent": read_paper("consent", consent) if consent else fill_paper("consent", deployment, self.protocol),
            "guardian": read_paper("guardian", guardian)
            if guardian
            else fill_paper("guardian", deployment, self.protocol),
        }
        self.records = Records(settings)
        self.studies = Studies(self.records.store)
        self.recordings = Recordings(settings.recordings_folder)
        self.keyring = Keyring.open(settings.beside(".key"))
        self.links = Links(settings.beside(".links"))
        self.join_tries = Tries(settings.join_tries_per_address, settings.join_tries)
        head = self.protocol.protocol
        self.study = self.studies.open(
            self.registration.sha256,
            head.name,
            path.read_text(encoding="utf-8"),
            utc_now(),
            keep_days=deployment.retention_days,
        )
        self._chores: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make up for what a kill left half done, and look after what is over from now on."""
        await self.records.log("server started")
        await self.records.log("inference permitted")
        await self.records.do(self._make_up)
        self._chores = asyncio.get_running_loop().create_task(self._look_after())

    async def stop(self) -> None:
        """Stop; the study goes on with the next start."""
        if self._chores is not None:
            self._chores.cancel()
            await asyncio.gather(self._chores, return_exceptions=True)
        self.records.close()

    def check_running(self) -> None:
        """Whether anybody may take part now: the permission holds, and all that is shown is there.

        Raises:
            NotPermitted: the permission is over.
            ProtocolError: a stimulus file is missing or was changed; it is named.
        """
        self.gatekeeper.permit()
        if not self.path.is_file() or file_hash(self.path) != self.registration.sha256:
            raise ProtocolError(f"{self.path}: the protocol is not what was frozen any more; restore it")
        check_registered(self.path)

    def note_problem(self, error: ClassmoodError) -> None:
        """Log what kept a participant from starting; the researcher's page shows it in words."""
        log.error("a participant could not start", extra={"kind": type(error).__name__})

    def planned(self, participant: StoredParticipant) -> Schedule:
        """A participant's steps."""
        return schedule(self.protocol, participant.number)

    def records_of(self, participant: StoredParticipant) -> bool:
        """Whether this participant is recorded: the protocol says so, and they agreed."""
        return participant.records and self.protocol.protocol.recording != "none"

    def code(self, participant: StoredParticipant) -> str:
        """The code by which a participant comes in."""
        return self.keyring.join_code(participant.id)

    def find(self, code: str, participants: list[StoredParticipant]) -> StoredParticipant | None:
        """Whose code it is. All are compared, so that the time tells nothing."""
        typed = plain_code(code).encode("utf-8", "surrogatepass")
        found = None
        for one in participants:
            if hmac.compare_digest(plain_code(self.code(one)).encode(), typed):
                found = one
        return found

    def keep_part(
        self, identity: str, attempt: int, step: int, part: int, content: bytes, sha256: str, received_s: float
    ) -> None:
        """Keep a part of a recording: its consent, its bytes, its row, in one call, so that no erasure comes between.

        Raises:
            InputError: no consent to recording is on file, or the participant has not started or was erased.
            BadPart: it is damaged, another one is kept under its number, or there are too many.
            OutputError: it cannot be written.
        """
        self.studies.check_recording(identity, attempt)
        kept = {(one.attempt, one.step, one.part): one for one in self.studies.chunks(identity)}
        there = kept.get((attempt, step, part))
        if there is not None:
            if there.sha256 != sha256:
                raise BadPart("another part is kept under this number; a recording is never changed")
            return
        if sum(one.length for one in kept.values()) + len(content) > MOST_BYTES:
            raise BadPart(f"expected at most {MOST_BYTES} bytes of recordings of one participant")
        chunk = self.recordings.keep(identity, attempt, step, part, content, sha256)
        self.studies.add_chunk(identity, chunk, received_s)

    def erase(self, participant: StoredParticipant) -> Erased:
        """Erase a participant; on the records' thread."""
        return erase_participant(self.records, self.studies, self.recordings, participant)

    def _make_up(self) -> None:
        over = self.records.store.apply_retention(utc_now().date())
        if over:
            self.records.log_now("retention applied")
        known = []
        for study in self.studies.studies():
            for one in self.studies.participants(study.session):
                if one.state == "erasing":
                    self.erase(one)
                else:
                    known.append(one.id)
        # Before the study that is over is refused: its recordings are not to outlive it.
        self.recordings.sweep(known)
        if self.study.session in over:
            raise InputError(
                f"{self.path}: the study's data were kept for as long as the deployment says and are erased; start "
                "again for a new study"
            )

    async def _look_after(self) -> None:
        day = utc_now().date()
        while True:
            await asyncio.sleep(_CHECK_S)
            if utc_now().date() != day:
                day = utc_now().date()
                try:
                    await self.records.do(self._make_up)
                except Exception as error:
                    log.exception(
                        "erasing what is over failed; it is tried again", extra={"kind": type(error).__name__}
                    )
