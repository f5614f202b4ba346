"""Records: one server a database, and a log that names nobody, also of who was erased."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from served import settings_in

from classmood.errors import InputError
from classmood.server.audit_log import verify
from classmood.server.records import Records, utc_now
from postgresql import Cluster


def entries(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "class.db.audit.jsonl").read_text().splitlines()]


def test_a_second_server_on_the_same_database_is_refused(tmp_path: Path) -> None:
    records = Records(settings_in(tmp_path))
    with pytest.raises(InputError, match="another classmood serve"):
        Records(settings_in(tmp_path))
    records.close()
    Records(settings_in(tmp_path)).close()


def test_nor_does_a_second_one_in_another_folder_get_a_school_s_database(
    tmp_path: Path, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.database()
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.chdir(folders[0])
    records = Records(settings_in(tmp_path, database=url))
    monkeypatch.chdir(folders[1])
    with pytest.raises(InputError, match="another classmood serve"):
        Records(settings_in(tmp_path, database=url))
    records.close()
    Records(settings_in(tmp_path, database=url)).close()


def test_calls_go_one_after_another(tmp_path: Path) -> None:
    records, running, most = Records(settings_in(tmp_path)), 0, 0

    def count(value: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        utc_now()
        running -= 1
        return value

    async def ask() -> list[int]:
        return await asyncio.gather(*(records.do(count, n) for n in range(50)))

    assert asyncio.run(ask()) == list(range(50))
    assert most == 1
    records.close()


def test_the_log_refers_to_people_without_their_ids_and_to_the_erased_for_the_last_time(tmp_path: Path) -> None:
    records = Records(settings_in(tmp_path))
    session = records.store.open_session("class", utc_now(), keep_days=1)
    who, _ = records.store.give_consent(session, "consent", "1", utc_now())
    records.log_now("session opened", session=session)
    records.log_now("consent given", who=who, session=session)
    records.erase_student(who, session)
    records.erase_session(session)
    records.close()
    found = entries(tmp_path)
    assert [entry["action"] for entry in found] == [
        *("session opened", "consent given", "student erased", "session erased")
    ]
    assert found[1]["who"] == found[2]["who"] != ""
    assert len({entry["session"] for entry in found}) == 1
    text = (tmp_path / "class.db.audit.jsonl").read_text()
    assert session not in text
    assert who not in text
    assert verify(tmp_path / "class.db.audit.jsonl").whole


def test_erasing_twice_is_refused_and_not_logged_twice(tmp_path: Path) -> None:
    records = Records(settings_in(tmp_path))
    session = records.store.open_session("class", utc_now(), keep_days=1)
    records.erase_session(session)
    with pytest.raises(InputError):
        records.erase_session(session)
    records.close()
    assert len(entries(tmp_path)) == 1
