"""``classmood simulate``. What it needs is imported when it is called."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from classmood.errors import InputError

if TYPE_CHECKING:
    from classmood.simulation.client import Account
    from classmood.simulation.lesson import Lesson

console = Console(stderr=True, highlight=False, soft_wrap=True)


def simulate(
    url: Annotated[str, typer.Option(help="the server, as http://127.0.0.1:8000")] = "",
    code: Annotated[str, typer.Option(help="the class's code, as ABCD-EFGH")] = "",
    open_: Annotated[
        str, typer.Option("--open", help="a teacher's one-time link: open a class, set the marks, close it at the end")
    ] = "",
    scenario: Annotated[str, typer.Option(help="a TOML file, or lecture, seminar, camera-free")] = "lecture",
    students: Annotated[int, typer.Option(min=0, help="how many; 0 for the scenario's number")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="which of the scenario's classes")] = 0,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="of the lesson's clock")] = 1.0,
    trust: Annotated[Path | None, typer.Option(help="certificate to trust (PEM), for one made by oneself")] = None,
) -> None:
    """Let a simulated class join a live one (extra: server): to try the dashboard, and for load."""
    from classmood.simulation.lesson import draw
    from classmood.simulation.scenario import MOST_STUDENTS, read_scenario

    if bool(code) == bool(open_):
        raise InputError("expected --code of an open class, or --open with a teacher's link")
    if not (url or open_):
        raise InputError("expected --url, as http://127.0.0.1:8000")
    if students > MOST_STUDENTS:
        raise InputError(f"--students: expected at most {MOST_STUDENTS}, got {students}")
    family = read_scenario(scenario)
    from classmood.simulation import crowd
    from classmood.simulation.gateway import server_at

    server = server_at(url or open_, trust)

    async def hold() -> tuple[Lesson, Account]:
        stated = await server.ask("GET", "/deployment")
        played = family
        if not stated["camera"]["allowed"] and family.students.camera[1]:
            console.print("no camera may be used there: all students press", style="yellow")
            played = family.model_copy(update={"students": family.students.model_copy(update={"camera": (0.0, 0.0)})})
        lesson = draw(played, seed, students=students or None)
        teacher = await crowd.open_class(server, open_, len(lesson.students)) if open_ else None
        joining = teacher.code if teacher else code
        console.print(
            f"{len(lesson.pages)} of {len(lesson.students)} students take part, "
            f"{sum(lesson.students[n].camera for n in lesson.pages)} with a camera; code {joining}",
            markup=False,
        )
        account = await crowd.hold(
            lesson, server, joining, speed=speed, teacher=teacher, progress=lambda t, a: _tell(lesson, t, a)
        )
        if teacher is not None:
            await teacher.close()
        return lesson, account

    lesson, account = asyncio.run(hold())
    for line in describe(lesson, account):
        print(line)  # noqa: T201 (the command's result)


def describe(lesson: Lesson, account: Account) -> list[str]:
    """The final account, and what a teacher should have been told."""
    from classmood.simulation.truth import moments

    sent = ", ".join(f"{count} {kind}" for kind, count in sorted(account.sent.items())) or "nothing"
    refused = ", ".join(f"{count} {reason}" for reason, count in sorted(account.refused.items())) or "none"
    lines = [
        f"sent: {sent}",
        f"refused: {refused}",
        f"acknowledged states: {account.states}",
        f"reconnects: {account.reconnects}; connections that failed: {account.failures}; messages lost: {account.lost}",
    ]
    lines += [f"stopped early: {count} ({why})" for why, count in sorted(account.ended.items())]
    for moment in moments(lesson):
        lines.append(f"should be told: {moment.kind} at {_clock(moment.time_s)}, of {moment.rise:.0%} of the class")
    return lines


def _tell(lesson: Lesson, time_s: float, account: Account) -> None:
    present = sum(student.here_s[0] <= time_s < student.here_s[1] for student in lesson.students)
    console.print(
        f"{_clock(time_s)}  {len(account.here)} connected of {present} in class, {len(account.counted)} counted, "
        f"{account.sent.total()} sent, {account.refused.total()} refused, {account.reconnects} reconnects",
        markup=False,
    )


def _clock(time_s: float) -> str:
    return f"{int(time_s) // 60}:{int(time_s) % 60:02d}"
