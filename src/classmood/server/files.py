"""A file as an answer: the compressed one beside it where the client takes it, an ETag, and how long it may be kept."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response

_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
# What a machine's own table says may differ, and a browser refuses a script or a module of another type.
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".onnx": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
IMMUTABLE: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"


def find_file(folder: Path, name: str) -> Path | None:
    """A file in a folder by the name that a client gave; None for whatever is not a plain file within it."""
    parts = name.split("/")
    if "\\" in name or "\x00" in name or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        return None
    try:
        found = folder.joinpath(*parts).resolve()
        return found if found.is_relative_to(folder.resolve()) and found.is_file() else None
    except (OSError, ValueError):
        return None


def file_answer(path: Path, headers: Mapping[str, str], cache: str, *, private: bool = False) -> Response:
    """Answer with a file.

    Args:
        path: which.
        headers: of the request.
        cache: ``IMMUTABLE`` or ``ASK_AGAIN``.
        private: whether only the client itself may keep it.
    """
    encoding, chosen = _choose(path, headers.get("accept-encoding", ""))
    status = chosen.stat()
    tag = hashlib.sha256(f"{chosen.name} {status.st_mtime_ns} {status.st_size}".encode()).hexdigest()[:24]
    answer = {
        "ETag": f'"{tag}"',
        "Vary": "Accept-Encoding",
        "Cache-Control": f"private, {cache}" if private else cache,
    }
    wanted = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    if f'"{tag}"' in wanted:
        return Response(status_code=304, headers=answer)
    if encoding:
        answer["Content-Encoding"] = encoding
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileResponse(chosen, headers=answer, media_type=kind)


def _choose(path: Path, accepted: str) -> tuple[str, Path]:
    takes = set()
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            takes.add(name.strip())
    for encoding, suffix in _ENCODINGS:
        compressed = path.with_name(path.name + suffix)
        if encoding in takes and compressed.is_file():
            return encoding, compressed
    return "", path
