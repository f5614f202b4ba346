"""A study begins when all is right, and says in one line what is not."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from pathlib import Path

import pytest
from study_served import settings_for

from classmood.errors import ClassmoodError, InputError
from classmood.experiment.protocol import ProtocolError
from classmood.experiment.registration import preregister
from classmood.server.gate import NotPermitted, protocol_hash
from classmood.server.records import utc_now
from classmood.server.study import desk as desk_module
from classmood.server.study.desk import Desk
from classmood.studies import StoredChunk
from short_study import write_deployment, write_study


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def refused(folder: Path, path: Path) -> str:
    with pytest.raises(ClassmoodError) as caught:
        Desk(settings_for(folder), path)
    assert "\n" not in str(caught.value)
    # Nothing is begun.
    assert not (folder / "study.db").exists()
    return str(caught.value)


def test_a_study_needs_the_profile_research_and_its_permission(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    sha256 = protocol_hash(path)
    (tmp_path / "deployment.toml").unlink()
    assert "profile 'research' alone" in refused(tmp_path, path)
    write_deployment(tmp_path, sha256, profile="class", jurisdiction="Nowhere")
    assert "got 'class'" in refused(tmp_path, path)
    write_deployment(tmp_path, sha256, approval_id="")
    assert "approval_id" in refused(tmp_path, path)
    write_deployment(tmp_path, sha256, expires=dt.date(2020, 1, 1))
    assert "ended on 2020-01-01" in refused(tmp_path, path)
    write_deployment(tmp_path, sha256, place="EU/EEA")
    assert "Art. 5(1)(f)" in refused(tmp_path, path)
    write_deployment(tmp_path, "0" * 64)
    assert "expected the approved protocol" in refused(tmp_path, path)


def test_a_study_needs_a_protocol_that_was_frozen_and_is_whole(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    text = path.read_text()
    (tmp_path / "study.registered.json").rename(tmp_path / "away.json")
    assert "not frozen yet" in refused(tmp_path, path)
    (tmp_path / "away.json").rename(tmp_path / "study.registered.json")
    path.write_text(text.replace("A study of seconds", "Another study"))
    assert "expected the approved protocol" in refused(tmp_path, path)
    write_deployment(tmp_path, protocol_hash(path))
    assert "was frozen on" in refused(tmp_path, path)
    path.write_text(text.replace('"which", "learning"', '"whihc", "learning"', 1))
    assert "unknown page 'whihc'" in refused(tmp_path, path)


def test_a_stimulus_that_is_missing_on_the_day_is_named_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "clip.png").write_bytes(b"a picture")
    path = write_study(tmp_path)
    text = path.read_text().replace(
        'id = "light"\nkind = "text"\ntext = "Think of the first sun on your face."',
        'id = "light"\nkind = "image"\nfile = "clip.png"\nalt = "a picture"',
    )
    assert "clip.png" in text
    path.write_text(text)
    (tmp_path / "study.registered.json").unlink()
    write_deployment(tmp_path, preregister(path).sha256)
    (tmp_path / "clip.png").rename(tmp_path / "gone.png")
    assert "'clip.png' is missing" in refused(tmp_path, path)
    (tmp_path / "clip.png").write_bytes(b"another picture")
    assert "clip.png: was frozen on" in refused(tmp_path, path)
    (tmp_path / "clip.png").write_bytes(b"a picture")
    desk = Desk(settings_for(tmp_path), path)
    desk.check_running()
    (tmp_path / "clip.png").unlink()
    with pytest.raises(ProtocolError, match=r"clip\.png"):
        desk.check_running()
    desk.records.close()


def test_a_permission_that_ends_while_the_server_runs_ends_the_study(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    desk = Desk(settings_for(tmp_path), path)
    desk.gatekeeper._today = lambda: dt.date(2999, 6, 1)
    with pytest.raises(NotPermitted, match="ended on"):
        desk.check_running()
    desk.records.close()


def test_texts_of_ones_own_replace_the_drafts(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    own = tmp_path / "board.md"
    own.write_text("# As approved\n\nYou see two situations.")
    desk = Desk(settings_for(tmp_path), path, consent=own)
    assert desk.papers["consent"].text.startswith("# As approved")
    assert "A study of seconds" in desk.papers["guardian"].text
    desk.records.close()
    own.write_text(" ")
    with pytest.raises(ClassmoodError, match="1 to 40000 characters"):
        Desk(settings_for(tmp_path), path, consent=own)


def test_the_draft_says_what_is_recorded_and_names_no_emotion_by_the_papers_word(tmp_path: Path) -> None:
    found = {}
    for recording in ("none", "features", "video"):
        folder = tmp_path / recording
        folder.mkdir()
        desk = Desk(settings_for(folder), write_study(folder, recording=recording))
        found[recording] = desk.papers["consent"]
        desk.records.close()
    assert "No camera is used" in found["none"].text
    assert "No picture leaves your device" in found["features"].text
    assert "records your face as a video without sound" in found["video"].text
    assert "anger" in found["video"].text
    assert "fury" not in found["video"].text
    assert len({paper.version for paper in found.values()}) == 3


def test_an_erasure_that_was_broken_off_is_finished_at_the_next_start(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    desk = Desk(settings_for(tmp_path), path)
    who = desk.studies.add_participant(desk.study.session, "Broken1")
    desk.studies.consent(who.id, [("consent", "1"), ("recording", "1")], utc_now(), records=True)
    desk.studies.begin(who.id)
    desk.keep_part(who.id, 1, 1, 0, b"face", sha(b"face"), 1.0)
    desk.studies.set_state(who.id, "erasing")
    desk.recordings.keep("f" * 32, 1, 1, 0, b"nobody's", sha(b"nobody's"))
    assert desk.studies.chunks(who.id) == [StoredChunk(1, 1, 0, sha(b"face"), len(b"face"))]
    desk.records.close()

    async def restart() -> None:
        again = Desk(settings_for(tmp_path), path)
        await again.start()
        assert again.studies.participants(again.study.session) == []
        await again.stop()

    asyncio.run(restart())
    assert list((tmp_path / "study.db.recordings").iterdir()) == []
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"Broken1" not in file.read_bytes()


def test_the_recordings_of_a_study_that_is_over_go_before_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    running = Desk(settings_for(tmp_path), path)
    who = running.studies.add_participant(running.study.session, "Over1")
    running.studies.consent(who.id, [("consent", "1"), ("recording", "1")], utc_now(), records=True)
    running.studies.begin(who.id)
    running.keep_part(who.id, 1, 1, 0, b"face", sha(b"face"), 1.0)
    years_later = utc_now() + dt.timedelta(days=36500)
    monkeypatch.setattr(desk_module, "utc_now", lambda: years_later)
    with pytest.raises(InputError, match="are erased; start again"):
        asyncio.run(running.start())
    assert list((tmp_path / "study.db.recordings").iterdir()) == []
    running.records.close()
