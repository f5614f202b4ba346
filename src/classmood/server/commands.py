"""``classmood serve`` and ``classmood audit-log``. What they need is imported when they are called."""

from __future__ import annotations

import datetime as dt
import socket
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from classmood.errors import InputError

if TYPE_CHECKING:
    from classmood.server.settings import Settings

console = Console(stderr=True, highlight=False, soft_wrap=True)
audit_log = typer.Typer(no_args_is_help=True, help="The audit log of the live classroom.")


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on; 0.0.0.0 for all of this machine's")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on; 0 takes a free one")] = None,
    database: Annotated[str | None, typer.Option(help="SQLite file, or an SQLAlchemy URL")] = None,
    deployment: Annotated[Path | None, typer.Option(help="the deployment profile (deployment.toml)")] = None,
    model: Annotated[Path | None, typer.Option(help="an emotion model of one's own (ONNX, with its card)")] = None,
    audit_log: Annotated[Path | None, typer.Option(help="the audit log; beside the database if not given")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="certificate chain (PEM)")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="the certificate's private key (PEM)")] = None,
    origins: Annotated[str | None, typer.Option(help="public origins behind a proxy, with commas between")] = None,
    forwarded_allow_ips: Annotated[str | None, typer.Option(help="addresses of proxies to believe")] = None,
    interval_s: Annotated[float | None, typer.Option(help="from one release to the next")] = None,
    k: Annotated[int | None, typer.Option(help="fewest students for whom anything is released")] = None,
    grace_s: Annotated[float | None, typer.Option(help="time to come back after a broken connection")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="any other setting: NAME=VALUE, as nudges.interval_s=600")
    ] = None,
    init: Annotated[bool, typer.Option("--init", help="ask the questions and write the deployment profile")] = False,
    new_link: Annotated[bool, typer.Option("--new-link", help="print a new link for the running server")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="open the teacher's page in the browser")] = False,
) -> None:
    """Serve the live classroom: students' and teachers' pages, on this machine alone by default (extra: server)."""
    from classmood.server.settings import read_settings

    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "database": database,
        "deployment": deployment,
        "model": model,
        "audit_log": audit_log,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "origins": origins,
        "forwarded_allow_ips": forwarded_allow_ips,
        "release.interval_s": interval_s,
        "release.k": k,
        "grace_s": grace_s,
        "log_level": log_level,
    }
    for pair in set_ or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set: expected NAME=VALUE, got {pair!r}; docs/reference/settings.md lists the names")
        given[name.strip()] = value
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    if init:
        _init(settings)
    elif new_link:
        _print_link(settings, settings.origin())
    else:
        _serve(settings, open_browser)


@audit_log.command()
def verify(
    file: Annotated[Path, typer.Argument(help="the log")],
    head: Annotated[str, typer.Option(help="a hash that was noted earlier and must occur")] = "",
) -> None:
    """Check that nothing in an audit log was changed, removed or reordered."""
    from classmood.server import audit_log as logs

    verdict = logs.verify(file, head)
    if not verdict.whole:
        raise InputError(f"{file}: {verdict.problem}; {verdict.entries} entries before it are whole")
    print(f"whole: {verdict.entries} entries, head {verdict.head}")  # noqa: T201 (the command's result)


def _serve(settings: Settings, open_browser: bool) -> None:
    from classmood.server.app import create_app, log_json, web_server

    log_json(settings.log_level)
    listening = listen(settings)
    port = listening.getsockname()[1]
    app = create_app(settings)
    decision = app.state.classrooms.gatekeeper.decision
    if not decision.allowed:
        console.print(f"camera-free: {' '.join(decision.why)}", style="yellow", markup=False)
        if not settings.deployment.exists():
            console.print(f"{settings.deployment} is not there; 'classmood serve --init' writes it", markup=False)
    for certificate in (settings.tls_certificate, settings.tls_key):
        if certificate is not None and not certificate.is_file():
            raise InputError(f"{certificate}: expected a PEM file, and there is none")
    console.print(f"students: {settings.origin(port)}/", markup=False)
    link = _print_link(settings, settings.origin(port))
    if open_browser:
        webbrowser.open(link)
    web_server(app, settings).run(sockets=[listening])


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on.

    Raises:
        InputError: the port is in use, not ours to take, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host.strip("[]"), settings.port))
        # From now on: whoever follows a link that was printed before all is ready waits, and is not turned away.
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise InputError(
            f"{settings.host}, port {settings.port}: cannot be listened on ({error.strerror}); stop what uses it, or "
            "choose another with --port"
        ) from error
    listening.set_inheritable(True)
    return listening


def _print_link(settings: Settings, origin: str) -> str:
    from classmood.server.tokens import Links

    link = f"{origin}/teach?key={Links(settings.beside('.links')).make()}"
    console.print("teacher (this link works once, for a day):")
    print(link, flush=True)  # noqa: T201 (the command's result)
    return link


def _init(settings: Settings) -> None:
    from classmood.server.interview import interview, write_papers

    def ask(question: str, default: str) -> str:
        answer: str = typer.prompt(question, default=default, show_default=bool(default))
        return answer

    deployment = interview(ask)
    written, decision = write_papers(deployment, settings.deployment, dt.datetime.now(dt.UTC).date())
    for path in written:
        print(path)  # noqa: T201 (the command's result)
    said = "allowed" if decision.allowed else "denied; the class is camera-free"
    console.print(f"{said}: {' '.join(decision.why)}", markup=False)
    console.print("The texts are drafts: have them read by someone responsible for data protection.")
