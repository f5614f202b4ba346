"""The pages in Debian's Chromium against a real server: a camera-free class from the one-time link to its end."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from chromium import Watched, built_pages, chromium, faults, reached
from playwright.sync_api import Browser, Page, expect
from served import ALLOWED, EXACT, Served, served
from websockets.sync.client import ClientConnection, connect

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
STUDENTS_ON_SOCKETS = 4
# Who comes when the fifth has just been counted waits for a batch of their own.
TOGETHER = re.compile("[56] of 12 sharing")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a server keeps its things; its pages are the built ones."""
    (tmp_path / "page").symlink_to(built_pages(), target_is_directory=True)
    return tmp_path


def open_class(person: Watched, server: Served, size: int = 12) -> tuple[Page, str]:
    """The teacher comes by the one-time link and opens a class; the page and the code."""
    page = person.page()
    page.goto(f"{server.base}/teach?key={server.app.state.classrooms.links.make()}")
    page.get_by_label("Students expected").fill(str(size))
    page.get_by_role("button", name="Open a class").click()
    code = page.locator(".large .code").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code)
    return page, code


def take_part(person: Watched, server: Served, code: str) -> Page:
    """A student comes by the link, agrees, and is in class without a camera."""
    page = person.page()
    page.goto(f"{server.base}/join/{code}")
    for choice in (page.get_by_label("Without a camera"), page.get_by_label("My guardian has read")):
        expect(page.get_by_role("button", name="I agree")).to_be_visible()
        if choice.count():
            choice.check()
    page.get_by_role("button", name="I agree").click()
    expect(page.get_by_role("radiogroup", name="Mood")).to_be_visible()
    return page


def on_a_socket(server: Served, code: str) -> ClientConnection:
    """A student whose page is this program."""
    with httpx.Client(base_url=f"{server.base}/api/v1", headers={"Origin": server.base}) as client:
        ticket = client.post("/join", json={"code": code}).json()["ticket"]
        version = client.get("/documents/consent").json()["version"]
        body = {"ticket": ticket, "document": "consent", "version": version, "mode": "press", "guardian": True}
        token = client.post("/consent", json=body).json()["token"]
    return connect(f"{server.sockets}/student", subprotocols=["classmood.v1", f"bearer.{token}"])


def test_a_camera_free_class_from_the_link_to_the_end(browser: Browser, folder: Path) -> None:
    with served(folder, release=EXACT) as server, ExitStack() as others:
        teacher, first, second = (Watched(browser) for _ in range(3))
        page, code = open_class(teacher, server)
        expect(page.get_by_text("Cameras are not offered")).to_have_count(0)
        expect(page.get_by_text("fewer than 5 sharing")).to_be_visible()

        students = [take_part(person, server, code) for person in (first, second)]
        for student in students:
            student.get_by_role("radio", name="joy").click()
        for _ in range(STUDENTS_ON_SOCKETS):
            other = others.enter_context(on_a_socket(server, code))
            other.send(json.dumps({"v": 1, "type": "press", "mood": "joy", "confused": True}))
        expect(students[0].get_by_text("You pressed “joy”")).to_be_visible()
        students[1].get_by_role("button", name="I am confused").click()

        expect(page.get_by_text(TOGETHER)).to_be_visible()
        expect(page.locator(".glance .say")).to_have_text(
            "The class seems lively and in good spirits, most of all what resembles joy (about 100 %)."
        )
        expect(students[0].get_by_text("You count in the class.")).to_be_visible()
        expect(page.locator("dl div", has_text="confused").get_by_text(re.compile(r"(8\d|100) %"))).to_be_visible()

        page.get_by_text("Details").click()
        expect(page.locator(".plot .area.c-joy")).to_have_count(1)
        page.get_by_text("The same as a table").click()
        expect(page.get_by_role("columnheader", name="joy")).to_be_visible()
        page.keyboard.press("s")
        expect(page.get_by_text("Slide marked at")).to_be_visible()
        page.keyboard.press("n")
        page.keyboard.type("<b>the & rule</b>")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Note marked at")).to_be_visible()
        page.get_by_text("Marks so far").click()
        expect(page.get_by_text("Note: <b>the & rule</b>")).to_be_visible()
        expect(page.locator(".plot .mark")).to_have_count(2)

        students[0].get_by_text("My data").click()
        expect(students[0].get_by_text("Receipt of your agreement")).to_be_visible()
        students[0].get_by_role("button", name="Erase and leave").click()
        students[0].get_by_role("dialog").get_by_role("button", name="Erase and leave").click()
        expect(students[0].get_by_role("heading", name="All erased")).to_be_visible()

        page.get_by_role("button", name="End the class").click()
        page.get_by_role("dialog").get_by_role("button", name="End the class").click()
        expect(page.get_by_role("link", name="Report")).to_be_visible()
        expect(students[1].get_by_role("heading", name="The class is over")).to_be_visible()
        export = page.get_by_role("link", name="Export JSON").get_attribute("href")
        exported = teacher.context.request.get(f"{server.base}{export}").json()
        assert [mark["label"] for mark in exported["marks"]] == ["", "<b>the & rule</b>"]

        host = server.base.removeprefix("http://")
        for person in (teacher, first, second):
            assert person.hosts() == {host}
            assert person.complaints == []
            # Who has no camera on never downloads a model or what runs one.
            assert not [url for url in person.asked if re.search(r"\.wasm|\.onnx|recogni|worker", url)]


