"""The API keeps to its own description, whatever is sent to it: schemathesis makes up requests from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed, settings
from served import ALLOWED, BASE, Served, bearer, in_process, joined, let_teacher_in, opened, run
from served import served as serving

from classmood.server.api import router

Headers = dict[str, str]


class Known:
    """A server with a class and a student of it, for requests that mean something."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.teacher: Headers = {}
        self.student: Headers = {}
        self.session: dict[str, Any] = {}
        self._turn = 0

    async def begin(self) -> None:
        async with self.served.client() as client:
            await let_teacher_in(self.served.app, client)
            self.teacher = bearer(client.cookies["classmood_teacher"])
            self.session = await opened(client)
            self.student = bearer(await joined(client, self.session["code"], "camera"))

    def headers(self, path: str) -> Headers:
        return self.teacher if "/sessions" in path else self.student

    def give(self, case: schemathesis.Case) -> None:
        """Every second request that names a class names one that is there; what was ended is begun anew."""
        self._turn += 1
        if self._turn % 2 and "identity" in (case.path_parameters or {}):
            with httpx.Client(base_url=self.served.base, headers=self.teacher) as client:
                found = client.get(f"/api/v1/sessions/{self.session['id']}")
                if found.status_code != 200 or found.json()["closed"]:
                    self.session = client.post("/api/v1/sessions", json={}).json()
            case.path_parameters["identity"] = self.session["id"]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    # Wrong codes are made up by the hundred here; the limit has its own test.
    folder = tmp_path_factory.mktemp("api")
    with serving(folder, ALLOWED, join_tries=10**6, join_tries_per_address=10**6) as served:
        found = Known(served)
        run(found.begin)
        yield found


@pytest.fixture(scope="module")
def described(known: Known) -> Any:
    return schemathesis.openapi.from_url(f"{known.served.base}/api/v1/openapi.json", wait_for_schema=10)


def operations() -> list[tuple[str, str]]:
    """All calls of the description, from an application that is never started."""
    app = FastAPI()
    app.include_router(router)
    return [(method.upper(), path) for path, found in app.openapi()["paths"].items() for method in found]


@pytest.mark.parametrize(("method", "path"), operations())
def test_the_api_is_as_it_is_described(known: Known, described: Any, method: str, path: str) -> None:
    # A report is a process each.
    examples = 4 if path.endswith("/report") else 15

    @seed(4)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=described[path][method].as_strategy())
    def conforms(case: schemathesis.Case) -> None:
        known.give(case)
        case.call_and_validate(headers=known.headers(path) | {"Origin": known.served.base})

    conforms()


def test_health_and_what_is_not_there(tmp_path: Path) -> None:
    async def test() -> None:
        async with in_process(tmp_path) as (_, client):
            assert (await client.get("/api/v1/health")).json() == {"status": "ok"}
            for method, path, status in (
                ("GET", "/api/v1/nothing", 404),
                ("GET", "/api/v2/health", 404),
                ("PUT", "/api/v1/health", 405),
                ("POST", "/api/v1/health/", 405),
                ("GET", "/docs", 404),
            ):
                answer = await client.request(method, path)
                assert answer.status_code == status, path
                assert set(answer.json()["error"]) == {"reason", "message"}
            assert BASE not in (await client.get("/api/v1/nothing")).text

    run(test)
