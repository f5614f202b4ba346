"""``classmood research``: the rows that participants of a class gave. What it needs is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(stderr=True, highlight=False, soft_wrap=True)
research = typer.Typer(no_args_is_help=True, help="Rows of classes that were held under the profile research.")


@research.command()
def export(
    session: Annotated[str, typer.Argument(help="the class's id, or its beginning; left out: they are listed")] = "",
    out: Annotated[Path | None, typer.Option(help="the CSV file; research-ID.csv if not given")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="write Parquet too (extra: archive)")] = False,
    database: Annotated[str | None, typer.Option(help="the server's SQLite file, or an SQLAlchemy URL")] = None,
    audit_log: Annotated[Path | None, typer.Option(help="the server's audit log; beside the database")] = None,
) -> None:
    """Write what those sent whose consent stands, as CSV with a JSON file beside it (the server must be stopped)."""
    from classmood.server.records import Records
    from classmood.server.report_command import list_sessions
    from classmood.server.research_rows import export_rows
    from classmood.server.settings import settings_of_kept
    from classmood.store import Store

    settings = settings_of_kept({"database": database, "audit_log": audit_log})
    if not session:
        with Store(settings.database_file or settings.database) as store:
            list_sessions(store)
        return
    records = Records(settings)
    try:
        found = records.store.find_session(session)
        written = export_rows(records, found, out or Path(f"research-{found.id[:8]}.csv"), parquet=parquet)
    finally:
        records.close()
    for path in written.files:
        print(path)  # noqa: T201 (the command's result)
    console.print(f"{written.rows} rows of {written.participants} participants whose consent stands", markup=False)
    console.print("who withdraws or erases later stays in these files: export anew, and delete them", markup=False)
