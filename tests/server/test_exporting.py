"""From what came over the wire to a dataset that passes its checker; and erasure, also from what was exported."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import av
import numpy as np
import pytest
from served import run
from study_served import Participant, Running, event, running, settings_for

from classmood.dataset.checker import find_faults
from classmood.dataset.folder import read_events, read_self_reports_of, read_table
from classmood.dataset.trained import note_model
from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError
from classmood.pairs import pairs_of
from classmood.server.records import Records
from classmood.server.study.commands import export
from classmood.server.study.erasure import erase_participant
from classmood.server.study.exporting import Export, Exported, export_study
from classmood.server.study.recordings import Recordings
from classmood.store import Store
from classmood.studies import Studies
from classmood.timeline import read_timeline
from short_study import write_study

ANSWERS = {
    "sam": {"valence": 7, "arousal": 4, "dominance": 5},
    "emotion": {"emotion": "joy", "intensity": 6},
    "aspects": {"aspect_enthusiasm": 8, "aspect_skill_level": 2},
    "score": {"choice": 2},
    "sam-again": {"valence_again": 8, "arousal_again": 3},
}
# The server's clock is ahead of this page's by so much, and goes faster.
AHEAD_S, FASTER = 1e9, 1e-4


def video(seconds: float) -> bytes:
    """A WebM as a browser makes it: VP8, from 0."""
    held = io.BytesIO()
    with av.open(held, "w", format="webm") as sink:
        stream = sink.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(int(seconds * 10)):
            picture = np.full((48, 64, 3), 20 * (k % 10), np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")):
                sink.mux(packet)
        for packet in stream.encode(None):
            sink.mux(packet)
    return held.getvalue()


async def goes_through(
    who: Participant, *, until: int = 100, attempt: int = 1, first: int = 1, origin_s: float = 5
) -> None:
    """All steps as a page would report them, by a clock that is off."""
    steps = (await who.get("course")).json()["steps"]
    now_s, sent = (
        origin_s,
        [
            event(
                0,
                "begin",
                step=0,
                attempt=attempt,
                time_ms=1000 * origin_s,
                wall_ms=1.7e12,
                width_px=1,
                height_px=1,
                frame_ms=16,
            )
        ],
    )

    def add(kind: str, time_s: float, step: int, **body: object) -> None:
        sent.append(event(len(sent), kind, step=step, attempt=attempt, time_ms=1000 * time_s, **body))

    for step in steps[first - 1 : until]:
        number, end_s = step["number"], now_s + step["duration_s"]
        add("onset", now_s + 0.01, number, planned_ms=1000 * now_s)
        server_s = AHEAD_S + now_s * (1 + FASTER)
        add(
            "clock",
            now_s + 0.022,
            number,
            sent_ms=1000 * (now_s + 0.02),
            received_s=server_s + 0.021 * (1 + FASTER),
            replied_s=server_s + 0.021 * (1 + FASTER),
            heard_ms=1000 * (now_s + 0.022),
        )
        if step["records"] and who.readings:
            shares = [0.1, 0.9, 0, 0, 0, 0, 0, 0]
            add("reading", now_s + 1, number, p=shares, vad=[0.7, 0.4, 0.3], confidence=0.8, not_sure=False)
        elif step["records"]:
            add("recorded", now_s + 0.05, number, state="began")
            content = video(step["duration_s"] - 0.2)
            for part, start in enumerate(range(0, len(content), 500)):
                assert (await who.record(attempt, number, part, content[start : start + 500])).status_code == 200
        if step["page"]:
            add("answer", end_s, number, complete=True, **ANSWERS[step["page"]["kind"]])
        add("offset", end_s, number, planned_ms=1000 * end_s, cause="time")
        now_s = end_s
    for start in range(0, len(sent), 50):
        answer = await who.send(*sent[start : start + 50])
        assert answer.status_code == 200, answer.text


def exported(folder: Path, path: Path, out: Path) -> list[Exported]:
    """Who was written; nobody was left out."""
    found = exported_all(folder, path, out)
    assert found.left_out == ()
    return list(found.written)


def exported_all(folder: Path, path: Path, out: Path) -> Export:
    """With the server stopped, as the command does."""
    settings = settings_for(folder)
    records = Records(settings)
    try:
        return export_study(records, Studies(records.store), Recordings(settings.recordings_folder), path, out)
    finally:
        records.close()


def held(tmp_path: Path, *names: str, **study: object) -> Path:
    """A study that these went through; the protocol."""
    path = write_study(tmp_path, **study)  # type: ignore[arg-type]

    async def test() -> None:
        async with running(tmp_path, path) as at:
            for name in names:
                kind = at.desk.protocol.protocol.recording
                who = await at.started(name, recording=kind != "none")
                who.readings = kind == "features"
                await goes_through(who)
                await who.post("finish", {"how": "done"})
            await unfinished(at)

    run(test)
    return path


async def unfinished(at: Running) -> None:
    """Somebody who is still on the way is written later."""
    who = await at.started("late1")
    await goes_through(who, until=3)


def test_a_study_becomes_a_dataset_on_the_servers_clock(tmp_path: Path) -> None:
    path = held(tmp_path, "One1", "Two2", stimulus_s=3)
    written = exported(tmp_path, path, tmp_path / "data")
    assert [one.id for one in written] == ["sub-One1", "sub-Two2"]
    assert find_faults(tmp_path / "data") == ()
    rows = read_table(tmp_path / "data" / "participants.tsv")
    assert [(row["recording"], row["completed"], row["number"]) for row in rows] == [
        ("video", "yes", "1"),
        ("video", "yes", "2"),
    ]
    events = read_events(tmp_path / "data", "sub-One1")
    # Seconds of the server's faster clock since the first onset.
    now_s = 0.0
    for one in events:
        assert one.onset_s == pytest.approx(now_s * (1 + FASTER), abs=0.002)
        assert one.browser_onset_s == pytest.approx(now_s, abs=0.002)
        now_s += round(one.duration_s, 1)
    reports = read_self_reports_of(tmp_path / "data")
    assert reports.of("valence").tolist() == [7] * 4
    assert reports.of("score").tolist() == [1] * 4
    assert reports.emotion == ("joy",) * 4
    fit = written[0].telling.clocks[1]
    assert fit.drift == pytest.approx(FASTER, rel=0.01)
    assert abs(fit.left_ms_per_hour) < 50
    with av.open(str(tmp_path / "data" / "sub-One1" / "sub-One1_video.webm")) as film:
        times = [frame.time for frame in film.decode(video=0)]
    shown = [one for one in events if one.trial_type in ("baseline", "stimulus")]
    for one in shown:
        inside = [t for t in times if one.onset_s <= t <= one.onset_s + one.duration_s]
        assert inside[0] - one.onset_s == pytest.approx(0.04, abs=0.02)
    assert len(times) == 28 * len(shown)


def test_readings_of_a_face_become_a_timeline_on_the_same_clock(tmp_path: Path) -> None:
    path = held(tmp_path, "One1", recording="features", stimulus_s=3)
    (written,) = exported(tmp_path, path, tmp_path / "data")
    assert find_faults(tmp_path / "data") == ()
    timeline = read_timeline(tmp_path / "data" / "sub-One1" / "sub-One1_features.csv")
    shown = [one for one in written.telling.events if one.trial_type in ("baseline", "stimulus")]
    assert timeline.time_s.tolist() == pytest.approx([one.onset_s + 0.99 for one in shown], abs=0.01)
    assert timeline.classroom[:, CLASSROOM_CLASSES.index("joy")].tolist() == pytest.approx(
        [0.9] * len(shown), abs=0.001
    )
    assert not timeline.not_sure.any()
    assert pairs_of(tmp_path / "data").recognised.tolist() == [CLASSROOM_CLASSES.index("joy")] * 2


def test_who_ends_later_is_added_and_another_study_is_not_mixed_in(tmp_path: Path) -> None:
    path = held(tmp_path, "One1", recording="none")
    exported(tmp_path, path, tmp_path / "data")

    async def goes_on() -> None:
        async with running(tmp_path, path) as at:
            late = next(one for one in at.desk.studies.participants(at.desk.study.session) if one.name == "late1")
            seen = await at.came_in(at.desk.code(late))
            who = Participant(at.client, seen["token"], "")
            place = (await who.post("begin")).json()
            assert (place["attempt"], place["step"]) == (2, 4)
            # A page that was loaded anew has a clock of its own; the device has gone on for a minute.
            await goes_through(who, attempt=2, first=4, origin_s=95)
            await who.post("finish", {"how": "done"})

    run(goes_on)
    assert [one.id for one in exported(tmp_path, path, tmp_path / "data")] == ["sub-late1"]
    assert exported(tmp_path, path, tmp_path / "data") == []
    assert find_faults(tmp_path / "data") == ()
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = held(other, "One1", recording="none", page_s=2)
    with pytest.raises(InputError, match="another protocol"):
        exported(other, elsewhere, tmp_path / "data")
    with pytest.raises(InputError, match="nobody took part"):
        exported(tmp_path, elsewhere, tmp_path / "third")


def test_parts_after_a_lost_one_are_told_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = held(tmp_path, "One1", stimulus_s=3)
    with Store(tmp_path / "study.db") as store:
        studies = Studies(store)
        who = studies.participants(studies.studies()[0].session)[0]
        chunks = studies.chunks(who.id)
        step = chunks[0].step
        of_it = [one for one in chunks if one.step == step]
        with store.database.engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM study_chunk WHERE step = {step} AND part = {len(of_it) - 2}")
    (written,) = exported(tmp_path, path, tmp_path / "data")
    assert written.lost_parts == 1
    assert written.recorded[0] >= written.recorded[1] - 1
    assert find_faults(tmp_path / "data") == ()


def test_erasing_leaves_no_trace_in_folder_database_or_exports_and_lists_models(tmp_path: Path) -> None:
    path = held(tmp_path, "Goes1", "Stays2")
    data, moved = tmp_path / "data", tmp_path / "moved"
    exported(tmp_path, path, data)
    exported(tmp_path, path, moved)
    moved.rename(tmp_path / "elsewhere")
    note_model(data, tmp_path / "own.onnx", "1" * 64, ["sub-Goes1", "sub-Stays2"])
    note_model(data, tmp_path / "other.onnx", "2" * 64, ["sub-Stays2"])

    settings = settings_for(tmp_path)
    records = Records(settings)
    studies = Studies(records.store)
    recordings = Recordings(settings.recordings_folder)
    goes = next(one for one in studies.participants(studies.studies()[0].session) if one.name == "Goes1")
    receipts = [one.id for one in records.store.receipts(goes.id)]
    faces = [recordings.path(goes.id, chunk).read_bytes()[:200] for chunk in studies.chunks(goes.id)]
    film = (data / "sub-Goes1" / "sub-Goes1_video.webm").read_bytes()
    traces = [b"Goes1", goes.id.encode(), records.store.salt(goes.id), *(one.encode() for one in receipts)]
    traces += [hashlib.sha256(film).hexdigest().encode(), *{face for face in faces if len(face) == 200}]
    others = {
        face
        for one in studies.participants(goes.session)
        if one.name == "Stays2"
        for chunk in studies.chunks(one.id)
        if (face := recordings.path(one.id, chunk).read_bytes()[:200])
    }
    traces = [one for one in traces if one not in others]
    found = erase_participant(records, studies, recordings, goes)
    records.close()

    assert found.exports == (str(data.resolve()),)
    assert found.missing == (str(moved.resolve()),)
    assert [one.split(" ")[0] for one in found.models] == [str((tmp_path / "own.onnx").resolve())]
    for file in tmp_path.rglob("*"):
        # Where a folder was moved to, nobody knows but who moved it: it was named.
        if (tmp_path / "elsewhere") in (file, *file.parents):
            continue
        assert "Goes1" not in file.name
        assert goes.id not in file.name
        if file.is_file():
            content = file.read_bytes()
            assert not [trace for trace in traces if trace in content], file
    assert find_faults(data) == ()
    assert [row["participant_id"] for row in read_table(data / "participants.tsv")] == ["sub-Stays2"]
    # The models stay listed.
    assert len((data / ".trained.jsonl").read_text().splitlines()) == 2
    # And exporting again does not bring anybody back.
    assert exported(tmp_path, path, data) == []
    entries = [json.loads(line)["action"] for line in (tmp_path / "study.db.audit.jsonl").read_text().splitlines()]
    assert entries.count("student erased") == 1
    assert entries.count("exported") == 3


def test_who_was_stopped_before_anything_was_shown_is_named_and_keeps_nobody_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_study(tmp_path, recording="none")

    async def test() -> None:
        async with running(tmp_path, path) as at:
            early = await at.agreed((await at.invited("Early1"))["code"])
            await early.post("stop")
            stays = await at.started("Stays2")
            await goes_through(stays)
            await stays.post("finish", {"how": "done"})
            assert [one.state for one in at.desk.studies.participants(at.desk.study.session)] == [
                "stopping",
                "finished",
            ]

    run(test)
    export(path, tmp_path / "data", database=str(tmp_path / "study.db"))
    told = capsys.readouterr().out
    assert "sub-Early1: left out" in told
    assert "1 participants written" in told
    assert find_faults(tmp_path / "data") == ()
    assert [row["participant_id"] for row in read_table(tmp_path / "data" / "participants.tsv")] == ["sub-Stays2"]
    again = exported_all(tmp_path, path, tmp_path / "data")
    assert (again.written, again.left_out) == ((), ("sub-Early1",))
