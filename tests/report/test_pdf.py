"""A report becomes a real PDF by a real browser, and what is missing is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from classmood.errors import InputError, OutputError
from classmood.report import pdf

PAGE = "<!doctype html><html><body><h1>Class</h1><p>joy</p></body></html>"


@pytest.fixture
def browser() -> str:
    found = pdf.find_browser()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no browser on this machine, and CI must have one")
        pytest.skip("no browser of the Chromium family on this machine")
    return found


def test_a_page_is_printed(browser: str, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    pdf.write_pdf(PAGE, out)
    content = out.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]


def test_a_browser_on_no_search_path_is_found_where_windows_puts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PROGRAMFILES(X86)", str(tmp_path / "Program Files (x86)"))
    assert pdf.find_browser() is None
    edge = tmp_path / "Program Files (x86)" / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.touch()
    assert pdf.find_browser() == str(edge)


def test_without_a_browser_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    with pytest.raises(InputError, match="print it from any browser"):
        pdf.write_pdf(PAGE, tmp_path / "report.pdf")


def test_a_browser_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    false = tmp_path / "broken"
    false.write_text("#!/bin/sh\necho no display here >&2\nexit 3\n")
    false.chmod(0o755)
    monkeypatch.setattr(pdf, "find_browser", lambda: str(false))
    with pytest.raises(OutputError, match="broken did not print the report \\(no display here\\)"):
        pdf.write_pdf(PAGE, tmp_path / "report.pdf")


def test_a_place_that_cannot_be_written_is_named(browser: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        pdf.write_pdf(PAGE, tmp_path / "missing" / "report.pdf")
