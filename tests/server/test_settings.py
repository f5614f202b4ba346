"""Settings: from where they come, in which order, and that each is written down."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from pydantic import BaseModel

from classmood.errors import InputError
from classmood.server.commands import serve
from classmood.server.settings import Settings, read_settings

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


def leaves(model: type[BaseModel], before: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= leaves(kind, f"{before}{name}.")
        else:
            found[before + name] = field.default
    return found


def row(name: str) -> list[str]:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(("name", "default"), leaves(Settings).items())
def test_each_setting_is_documented_with_its_default(name: str, default: object) -> None:
    cells = row(name)
    assert cells[-1]
    if isinstance(default, int | float) and not isinstance(default, bool):
        assert float(cells[-2].strip("`")) == float(default)
    elif isinstance(default, str) and default:
        assert default in cells[-2]


def test_nothing_is_documented_that_is_not_there() -> None:
    named = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert sorted(named) == sorted(leaves(Settings))


def test_each_option_is_documented_beside_its_setting() -> None:
    for name in inspect.signature(serve).parameters:
        if name in ("set_", "init", "new_link", "open_browser"):
            continue
        setting = f"release.{name}" if name in ("interval_s", "k") else name
        assert f"`--{name.replace('_', '-')}`" in row(setting)


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_command_line_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASSMOOD_PORT", "8001")
    monkeypatch.setenv("CLASSMOOD_GRACE_S", "7")
    monkeypatch.setenv("CLASSMOOD_RELEASE__INTERVAL_S", "15")
    monkeypatch.setenv("CLASSMOOD_RELEASE__K", "6")
    found = read_settings({"port": 8002, "release.k": "8"})
    assert (found.port, found.grace_s, found.release.interval_s, found.release.k) == (8002, 7, 15, 8)


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASSMOOD_ORIGINS", "https://a.example, https://B.example:8443")
    found = read_settings({})
    assert found.origins == ("https://a.example", "https://b.example:8443")
    assert found.origin(9) == "https://a.example"


@pytest.mark.parametrize("origin", ["a.example", "ftp://a.example", "https://a.example/path", "https://", "null"])
def test_an_origin_is_a_scheme_and_a_host(origin: str) -> None:
    with pytest.raises(InputError, match="origins"):
        read_settings({"origins": origin})


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"prot": 1}, "prot"),
        ({"port": 70000}, "port"),
        ({"release.k": 4}, "release.k"),
        ({"release.nothing": 4}, "release.nothing"),
        ({"log_level": "loud"}, "log_level"),
        ({"grace_s": "soon"}, "grace_s"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        read_settings(given)
    assert "\n" not in str(caught.value)


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="together"):
        read_settings({"tls_certificate": tmp_path / "a.pem"})


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"host": "0.0.0.0", "port": 9}, "http://127.0.0.1:9"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"tls_certificate": "a", "tls_key": "b", "host": "class.example"}, "https://class.example:8000"),
    ],
)
def test_the_address_given_to_people(given: dict[str, object], origin: str) -> None:
    assert read_settings(given).origin() == origin


def test_files_lie_beside_the_database() -> None:
    found = read_settings({"database": "/data/school.db"})
    assert found.beside(".key") == Path("/data/school.db.key")
    assert found.audit_log_file == Path("/data/school.db.audit.jsonl")
    url = read_settings({"database": "postgresql+psycopg://host/school"})
    assert url.database_file is None
    assert url.beside(".key") == Path("classmood.db.key")
