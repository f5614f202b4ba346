"""A simulated class against the real server: students come, consent, send, drop out and come back, and leave."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from served import ALLOWED, EXACT, served
from typer.testing import CliRunner

from classmood.cli import app
from classmood.errors import InputError
from classmood.simulation.client import Account
from classmood.simulation.commands import describe
from classmood.simulation.crowd import hold, open_class
from classmood.simulation.gateway import ServerRefused, server_at
from classmood.simulation.lesson import draw
from classmood.simulation.scenario import Event, Scenario, Students, Teaching

HABITS = Students(
    camera=(0.7, 0.7), refuse=(0, 0), join_s=(0, 1), late=(0, 0), early=(0, 0), drops_an_hour=(0, 0), lag_s=(0, 0)
)
JOKE = Event(
    name="joke",
    at_s=(30, 30),
    touched=(1, 1),
    feelings={"joy": 1.0},
    rise_s=(1, 1),
    lasts_s=(60, 60),
    mark=Teaching(kind="text", label="anecdote"),
)
LESSON = Scenario(length_s=60, students=HABITS, event=(JOKE,))


def test_a_class_is_held_and_the_joke_is_seen(tmp_path: Path) -> None:
    lesson = draw(LESSON, 1, students=12)

    async def play(base: str, link: str) -> tuple[Account, list[dict], list[dict]]:  # type: ignore[type-arg]
        server = server_at(base)
        teacher = await open_class(server, link, 12)
        account = await hold(lesson, server, teacher.code, speed=10, teacher=teacher)
        path = f"/sessions/{teacher.session}"
        releases = await server.ask("GET", f"{path}/releases", bearer=teacher.token)
        marks = await server.ask("GET", f"{path}/marks", bearer=teacher.token)
        await teacher.close()
        return account, releases, marks

    with served(tmp_path, ALLOWED, release=EXACT) as found:
        link = f"{found.base}/teach?key={found.app.state.classrooms.links.make()}"
        account, releases, marks = asyncio.run(play(found.base, link))
        with pytest.raises(InputError, match="was used or is too old"):
            asyncio.run(server_at(found.base).spend(link))
    assert account.sent["leave"] == 12
    assert account.sent["reading"] > 20
    assert account.sent["mark"] == 1
    assert not account.ended
    # On a machine that is very busy two messages may arrive within a second.
    assert set(account.refused) <= {"rate"}
    assert account.states >= 24, "one at the coming, one when the batch counts"
    assert [(mark["kind"], mark["label"]) for mark in marks] == [("text", "anecdote")]
    shown = [release for release in releases if release["sharing"] == 12]
    assert max(release["shares"].get("joy", 0) for release in shown) >= 0.25


def test_who_drops_out_comes_back_with_the_same_token(tmp_path: Path) -> None:
    habits = HABITS.model_copy(update={"drops_an_hour": (180.0, 180.0), "drop_s": (3.0, 6.0)})
    lesson = draw(LESSON.model_copy(update={"students": habits}), 2, students=8)
    drops = sum(start > 1 and end < 59 for student in lesson.students for start, end in student.gone_s)
    assert drops > 8

    async def play(base: str, link: str) -> Account:
        server = server_at(base)
        teacher = await open_class(server, link, 8)
        return await hold(lesson, server, teacher.code, speed=10)

    with served(tmp_path, ALLOWED, release=EXACT) as found:
        link = f"{found.base}/teach?key={found.app.state.classrooms.links.make()}"
        account = asyncio.run(play(found.base, link))
    assert account.reconnects >= 6
    assert not account.ended


def test_a_wrong_code_is_told_for_each_and_ends_nothing(tmp_path: Path) -> None:
    lesson = draw(LESSON, 3, students=3)
    with served(tmp_path, ALLOWED) as found:
        account = asyncio.run(hold(lesson, server_at(found.base), "AAAA-AAAA", speed=30))
    assert account.ended.total() == 3
    assert all("404" in why for why in account.ended)
    assert not account.sent


def test_when_the_class_is_over_everybody_stops(tmp_path: Path) -> None:
    lesson = draw(LESSON.model_copy(update={"length_s": 600}), 4, students=6)

    async def play(base: str, link: str) -> Account:
        server = server_at(base)
        teacher = await open_class(server, link, 6)
        holding = asyncio.create_task(hold(lesson, server, teacher.code))
        while not (await server.ask("GET", f"/sessions/{teacher.session}/releases", bearer=teacher.token)):
            await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        await teacher.close()
        return await holding

    with served(tmp_path, ALLOWED, release=EXACT) as found:
        link = f"{found.base}/teach?key={found.app.state.classrooms.links.make()}"
        account = asyncio.run(asyncio.wait_for(play(found.base, link), 60))
    assert account.ended["class over"] == 6


def test_the_command_opens_a_class_and_gives_an_account(tmp_path: Path) -> None:
    scenario = tmp_path / "short.toml"
    scenario.write_text(
        "length_s = 60\n[students]\nnumber = 7\nrefuse = 0\njoin_s = [0, 1]\nlate = 0\nearly = 0\ndrops_an_hour = 0\n"
    )
    # Nothing is stated there, so that no camera may be used.
    with served(tmp_path, None, release=EXACT) as found:
        link = f"{found.base}/teach?key={found.app.state.classrooms.links.make()}"
        done = CliRunner().invoke(app, ["simulate", "--open", link, "--scenario", str(scenario), "--speed", "15"])
        sessions = httpx.get(f"{found.base}/api/v1/health").json()
    assert done.exit_code == 0, done.output
    assert sessions == {"status": "ok"}
    assert re.search(r"sent: 7 leave", done.output)
    assert "no camera may be used there" in done.output


def test_what_is_missing_is_said() -> None:
    for arguments, said in (
        ([], "expected --code of an open class, or --open"),
        (["--code", "AAAA-AAAA"], "expected --url"),
        (["--code", "AAAA-AAAA", "--url", "class.example.org"], "expected an address as http"),
    ):
        done = CliRunner().invoke(app, ["simulate", *arguments])
        assert isinstance(done.exception, InputError)
        assert said in str(done.exception)


def test_the_account_tells_what_should_have_been_told() -> None:
    lesson = draw(LESSON.model_copy(update={"length_s": 120}), 1)
    account = Account()
    account.sent["reading"] += 5
    account.ended["class over"] += 2
    lines = describe(lesson, account)
    assert "sent: 5 reading" in lines
    assert "stopped early: 2 (class over)" in lines
    assert any(re.fullmatch(r"should be told: joy at 0:3\d, of \d+% of the class", line) for line in lines)


def test_errors_of_the_server_are_told(tmp_path: Path) -> None:
    with served(tmp_path, ALLOWED) as found, pytest.raises(ServerRefused, match="404"):
        asyncio.run(server_at(found.base).ask("GET", "/nothing"))
