"""The doctor: all is well with what is shipped, and each thing that is not is found and named."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from classmood import doctor
from classmood.detectors import CenterFace
from classmood.doctor import Finding, examine
from classmood.faces import Faces
from classmood.models import weights

SHIPPED = (weights.SHIPPED_EMOTION, weights.SHIPPED_DETECTOR)


def found() -> dict[str, Finding]:
    return {finding.what: finding for finding in examine()}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped models, in their place."""
    for name in SHIPPED:
        for ending in (".onnx", ".json"):
            shutil.copy(weights.FOLDER / f"{name}{ending}", tmp_path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def no_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_self_test", list)


def test_what_is_shipped_is_well(models: Path) -> None:
    findings = found()
    for name in SHIPPED:
        finding = findings[f"model {name}"]
        assert finding.good
        assert weights.sha256(models / f"{name}.onnx") in finding.found
        assert any(licence in finding.found for licence in ("Apache-2.0", "MIT"))
    assert findings["self-test"].good
    assert "sum to 1.000000" in findings["self-test"].found
    assert findings["network"] == Finding("network", "nothing touched the network")
    assert findings["Python"].found.startswith("3.")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_tampered_model_is_found_by_its_checksum_and_not_used(models: Path, name: str) -> None:
    with (models / f"{name}.onnx").open("ab") as file:
        file.write(b"\0")
    findings = found()
    bad = {what for what, finding in findings.items() if not finding.good}
    assert bad == {f"model {name}", "self-test"}
    assert all("expected SHA-256" in findings[what].found for what in bad)


@pytest.mark.usefixtures("no_self_test")
@pytest.mark.parametrize("ending", [".onnx", ".json"])
def test_a_missing_file_is_found(models: Path, ending: str) -> None:
    (models / f"{weights.SHIPPED_DETECTOR}{ending}").unlink()
    finding = found()[f"model {weights.SHIPPED_DETECTOR}"]
    assert not finding.good
    assert "\n" not in finding.found


@pytest.mark.usefixtures("no_self_test")
def test_a_missing_library_is_bad_and_a_missing_extra_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", (*doctor.LIBRARIES, "no-such-library"))
    monkeypatch.setattr(doctor, "EXTRAS", {"train": ("no_such_module", "csv")})
    findings = found()
    assert findings["no-such-library"] == Finding("no-such-library", "missing", good=False)
    assert findings["extra [train]"] == Finding("extra [train]", "without no_such_module")
    assert findings["numpy"] == Finding("numpy", np.__version__)


def calling_home(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Makes the detector touch the network and hide what became of it."""

    def detect(self: CenterFace, image: np.ndarray) -> Faces:
        try:
            if call.startswith("connect"):
                with socket.socket() as line:
                    getattr(line, call)(("127.0.0.1", 9))
            elif call == "sendto":
                with socket.socket(type=socket.SOCK_DGRAM) as line:
                    line.sendto(b"hello", ("127.0.0.1", 9))
            else:
                getattr(socket, call)("localhost")
        except (OSError, TypeError):
            pass
        return Faces.empty()

    monkeypatch.setattr(CenterFace, "detect", detect)


@pytest.mark.parametrize("call", ["connect", "connect_ex", "sendto", "getaddrinfo", "gethostbyname"])
def test_a_call_home_is_caught(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    calling_home(monkeypatch, call)
    result, network = doctor._self_test()
    assert result.good
    assert not network.good
    assert "127.0.0.1" in network.found or "localhost" in network.found


def test_afterwards_the_network_is_open_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calling_home(monkeypatch, "connect")
    doctor._self_test()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        assert socket.getaddrinfo("127.0.0.1", 80)


def test_a_face_seen_where_none_is_and_a_crash_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CenterFace, "detect", lambda *_: Faces.from_rows(np.ones((1, 15), np.float32)))
    result, _ = doctor._self_test()
    assert not result.good
    assert "1 faces in an empty scene" in result.found

    def crash(*_: object) -> Faces:
        raise ImportError("libsomething.so: cannot open")

    monkeypatch.setattr(CenterFace, "detect", crash)
    result, network = doctor._self_test()
    assert result == Finding("self-test", "ImportError: libsomething.so: cannot open", good=False)
    assert network.good
