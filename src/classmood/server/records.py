"""The database and the audit log behind one thread, so that no socket waits for a disk, and no erasure for a reader.

An erasure rebuilds the database file, which a reader of the same process would hinder: all calls go one after another.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from classmood.errors import InputError, OutputError
from classmood.server.audit_log import Action, AuditLog, reference
from classmood.server.settings import Settings
from classmood.store import Receipt, Store, StoredSession

P = ParamSpec("P")
T = TypeVar("T")


def utc_now() -> dt.datetime:
    """Now, with its zone."""
    return dt.datetime.now(dt.UTC)


class Records:
    """What a server keeps on the disk. ``do`` is the only way to the store while the server runs."""

    def __init__(self, settings: Settings) -> None:
        """Open both.

        Raises:
            InputError: another server uses this database, or the audit log is broken.
            OutputError: one of them cannot be opened.
        """
        self._lock = _lock(settings.beside(".lock"))
        self.store = Store(settings.database_file or settings.database)
        try:
            self.store.database.claim()
        except BaseException:
            self.store.close()
            raise
        self.audit_log = AuditLog(settings.audit_log_file)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")

    async def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the store on its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: call(*args, **kwargs))

    async def log(self, action: Action, *, who: str = "", session: str = "") -> None:
        """Add to the audit log; ids become salted references here."""
        await self.do(self.log_now, action, who=who, session=session)

    def log_now(self, action: Action, *, who: str = "", session: str = "") -> None:
        """The same, on the store's thread or before there is one."""
        self._append(action, self._reference(who), self._reference(session))

    # What is done and that it was done are one call: a client that goes away in between leaves no half of it.

    def open_session(self, profile: str, *, keep_days: int, class_size: int | None) -> StoredSession:
        """Begin a session and log it."""
        identity = self.store.open_session(profile, utc_now(), keep_days=keep_days, class_size=class_size)
        self.log_now("session opened", session=identity)
        return self.store.session(identity)

    def close_session(self, session: str) -> None:
        """End a session and log it."""
        self.store.close_session(session, utc_now())
        self.log_now("session closed", session=session)

    def give_consent(self, session: str, document: str, version: str) -> tuple[str, Receipt]:
        """Keep a consent and log it; the pseudonym and the receipt."""
        participant, receipt = self.store.give_consent(session, document, version, utc_now())
        self.log_now("consent given", who=participant, session=session)
        return participant, receipt

    def withdraw_consent(self, participant: str, session: str) -> list[Receipt]:
        """End someone's consents and log it; the receipts."""
        self.store.withdraw_consent(participant, utc_now())
        self.log_now("consent withdrawn", who=participant, session=session)
        return self.store.receipts(participant)

    def apply_retention(self, today: dt.date) -> list[str]:
        """Erase the sessions whose time is over and log it; their ids."""
        over = self.store.apply_retention(today)
        if over:
            self.log_now("retention applied")
        return over

    def erase_student(self, participant: str, session: str) -> None:
        """Erase a student and log it: the reference is made while there is a salt."""
        who, where = self._reference(participant), self._reference(session)
        self.store.erase_student(participant)
        self._append("student erased", who, where)

    def erase_session(self, session: str) -> None:
        """Erase a session and log it."""
        where = self._reference(session)
        self.store.erase_session(session)
        self._append("session erased", "", where)

    def close(self) -> None:
        """Finish what is asked for and close the database."""
        self._thread.shutdown(wait=True)
        self.store.close()
        if self._lock is not None:
            self._lock.close()

    def _append(self, action: Action, who: str, session: str) -> None:
        self.audit_log.append(action, time=utc_now().strftime("%Y-%m-%dT%H:%MZ"), who=who, session=session)

    def _reference(self, identity: str) -> str:
        return reference(identity, self.store.salt(identity)) if identity else ""


def _lock(path: Path) -> IO[bytes] | None:
    """Hold a file as long as the process lives, so that two servers never write one audit log."""
    if os.name != "posix":
        return None
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.open("ab")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise InputError(
            f"{path}: another classmood serve uses this database; stop it, or name another with --database"
        ) from error
    return held
