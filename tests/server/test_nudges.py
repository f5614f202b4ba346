"""Nudges: rare, caused, never about appreciation or caution, and taught by answers."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from classmood.server.class_releases import ClassReleases
from classmood.server.nudges import KINDS, LONGEST_MOMENT, Mark, Nudge, Nudges, NudgeSettings
from classmood.server.release import CELLS, PRESSES, Release, ReleaseSettings

SHARING = 100


def release(
    number: int, *, sharing: int | None = SHARING, presses: dict[str, float] | None = None, **shares: float
) -> Release:
    if sharing is None:
        return Release(number=number, time_s=number * 10.0)
    shown = {"neutral": round(1 - sum(shares.values()), 6)} | shares
    return Release(number=number, time_s=number * 10.0, sharing=sharing, shares=shown, others=0.0, **(presses or {}))


def course(*spans: tuple[int, dict[str, float]], sharing: int = SHARING) -> list[Release]:
    """Releases: each span is a number of them with the same shares."""
    shares = [span for count, span in spans for _ in range(count)]
    return [release(i, sharing=sharing, **one) for i, one in enumerate(shares)]


def given(nudges: Nudges, releases: list[Release]) -> list[Nudge]:
    return [nudge for nudge in map(nudges.take, releases) if nudge]


def test_a_rise_of_joy_names_the_mark_that_caused_it() -> None:
    nudges = Nudges()
    nudges.mark(Mark(20.0, "slide", "Old"))
    nudges.mark(Mark(195.0, "slide", "Photosynthesis"))
    nudges.mark(Mark(500.0, "slide", "Later"))
    (nudge,) = given(nudges, course((20, {}), (20, {"joy": 0.5})))
    assert nudge.kind == "joy"
    assert nudge.mark == Mark(195.0, "slide", "Photosynthesis")
    assert "since the slide “Photosynthesis” at 3:15." in nudge.text
    assert "expressions resembling joy" in nudge.text
    assert nudge.action
    # The first release that shows it is that of 200 s.
    assert nudge.time_s - 200 <= 30


def test_without_a_mark_it_names_the_time() -> None:
    (nudge,) = given(Nudges(), course((20, {}), (10, {"grief": 0.5})))
    assert nudge.mark is None
    assert nudge.kind == "low"
    assert " since 2:" in nudge.text or " since 3:" in nudge.text


def test_nothing_happens_nothing_is_said() -> None:
    assert given(Nudges(), course((300, {"joy": 0.3}))) == []
    assert given(Nudges(), course((50, {"joy": 0.6}), (50, {}))) == []


def test_at_most_one_in_the_interval() -> None:
    back_and_forth = [(6, {"joy": 0.6}), (6, {})] * 30
    nudges = given(Nudges(), course(*back_and_forth))
    times = [nudge.time_s for nudge in nudges]
    assert len(times) > 5
    assert min(b - a for a, b in pairwise(times)) >= 300
    assert len(given(Nudges(NudgeSettings(interval_s=600)), course(*back_and_forth))) < len(nudges)


def test_what_hinders_comes_before_what_pleases() -> None:
    releases = course((6, {}), (6, {"joy": 0.4, "fury": 0.4}))
    assert given(Nudges(), releases)[0].kind == "tense"


@pytest.mark.parametrize("name", PRESSES)
def test_presses_drive_nudges(name: str) -> None:
    before = [release(i) for i in range(6)]
    after = [release(i, presses={name: 0.6}) for i in range(6, 12)]
    (nudge,) = given(Nudges(), before + after)
    assert nudge.kind == {"confused": "confusion", "slower": "wants slower", "faster": "wants faster"}[name]


@pytest.mark.parametrize("name", ["appreciation", "caution", "neutral"])
def test_derived_emotions_and_neutral_drive_none(name: str) -> None:
    before = {"joy": 0.0, "neutral": 0.5, "surprise": 0.5} if name == "neutral" else {}
    releases = course((20, before), (20, {"neutral": 0.05} | {name: 0.95}))
    assert given(Nudges(), releases) == []


def test_every_other_emotion_can_drive_one() -> None:
    driving = {name for name in CELLS if given(Nudges(), course((6, {}), (6, {name: 0.9})))}
    assert driving == set(CELLS) - {"neutral", "appreciation", "caution"}


@pytest.mark.parametrize(("sharing", "expected"), [(200, 1), (12, 0)])
def test_a_change_that_noise_could_make_is_none(sharing: int, expected: int) -> None:
    assert len(given(Nudges(), course((10, {}), (10, {"joy": 0.25}), sharing=sharing))) == expected


def test_a_batch_or_a_silence_between_is_not_compared() -> None:
    calm, glad = [release(i) for i in range(6)], [release(i, sharing=90, joy=0.9) for i in range(6, 9)]
    assert given(Nudges(), calm + glad) == []
    silence = [release(6, sharing=None)]
    assert given(Nudges(), [*calm, *silence, *(release(i, joy=0.9) for i in range(7, 10))]) == []


def test_without_cameras_a_mood_is_pressed_by_who_showed_nothing() -> None:
    """In so small a class the rise of joy alone is not enough: that as much less is unpressed speaks for it as well."""
    calm = [release(i, sharing=16, neutral=0.0, unsure=1.0) for i in range(8)]
    glad = [release(i, sharing=16, neutral=0.0, unsure=0.6, joy=0.4) for i in range(8, 12)]
    (nudge,) = given(Nudges(cameras=False), calm + glad)
    assert nudge.kind == "joy"
    over = [release(i, sharing=16, neutral=0.0, unsure=1.0) for i in range(12, 22)]
    assert given(Nudges(cameras=False), glad[:3] + over) == []


def test_quiet_mode() -> None:
    nudges = Nudges()
    nudges.quiet(True)
    assert given(nudges, course((6, {}), (6, {"joy": 0.9}))) == []
    nudges.quiet(False)
    # Nothing was saved up.
    assert given(nudges, [release(i, joy=0.9) for i in range(12, 30)]) == []


def test_answers_tune_the_threshold_within_bounds() -> None:
    def after(answers: list[str]) -> float:
        nudges = Nudges()
        given(nudges, course((6, {}), (6, {"joy": 0.9})))
        for answer in answers:
            nudges.answer(0, answer)  # type: ignore[arg-type]
        assert nudges.threshold_factor("low") == 1
        return nudges.threshold_factor("joy")

    assert after(["not useful"]) > 1 > after(["useful"])
    assert after(["not useful"] * 50) == 3
    assert after(["useful"] * 50) == 0.8


def test_a_kind_that_is_not_useful_needs_more() -> None:
    nudges = Nudges(NudgeSettings(interval_s=60))
    given(nudges, course((6, {}), (6, {"joy": 0.9})))
    for _ in range(10):
        nudges.answer(0, "not useful")
    after = [release(i) for i in range(12, 30)] + [release(i, joy=0.4) for i in range(30, 40)]
    assert given(nudges, after) == []


def test_the_same_input_gives_the_same_nudges() -> None:
    releases = course((6, {}), (6, {"joy": 0.9}), (40, {}), (6, {"fury": 0.5}))
    assert given(Nudges(), releases) == given(Nudges(), releases)


def test_labels_are_cut_and_cleaned() -> None:
    nudges = Nudges()
    nudges.mark(Mark(100.0, "text", "\x1b[31m\n" + "x" * 200))
    (nudge,) = given(nudges, course((10, {}), (10, {"joy": 0.9})))
    assert "\n" not in nudge.text
    assert "\x1b" not in nudge.text
    template = next(kind.text for kind in KINDS if kind.name == "joy")
    assert len(nudge.text) <= len(template) + LONGEST_MOMENT


def test_words_claim_expressions_and_offer_people() -> None:
    for kind in KINDS:
        if kind.name not in ("confusion", "wants slower", "wants faster", "unread"):
            assert "expressions resembling" in kind.text
        assert "{moment}" in kind.text
    assert len({kind.action for kind in KINDS}) == len(KINDS)


def lesson(seed: int, people: int, *, joke: bool = False) -> list[Release]:
    """A lesson of 25 minutes through the real releases; in the 15th minute most may laugh for two."""
    room = ClassReleases(ReleaseSettings(mood_s=1e6), randomness=random.Random(seed))
    for student in range(people):
        room.join(str(student))
    releases = []
    for i in range(150):
        laughing = 0.8 if joke and 84 <= i < 96 else 0.2
        for student in range(people) if i in (0, 84, 96) else ():
            room.press_mood(str(student), "joy" if student < laughing * people else "neutral", i * 10.0)
        releases.append(room.close((i + 1) * 10.0))
    return releases


@pytest.mark.many_calls
def test_noise_alone_seldom_makes_one_and_a_joke_does() -> None:
    assert sum(len(given(Nudges(), lesson(seed, 24))) for seed in range(6)) <= 1
    for seed in range(6):
        kinds = [(nudge.kind, nudge.time_s) for nudge in given(Nudges(), lesson(seed, 30, joke=True))]
        assert any(kind == "joy" and 840 < time_s <= 920 for kind, time_s in kinds)


def test_what_is_hidden_could_have_been_there_before() -> None:
    """Three students who become four are no rise, though the three were hidden."""
    hidden = [release(i, sharing=12) for i in range(6)]
    shown = [release(i, sharing=12, joy=0.3) for i in range(6, 12)]
    exact = ReleaseSettings(noise_students=0, press_noise_students=0)
    assert given(Nudges(release=exact), hidden + shown) == []
    shown = [release(i, sharing=12, joy=0.5) for i in range(6, 12)]
    assert len(given(Nudges(release=exact), hidden + shown)) == 1


def test_after_a_kill_the_numbers_go_on_and_so_does_the_waiting() -> None:
    rise = course((20, {}), (20, {"joy": 0.5}))
    earlier = Nudges()
    (first,) = given(earlier, rise)
    # One that could not be kept leaves a gap in the numbers.
    late = Nudge(first.number + 2, first.time_s, "joy", first.since_s, None, "text", "action")
    again = Nudges(given=[first, late])
    assert given(again, rise) == [], "within the interval of the one before the kill"
    again = Nudges(NudgeSettings(interval_s=60), given=[Nudge(5, 0.0, "joy", 0.0, None, "", "")])
    (found,) = given(again, rise)[:1]
    assert found.number == 6
    again.answer(5, "not useful")
    assert again.threshold_factor("joy") > 1


def test_faces_are_missed_only_where_they_were_read_and_no_break_was_marked() -> None:
    gone = course((20, {"unsure": 0.1}), (10, {"unsure": 0.7}))
    assert [nudge.kind for nudge in given(Nudges(), gone)] == ["unread"]
    assert given(Nudges(cameras=False), gone) == []
    taught = Nudges()
    taught.mark(Mark(195.0, "break"))
    assert given(taught, gone) == []
    # Who presses is unsure most of the time, and again when the mood is over.
    pressing = course((40, {"unsure": 0.9}), (20, {"unsure": 0.3}), (10, {"unsure": 0.9}))
    assert given(Nudges(), pressing) == []


def test_what_began_a_while_ago_is_no_news() -> None:
    """The five minutes are over when the joke has long been there: it is not told late."""
    nudges = Nudges(NudgeSettings(interval_s=120))
    releases = course((12, {}), (4, {"grief": 0.6}), (30, {"joy": 0.6}))
    assert [nudge.kind for nudge in given(nudges, releases)] == ["low"]
