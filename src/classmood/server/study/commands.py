"""``classmood experiment run``, ``export`` and ``erase``. What they need is imported when they are called."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from classmood.errors import InputError

if TYPE_CHECKING:
    from classmood.server.settings import Settings
    from classmood.server.study.exporting import Exported

DATABASE: Final = "study.db"
console = Console(stderr=True, highlight=False, soft_wrap=True)
Protocol = Annotated[Path, typer.Argument(help="the protocol, frozen by 'classmood experiment preregister'")]
Database = Annotated[str | None, typer.Option(help="SQLite file (study.db by default), or an SQLAlchemy URL")]
Set = Annotated[list[str] | None, typer.Option("--set", help="any other setting: NAME=VALUE")]


def run(
    protocol: Protocol,
    host: Annotated[str | None, typer.Option(help="address to listen on; 0.0.0.0 for all of this machine's")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on; 0 takes a free one")] = None,
    database: Database = None,
    deployment: Annotated[Path | None, typer.Option(help="the deployment profile (deployment.toml)")] = None,
    recordings: Annotated[Path | None, typer.Option(help="folder for recordings; beside the database")] = None,
    consent: Annotated[Path | None, typer.Option(help="a consent text of your own (Markdown)")] = None,
    guardian: Annotated[Path | None, typer.Option(help="the same for guardians")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="certificate chain (PEM)")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="the certificate's private key (PEM)")] = None,
    origins: Annotated[str | None, typer.Option(help="public origins behind a proxy, with commas between")] = None,
    set_: Set = None,
    new_link: Annotated[bool, typer.Option("--new-link", help="print a new link for the running server")] = False,
) -> None:
    """Run a study in participants' browsers, under the profile research alone (extra: server)."""
    settings = _settings(
        {
            "host": host,
            "port": port,
            "database": database,
            "deployment": deployment,
            "recordings": recordings,
            "tls_certificate": tls_certificate,
            "tls_key": tls_key,
            "origins": origins,
        },
        set_,
    )
    if new_link:
        _print_link(settings, settings.origin())
    else:
        _run(settings, protocol, consent, guardian)


def export(
    protocol: Protocol,
    out: Annotated[Path, typer.Option(help="folder of the dataset; one exported to before takes who is new")],
    database: Database = None,
    recordings: Annotated[Path | None, typer.Option(help="folder for recordings; beside the database")] = None,
) -> None:
    """Write all who have ended as a dataset (the server must be stopped)."""
    from classmood.server.records import Records
    from classmood.server.study.exporting import export_study
    from classmood.server.study.recordings import Recordings
    from classmood.studies import Studies

    settings = _settings({"database": database, "recordings": recordings}, None)
    records = Records(settings)
    try:
        studies = Studies(records.store)
        found = export_study(records, studies, Recordings(settings.recordings_folder), protocol, out)
    finally:
        records.close()
    for one in found.written:
        print(f"{one.id}: {_described(one)}")  # noqa: T201 (the command's result)
    for name in found.left_out:
        print(f"{name}: left out, since nothing was shown before they ended")  # noqa: T201 (the command's result)
    print(f"{out}: {len(found.written)} participants written")  # noqa: T201 (the command's result)


def erase(
    protocol: Protocol,
    participant: Annotated[str, typer.Argument(help="the study id, such as 007")],
    database: Database = None,
    recordings: Annotated[Path | None, typer.Option(help="folder for recordings; beside the database")] = None,
) -> None:
    """Erase a participant: rows, recordings, exports (the server must be stopped, or use its page)."""
    from classmood.server.records import Records
    from classmood.server.study.erasure import erase_participant
    from classmood.server.study.exporting import study_of
    from classmood.server.study.recordings import Recordings
    from classmood.studies import Studies

    settings = _settings({"database": database, "recordings": recordings}, None)
    records = Records(settings)
    try:
        studies = Studies(records.store)
        everybody = studies.participants(study_of(studies, protocol).session)
        found = next((one for one in everybody if one.name == participant.removeprefix("sub-")), None)
        if found is None:
            raise InputError(f"expected a participant of the study, got {participant!r}; they may have been erased")
        erased = erase_participant(records, studies, Recordings(settings.recordings_folder), found)
    finally:
        records.close()
    print(f"{participant} is erased")  # noqa: T201 (the command's result)
    for word, found_ones in (
        ("also from", erased.exports),
        ("not there any more, look for copies", erased.missing),
        ("model that was trained on their data", erased.models),
    ):
        for one in found_ones:
            print(f"  {word}: {one}")  # noqa: T201 (the command's result)


def _described(one: Exported) -> str:
    """A participant who was written, in words."""
    telling = one.telling
    words = [f"{len(telling.events)} rows", f"onsets at most {max(telling.lateness_ms):.0f} ms after their plan"]
    for attempt, fit in telling.clocks.items():
        said = f"clocks {fit.exchanges} times"
        if math.isfinite(fit.left_ms_per_hour):
            said += (
                f", drift {3.6e6 * fit.drift:+.1f} ms an hour, after correction {fit.left_ms_per_hour:+.1f} ± "
                f"{fit.left_half_width_ms_per_hour:.1f}"
            )
        words.append(said if len(telling.clocks) == 1 else f"attempt {attempt}: {said}")
    if one.recorded[1]:
        words.append(f"{one.recorded[0]} of {one.recorded[1]} recordings")
    if one.lost_parts:
        words.append(f"{one.lost_parts} parts without the one before them")
    return "; ".join(words)


def _run(settings: Settings, protocol: Path, consent: Path | None, guardian: Path | None) -> None:
    from classmood.experiment.check import describe
    from classmood.server.app import log_json, web_server
    from classmood.server.commands import listen
    from classmood.server.study.desk import Desk
    from classmood.server.study.web import create_study_app

    log_json(settings.log_level)
    for certificate in (settings.tls_certificate, settings.tls_key):
        if certificate is not None and not certificate.is_file():
            raise InputError(f"{certificate}: expected a PEM file, and there is none")
    desk = Desk(settings, protocol, consent=consent, guardian=guardian)
    listening = listen(settings)
    port = listening.getsockname()[1]
    console.print(describe(desk.protocol), markup=False)
    console.print(" ".join(desk.gatekeeper.decision.why), markup=False)
    _print_link(settings, settings.origin(port))
    web_server(create_study_app(desk), settings).run(sockets=[listening])


def _print_link(settings: Settings, origin: str) -> None:
    from classmood.server.tokens import Links

    console.print("researcher (this link works once, for a day):")
    print(f"{origin}/study?key={Links(settings.beside('.links')).make()}", flush=True)  # noqa: T201


def _settings(given: dict[str, Any], pairs: list[str] | None) -> Settings:
    from classmood.server.settings import read_settings

    # Not the live classroom's: a teacher's list of classes is no place for a study.
    if given["database"] is None and "CLASSMOOD_DATABASE" not in os.environ:
        given["database"] = DATABASE
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set: expected NAME=VALUE, got {pair!r}; docs/reference/settings.md lists the names")
        given[name.strip()] = value
    return read_settings({name: value for name, value in given.items() if value is not None})
