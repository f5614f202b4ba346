"""An environment of its own for each package, made by the registries' ordinary clients and kept between runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from peer import Peer

ADAPTERS = Path(__file__).parent / "adapters"


def prepare(peer: Peer, folder: Path) -> None:
    """Install a system's pinned packages into ``folder/NAME`` unless they are there.

    Raises:
        subprocess.CalledProcessError: the client failed; what it said is on the terminal.
    """
    if not peer.registry:
        return
    target = folder / peer.environment
    stamp = target / "installed.txt"
    wanted = "\n".join([f"{peer.package}=={peer.version}", *peer.needs]) + "\n"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    target.mkdir(parents=True, exist_ok=True)
    print(f"installing {peer.package} {peer.version} into {target}")
    if peer.registry == "PyPI":
        _install_python(peer, target)
    else:
        _install_node(peer, target)
    stamp.write_text(wanted, encoding="utf-8")


def _install_python(peer: Peer, target: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", target], check=True)
    python = target / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*install, *peer.needs], check=True)
    # Without its own requirements: they ask for a window toolkit, video editors and a second deep-learning framework,
    # none of which what is measured here imports.
    subprocess.run([*install, "--no-deps", f"{peer.package}=={peer.version}"], check=True)


def _install_node(peer: Peer, target: Path) -> None:
    (target / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    packages = [f"{peer.package}@{peer.version}", *peer.needs]
    install = ["npm", "install", "--save-exact", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*install, *packages], cwd=target, check=True)


def command(peer: Peer, folder: Path, arguments: list[str]) -> list[str]:
    """The command line of a system's adapter."""
    script = str(ADAPTERS / peer.adapter)
    rest = [*arguments, peer.variant] if peer.variant else arguments
    if peer.registry == "npm":
        return ["node", script, *rest]
    python = str(folder / peer.environment / "bin" / "python") if peer.registry else sys.executable
    return [python, script, *rest]


def variables(peer: Peer, folder: Path, *, threads: int | None) -> dict[str, str]:
    """The environment variables of an adapter; with ``threads`` each library is held to so many."""
    found = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    if peer.registry == "npm":
        found["NODE_PATH"] = str((folder / peer.environment / "node_modules").resolve())
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENCV_FOR_THREADS_NUM"):
        found.pop(name, None)
        if threads:
            found[name] = str(threads)
    return found
