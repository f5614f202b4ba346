"""A report as PDF: printed by a browser of the Chromium family, since that is what the page is drawn for.

The browser is the user's own, started without a window, without a network and with an empty profile that is removed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from classmood.errors import InputError, OutputError

BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
_LONGEST_S: Final = 60.0
_OFFLINE: Final = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def find_browser() -> str | None:
    """The first browser found that can print; None where there is none."""
    on_path = (path for name in BROWSERS if (path := shutil.which(name)))
    return next(on_path, None) or next((str(path) for path in _installed() if path.is_file()), None)


def _installed() -> Iterator[Path]:
    """Where Windows and macOS put browsers, which are on no search path there."""
    for place in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if folder := os.environ.get(place):
            for program in ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe"):
                yield Path(folder, program)
    for name in ("Google Chrome", "Chromium", "Microsoft Edge"):
        yield Path(f"/Applications/{name}.app/Contents/MacOS", name)


def write_pdf(page: str, path: Path) -> None:
    """Print a report.

    Args:
        page: the report as HTML that loads nothing.
        path: the PDF to write.

    Raises:
        InputError: no browser is there.
        OutputError: it did not print, or the file cannot be written.
    """
    browser = find_browser()
    if browser is None:
        raise InputError(
            f"{path}: a PDF needs Chromium, Chrome or Edge on this machine, and none was found; write the HTML and "
            "print it from any browser"
        )
    with tempfile.TemporaryDirectory(prefix="classmood-pdf-", ignore_cleanup_errors=True) as folder:
        source, printed = Path(folder, "report.html"), Path(folder, "report.pdf")
        source.write_text(page, encoding="utf-8")
        arguments = [browser, *_OFFLINE, f"--user-data-dir={folder}/profile", f"--print-to-pdf={printed}"]
        # Chromium refuses its own sandbox to root; the page is ours, escaped, and holds no script.
        if _is_root():
            arguments.append("--no-sandbox")
        try:
            run = subprocess.run(  # noqa: S603 (a browser found on the path, a file of ours)
                [*arguments, source.as_uri()], capture_output=True, text=True, timeout=_LONGEST_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OutputError(f"{path}: {Path(browser).name} did not print the report ({error})") from error
        if not printed.is_file():
            said = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise OutputError(f"{path}: {Path(browser).name} did not print the report ({said[:200]})")
        try:
            shutil.copyfile(printed, path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another output folder") from error


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
