"""Studies in the store: ids used once, consent before all, events that only grow, and erasure down to the bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.errors import InputError
from classmood.store import Store
from classmood.store_tables import Base
from classmood.studies import StoredChunk, StoredEvent, Studies

NOW = dt.datetime(2026, 11, 25, 10, 30, tzinfo=dt.UTC)
SECRET = "QXJkaHNlY3JldA"
TEXTS = [("consent", "v1")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data" / "study.db") as found:
        yield found


def opened(store: Store) -> tuple[Studies, str]:
    studies = Studies(store)
    return studies, studies.open("a" * 64, "a-study", "[protocol]", NOW, keep_days=365).session


def started(studies: Studies, session: str, *, records: bool = False, name: str | None = None) -> str:
    who = studies.add_participant(session, name).id
    studies.consent(who, TEXTS, NOW, records=records)
    studies.begin(who)
    return who


def event(sequence: int, *, attempt: int = 1, kind: str = "onset", body: str = "{}") -> StoredEvent:
    return StoredEvent(attempt, sequence, kind, 1, 12.5 * sequence, body)


def on_disk(store: Store) -> bytes:
    return b"".join(file.read_bytes() for file in Path(store.database.name).parent.iterdir())


def test_the_migrations_make_the_tables_that_the_code_means(store: Store) -> None:
    with store.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert set(sa.inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_a_protocol_has_one_study_and_another_protocol_another(store: Store) -> None:
    studies, session = opened(store)
    assert studies.open("a" * 64, "a-study", "[protocol]", NOW, keep_days=1).session == session
    other = studies.open("b" * 64, "b-study", "[protocol]", NOW, keep_days=1)
    assert [study.session for study in studies.studies()] == sorted([session, other.session])
    # Nobody joins it by a class's code.
    assert all(one.closed is not None and one.profile == "research" for one in store.sessions())


def test_an_id_is_used_once_and_a_number_never_again(store: Store) -> None:
    studies, session = opened(store)
    first, second = studies.add_participant(session), studies.add_participant(session, "P2")
    assert [(one.number, one.name, one.state) for one in (first, second)] == [
        (1, "001", "invited"),
        (2, "P2", "invited"),
    ]
    for name in ("P2", "p2", "001"):
        with pytest.raises(InputError, match="used already"):
            studies.add_participant(session, name)
    store.erase_student(second.id)
    assert studies.add_participant(session).number == 3
    other = studies.open("b" * 64, "b-study", "[protocol]", NOW, keep_days=1).session
    assert studies.add_participant(other, "P2").number == 1


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 21, "a-b"])
def test_an_id_is_of_letters_and_digits(store: Store, name: str) -> None:
    studies, session = opened(store)
    with pytest.raises(InputError, match="letters and digits"):
        studies.add_participant(session, name)
    assert studies.participants(session) == []


def test_nothing_is_taken_before_a_consent_or_after_its_end(store: Store) -> None:
    studies, session = opened(store)
    who = studies.add_participant(session).id
    with pytest.raises(InputError, match="agreed"):
        studies.begin(who)
    with pytest.raises(InputError, match="consent"):
        studies.add_events(who, [event(0)], 1.0)
    (receipt,) = studies.consent(who, TEXTS, NOW, records=False)
    assert (receipt.document, receipt.version) == ("consent", "v1")
    with pytest.raises(InputError, match="made once"):
        studies.consent(who, TEXTS, NOW, records=True)
    with pytest.raises(InputError, match="has started"):
        studies.add_events(who, [event(0)], 1.0)
    studies.begin(who)
    assert studies.add_events(who, [event(0)], 1.0) == 1
    store.withdraw_consent(who, NOW)
    with pytest.raises(InputError, match="consent"):
        studies.add_events(who, [event(1)], 1.0)
    with pytest.raises(InputError):
        studies.begin(who)
    assert len(studies.events(who)) == 1


def test_a_recording_needs_a_consent_of_its_own(store: Store) -> None:
    studies, session = opened(store)
    chunk = StoredChunk(1, 3, 0, "c" * 64, 100)
    without, with_it = started(studies, session), started(studies, session, records=True)
    with pytest.raises(InputError, match="no such consent"):
        studies.add_chunk(without, chunk, 1.0)
    studies.add_chunk(with_it, chunk, 1.0)
    with pytest.raises(InputError, match="has started"):
        studies.add_chunk(with_it, StoredChunk(2, 3, 0, "c" * 64, 100), 1.0)
    assert (studies.chunks(without), studies.chunks(with_it)) == ([], [chunk])


def test_coming_back_counts_and_who_has_ended_does_not_come_back(store: Store) -> None:
    studies, session = opened(store)
    who = started(studies, session)
    assert studies.begin(who).attempt == 2
    studies.add_events(who, [event(0, attempt=1), event(0, attempt=2)], 1.0)
    with pytest.raises(InputError, match="has started"):
        studies.add_events(who, [event(0, attempt=3)], 1.0)
    for ended in ("finished", "stopped"):
        studies.set_state(who, ended)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=ended):
            studies.begin(who)
        # What was on its way still arrives.
        assert studies.add_events(who, [event(0, attempt=1)], 2.0) == 0


@settings(max_examples=25, deadline=None)
@given(sent=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True), max_size=8))
def test_events_sent_again_in_any_portions_are_kept_once(
    tmp_path_factory: pytest.TempPathFactory, sent: list[list[int]]
) -> None:
    with Store(tmp_path_factory.mktemp("events") / "study.db") as store:
        studies, session = opened(store)
        who = started(studies, session)
        new = sum(studies.add_events(who, [event(n) for n in batch], float(k)) for k, batch in enumerate(sent))
        kept = [one.sequence for one in studies.events(who)]
        assert kept == sorted({n for batch in sent for n in batch})
        assert new == len(kept)


def test_an_event_is_never_changed(store: Store) -> None:
    studies, session = opened(store)
    who = started(studies, session)
    studies.add_events(who, [event(0, body='{"valence":9}')], 1.0)
    with pytest.raises(InputError, match="never changed"):
        studies.add_events(who, [event(1), event(0, body='{"valence":1}')], 2.0)
    # All or nothing.
    assert [one.body for one in studies.events(who)] == ['{"valence":9}']


def test_erasing_a_participant_down_to_the_bytes(store: Store) -> None:
    studies, session = opened(store)
    kept, gone = started(studies, session, name="kept"), started(studies, session, records=True, name=SECRET)
    for start in range(0, 300, 30):
        # Interleaved, so that pages are shared.
        for who, word in ((kept, "OTHERS"), (gone, SECRET)):
            studies.add_events(who, [event(n, body=f'"{word}"') for n in range(start, start + 30)], 1.0)
    studies.add_chunk(gone, StoredChunk(1, 3, 0, "d" * 64, 100), 1.0)
    traces = (SECRET.encode(), gone.encode(), b"d" * 64, store.salt(gone))
    assert all(trace in on_disk(store) for trace in traces)
    store.erase_student(gone)
    assert not any(trace in on_disk(store) for trace in traces)
    assert len(studies.events(kept)) == 300
    assert [one.name for one in studies.participants(session)] == ["kept"]


def test_erasing_a_study_takes_all_of_it(store: Store) -> None:
    studies, session = opened(store)
    who = started(studies, session)
    studies.add_events(who, [event(0, body=f'"{SECRET}"')], 1.0)
    studies.add_export(session, f"/data/{SECRET}", NOW)
    studies.add_export(session, f"/data/{SECRET}", NOW)
    assert studies.exports(session) == [f"/data/{SECRET}"]
    store.erase_session(session)
    assert studies.studies() == []
    assert SECRET.encode() not in on_disk(store)
