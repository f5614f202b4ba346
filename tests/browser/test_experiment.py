"""A study of seconds in Debian's Chromium with a fake camera, by an automated participant, from invitation to dataset.

On the way the network is cut and the server is killed and started again; nothing may be missing afterwards.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from chromium import Watched, built_pages, chromium, faults
from playwright.sync_api import Browser, Page, Route, expect
from study_in_chromium import participant, run, served

from classmood.dataset.checker import find_faults
from classmood.dataset.folder import read_events, read_table
from classmood.experiment.check import open_protocol
from classmood.experiment.schedule import schedule
from classmood.server.study.happenings import details
from classmood.server.tokens import Keyring

__all__ = ["served"]  # a fixture
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
# Neither an event nor a part of a recording is left on the device.
_NOTHING_WAITS = """() => new Promise((resolve) => {
    indexedDB.open("classmood-study").onsuccess = ({target: {result}}) => {
        const counts = ["events", "parts"].map((name) => result.transaction(name).objectStore(name).count());
        counts[1].onsuccess = () => {
            resolve(counts[0].result + counts[1].result === 0);
            result.close();
        };
    };
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    built_pages()
    with chromium(*run.FAKE_CAMERA) as found:
        yield found


@pytest.mark.parametrize("served", [{"stimulus_s": 5, "page_s": 6, "calm_s": 2}], indirect=True)
def test_a_session_with_a_cut_network_and_a_killed_server_loses_nothing(
    served: Any, browser: Browser, tmp_path: Path
) -> None:
    planned = schedule(open_protocol(served.protocol), 1)
    who = participant(browser, served, "robot1")
    who.come_in()
    # Each falls into a recorded situation, and lasts beyond it.
    situations = [step.start_s for step in planned.steps if step.kind == "stimulus"]
    accidents = [run.Accident(situations[0] + 1, "network", 7), run.Accident(situations[1] + 1, "server", 5)]
    who.go_through(served, accidents, planned.total_s + 60)
    assert all(accident.done for accident in accidents)
    who.wait_until_sent(60)
    served.stop()

    (kept,) = run.kept(tmp_path)
    assert (kept.participant.state, kept.participant.attempt) == ("finished", 1)
    assert (kept.missing_events(), kept.missing_parts()) == (0, 0)
    onsets = [one.step for one in kept.events if one.kind == "onset"]
    assert onsets == [step.number for step in planned.steps]
    assert [details(one)["online"] for one in kept.events if one.kind == "network"] == [False, True, False, True]
    recorded = {one.step for one in kept.chunks}
    assert recorded == {step.number for step in planned.steps if step.records}

    dataset = tmp_path / "dataset"
    for arguments in (
        ("experiment", "export", served.protocol, "--database", tmp_path / "study.db", "--out", dataset),
        ("dataset", "check", dataset),
    ):
        done = subprocess.run([sys.executable, "-m", "classmood", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert find_faults(dataset) == ()
    events = read_events(dataset, "sub-robot1")
    # What was answered is what is told, in order; a task's choice as its score (the second answer is right).
    told = [(name, value) for event in events for name, value in event.answers.items()]
    given = [("score", str(int(value) - 1)) if name == "choice" else (name, value) for _, name, value in who.answers]
    assert sorted(told) == sorted(given)
    assert [row["recording"] for row in read_table(dataset / "participants.tsv")] == ["video"]

    with av.open(str(dataset / "sub-robot1" / "sub-robot1_video.webm")) as film:
        times = [frame.time for frame in film.decode(video=0)]
    for event in events:
        inside = [t for t in times if event.onset_s + 0.5 < t < event.onset_s + event.duration_s - 0.5]
        assert bool(inside) == (event.trial_type in ("baseline", "stimulus")), event
    # Nothing of the page came from anywhere else.
    assert who.watched.hosts() == {f"127.0.0.1:{served.port}"}


def test_a_participant_leaves_a_page_whose_time_ran_out_and_no_other(browser: Browser) -> None:
    page = browser.new_page()
    # The wheel is there and cannot be answered; in the first, the page goes on after a second and is over after four.
    wheel = "<progress value=1 max=9></progress><button data-emotion=grief>grief</button>"
    page.set_content(f"""{wheel}<script>
        const [bar, button] = [document.querySelector("progress"), document.querySelector("button")];
        setTimeout(() => {{ button.remove(); bar.value = 2 }}, 1000);
        setTimeout(() => bar.remove(), 4000);
    </script>""")
    who = run.AutomatedParticipant(page, "", records=False)
    who.go_through(None, [], 60)
    assert who.answers == []
    page.set_content(wheel)
    with pytest.raises(run.WaitedTooLongError):
        who.go_through(None, [], 60)
    page.close()


@pytest.mark.parametrize("served", [{"stimulus_s": 3, "page_s": 3, "calm_s": 2, "minors": True}], indirect=True)
def test_every_page_can_be_read_and_reached(served: Any, browser: Browser) -> None:
    for options in (PHONE, {"color_scheme": "dark", "viewport": {"width": 1200, "height": 860}}):
        researcher = Watched(browser, **options)
        page = researcher.page()
        served.stop()
        served.start()
        page.goto(served.link)
        page.get_by_role("button", name="Invite").click()
        url = page.locator("dialog .link a").get_attribute("href")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("row")).not_to_have_count(0)
        assert faults(page) == []
        page.goto(f"{served.base}/")
        page.get_by_role("heading", name="Take part").wait_for()
        assert faults(page) == []
        watched = Watched(browser, permissions=["camera"], **options)
        page = watched.page()
        page.goto(url)
        for ready, go_on in (
            ("Your decision", "I agree"),
            ("Your camera", "This looks right"),
            ("Ready?", "Start"),
            ("Look at the cross", None),
        ):
            page.get_by_text(ready, exact=go_on is not None).first.wait_for()
            if ready == "Your camera":
                page.get_by_role("button", name="Turn the camera on").click()
            if ready == "Your decision":
                page.locator("input[name=recording]").check()
                page.locator("input[name=guardian]").check()
            assert [one for one in faults(page) if go_on or "h1" not in one] == [], ready
            if go_on:
                page.get_by_role("button", name=go_on).click()
        for question in (
            "[data-scale=valence]",
            "[data-emotion]",
            "[data-scale=aspect_duration]",
            "input[name=choice]",
        ):
            page.locator(question).first.wait_for()
            assert faults(page) == [], question
        assert watched.complaints == researcher.complaints == []


@pytest.mark.parametrize("served", [{"stimulus_s": 3, "page_s": 30, "calm_s": 2}], indirect=True)
def test_stopping_shows_the_calm_end_and_erasing_leaves_nothing(served: Any, browser: Browser, tmp_path: Path) -> None:
    who = participant(browser, served, "robot2", **PHONE)
    who.come_in()
    page: Page = who.page
    page.locator("[data-scale=valence]").wait_for()
    assert faults(page) == []
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Go on with the study")).to_be_visible()
    page.get_by_role("button", name="Stop, and erase everything").click()
    # Something light all the same, and what it was about.
    expect(page.get_by_text("first sun on your face")).to_be_visible()
    expect(page.get_by_text("This was a test")).to_be_visible()
    expect(page.get_by_role("heading", name="Everything of yours is erased")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('seat'))") == []
    assert run.kept(tmp_path) == []
    for path in tmp_path.rglob("*"):
        assert b"robot2" not in (path.read_bytes() if path.is_file() else b""), path


@pytest.mark.parametrize("served", [{"stimulus_s": 3, "page_s": 30, "calm_s": 2}], indirect=True)
def test_a_token_that_is_over_loses_nothing_and_erases_nothing(served: Any, browser: Browser, tmp_path: Path) -> None:
    who = participant(browser, served, "robot4")
    who.come_in()
    page: Page = who.page
    # The network goes for what is kept, and does not come back before the page is closed.
    context = who.watched.context
    context.route("**/api/v1/study/recordings/**", lambda route: route.abort())
    context.route("**/api/v1/study/events", lambda route: route.abort())
    page.locator("[data-scale=valence]").wait_for()
    expect(page.get_by_text("No connection to the server")).to_be_visible()
    (early,) = run.kept(tmp_path)
    over = Keyring.open(tmp_path / "study.db.key").token(
        "participant", session=early.participant.session, who=early.participant.id, expires=1
    )
    page.evaluate(
        """(token) => {
            const key = Object.keys(localStorage).find((key) => key.includes("seat"));
            localStorage.setItem(key, JSON.stringify({...JSON.parse(localStorage.getItem(key)), token}));
        }""",
        over,
    )
    page.close()
    context.unroute_all()
    # The next day, by the same link.
    page = who.watched.page()
    page.goto(who.url)
    page.get_by_role("button", name="Go on without a camera").click()
    page.get_by_role("heading", name="Ready?").wait_for()
    page.wait_for_function(_NOTHING_WAITS)
    (kept,) = run.kept(tmp_path)
    assert len(kept.events) > len(early.events)
    assert {one.step for one in kept.events if one.kind == "onset"} >= {1, 2, 3}
    assert (kept.missing_events(), kept.missing_parts()) == (0, 0)

    def too_late(route: Route) -> None:
        route.continue_(headers={**route.request.headers, "authorization": f"Bearer {over}"})

    page.route("**/api/v1/study/me", too_late)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Stop, and erase everything").click()
    expect(page.get_by_text("your data were not erased")).to_contain_text("Open your link again")
    assert faults(page) == []
    page.get_by_role("button", name="Stop, and keep what I gave").click()
    page.get_by_text("My data").click()
    erase = page.get_by_role("button", name="Erase my data")
    expect(page.get_by_text("Your study id: robot4")).to_be_visible()
    erase.click()
    page.get_by_role("dialog").get_by_role("button", name="Erase my data").click()
    expect(page.get_by_text("your data were not erased")).to_contain_text("ask the researcher")
    assert faults(page) == []
    assert len(run.kept(tmp_path)) == 1
    page.unroute_all()
    erase.click()
    page.get_by_role("dialog").get_by_role("button", name="Erase my data").click()
    expect(page.get_by_role("heading", name="Everything of yours is erased")).to_be_visible()
    assert run.kept(tmp_path) == []


@pytest.mark.parametrize("served", [{"stimulus_s": 3, "page_s": 30, "calm_s": 2, "minors": True}], indirect=True)
def test_a_page_that_is_closed_goes_on_where_it_was(served: Any, browser: Browser, tmp_path: Path) -> None:
    who = participant(browser, served, "robot3")
    who.come_in()
    page: Page = who.page
    page.locator("[data-scale=valence] input").first.focus()
    page.keyboard.press("7")
    # A page that does not run for a while, as under a closed lid.
    page.evaluate("{ const end = Date.now() + 5500; while (Date.now() < end); }")
    page.get_by_role("heading", name="Welcome back").wait_for()
    assert faults(page) == []
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.locator("[data-scale=valence]")).to_be_visible()
    expect(page.locator("[data-scale=valence] input:checked")).to_have_count(0)
    page.reload()
    page.get_by_role("button", name="Turn the camera on").click()
    page.get_by_role("button", name="This looks right").click()
    page.get_by_role("button", name="Go on", exact=True).click()
    # The page that was interrupted is asked anew.
    expect(page.locator("[data-scale=valence]")).to_be_visible()
    expect(page.locator("[data-scale=valence] input:checked")).to_have_count(0)
    # On a second device the same session takes over, and the first one says so.
    other = Watched(browser, permissions=["camera"])
    second = other.page()
    second.goto(who.url)
    second.get_by_role("button", name="Go on without a camera").click()
    second.get_by_role("button", name="Go on", exact=True).click()
    expect(second.locator("[data-scale=valence]")).to_be_visible()
    expect(page.get_by_role("heading", name="goes on elsewhere")).to_be_visible()
    (kept,) = run.kept(tmp_path)
    assert kept.participant.attempt == 4
    assert [details(one)["seconds"] >= 5 for one in kept.events if one.kind == "gap"] == [True]
    assert {one.attempt for one in kept.chunks} == {1}
