"""Serves what a browser test needs on 127.0.0.1, with the headers of the real server and a policy as strict as its."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from classmood.server.files import ASK_AGAIN, IMMUTABLE, file_answer, find_file

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'"
START_S = 30


@contextmanager
def serve(folders: Mapping[str, Path], memory: Mapping[str, bytes]) -> Iterator[str]:
    """Serve folders of files and bytes that are only in memory.

    Args:
        folders: by their first part of the address; "" for what is in none.
        memory: by address, without the first slash; may be filled later.

    Yields:
        The origin.
    """

    async def answer(request: Request) -> Response:
        name = request.path_params["name"] or "index.html"
        if name in memory:
            return Response(memory[name], headers={"Cache-Control": "no-store"})
        first, _, rest = name.partition("/")
        folder, name = (folders[first], rest) if first in folders else (folders[""], name)
        path = find_file(folder, name)
        if path is None:
            raise HTTPException(404)
        private = path.suffix in (".onnx", ".json")
        cache = IMMUTABLE if name.startswith("assets/") else ASK_AGAIN
        found = file_answer(path, request.headers, cache, private=private)
        found.headers["Content-Security-Policy"] = POLICY
        return found

    app = Starlette(routes=[Route("/{name:path}", answer)])
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + START_S
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S)
        listening.close()
