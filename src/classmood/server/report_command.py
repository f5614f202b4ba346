"""``classmood report``: the report of a class that was held, as HTML and, where it is asked for, PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from classmood.errors import OutputError

if TYPE_CHECKING:
    from classmood.store import Store

_HOW: Final = (
    "To know it, have students press how they feel while their cameras are on, or hold a study that asks them "
    "('classmood experiment run')."
)
console = Console(stderr=True, highlight=False, soft_wrap=True)


def report(
    session: Annotated[str, typer.Argument(help="the class's id, or its beginning; left out: they are listed")] = "",
    out: Annotated[Path | None, typer.Option(help="the HTML file; report-ID.html if not given")] = None,
    pdf: Annotated[Path | None, typer.Option(help="write it as PDF too; needs Chromium, Chrome or Edge")] = None,
    database: Annotated[str | None, typer.Option(help="the server's SQLite file, or an SQLAlchemy URL")] = None,
) -> None:
    """Report a class that was held with serve: its climate, marks, nudges and what followed (extra: server)."""
    from classmood.agreement import assess
    from classmood.report.pdf import write_pdf
    from classmood.server.lesson import read_lesson
    from classmood.server.lesson_report import compose_lesson_report
    from classmood.server.pressed import pressed_pairs
    from classmood.server.settings import settings_of_kept
    from classmood.store import Store

    settings = settings_of_kept({"database": database})
    with Store(settings.database_file or settings.database) as store:
        if not session:
            list_sessions(store)
            return
        lesson = read_lesson(store, session, settings.release)
        agreement = assess(pressed_pairs(store, store.find_session(session).id, settings.release.mood_s), _HOW)
    page = compose_lesson_report(lesson, agreement)
    path = out or Path(f"report-{session[:8]}.html")
    try:
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place with --out") from error
    print(path)  # noqa: T201 (the command's result)
    if pdf is not None:
        write_pdf(page, pdf)
        print(pdf)  # noqa: T201 (the command's result)


def list_sessions(store: Store) -> None:
    """Print a line a class that is kept."""
    sessions = store.sessions()
    for one in sessions:
        ended = f"until {one.closed:%H:%M}" if one.closed else "not over"
        print(f"{one.id}  {one.opened:%Y-%m-%d %H:%M} UTC, {ended}")  # noqa: T201 (the command's result)
    if not sessions:
        console.print("no class has been held yet")
