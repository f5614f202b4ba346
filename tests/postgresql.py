"""A PostgreSQL server of the tests' own: a new cluster in a temporary folder, on a socket in it, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest


class Cluster:
    """A running server; every ``database`` is a new one."""

    def __init__(self, socket_folder: Path, user: str) -> None:
        self._folder = socket_folder
        self._user = user
        self._numbers = count()

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of one of its databases."""
        return f"postgresql+psycopg://{self._user}@/{database}?host={self._folder}"

    def database(self) -> str:
        """The URL of a new and empty database."""
        import psycopg

        name = f"class{next(self._numbers)}"
        with psycopg.connect(host=str(self._folder), user=self._user, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return self.url(name)


def _program(name: str) -> str | None:
    """PostgreSQL's own program; Debian keeps them off the path."""
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return shutil.which(name) or (str(beside[-1]) if beside else None)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a server, and stop it. Skips where there is none, unless CI says that there has to be."""
    initdb, control = _program("initdb"), _program("pg_ctl")
    if not initdb or not control:
        reason = "PostgreSQL is not installed (Debian: apt install postgresql)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    pytest.importorskip("psycopg", reason="psycopg (extra postgresql) is not installed")
    # It refuses to run as root.
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder = Path(tempfile.mkdtemp(prefix="classmood-postgresql-"))
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    # What follows must not inherit a folder that its user may not enter.
    how = {"check": True, "capture_output": True, "cwd": folder}
    if os.geteuid() == 0:
        how |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data = folder / "data"
    try:
        subprocess.run([initdb, "-D", data, "-U", owner.pw_name, "-A", "trust", "-E", "UTF8"], **how)  # type: ignore[call-overload]
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        log = folder / "log"
        subprocess.run([control, "-D", data, "-w", "-l", log, "-o", options, "start"], **how)  # type: ignore[call-overload]
        try:
            yield Cluster(folder, owner.pw_name)
        finally:
            subprocess.run([control, "-D", data, "-m", "immediate", "stop"], **how)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