def test_pages_can_be_read_and_reached_by_everybody(browser: Browser, folder: Path) -> None:
    with served(folder, ALLOWED, release=EXACT) as server, ExitStack() as others:
        teacher, student = Watched(browser), Watched(browser, **PHONE)
        page, code = open_class(teacher, server)
        for _ in range(6):
            other = others.enter_context(on_a_socket(server, code))
            other.send(json.dumps({"v": 1, "type": "press", "mood": "grief"}))
        expect(page.get_by_text(TOGETHER)).to_be_visible()
        page.get_by_text("Details").click()

        def look(at: Page, what: str) -> None:
            for scheme in ("light", "dark"):
                at.emulate_media(color_scheme=scheme)
                found[f"{what}, {scheme}"] = faults(at)

        found: dict[str, list[str]] = {}
        look(page, "class")
        page.set_viewport_size({"width": 360, "height": 740})
        look(page, "class on a phone")
        page.get_by_role("link", name="All classes").click()
        expect(page.get_by_role("heading", name="Your classes")).to_be_visible()
        look(page, "classes")

        phone = student.page()
        phone.goto(f"{server.base}/privacy")
        expect(phone.get_by_role("heading", name="Notice")).to_be_visible()
        look(phone, "notice")
        phone.goto(server.base)
        phone.get_by_label("Class code").fill("wrong")
        phone.keyboard.press("Enter")
        expect(phone.get_by_role("alert")).to_be_visible()
        look(phone, "code")
        phone.goto(f"{server.base}/join/{code}")
        expect(phone.get_by_label("With my camera")).to_be_visible()
        look(phone, "consent")
        phone.get_by_label("Without a camera").check()
        phone.get_by_role("button", name="I agree").click()
        expect(phone.get_by_role("radiogroup", name="Mood")).to_be_visible()
        look(phone, "room")
        phone.get_by_role("radio", name="fear").click()
        phone.get_by_role("button", name="Slower").click()
        look(phone, "room with presses")
        assert {what: wrong for what, wrong in found.items() if wrong} == {}

        way = [json.loads(step) for step in reached(phone)]
        names = [name for name, *_ in way]
        expected = ["Pause", "Leave", "fear", "I am confused", "Slower", "Fine", "Faster", "My data"]
        assert [name for name in names if name in expected] == expected
        assert len(names) == len(expected) + 2  # the colours above, the notice below
        assert all(outline != "none" for _, _, outline, role in way if role != "radio")
        # The wheel is one stop; inside it the arrow keys go round, and the focus is seen on the petal.
        phone.get_by_role("radio", name="fear").focus()
        phone.keyboard.press("ArrowRight")
        phone.keyboard.press("Enter")
        expect(phone.get_by_role("radio", name="surprise")).to_be_checked()
        assert not teacher.complaints + student.complaints


def test_the_search_for_faults_finds_them(browser: Browser) -> None:
    page = Watched(browser, viewport={"width": 360, "height": 740}).page()
    page.set_content(
        "<main><h1>A</h1><h1>B</h1><p style='color:#999'>pale</p><p style='color:#767676'>just enough</p>"
        "<p style='font-size:24px;color:#949494'>large and pale</p><button></button><i id=x></i><i id=x></i>"
        "<div style='width:500px'>wide</div><span tabindex=3>first</span>"
        "<svg><g role=radio aria-label=a><path d='M0 0H99V99H0Z' fill='#fff'/>"
        "<text y=20 fill='#aaa'>dim</text></g></svg>"
    )
    found = "; ".join(faults(page))
    for fault in (
        "no language",
        "no title",
        "2 h1",
        "“pale”",
        "has no name",
        "id x twice",
        "px wide",
        "tabindex",
        "“dim”",
    ):
        assert fault in found
    assert "enough" not in found
    assert "large" not in found


def test_a_server_that_restarts_and_a_second_tab(browser: Browser, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    student, teacher = Watched(browser), Watched(browser)
    with served(folder, release=EXACT, port=port) as server:
        page, code = open_class(teacher, server)
        tab = take_part(student, server, code)
        tab.get_by_role("radio", name="joy").click()
        expect(tab.get_by_text("You pressed “joy”")).to_be_visible()
    expect(tab.get_by_text("No connection. Next try in")).to_be_visible()
    expect(page.get_by_text("No connection. Next try in")).to_be_visible()
    with served(folder, release=EXACT, port=port) as server:
        expect(tab.get_by_text("No connection")).to_have_count(0)
        expect(page.get_by_text("Back. What was missed is here.")).to_be_visible()
        expect(page.locator(".code").first).to_have_text(code)

        other = student.page()
        other.goto(server.base)
        other.get_by_role("button", name="Go on").click()
        expect(tab.get_by_role("heading", name="You are in class in another tab")).to_be_visible()
        tab.get_by_role("button", name="Go on here").click()
        expect(other.get_by_role("heading", name="You are in class in another tab")).to_be_visible()
        expect(tab.get_by_role("radiogroup", name="Mood")).to_be_visible()


def test_without_the_link_the_teachers_page_shows_nothing(browser: Browser, folder: Path) -> None:
    with served(folder) as server:
        stranger = Watched(browser)
        page = stranger.page()
        page.goto(f"{server.base}/teach")
        expect(page.get_by_role("heading", name="This page is for the teacher")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)
