"""The pages' own tests: types of every file, and the logic behind the pages (web/tests)."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
pytestmark = pytest.mark.skipif(not WEB.is_dir(), reason="web/ is not beside the tests")


def test_types_and_logic_of_the_pages() -> None:
    spec = importlib.util.spec_from_file_location("page_build", WEB / "page_build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    try:
        build.find_node()
    except build.PagesError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    npm = build.install(WEB)
    done = subprocess.run(
        [*npm.command, "test"],
        cwd=WEB,
        env={**npm.environment, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
