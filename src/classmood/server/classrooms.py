"""All open classes of one server, and what belongs to the server as a whole: records, keys, limits, deployment."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import logging
import time
from typing import Final

from classmood.errors import InputError
from classmood.server.classroom import Classroom
from classmood.server.gate import Deployment, read_deployment
from classmood.server.gatekeeper import Gatekeeper, sight
from classmood.server.limits import Sockets, Tries
from classmood.server.past import Past, read_past
from classmood.server.records import Records, utc_now
from classmood.server.settings import Settings
from classmood.server.tokens import Keyring, Links, plain_code
from classmood.store import StoredSession

_CHECK_S: Final = 60.0
log = logging.getLogger(__name__)


class Classrooms:
    """The server without its web: it can be opened, asked and closed in one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Open database, audit log and keys.

        Raises:
            ClassmoodError: one of them, or the deployment file, cannot be used.
        """
        self.settings = settings
        deployment = stated_deployment(settings)
        self.gatekeeper = Gatekeeper(deployment, settings.release.k)
        self.records = Records(settings)
        self.keyring = Keyring.open(settings.beside(".key"))
        self.links = Links(settings.beside(".links"))
        self.join_tries = Tries(settings.join_tries_per_address, settings.join_tries)
        self.consents = Tries(settings.consents_per_address, 10 * settings.consents_per_address)
        # The audit log tells to the minute that models were asked for in vain; more entries would only fill the disk.
        self.refused_models = Tries(1, 1)
        self.sockets = Sockets(settings.sockets_per_address, settings.sockets)
        self._rooms: dict[str, Classroom] = {}
        self._closing = asyncio.Lock()
        self._chores: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with the classes that were open, and look after what is over from now on."""
        await self.records.log("server started")
        await self.records.log("inference permitted" if self.gatekeeper.allowed else "inference denied")
        await self._apply_retention()
        for session in await self.records.do(self.records.store.sessions):
            if session.closed is None:
                elapsed_s = (utc_now() - opened_utc(session)).total_seconds()
                past = await self.records.do(read_past, self.records.store, session.id, max(elapsed_s, 0.0))
                self._begin(session, past)
        await self._close_overdue()
        self._chores = asyncio.get_running_loop().create_task(self._look_after())
        log.info("server started", extra={"open_sessions": len(self._rooms), "camera": self.gatekeeper.allowed})

    async def stop(self) -> None:
        """Stop all; open classes stay open on the disk."""
        if self._chores is not None:
            self._chores.cancel()
            await asyncio.gather(self._chores, return_exceptions=True)
        for room in list(self._rooms.values()):
            await room.stop()
        self.records.close()

    async def open(self, class_size: int | None) -> StoredSession:
        """Open a class under today's profile."""
        keeper, records = self.gatekeeper, self.records
        keep_days = keeper.deployment.retention_days
        session = await records.do(records.open_session, keeper.profile, keep_days=keep_days, class_size=class_size)
        # The tables hold whole seconds: the class's clock counts from what they hold, before a kill as after it.
        self._begin(session, Past(elapsed_s=max((utc_now() - opened_utc(session)).total_seconds(), 0.0)))
        log.info("session opened", extra={"open_sessions": len(self._rooms)})
        return session

    async def close(self, identity: str) -> None:
        """End a class; what was released stays. One whose end cannot be written goes on, and can be ended again."""
        # Of two who end one class the second waits, and finds that it is over.
        async with self._closing:
            if identity not in self._rooms:
                return
            try:
                await self.records.do(self.records.close_session, identity)
            except InputError:
                # Erased in between: there is nothing left to write, and nobody is to sit in a class that is gone.
                log.info("a session that was erased is ended")
            room = self._rooms.pop(identity, None)
        if room is not None:
            await room.end()
        log.info("session closed", extra={"open_sessions": len(self._rooms)})

    async def erase(self, identity: str) -> None:
        """Erase a class and all that belongs to it; an open one ends."""
        room = self._rooms.pop(identity, None)
        if room is not None:
            await room.end()
        await self.records.do(self.records.erase_session, identity)

    def room(self, identity: str) -> Classroom | None:
        """An open class."""
        return self._rooms.get(identity)

    def camera_allowed(self, profile: str) -> bool:
        """Whether a class that was opened under a profile may use cameras today, under today's."""
        return self.gatekeeper.allowed and self.gatekeeper.profile == profile

    def find(self, code: str) -> Classroom | None:
        """The open class of a code as typed. All are compared, so that the time tells nothing."""
        typed = plain_code(code).encode("utf-8", "surrogatepass")
        found = None
        for identity, room in self._rooms.items():
            if hmac.compare_digest(plain_code(self.keyring.join_code(identity)).encode(), typed):
                found = room
        return found

    async def consent_stands(self, participant: str) -> bool:
        """Whether someone has agreed, and has neither withdrawn nor been erased."""
        receipts = await self.records.do(self.records.store.receipts, participant)
        return any(receipt.withdrawn is None for receipt in receipts)

    def _begin(self, session: StoredSession, past: Past) -> None:
        room = Classroom(
            session.id,
            sight(session.profile),
            self.settings,
            self.records,
            camera_allowed=lambda: self.camera_allowed(session.profile),
            class_size=session.class_size,
            past=past,
        )
        self._rooms[session.id] = room
        room.start()

    async def _look_after(self) -> None:
        """Close what nobody closed; once a day erase what is over."""
        day = utc_now().date()
        while True:
            await asyncio.sleep(_CHECK_S)
            try:
                await self._close_overdue()
                if utc_now().date() != day:
                    await self._apply_retention()
                    day = utc_now().date()
            except Exception as error:
                # Whatever it was: without this task nothing is erased any more when its time is over.
                log.exception(
                    "closing or erasing what is over failed; it is tried again", extra={"kind": type(error).__name__}
                )

    async def _close_overdue(self) -> None:
        for identity, room in list(self._rooms.items()):
            if room.time_s >= self.settings.longest_session_s:
                await self.close(identity)

    async def _apply_retention(self) -> None:
        over = await self.records.do(self.records.apply_retention, utc_now().date())
        for identity in over:
            room = self._rooms.pop(identity, None)
            if room is not None:
                await room.end()
        if over:
            log.info("retention applied", extra={"sessions": len(over)})


def stated_deployment(settings: Settings) -> Deployment | None:
    """The deployment file's content; None where there is no file.

    Raises:
        DeploymentError: there is one and it is wrong: a server that was meant to have a profile does not start without.
    """
    return read_deployment(settings.deployment) if settings.deployment.exists() else None


def opened_utc(session: StoredSession) -> dt.datetime:
    """When a session was opened, with its zone."""
    return session.opened.replace(tzinfo=dt.UTC)


def now_s() -> float:
    """Unix time, by which tokens end."""
    return time.time()
