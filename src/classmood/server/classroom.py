"""One class in memory: who is connected, what they sent, the releases at their interval, and what is told to whom.

Everything here runs on the event loop. Nothing waits for a client: what is sent goes into a bounded queue of the
connection (``Peer.send``), and a connection that does not empty it is ended. What is released is on the disk before
anybody sees it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, runtime_checkable

from classmood.errors import ClassmoodError
from classmood.server.class_releases import ClassReleases
from classmood.server.gatekeeper import Sight
from classmood.server.limits import StudentLimits
from classmood.server.messages import (
    LARGEST_STUDENT_BYTES,
    Leave,
    MessageRefused,
    Pause,
    Press,
    Reading,
    Refusal,
    StudentState,
    TeacherEnded,
    TeacherNudge,
    TeacherRelease,
    read_message,
    write_message,
)
from classmood.server.nudges import Nudge, Nudges
from classmood.server.past import Past, write_nudge
from classmood.server.records import Records
from classmood.server.release import Release
from classmood.server.settings import Settings
from classmood.server.tokens import Mode
from classmood.server.waiting_rows import WaitingRows

LEFT: Final = 1000
REFUSED_TOO_OFTEN: Final = 4400
UNKNOWN: Final = 4401
ANOTHER_TAB: Final = 4409
OVER: Final = 4410
log = logging.getLogger(__name__)


@runtime_checkable
class Peer(Protocol):
    """A connection, as a class sees it. Neither method waits."""

    def send(self, text: str) -> None:
        """Put a message into the queue; a full queue ends the connection."""

    def end(self, code: int) -> None:
        """Send what is in the queue, then close with a code."""


Reason = Literal["size", "rate", "schema", "denied", "ended"]


@dataclass
class _Student:
    mode: Mode
    peer: Peer | None = None
    paused: bool = False
    told: StudentState | None = None
    limits: StudentLimits = field(default_factory=StudentLimits)
    lapsing: asyncio.TimerHandle | None = None


class Classroom:
    """One class session."""

    def __init__(
        self,
        identity: str,
        sight: Sight,
        settings: Settings,
        records: Records,
        *,
        camera_allowed: Callable[[], bool],
        class_size: int | None = None,
        past: Past | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        past = past or Past()
        self.identity = identity
        self.sight = sight
        self.class_size = class_size
        self._settings = settings
        self._records = records
        self._camera_allowed = camera_allowed
        self._clock = clock
        self._began = clock() - past.elapsed_s
        self._students: dict[str, _Student] = {}
        self._rows = WaitingRows(records)
        self._teachers: set[Peer] = set()
        # Where nobody may see the class, nothing is computed of it.
        self._releases = (
            ClassReleases(settings.release, class_size=class_size, first=past.first)
            if sight.live or sight.after
            else None
        )
        self.nudges = Nudges(
            settings.nudges, settings.release.for_nudges(), given=past.nudges, cameras=camera_allowed()
        )
        for mark in past.marks:
            self.nudges.mark(mark)
        for number, usefulness in past.answers:
            self.nudges.answer(number, usefulness)
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def time_s(self) -> float:
        """The class's clock: since the session was opened."""
        return round(self._clock() - self._began, 3)

    @property
    def camera_allowed(self) -> bool:
        """Whether cameras may be used in this class today."""
        return self._camera_allowed()

    def full(self, who: str) -> bool:
        """Whether there is no room for one more student."""
        return who not in self._students and len(self._students) >= self._settings.most_students

    def enter(self, who: str, mode: Mode, peer: Peer) -> None:
        """A student comes, or comes back; of two tabs the later one counts."""
        student = self._students.get(who)
        if student is None:
            student = self._students[who] = _Student(mode)
            if self._releases:
                self._releases.join(who)
        if student.lapsing is not None:
            student.lapsing.cancel()
            student.lapsing = None
        if student.peer is not None and student.peer is not peer:
            student.peer.end(ANOTHER_TAB)
        student.peer, student.mode, student.told = peer, mode, None
        self._tell_state(who, student)

    def lose(self, who: str, peer: Peer) -> None:
        """A student's connection broke; the seat stays for ``grace_s``."""
        student = self._students.get(who)
        if student is None or student.peer is not peer:
            return
        student.peer = None
        student.lapsing = asyncio.get_running_loop().call_later(self._settings.grace_s, self._leave, who)

    def take(self, who: str, peer: Peer, text: str | bytes) -> None:
        """Take what a student sent, or refuse it; from a tab that was left behind nothing is taken."""
        student = self._students.get(who)
        if student is None or student.peer is not peer:
            return
        found = self._read(student, text)
        if isinstance(found, str):
            peer.send(write_message(Refusal(v=1, reason=found)))
            if student.limits.refused():
                peer.end(REFUSED_TOO_OFTEN)
            return
        student.limits.taken()
        self._accept(who, student, found)

    def _read(self, student: _Student, text: str | bytes) -> Reason | Reading | Press | Pause | Leave:
        """The message, or the reason why it is refused."""
        if isinstance(text, bytes):
            return "schema"
        try:
            message = read_message(text)
        except MessageRefused:
            return "size" if len(text.encode("utf-8", "surrogatepass")) > LARGEST_STUDENT_BYTES else "schema"
        if isinstance(message, Reading) and not (student.mode == "camera" and self._camera_allowed()):
            return "denied"
        return message if student.limits.allows(message.type, self._clock()) else "rate"

    def _accept(self, who: str, student: _Student, message: Reading | Press | Pause | Leave) -> None:
        if isinstance(message, Leave):
            if student.peer is not None:
                student.peer.end(LEFT)
            self._leave(who)
            return
        time_s, releases = self.time_s, self._releases
        student.paused = isinstance(message, Pause)
        if releases:
            if isinstance(message, Pause):
                releases.pause(who)
            elif isinstance(message, Reading):
                releases.read(who, message.classroom(), not_sure=message.not_sure, time_s=time_s)
            else:
                if message.mood is not None:
                    releases.press_mood(who, message.mood, time_s)
                releases.press(who, message.pressed(), time_s)
        if self.sight.rows and self._camera_allowed() and not isinstance(message, Pause):
            self._rows.add(who, time_s, message.model_dump_json(exclude={"v"}))
        self._tell_state(who, student)

    def expel(self, who: str) -> None:
        """A student withdrew or erased: nothing of what they showed stays."""
        if self._releases:
            self._releases.erase(who)
        self._rows.drop(who)
        student = self._students.pop(who, None)
        if student is None:
            return
        if student.lapsing is not None:
            student.lapsing.cancel()
        if student.peer is not None:
            student.peer.end(UNKNOWN)

    def watch(self, peer: Peer) -> None:
        """A teacher's page comes."""
        self._teachers.add(peer)

    def unwatch(self, peer: Peer) -> None:
        """A teacher's page goes."""
        self._teachers.discard(peer)

    def start(self) -> None:
        """Begin to release at the interval."""
        if self._releases is not None and self._loop_task is None:
            self._loop_task = asyncio.get_running_loop().create_task(self._release_loop())

    async def stop(self) -> None:
        """Release no more, and keep what came since the last release; clients are not told (the server stops)."""
        await self._release_no_more()
        await self._rows.keep_last()

    async def _release_no_more(self) -> None:
        for student in self._students.values():
            if student.lapsing is not None:
                student.lapsing.cancel()
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
            self._loop_task = None

    async def end(self) -> None:
        """The class is over: all are told so."""
        await self._release_no_more()
        for teacher in self._teachers:
            teacher.send(write_message(TeacherEnded(v=1)))
            teacher.end(OVER)
        for student in self._students.values():
            if student.peer is not None:
                student.peer.end(OVER)
        await self._rows.keep_last()
        self._students, self._teachers = {}, set()

    async def close_interval(self) -> Release | None:
        """End an interval: keep the release, then tell it."""
        if self._releases is None:
            return None
        release = self._releases.close(self.time_s)
        nudge = self._suggest(self._releases.for_nudges) if self.sight.live else None
        await self._records.do(self._keep, release, nudge)
        if self.sight.live:
            self._tell_teachers(release, nudge)
        for who, student in list(self._students.items()):
            self._tell_state(who, student)
        await self._rows.keep()
        return release

    def _suggest(self, seen: Release) -> Nudge | None:
        """The nudge that is due; a suggestion that fails is no reason to keep a release back."""
        try:
            return self.nudges.take(seen)
        except Exception:
            log.exception("a nudge failed; the release goes out without one")
            return None

    def _keep(self, release: Release, nudge: Nudge | None) -> None:
        store = self._records.store
        store.add_release(self.identity, release.number, release.time_s, release.model_dump_json())
        if nudge is not None:
            store.add_nudge(self.identity, nudge.number, nudge.time_s, write_nudge(nudge))

    def _tell_teachers(self, release: Release, nudge: Nudge | None) -> None:
        texts = [write_message(TeacherRelease(v=1, release=release))]
        if nudge is not None:
            told = TeacherNudge(v=1, number=nudge.number, time_s=nudge.time_s, text=nudge.text, action=nudge.action)
            texts.append(write_message(told))
        for teacher in list(self._teachers):
            for text in texts:
                teacher.send(text)

    async def _release_loop(self) -> None:
        interval_s = self._settings.release.interval_s
        while True:
            # On the class's own grid, so that a slow disk does not stretch the intervals.
            next_s = (self.time_s // interval_s + 1) * interval_s
            while (left_s := next_s - self.time_s) > 0:
                await asyncio.sleep(left_s)
            try:
                await self.close_interval()
            except ClassmoodError as error:
                log.error("a release could not be kept, and is not sent", extra={"kind": type(error).__name__})
            except Exception:
                log.exception("a release failed; the next one follows")

    def _tell_state(self, who: str, student: _Student) -> None:
        if student.peer is None:
            return
        counted = self._releases is not None and self._releases.counts(who)
        state = StudentState(v=1, counted=counted, paused=student.paused, camera_allowed=self._camera_allowed())
        if state != student.told:
            student.told = state
            student.peer.send(write_message(state))

    def _leave(self, who: str) -> None:
        student = self._students.pop(who, None)
        if student is not None and student.lapsing is not None:
            student.lapsing.cancel()
        if self._releases:
            self._releases.leave(who, self.time_s)
