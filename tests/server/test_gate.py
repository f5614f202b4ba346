"""The gate: the table of profiles, denied by default, no way to a permit but an allowing decision, no model loaded."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from classmood.server.gate import (
    CAMERA_FREE,
    RESEARCH_GROUND,
    Decision,
    Deployment,
    DeploymentError,
    NotPermitted,
    Permit,
    check_protocol,
    decide,
    protocol_hash,
    read_deployment,
)

TODAY = dt.date(2026, 11, 25)
LATER = TODAY + dt.timedelta(days=30)
HASH = "a" * 64

EU_RESEARCH = {"research_ground": RESEARCH_GROUND, "approval_id": "EB-12", "expires": LATER}
ELSEWHERE_RESEARCH = {"approval_id": "EB-12", "protocol_sha256": HASH, "expires": LATER}
SAFETY = {"safety_ground": "seizure warning", "approver": "school physician"}

TABLE = [
    ("class", "EU/EEA", {"jurisdiction": "Utopia"}, False),
    ("class", "elsewhere", {"jurisdiction": "Utopia"}, True),
    ("class", "elsewhere", {}, False),
    ("self-reflection", "EU/EEA", {}, False),
    ("self-reflection", "elsewhere", {}, True),
    ("research", "EU/EEA", EU_RESEARCH, True),
    ("research", "elsewhere", ELSEWHERE_RESEARCH, True),
    ("research", "elsewhere", EU_RESEARCH, False),
    ("safety", "EU/EEA", SAFETY, True),
    ("safety", "elsewhere", SAFETY, True),
]
NEEDED = [
    *(("research", "EU/EEA", EU_RESEARCH, key) for key in EU_RESEARCH),
    *(("research", "elsewhere", ELSEWHERE_RESEARCH, key) for key in ELSEWHERE_RESEARCH),
    *(("safety", place, SAFETY, key) for place in ("EU/EEA", "elsewhere") for key in SAFETY),
]


def deployment(profile: str, place: str, **stated: object) -> Deployment:
    return Deployment.model_validate(
        {"profile": profile, "place": place, "operator": "A School", "contact": "office"} | stated
    )


@pytest.mark.parametrize(("profile", "place", "stated", "allowed"), TABLE)
def test_the_table(profile: str, place: str, stated: dict[str, object], allowed: bool) -> None:
    decision = decide(deployment(profile, place, **stated), TODAY)
    assert decision.allowed is allowed
    assert decision.why
    assert (decision.offered == CAMERA_FREE) is not allowed
    if allowed:
        assert decision.permit(TODAY).profile == profile
    else:
        with pytest.raises(NotPermitted, match="camera-free"):
            decision.permit(TODAY)


@pytest.mark.parametrize(("profile", "place", "stated", "key"), NEEDED)
def test_each_statement_is_needed_and_named(profile: str, place: str, stated: dict[str, object], key: str) -> None:
    without = {name: value for name, value in stated.items() if name != key}
    decision = decide(deployment(profile, place, **without), TODAY)
    assert not decision.allowed
    assert key in " ".join(decision.why)


def test_without_a_deployment_it_is_denied() -> None:
    decision = decide(None, TODAY)
    assert not decision.allowed
    with pytest.raises(NotPermitted):
        decision.permit(TODAY)


@pytest.mark.parametrize("profile", ["class", "self-reflection"])
def test_denial_in_the_eu_names_the_article(profile: str) -> None:
    why = " ".join(decide(deployment(profile, "EU/EEA", jurisdiction="Utopia", **SAFETY), TODAY).why)
    assert "Art. 5(1)(f)" in why
    assert "consent is no exception" in why


@pytest.mark.parametrize(("place", "stated"), [("EU/EEA", EU_RESEARCH), ("elsewhere", ELSEWHERE_RESEARCH)])
def test_expiry(place: str, stated: dict[str, object]) -> None:
    asked = deployment("research", place, **stated)
    decision = decide(asked, LATER)
    assert decision.allowed
    after = LATER + dt.timedelta(days=1)
    assert not decide(asked, after).allowed
    permit = decision.permit(LATER)
    with pytest.raises(NotPermitted, match="ended on"):
        permit.check(after)
    with pytest.raises(NotPermitted, match="ended on"):
        decision.permit(after)


def test_who_sees_what() -> None:
    research = decide(deployment("research", "EU/EEA", **EU_RESEARCH), TODAY)
    assert (research.individual_rows, research.teacher_sees_live) == (True, False)
    for profile, stated in (("class", {"jurisdiction": "Utopia"}), ("safety", SAFETY)):
        decision = decide(deployment(profile, "elsewhere", **stated), TODAY)
        assert (decision.individual_rows, decision.teacher_sees_live) == (False, True)
    alone = decide(deployment("self-reflection", "elsewhere"), TODAY)
    assert (alone.individual_rows, alone.teacher_sees_live) == (False, False)


def test_neither_permit_nor_decision_is_made_by_hand() -> None:
    for made_by in (None, object(), "gate"):
        with pytest.raises(NotPermitted, match="not made by hand"):
            Permit("class", None, made_by)
        with pytest.raises(NotPermitted, match="not made by hand"):
            Decision(True, "class", ("because",), made_by)
    real = decide(deployment("self-reflection", "elsewhere"), TODAY).permit(TODAY)
    assert copy.copy(real) == real
    # One from another process would have been stored, and may have ended since.
    with pytest.raises(NotPermitted):
        pickle.loads(pickle.dumps(real)).check(TODAY)


def write(path: Path, text: str) -> Path:
    file = path / "deployment.toml"
    file.write_text(text, encoding="utf-8")
    return file


WHOLE = """
[deployment]
profile = "research"
place = "elsewhere"
operator = "A School"
contact = "office"
approval_id = "EB-12"
expires = 2026-12-01
"""


def test_reading(tmp_path: Path) -> None:
    found = read_deployment(write(tmp_path, WHOLE + f'protocol_sha256 = "{HASH}"\n'))
    assert found.expires == dt.date(2026, 12, 1)
    assert decide(found, TODAY).allowed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"one table \[deployment\], got nothing"),
        ("profile = ", "not TOML"),
        ("[other]\n", "got other"),
        ("deployment = 3\n", r"one table \[deployment\]"),
        (WHOLE.replace('"research"', '"everything"'), "deployment.profile.*'everything'"),
        (WHOLE.replace('contact = "office"\n', ""), "deployment.contact"),
        (WHOLE + "enabled = true\n", "deployment.enabled"),
        (WHOLE + 'protocol_sha256 = "abc"\n', "deployment.protocol_sha256"),
        (WHOLE.replace("2026-12-01", '"soon"'), "deployment.expires"),
        (WHOLE + "retention_days = 0\n", "deployment.retention_days"),
        (WHOLE.replace('"A School"', '"A\\nSchool"'), "deployment.operator"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DeploymentError, match=says) as caught:
        read_deployment(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="serve --init"):
        read_deployment(tmp_path / "none.toml")


def test_the_approved_protocol_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "protocol.toml"
    file.write_text("minutes = 57\n")
    asked = deployment("research", "elsewhere", **ELSEWHERE_RESEARCH | {"protocol_sha256": protocol_hash(file)})
    check_protocol(asked, file)
    file.write_text("minutes = 58\n")
    with pytest.raises(NotPermitted, match="expected the approved protocol"):
        check_protocol(asked, file)
    with pytest.raises(DeploymentError, match="cannot be read"):
        check_protocol(asked, tmp_path / "none")


DECIDING = """
import sys
import classmood.server.gate, classmood.server.documents, classmood.server.messages, classmood.server.nudges
import classmood.server.audit_log, classmood.store
names = ("classmood.classifier", "classmood.models", "classmood.pipeline", "onnxruntime", "cv2", "av", "torch")
print(*(name for name in names if name in sys.modules))
"""


def test_nothing_that_reads_faces_is_loaded_by_what_decides() -> None:
    done = subprocess.run([sys.executable, "-c", DECIDING], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
