"""Preregistration: frozen once, the same hash as the deployment's, and every change is refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from protocols import changed, text_of

from classmood.experiment.protocol import ProtocolError
from classmood.experiment.registration import check_registered, preregister, registration_path
from classmood.server.gate import Deployment, check_protocol, protocol_hash

DAY = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A protocol with a stimulus in a file."""
    text = changed(text_of("short"), ('kind = "text"                #', 'kind = "web"\nfile = "lesson.html" #'))
    start = text.index('text = """', text.index("lesson.html"))
    path = tmp_path / "study.toml"
    path.write_text(text[:start] + text[text.index('"""\n', start + 10) + 4 :], encoding="utf-8")
    (tmp_path / "lesson.html").write_text("<p>Maps</p>", encoding="utf-8")
    return path


def test_the_hash_is_what_a_deployment_states(study: Path) -> None:
    frozen = preregister(study, now=DAY)
    assert frozen.sha256 == protocol_hash(study)
    deployment = Deployment(
        profile="research", place="elsewhere", operator="o", contact="c", protocol_sha256=frozen.sha256
    )
    check_protocol(deployment, study)
    written = json.loads(registration_path(study).read_text(encoding="utf-8"))
    assert (written["sha256"], written["registered"]) == (frozen.sha256, "2026-11-25T12:00:00Z")
    assert set(written["files"]) == {"lesson.html"}


def test_freezing_again_keeps_the_first_day(study: Path) -> None:
    first = preregister(study, now=DAY)
    assert preregister(study, now=DAY + dt.timedelta(days=9)) == first == check_registered(study)


def test_a_changed_protocol_or_stimulus_is_refused(study: Path) -> None:
    preregister(study, now=DAY)
    before = study.read_bytes()
    study.write_bytes(before + b"# a comment\n")
    for refuse in (check_registered, preregister):
        with pytest.raises(ProtocolError, match=r"was frozen on 2026-11-25 with SHA-256.*count up version"):
            refuse(study)
    study.write_bytes(before)
    check_registered(study)
    (study.parent / "lesson.html").write_text("<p>Maps!</p>", encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"lesson\.html: was frozen on 2026-11-25 and has changed"):
        check_registered(study)
    (study.parent / "lesson.html").unlink()
    with pytest.raises(ProtocolError, match="cannot be read"):
        check_registered(study)


def test_only_what_can_be_run_is_frozen_and_only_what_was_frozen_passes(study: Path) -> None:
    with pytest.raises(ProtocolError, match="not frozen yet"):
        check_registered(study)
    study.write_text(changed(study.read_text(encoding="utf-8"), ("limit_min = 10", "limit_min = 3")), encoding="utf-8")
    with pytest.raises(ProtocolError, match="over the limit"):
        preregister(study)
    assert not registration_path(study).exists()
    registration_path(study).write_text("{}", encoding="utf-8")
    with pytest.raises(ProtocolError, match="not a registration any more"):
        check_registered(study)
