"""The application: API, sockets and pages over the open classes, with the guard around them."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from classmood.errors import MissingExtra

try:
    import uvicorn
    from fastapi import FastAPI
except ImportError as error:
    raise MissingExtra("the live classroom", "server") from error

from classmood.server import pages, refusals
from classmood.server.api import PREFIX
from classmood.server.api import router as api
from classmood.server.classrooms import Classrooms
from classmood.server.guard import Guard
from classmood.server.live import router as live
from classmood.server.settings import Settings

# Larger than any message, so that a long one can be refused with a word; what is longer still ends the connection.
LARGEST_FRAME_BYTES: Final = 1024


def create_app(settings: Settings, *, page_folder: Path = pages.FOLDER) -> FastAPI:
    """The live classroom as an ASGI application, for one process.

    Raises:
        ClassmoodError: database, key, audit log or deployment cannot be used.
    """
    rooms = Classrooms(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await rooms.start()
        try:
            yield
        finally:
            await rooms.stop()

    app = FastAPI(
        title="classmood",
        version=version("classmood"),
        summary="The live classroom: sessions, marks, releases, nudges, export",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its scripts would come from somewhere else
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.classrooms = rooms
    app.state.page_folder = page_folder
    app.state.model_files = None
    if rooms.gatekeeper.allowed:
        from classmood.server.model_files import ModelFiles

        app.state.model_files = ModelFiles(rooms.gatekeeper, own=settings.model)
    refusals.install(app)
    app.add_middleware(Guard, settings=settings)
    app.include_router(api)
    app.include_router(live)
    app.include_router(pages.router)
    return app


def web_server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The server under the application; it is run with the sockets to listen on."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="on",
        ws_max_size=LARGEST_FRAME_BYTES,
        # Compression would make a message's length tell of its content, and costs memory for each student.
        ws_per_message_deflate=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips or None,
        timeout_graceful_shutdown=5,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    return uvicorn.Server(config)


class JsonLines(logging.Formatter):
    """A line of JSON a record: our own words and counts, never what came from outside.

    Of other packages' records only the template is written, since their arguments hold addresses and paths; of an
    exception its kind and place, since its text may hold what somebody sent.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "where": record.name,
            "what": str(record.msg),
        }
        for name in ("kind", "open_sessions", "sessions", "rows", "camera", "port"):
            if hasattr(record, name):
                line[name] = getattr(record, name)
        if record.exc_info and record.exc_info[0] is not None:
            places = traceback.extract_tb(record.exc_info[2])
            line["kind"] = record.exc_info[0].__name__
            line["places"] = [f"{Path(place.filename).name}:{place.lineno}" for place in places[-6:]]
        return json.dumps(line)


def log_json(level: str) -> None:
    """Send all logs to standard error as lines of JSON; other packages' only from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("classmood").setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
