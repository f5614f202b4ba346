"""`classmood doctor`: what is installed, which models with licence and checksum, and a self-test off the network.

The self-test runs the real models on drawn input with Python's sockets closed, so that a library which wanted to call
home would be caught: any attempt is counted and reported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from unittest.mock import patch

import numpy as np

from classmood.classifier import Classifier
from classmood.detectors import CenterFace
from classmood.errors import ClassmoodError
from classmood.models import weights

LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime", "av", "scipy", "pillow", "pydantic", "typer")
EXTRAS = {
    "demo": ("skimage",),
    "archive": ("pyarrow",),
    "experiment": ("matplotlib", "pympi"),
    "server": (
        "sqlalchemy",
        "alembic",
        "fastapi",
        "uvicorn",
        "websockets",
        "pydantic_settings",
        "segno",
        "markdown_it",
    ),
    "postgresql": ("psycopg",),
    "train": ("torch", "safetensors", "sklearn", "hmmlearn", "matplotlib", "onnx", "pyarrow"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, what was found, and whether that is as it should be."""

    what: str
    found: str
    good: bool = True


@dataclass(slots=True)
class _Attempts:
    addresses: list[str] = field(default_factory=list)


def examine() -> list[Finding]:
    """Look at everything and return it line by line; nothing is raised."""
    findings = [
        Finding("classmood", _version("classmood")),
        Finding("Python", f"{platform.python_version()} ({sys.executable})"),
        Finding(
            "machine", f"{platform.system()} {platform.machine()}, {platform.processor() or 'processor not named'}"
        ),
    ]
    findings += [Finding(name, _version(name), _version(name) != "missing") for name in LIBRARIES]
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        findings.append(Finding(f"extra [{extra}]", f"without {', '.join(missing)}" if missing else "installed"))
    findings += [_model(weights.SHIPPED_EMOTION), _model(weights.SHIPPED_DETECTOR)]
    return findings + _self_test()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _model(name: str) -> Finding:
    try:
        path = weights.find(name)
        card = weights.read_card(path, weights.Card)
    except ClassmoodError as error:
        return Finding(f"model {name}", str(error), good=False)
    size_mb = path.stat().st_size / 1e6
    return Finding(f"model {name}", f"{card.licence}, {size_mb:.1f} MB, SHA-256 {card.sha256} as recorded")


def _self_test() -> list[Finding]:
    with _closed_network() as attempts:
        try:
            # A drawn scene without a person: the detector must find no face in it.
            scene = np.full((360, 640, 3), 96, np.uint8)
            scene[100:260, 200:440] = (180, 160, 140)
            found = len(CenterFace().detect(scene))
            emotions = Classifier()(np.linspace(0, 255, 2 * 48 * 48).reshape(2, 48, 48).astype(np.uint8))
            total = float(emotions.ferplus.sum())
            good = found == 0 and abs(total - 2) < 1e-4
            result = Finding(
                "self-test", f"{found} faces in an empty scene, probabilities sum to {total / 2:.6f}", good
            )
        except Exception as error:  # a broken installation fails in ways of its own; here is where to say so
            words = str(error) if isinstance(error, ClassmoodError) else f"{type(error).__name__}: {error}"
            result = Finding("self-test", words, good=False)
    touched = ", ".join(attempts.addresses) or "nothing touched the network"
    return [result, Finding("network", touched, not attempts.addresses)]


# What opens a connection, sends without one, or looks a name up; the address is in the arguments.
_OF_A_SOCKET = ("connect", "connect_ex", "sendto")
_OF_THE_MODULE = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")


@contextmanager
def _closed_network() -> Iterator[_Attempts]:
    """Refuse and count every connection, datagram and name look-up that Python code attempts."""
    attempts = _Attempts()

    def refuse(*arguments: object, **_: object) -> NoReturn:
        given = [argument for argument in arguments if isinstance(argument, (str, tuple))]
        attempts.addresses.append(str(given[0] if given else arguments))
        raise OSError("the network is closed during the self-test")

    with ExitStack() as closed:
        for place, names in ((socket.socket, _OF_A_SOCKET), (socket, _OF_THE_MODULE)):
            for name in names:
                closed.enter_context(patch.object(place, name, refuse))
        yield attempts
