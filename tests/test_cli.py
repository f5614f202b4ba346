"""The commands as a user gives them: results, one-line errors, exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "classmood", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def assert_one_line_error(done: subprocess.CompletedProcess[str], *words: str) -> None:
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(errors) == 1, done.stderr
    assert all(word in errors[0] for word in words), errors[0]


@pytest.fixture(scope="module")
def photo(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "portrait.png"
    cv2.imwrite(str(path), cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    return path


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "timeline.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_photo_becomes_a_timeline_and_a_report(photo: Path, tmp_path: Path) -> None:
    done = run("analyze", photo, "--out", tmp_path / "out", "--raw")
    assert done.returncode == 0, done.stderr
    (row,) = rows_of(tmp_path / "out")
    # The astronaut smiles: expression resembling joy.
    assert float(row["joy"]) > 0.7
    assert float(row["valence"]) > 0.4
    assert sum(float(row[name]) for name in row if name.startswith("ferplus_")) == pytest.approx(1, abs=1e-3)
    assert "joy" in (tmp_path / "out" / "report.html").read_text()
    assert "AI Act" in done.stderr


def test_a_picture_without_a_face_gives_an_empty_timeline_that_says_so(tmp_path: Path) -> None:
    picture = tmp_path / "wall.png"
    cv2.imwrite(str(picture), np.full((240, 320, 3), 127, np.uint8))
    done = run("analyze", picture, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "out") == []
    assert "no face was found" in done.stderr
    assert json.loads((tmp_path / "out" / "timeline.json").read_text())["instants"] == 1


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [("none.jpg", None, "none.jpg"), ("empty.png", b"", "empty"), ("text.mp4", b"this is a text\n" * 50, "text.mp4")],
)
def test_bad_files_get_one_line(tmp_path: Path, name: str, content: bytes | None, word: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert_one_line_error(run("analyze", tmp_path / name, "--out", tmp_path / "out"), word)


def test_one_bad_file_does_not_stop_the_rest(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff garbage")
    done = run("analyze", tmp_path / "bad.jpg", photo, "--out", tmp_path / "out")
    assert_one_line_error(done, "bad.jpg")
    (row,) = rows_of(tmp_path / "out")
    assert row["source"].endswith("portrait.png")


def test_an_output_that_cannot_be_written_is_named(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert_one_line_error(run("analyze", photo, "--out", tmp_path / "file" / "out"), "cannot be written")


def test_a_tampered_model_is_refused_by_its_checksum(photo: Path, tmp_path: Path) -> None:
    from classmood.models import weights

    for ending in (".onnx", ".json"):
        data = (weights.FOLDER / f"{weights.SHIPPED_EMOTION}{ending}").read_bytes()
        (tmp_path / f"own{ending}").write_bytes(data + (b"\0" if ending == ".onnx" else b""))
    done = run("analyze", photo, "--out", tmp_path / "out", "--model", tmp_path / "own.onnx")
    assert_one_line_error(done, "SHA-256")


def test_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(portrait: np.ndarray, tmp_path: Path) -> None:
    from classmood import demo

    clip = tmp_path / "clip.mp4"
    demo._write_clip(np.tile(portrait, (2, 2, 1)), clip)
    arguments = ["analyze", str(clip), "--out", str(tmp_path / "out"), "--fps", "30"]
    # A shell's background job has the interrupt ignored, and hands that down to whatever the tests start.
    heeding = {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)} if os.name == "posix" else {}
    command = [sys.executable, "-m", "classmood", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **heeding)  # type: ignore[call-overload]
    ledger = tmp_path / "out" / "timeline_instants.csv"
    while process.poll() is None and not (ledger.is_file() and ledger.read_text().count("\n") > 3):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "kept" in errors
    kept = rows_of(tmp_path / "out")
    assert kept
    assert (tmp_path / "out" / "report.html").is_file()

    assert run(*arguments).returncode == 0
    after = rows_of(tmp_path / "out")
    whole = run(*arguments[:2], "--out", tmp_path / "whole", "--fps", "30")
    assert whole.returncode == 0
    assert [r["time_s"] for r in after] == [r["time_s"] for r in rows_of(tmp_path / "whole")]
    assert after[: len(kept)] == kept


def test_evaluate_prints_and_writes_scores(photo: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"path,label,group\n{photo},smiling,a\n{photo},happy,b\n")
    done = run(
        "evaluate", manifest, "--input", "photos", "--json", tmp_path / "s.json", "--predictions", tmp_path / "p.csv"
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "s.json").read_text())
    assert set(scores) >= {"n", "accuracy", "macro_f1", "weighted_f1", "recall", "confusion", "ece", "faces_not_found"}
    assert (scores["n"], scores["accuracy"], scores["faces_not_found"]) == (2, 1.0, 0)
    with (tmp_path / "p.csv").open() as file:
        assert [row["predicted"] for row in csv.DictReader(file)] == ["happiness", "happiness"]


def test_an_unknown_label_names_its_row(photo: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"path,label\n{photo},happy\n{photo},peckish\n")
    assert_one_line_error(run("evaluate", manifest), "row 3", "peckish")


def test_doctor_finds_everything_well() -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "nothing touched the network" in done.stdout
    assert "SHA-256" in done.stdout


def test_train_refuses_an_unknown_key_by_name(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra [train] is not installed")
    recipe = tmp_path / "bad.toml"
    recipe.write_text("[schedule]\nepoch = 3\n")
    assert_one_line_error(run("train", recipe), "schedule.epoch")


def test_audit_prints_its_findings_and_denies_nothing(photo: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    rows = [f"{photo},smiling,{'ab'[i % 2]},{i}" for i in range(12)]
    manifest.write_text("path,label,gender,subject\n" + "\n".join(rows) + "\n")
    done = run("audit", manifest, "--by", "gender", "--json", tmp_path / "a.json", "--picture", tmp_path / "a.png")
    assert done.returncode == 0, done.stderr
    assert "recall of happiness, by gender" in done.stdout
    assert "no bias" not in done.stdout
    assert json.loads((tmp_path / "a.json").read_text())["persons"] == 12
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert_one_line_error(run("audit", manifest, "--by", "height"), "height", "gender")


def test_explain_draws_a_face(photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra [train] is not installed")
    done = run("explain", photo, "--out", tmp_path / "new" / "e.png")
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(tmp_path / "new" / "e.png")) is not None


def test_no_help_text_loses_its_extra() -> None:
    """Square brackets are markup to the help's renderer, which would leave "(extra )"."""
    from typer.testing import CliRunner

    from classmood.cli import app

    names = [[], *([name] for name in ("demo", "explain", "serve", "simulate", "report", "audit"))]
    for name in names:
        shown = CliRunner().invoke(app, [*name, "--help"]).output
        assert "(extra )" not in " ".join(shown.split())
        assert "(extra)" not in shown
    assert "extra: server" in CliRunner().invoke(app, ["serve", "--help"]).output
