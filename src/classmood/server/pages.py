"""The pages: static files that were built from ``web/``, and the teacher's one-time link."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from classmood.server.classrooms import now_s
from classmood.server.entrance import Rooms
from classmood.server.files import ASK_AGAIN, IMMUTABLE, file_answer, find_file
from classmood.server.guard import TEACHER_COOKIE
from classmood.server.tokens import TEACHER_S

FOLDER: Final = Path(__file__).parent / "page"
NOT_BUILT: Final = (
    "The pages have not been built. 'pip install .' builds them; in a checkout run 'python web/page_build.py' in the "
    "classmood environment, and start the server again. The API answers under /api/v1 without them.\n"
)
SPENT: Final = (
    "This link was used already, or is older than a day. Ask for another one where the server runs:\n\n"
    "    classmood serve --new-link\n"
)
router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/join/{code}", methods=["GET", "HEAD"])
async def student_page(request: Request) -> Response:
    """The student's page; the code in the address is read by the page itself."""
    return _page(request, "index.html")


@router.api_route("/teach", methods=["GET", "HEAD"])
async def teacher_page(
    request: Request, rooms: Rooms, key: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """The teacher's page, or, with a link's key, the cookie and the way there."""
    if key is None or request.method == "HEAD":
        return _page(request, "teach.html")
    if not rooms.links.spend(key):
        return PlainTextResponse(SPENT, 403)
    answer = RedirectResponse("/teach", 303)
    answer.set_cookie(
        TEACHER_COOKIE,
        rooms.keyring.token("teacher", who="teacher", expires=now_s() + TEACHER_S),
        max_age=TEACHER_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.api_route("/privacy", methods=["GET", "HEAD"])
async def privacy_page(request: Request) -> Response:
    """The notice."""
    return _page(request, "privacy.html")


@router.api_route("/{name:path}", methods=["GET", "HEAD"])
async def file(name: str, request: Request) -> Response:
    """What the pages are made of."""
    path = None if name.startswith("api/") else find_file(_folder(request), name)
    if path is None or path.suffix in (".br", ".gz", ".html"):
        raise HTTPException(404)
    return file_answer(path, request.headers, IMMUTABLE if name.startswith("assets/") else ASK_AGAIN)


def _page(request: Request, name: str) -> Response:
    path = find_file(_folder(request), name)
    if path is None:
        return PlainTextResponse(NOT_BUILT, 503)
    return file_answer(path, request.headers, ASK_AGAIN)


def _folder(request: Request) -> Path:
    folder: Path = request.app.state.page_folder
    return folder
