"""Every setting of ``classmood serve``: from the command line, else from the environment, else the default.

In the environment a setting is ``CLASSMOOD_`` and its name, one of a group with two underscores:
``CLASSMOOD_PORT=8443``, ``CLASSMOOD_RELEASE__INTERVAL_S=15``. docs/reference/settings.md lists them; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from classmood.errors import InputError, MissingExtra

try:
    from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
    from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
except ImportError as error:
    raise MissingExtra("the live classroom", "server") from error

from classmood.server.nudges import NudgeSettings
from classmood.server.release import ReleaseSettings

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _origin(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in ("http", "https") or not rest or any(c in rest for c in "/?#@ "):
        raise ValueError("expected an origin as https://class.example.org, without a path")
    return value.lower()


Origin = Annotated[str, AfterValidator(_origin)]


class Settings(BaseSettings):
    """What the operator may set."""

    model_config = SettingsConfigDict(
        env_prefix="CLASSMOOD_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all of this machine's")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    database: str = Field(
        "classmood.db", min_length=1, description="SQLite file, or an SQLAlchemy URL for a school's PostgreSQL"
    )
    deployment: Path = Field(
        Path("deployment.toml"), description="the deployment profile; without the file the class is camera-free"
    )
    model: Path | None = Field(
        None,
        description="an emotion model of one's own in place of the shipped one: an ONNX file with its card beside it",
    )
    audit_log: Path | None = Field(None, description="the audit log; beside the database if not given")
    recordings: Path | None = Field(
        None, description="folder for what participants of a study agreed to record; beside the database if not given"
    )
    tls_certificate: Path | None = Field(None, description="certificate chain (PEM); with it pages are HTTPS")
    tls_key: Path | None = Field(None, description="the certificate's private key (PEM)")
    origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="public origins behind a proxy, separated by commas, as https://class.example.org"
    )
    forwarded_allow_ips: str = Field(
        "", description="addresses of proxies whose X-Forwarded-For and -Proto are believed, separated by commas"
    )
    grace_s: float = Field(
        20.0, ge=0, le=600, description="time in which a student whose connection broke may come back uncounted as gone"
    )
    longest_session_s: float = Field(
        43200.0, ge=60, le=604800, description="a class that nobody closed is closed after this time"
    )
    most_students: int = Field(1000, ge=1, le=100000, description="students connected to one class at most")
    sockets_per_address: int = Field(
        1000, ge=1, description="connections from one address at most; a school behind one address needs one a student"
    )
    sockets: int = Field(5000, ge=1, description="connections in all at most")
    join_tries_per_address: int = Field(10, ge=1, description="wrong join codes a minute from one address")
    join_tries: int = Field(60, ge=1, description="wrong join codes a minute in all")
    consents_per_address: int = Field(600, ge=1, description="consents a minute from one address")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    release: ReleaseSettings = Field(
        default_factory=ReleaseSettings, description="how much is told of a class, how often"
    )
    nudges: NudgeSettings = Field(
        default_factory=NudgeSettings, description="how often a suggestion is made, and on how much"
    )

    @property
    def database_file(self) -> Path | None:
        """The SQLite file; None where the database is a server's."""
        return None if "://" in self.database else Path(self.database)

    def beside(self, suffix: str) -> Path:
        """A file of the server's own beside the database."""
        file = self.database_file or Path("classmood.db")
        return file.with_name(file.name + suffix)

    @property
    def audit_log_file(self) -> Path:
        """Where the audit log is."""
        return self.audit_log or self.beside(".audit.jsonl")

    @property
    def recordings_folder(self) -> Path:
        """Where the recordings of studies are."""
        return self.recordings or self.beside(".recordings")

    @property
    def scheme(self) -> str:
        """By which the server itself is reached."""
        return "https" if self.tls_certificate else "http"

    def origin(self, port: int | None = None) -> str:
        """The address to give to people: the first public origin, else where the server listens."""
        if self.origins:
            return self.origins[0]
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 (compared, not bound)
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{self.scheme}://{host}:{self.port if port is None else port}"


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Settings from what the command line gives (dots for groups: ``release.k``), the environment and the defaults.

    Raises:
        InputError: a name is unknown or a value impossible; the setting is named.
    """
    nested: dict[str, Any] = {}
    for name, value in given.items():
        group, _, field = name.rpartition(".")
        (nested.setdefault(group, {}) if group else nested)[field] = value
    try:
        settings = Settings(**nested)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"setting {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InputError("expected tls_certificate and tls_key together, got one of them")
    return settings


def settings_of_kept(given: Mapping[str, Any]) -> Settings:
    """The same for a command about classes that were held; what is None was not given.

    Raises:
        InputError: also where there is no database, and none is made.
    """
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    file = settings.database_file
    if file is not None and not file.is_file():
        raise InputError(f"{file}: no database of classes; give the one that serve used with --database")
    return settings
