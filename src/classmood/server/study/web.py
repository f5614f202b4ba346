"""The application of a study: its API and pages, with the live classroom's guard around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from classmood.errors import MissingExtra

try:
    from fastapi import APIRouter, FastAPI, Query, Request
except ImportError as error:
    raise MissingExtra("the runner of studies", "server") from error

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from classmood.experiment.protocol import Protocol
from classmood.server.answers import HealthAnswer
from classmood.server.api import PREFIX
from classmood.server.classrooms import now_s
from classmood.server.files import ASK_AGAIN, IMMUTABLE, file_answer, find_file
from classmood.server.guard import RESEARCHER_COOKIE, Guard, content_policy
from classmood.server.pages import FOLDER, NOT_BUILT
from classmood.server.refusals import Refused, answers, install
from classmood.server.study.desk import Desk
from classmood.server.study.recordings import LARGEST_PART_BYTES
from classmood.server.study.researching import router as researching
from classmood.server.study.taking_part import Participant, TheDesk
from classmood.server.study.taking_part import router as taking_part
from classmood.server.tokens import TEACHER_S
from classmood.studies import StoredParticipant

if TYPE_CHECKING:
    from classmood.server.model_files import ModelFiles

SPENT: Final = (
    "This link was used already, or is older than a day. Ask for another one where the server runs:\n\n"
    "    classmood experiment run PROTOCOL --new-link\n"
)
pages = APIRouter(include_in_schema=False)
api = APIRouter(prefix=PREFIX, responses=answers())
api.include_router(taking_part, tags=["participants"])
api.include_router(researching, tags=["researchers"])


@api.get("/health", tags=["server"])
async def health() -> HealthAnswer:
    """Whether the server answers."""
    return HealthAnswer()


@api.get("/models", tags=["participants"], responses=answers(401, 404))
async def models(request: Request, who: Participant, study: TheDesk) -> dict[str, object]:
    """The model files with their cards, for a participant who agreed that their camera is read on their device."""
    listing: dict[str, object] = _models(request, who, study).listing(study.gatekeeper.permit())
    return listing


@api.get(
    "/models/{name}",
    tags=["participants"],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}, "application/json": {}}}, **answers(401, 404)},
)
async def model_file(name: str, request: Request, who: Participant, study: TheDesk) -> Response:
    """One of these files."""
    answer: Response = _models(request, who, study).answer(study.gatekeeper.permit(), name, request.headers)
    return answer


def _models(request: Request, who: StoredParticipant, study: Desk) -> ModelFiles:
    found: ModelFiles | None = request.app.state.model_files
    if found is None:
        raise Refused(404, "not found", "this study reads no faces; expected no model")
    if not study.records_of(who):
        raise Refused(403, "recording", "expected a participant who agreed that their camera is read; none is on file")
    return found


def create_study_app(desk: Desk, *, page_folder: Path = FOLDER) -> FastAPI:
    """A study as an ASGI application, for one process."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await desk.start()
        try:
            yield
        finally:
            await desk.stop()

    app = FastAPI(
        title="classmood study",
        version=version("classmood"),
        summary="The runner of a study: consent, course, events, recordings",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its scripts would come from somewhere else
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.state.page_folder = page_folder
    app.state.model_files = None
    if desk.protocol.protocol.recording == "features":
        from classmood.server.model_files import ModelFiles

        app.state.model_files = ModelFiles(desk.gatekeeper)
    install(app)
    app.add_middleware(Guard, settings=desk.settings, larger=(f"{PREFIX}/study/recordings/", LARGEST_PART_BYTES))
    app.include_router(api)
    app.include_router(pages)
    return app


@pages.api_route("/", methods=["GET", "HEAD"])
@pages.api_route("/take-part/{code}", methods=["GET", "HEAD"])
async def participant_page(request: Request, study: TheDesk) -> Response:
    """The participant's page; the code in the address is read by the page itself."""
    answer = _page(request, "experiment.html")
    host = request.headers.get("host", "")
    answer.headers["Content-Security-Policy"] = frame_policy(request.url.scheme, host, study.protocol)
    return answer


@pages.api_route("/study", methods=["GET", "HEAD"])
async def researcher_page(
    request: Request, study: TheDesk, key: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """The researcher's page, or, with a link's key, the cookie and the way there."""
    if key is None or request.method == "HEAD":
        return _page(request, "study.html")
    if not study.links.spend(key):
        return PlainTextResponse(SPENT, 403)
    answer = RedirectResponse("/study", 303)
    answer.set_cookie(
        RESEARCHER_COOKIE,
        study.keyring.token("researcher", who="researcher", expires=now_s() + TEACHER_S),
        max_age=TEACHER_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@pages.api_route("/{name:path}", methods=["GET", "HEAD"])
async def file(name: str, request: Request) -> Response:
    """What the pages are made of."""
    folder: Path = request.app.state.page_folder
    path = None if name.startswith("api/") else find_file(folder, name)
    if path is None or path.suffix in (".br", ".gz", ".html"):
        raise HTTPException(404)
    return file_answer(path, request.headers, IMMUTABLE if name.startswith("assets/") else ASK_AGAIN)


def frame_policy(scheme: str, host: str, protocol: Protocol) -> str:
    """The pages' policy, with frames for stimuli from elsewhere; nothing else may come from there."""
    origins = {"/".join(one.address.split("/")[:3]) for one in protocol.stimuli if one.address}
    frames = " ".join(["'self'", *sorted(origins)])
    return f"{content_policy(scheme, host)}; frame-src {frames}"


def _page(request: Request, name: str) -> Response:
    path = find_file(request.app.state.page_folder, name)
    if path is None:
        return PlainTextResponse(NOT_BUILT, 503)
    return file_answer(path, request.headers, ASK_AGAIN)
