"""The store: what is acknowledged survives a kill, and what is erased is gone from the bytes."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa

from classmood import database as database_module
from classmood.errors import InputError, OutputError
from classmood.server.nudges import MarkKind
from classmood.store import MARK_KINDS, Store
from classmood.studies import Base

NOW = dt.datetime(2026, 11, 25, 10, 30, tzinfo=dt.UTC)
SECRET = "QXJkaHNlY3JldA"


def on_disk(path: Path) -> bytes:
    """All bytes of the database, its log, its index, and whatever else lies beside it."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def full(store: Store, secret: str, *, profile: str = "research", rows: int = 400) -> tuple[str, str]:
    """A session that holds a secret in everything that can hold one; its id and that of its participant."""
    session = store.open_session(profile, NOW, keep_days=30, class_size=24)
    store.add_mark(session, 12.5, "text", secret)
    for number in range(rows // 4):
        store.add_release(session, number, number * 10.0, f'{{"release": "{secret}"}}')
    store.add_nudge(session, 0, 90.0, f'{{"text": "{secret}"}}')
    who, _ = store.give_consent(session, "consent", secret, NOW)
    if profile == "research":
        for start in range(0, rows, 50):
            store.add_research_rows(
                who, [(float(i), f'{{"p": "{secret}", "i": {i}}}') for i in range(start, start + 50)]
            )
    return session, who


def test_what_goes_in_comes_out(database: Path | str) -> None:
    with Store(database) as store:
        session = store.open_session("class", NOW, keep_days=30, class_size=24)
        marks = [store.add_mark(session, time_s, "slide", f"Slide {time_s}") for time_s in (30.0, 10.0)]
        assert len(set(marks)) == 2
        for number in (1, 0):
            store.add_release(session, number, number * 10.0, f'{{"number":{number}}}')
        store.add_nudge(session, 0, 90.0, "{}")
        store.answer_nudge(session, 0, "useful")
        store.close_session(session, NOW + dt.timedelta(hours=1))
    with Store(database) as store:
        assert [(mark.time_s, mark.label) for mark in store.marks(session)] == [
            (10.0, "Slide 10.0"),
            (30.0, "Slide 30.0"),
        ]
        assert store.releases(session) == ['{"number":0}', '{"number":1}']
        assert [(nudge.time_s, nudge.usefulness) for nudge in store.nudges(session)] == [(90.0, "useful")]
        (listed,) = store.sessions()
        assert store.session(session) == listed
        assert (listed.id, listed.profile, listed.class_size) == (session, "class", 24)
        assert listed.closed == dt.datetime(2026, 11, 25, 11, 30)
        assert listed.keep_until == dt.date(2026, 12, 25)


def test_names_are_text_and_nothing_else(database: Path | str) -> None:
    label = "'); DROP TABLE mark; -- <script> ${x}"
    with Store(database) as store:
        session = store.open_session("class", NOW, keep_days=1)
        store.add_mark(session, 0.0, "text", label)
        assert store.marks(session)[0].label == label


@pytest.mark.parametrize(("kind", "label"), [("slides", ""), ("text", "x" * 201), ("text", "\x00")])
def test_a_wrong_mark_is_refused(database: Path | str, kind: str, label: str) -> None:
    with Store(database) as store:
        session = store.open_session("class", NOW, keep_days=1)
        with pytest.raises(InputError, match="expected a"):
            store.add_mark(session, 0.0, kind, label)
        assert store.marks(session) == []


def test_the_kinds_of_marks_are_those_of_nudges() -> None:
    assert get_args(MarkKind) == MARK_KINDS


def test_nothing_is_kept_for_a_session_that_is_not(database: Path | str) -> None:
    with Store(database) as store:
        for add in (
            lambda: store.add_mark("none", 0.0, "text"),
            lambda: store.add_release("none", 0, 0.0, "{}"),
            lambda: store.add_nudge("none", 0, 0.0, "{}"),
            lambda: store.give_consent("none", "consent", "1", NOW),
            lambda: store.close_session("none", NOW),
            lambda: store.erase_session("none"),
            lambda: store.erase_student("none"),
            lambda: store.salt("none"),
        ):
            with pytest.raises(InputError):
                add()


@pytest.mark.parametrize("profile", ["class", "safety", "self-reflection", "camera-free"])
def test_rows_of_one_person_are_for_research_only(path: Path, profile: str) -> None:
    with Store(path) as store:
        session = store.open_session(profile, NOW, keep_days=30)
        who, _ = store.give_consent(session, "consent", "v1", NOW)
        with pytest.raises(InputError, match="under 'research'"):
            store.add_research_rows(who, [(0.0, SECRET)])
        assert store.research_rows(who) == []
    assert SECRET.encode() not in on_disk(path)


def test_those_whose_consent_stands_are_of_one_session(database: Path | str) -> None:
    with Store(database) as store:
        session, other = (store.open_session("research", NOW, keep_days=30) for _ in range(2))
        first, second, _ = (store.give_consent(one, "consent", "v", NOW)[0] for one in (session, session, other))
        assert store.consenting(session) == sorted((first, second))
        store.withdraw_consent(second, NOW)
        assert store.consenting(session) == [first]


def test_consent_its_receipt_and_its_end(database: Path | str) -> None:
    with Store(database) as store:
        session = store.open_session("research", NOW, keep_days=30)
        who, receipt = store.give_consent(session, "consent", "abc", NOW)
        store.add_research_rows(who, [(1.0, "{}")])
        same, _ = store.give_consent(session, "guardian", "def", NOW, participant=who)
        assert same == who
        assert store.receipts(who)[0].document in ("consent", "guardian")
        assert len({who, receipt.id, session}) == 3
        store.withdraw_consent(who, NOW)
        assert all(r.withdrawn for r in store.receipts(who))
        with pytest.raises(InputError, match="withdrawn"):
            store.add_research_rows(who, [(2.0, "{}")])
        assert store.research_rows(who) == [(1.0, "{}")]
        other = store.open_session("research", NOW, keep_days=30)
        with pytest.raises(InputError, match="one session only"):
            store.give_consent(other, "consent", "abc", NOW, participant=who)


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed and opened"])
def test_erasing_a_student_down_to_the_bytes(path: Path, closed: bool) -> None:
    store = Store(path)
    session, who = full(store, "OTHERS")
    gone, _ = store.give_consent(session, "consent", SECRET, NOW)
    for start in range(0, 500, 20):
        # Interleaved with someone else's, so that pages are shared.
        store.add_research_rows(gone, [(float(i), f"{SECRET} {i}") for i in range(start, start + 20)])
        store.add_research_rows(who, [(float(i), "OTHERS") for i in range(5)])
    salt = store.salt(gone)
    assert SECRET.encode() in on_disk(path)
    assert gone.encode() in on_disk(path)
    if closed:
        store.close()
        store = Store(path)
    store.erase_student(gone)
    for trace in (SECRET.encode(), gone.encode(), salt):
        assert trace not in on_disk(path)
    assert len(store.research_rows(who)) == 400 + 125
    assert len(store.marks(session)) == 1
    with pytest.raises(InputError, match="erased already"):
        store.erase_student(gone)
    store.close()
    assert SECRET.encode() not in on_disk(path)


def test_erasing_a_session_down_to_the_bytes(path: Path) -> None:
    with Store(path) as store:
        kept, _ = full(store, "OTHERS")
        gone, who = full(store, SECRET)
        salts = [store.salt(gone), store.salt(who)]
        store.erase_session(gone)
        for trace in (SECRET.encode(), gone.encode(), who.encode(), *salts):
            assert trace not in on_disk(path)
        assert [session.id for session in store.sessions()] == [kept]
        assert len(store.releases(kept)) == 100


def in_tables(store: Store) -> str:
    """All that any table holds."""
    with store.database.engine.connect() as connection:
        tables = [connection.execute(sa.select(table)).all() for table in Base.metadata.sorted_tables]
    return repr(tables)


def test_erasing_takes_all_rows_of_a_student_and_of_a_session(database: Path | str) -> None:
    with Store(database) as store:
        kept, _ = full(store, "OTHERS", rows=40)
        gone, who = full(store, SECRET, rows=40)
        other, _ = store.give_consent(gone, "consent", "v", NOW)
        store.erase_student(other)
        assert other not in in_tables(store)
        assert store.participants(gone) == [who]
        store.erase_session(gone)
        assert not any(trace in in_tables(store) for trace in (SECRET, gone, who))
        assert store.apply_retention(dt.date(2026, 12, 26)) == [kept]
        assert in_tables(store) == repr([[] for _ in Base.metadata.tables])


def test_retention(path: Path) -> None:
    with Store(path) as store:
        gone, _ = full(store, SECRET, rows=40)
        kept = store.open_session("class", NOW, keep_days=31)
        assert store.apply_retention(dt.date(2026, 12, 25)) == []
        assert store.apply_retention(dt.date(2026, 12, 26)) == [gone]
        assert [session.id for session in store.sessions()] == [kept]
        assert SECRET.encode() not in on_disk(path)


def test_a_reader_that_keeps_old_bytes_is_told_of_and_made_up_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_BUSY_S", 0.1)
    store = Store(path)
    _, gone = full(store, SECRET)
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM research_row").fetchone()
    with pytest.raises(OutputError, match="a reader keeps old bytes"):
        store.erase_student(gone)
    assert store.research_rows(gone) == []
    reader.close()
    store.close()
    with Store(path):
        assert gone.encode() not in on_disk(path)


KILLED_IN_ERASURE = """
import os, sys
from pathlib import Path
from classmood import store as module
store = module.Store(Path({path!r}))
module.Store._scrub = lambda self: os._exit(9)
store.erase_student({who!r})
"""


def test_a_kill_within_an_erasure_is_made_up_for(path: Path) -> None:
    with Store(path) as store:
        _, gone = full(store, SECRET)
    code = KILLED_IN_ERASURE.format(path=str(path), who=gone)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with Store(path) as store:
        assert gone.encode() not in on_disk(path)
        assert store.research_rows(gone) == []


KILLED = """
import datetime as dt
from pathlib import Path, PosixPath, WindowsPath
from classmood.store import Store
store = Store({database!r})
session = store.open_session("class", dt.datetime.now(dt.UTC), keep_days=1)
print(session, flush=True)
while True:
    number = store.add_mark(session, 1.0, "text", "m")
    store.add_release(session, number, 1.0, "r")
    print(number, flush=True)
"""


def test_kill_9_loses_no_acknowledged_mark_or_release(database: Path | str) -> None:
    code = KILLED.format(database=database)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    session = process.stdout.readline().strip()
    acknowledged = [int(process.stdout.readline()) for _ in range(40)]
    process.kill()
    # What was printed before the kill and not read yet was acknowledged too; a last line may be cut.
    acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    process.wait()
    with Store(database) as store:
        assert {mark.number for mark in store.marks(session)} >= set(acknowledged)
        assert len(store.releases(session)) >= len(acknowledged)


def test_times_have_their_zone(database: Path | str) -> None:
    with Store(database) as store:
        with pytest.raises(InputError, match="with its zone"):
            store.open_session("class", NOW.replace(tzinfo=None), keep_days=1)
        store.open_session("class", NOW.astimezone(dt.timezone(dt.timedelta(hours=9))), keep_days=1)
        assert store.sessions()[0].opened == dt.datetime(2026, 11, 25, 10, 30)


def test_a_database_that_cannot_be_written_is_one_line(database: Path | str) -> None:
    with Store(database) as store:
        session = store.open_session("class", NOW, keep_days=1)
        with store.database.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE mark")
        with pytest.raises(OutputError, match="cannot be written") as caught:
            store.add_mark(session, 0.0, "text")
        assert "\n" not in str(caught.value)
