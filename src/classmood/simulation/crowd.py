"""All students of a drawn class at once, and a teacher who sets the marks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from classmood.errors import ClassmoodError
from classmood.simulation.client import Account, Client, Clock
from classmood.simulation.gateway import Server
from classmood.simulation.lesson import Lesson


@dataclass(frozen=True, slots=True)
class Teacher:
    """A simulated teacher with a session of their own.

    Attributes:
        server: where.
        token: from the one-time link.
        session: its id.
        code: with which students join.
    """

    server: Server
    token: str
    session: str
    code: str

    async def mark(self, kind: str, label: str) -> None:
        """Mark this moment; returns once it is on the server's disk."""
        await self.server.ask(
            "POST", f"/sessions/{self.session}/marks", {"kind": kind, "label": label}, bearer=self.token
        )

    async def close(self) -> None:
        """End the class."""
        await self.server.ask("POST", f"/sessions/{self.session}/close", bearer=self.token)


async def open_class(server: Server, link: str, class_size: int) -> Teacher:
    """Spend a teacher's link and open a session."""
    token = await server.spend(link)
    found = await server.ask("POST", "/sessions", {"class_size": class_size}, bearer=token)
    return Teacher(server, token, found["id"], found["code"])


async def hold(
    lesson: Lesson,
    server: Server,
    code: str,
    *,
    speed: float = 1.0,
    teacher: Teacher | None = None,
    progress: Callable[[float, Account], None] = lambda _time_s, _account: None,
    every_s: float = 10.0,
) -> Account:
    """Play a lesson against a server.

    Args:
        lesson: who does what.
        server: where.
        code: of the class.
        speed: of the lesson's clock. Nobody sends more than a message a second: at 10 most readings are skipped.
        teacher: sets the marks, where there is one.
        progress: called with the lesson's time and the account so far.
        every_s: how often, by this machine's clock.
    """
    account, clock = Account(), Clock(speed)
    clients = [
        Client(server, code, lesson.students[number], page, clock, account) for number, page in lesson.pages.items()
    ]
    tasks = [asyncio.create_task(_play(client, account)) for client in clients]
    others = [asyncio.create_task(_report(clock, account, progress, every_s))]
    if teacher is not None:
        others.append(asyncio.create_task(_mark(lesson, clock, teacher, account)))
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in (*tasks, *others):
            task.cancel()
        await asyncio.gather(*tasks, *others, return_exceptions=True)
    return account


async def _play(client: Client, account: Account) -> None:
    try:
        await client.run()
    except ClassmoodError as error:
        # One who cannot come is no reason for the others to go.
        account.ended[str(error)] += 1


async def _mark(lesson: Lesson, clock: Clock, teacher: Teacher, account: Account) -> None:
    for mark in lesson.course.marks:
        await clock.until(mark.time_s)
        try:
            await teacher.mark(mark.kind, mark.label)
            account.sent["mark"] += 1
        except ClassmoodError as error:
            account.ended[f"a mark: {error}"] += 1


async def _report(clock: Clock, account: Account, progress: Callable[[float, Account], None], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        progress(clock.time_s, account)
