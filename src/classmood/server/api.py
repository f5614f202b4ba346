"""Version 1 of the API: students' part, teachers' part, models, health."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from classmood.server.answers import HealthAnswer
from classmood.server.classrooms import now_s
from classmood.server.entrance import Bearer, Rooms, student
from classmood.server.gate import NotPermitted
from classmood.server.joining import router as joining
from classmood.server.refusals import Refused, answers
from classmood.server.sessions import router as sessions

PREFIX = "/api/v1"
router = APIRouter(prefix=PREFIX, responses=answers())
router.include_router(joining, tags=["students"])
router.include_router(sessions, tags=["teachers"])


@router.get("/health", tags=["server"])
async def health() -> HealthAnswer:
    """Whether the server answers."""
    return HealthAnswer()


@router.get("/models", tags=["models"], responses=answers(401, 404))
async def models(request: Request, rooms: Rooms, bearer: Bearer) -> dict[str, object]:
    """The model files with their cards, for a student with a camera, where the deployment permits it."""
    await _permit(rooms, bearer)
    listing: dict[str, object] = request.app.state.model_files.listing(rooms.gatekeeper.permit())
    return listing


@router.get(
    "/models/{file}",
    tags=["models"],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}, "application/json": {}}}, **answers(401, 404)},
)
async def model_file(file: str, request: Request, rooms: Rooms, bearer: Bearer) -> Response:
    """One of these files."""
    await _permit(rooms, bearer)
    answer: Response = request.app.state.model_files.answer(rooms.gatekeeper.permit(), file, request.headers)
    return answer


async def _permit(rooms: Rooms, bearer: Bearer) -> None:
    """Refuse where the deployment denies, whoever asks; and else whoever did not agree to a camera."""
    try:
        rooms.gatekeeper.permit()
    except NotPermitted as error:
        if rooms.refused_models.allow("", now_s()):
            rooms.refused_models.note("", now_s())
            await rooms.records.log("model refused")
        raise Refused(403, "denied", str(error)) from error
    claims = await student(rooms, bearer)
    room = rooms.room(claims.session)
    if claims.mode != "camera" or room is None or not room.camera_allowed:
        raise Refused(403, "denied", "expected a student of an open class who agreed to a camera")
