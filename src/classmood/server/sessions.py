"""The API for teachers: sessions, marks, what was released, nudges, export."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import Annotated, Final, Literal

import segno
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from classmood.errors import InputError
from classmood.server.answers import (
    ExportAnswer,
    MarkAnswer,
    MarkAsked,
    NudgeAnswer,
    QuietAnswer,
    QuietAsked,
    SessionAnswer,
    SessionAsked,
    UsefulnessAsked,
)
from classmood.server.classroom import Classroom
from classmood.server.classrooms import Classrooms
from classmood.server.entrance import Rooms, teacher
from classmood.server.gatekeeper import sight
from classmood.server.lesson import read_lesson
from classmood.server.lesson_page import compose_apart
from classmood.server.nudges import Mark
from classmood.server.past import read_nudge
from classmood.server.refusals import Refused, answers, not_found
from classmood.server.release import CELLS, PRESSES, Release
from classmood.store import StoredSession

router = APIRouter(prefix="/sessions", dependencies=[Depends(teacher)], responses=answers(401))
_REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'"
)
Identity = Annotated[str, Path(min_length=32, max_length=32, pattern="^[0-9a-f]{32}$")]


async def stored(identity: Identity, rooms: Rooms) -> StoredSession:
    """The session that is asked for.

    Raises:
        Refused: 404.
    """
    try:
        return await rooms.records.do(rooms.records.store.session, identity)
    except InputError as error:
        raise not_found("session") from error


Session = Annotated[StoredSession, Depends(stored)]


@router.post("", status_code=201)
async def open_session(asked: SessionAsked, request: Request, rooms: Rooms) -> SessionAnswer:
    """Open a class."""
    return _answer(await rooms.open(asked.class_size), request, rooms)


@router.get("")
async def list_sessions(request: Request, rooms: Rooms) -> list[SessionAnswer]:
    """All classes that are kept, oldest first."""
    return [_answer(session, request, rooms) for session in await rooms.records.do(rooms.records.store.sessions)]


@router.get("/{identity}", responses=answers(404))
async def one_session(session: Session, request: Request, rooms: Rooms) -> SessionAnswer:
    """One class; with its code while it is open."""
    return _answer(session, request, rooms)


@router.post("/{identity}/close", responses=answers(404, 409))
async def close_session(session: Session, request: Request, rooms: Rooms) -> SessionAnswer:
    """End a class."""
    _open(session, rooms)
    await rooms.close(session.id)
    return _answer(await stored(session.id, rooms), request, rooms)


@router.delete("/{identity}", status_code=204, response_class=Response, responses=answers(404))
async def erase_session(session: Session, rooms: Rooms) -> Response:
    """Erase a class with all that is kept of it."""
    await rooms.erase(session.id)
    return Response(status_code=204)


@router.post("/{identity}/marks", status_code=201, responses=answers(404, 409))
async def add_mark(asked: MarkAsked, session: Session, rooms: Rooms) -> MarkAnswer:
    """Mark a moment; the answer comes when it is on the disk."""
    room = _open(session, rooms)
    now_s = room.time_s
    time_s = now_s if asked.time_s is None else asked.time_s
    if time_s > now_s:
        raise Refused(409, "not yet", f"expected a time of the class's clock, at most {now_s} s, got a later one")
    number = await rooms.records.do(rooms.records.store.add_mark, session.id, time_s, asked.kind, asked.label)
    room.nudges.mark(Mark(time_s, asked.kind, asked.label))
    return MarkAnswer(number=number, time_s=time_s, kind=asked.kind, label=asked.label)


@router.get("/{identity}/marks", responses=answers(404))
async def marks(session: Session, rooms: Rooms) -> list[MarkAnswer]:
    """The moments that were marked, in order of time."""
    return [MarkAnswer.of(mark) for mark in await rooms.records.do(rooms.records.store.marks, session.id)]


@router.get("/{identity}/releases", responses=answers(404))
async def releases(session: Session, rooms: Rooms, after: Annotated[int, Query(ge=-1, le=2**53)] = -1) -> list[Release]:
    """What was released, in order; after a number, for whoever missed some. Nothing where teachers see nothing."""
    return [release for release in await _releases(session, rooms) if release.number > after]


@router.get("/{identity}/nudges", responses=answers(404))
async def nudges(session: Session, rooms: Rooms) -> list[NudgeAnswer]:
    """The nudges that were given."""
    return await _nudges(session, rooms)


@router.put("/{identity}/nudges/{number}", responses=answers(404))
async def answer_nudge(
    number: Annotated[int, Path(ge=0, le=2**53)], asked: UsefulnessAsked, session: Session, rooms: Rooms
) -> NudgeAnswer:
    """Say what one thinks of a nudge: of its kind, more or less is needed from then on."""
    found = next((nudge for nudge in await _nudges(session, rooms) if nudge.number == number), None)
    if found is None:
        raise not_found("nudge")
    await rooms.records.do(rooms.records.store.answer_nudge, session.id, number, asked.usefulness)
    room = rooms.room(session.id)
    if room is not None and found.usefulness != asked.usefulness:
        room.nudges.answer(number, asked.usefulness)
    return found.model_copy(update={"usefulness": asked.usefulness})


@router.put("/{identity}/quiet", responses=answers(404, 409))
async def quiet(asked: QuietAsked, session: Session, rooms: Rooms) -> QuietAnswer:
    """No nudges, or nudges again."""
    _open(session, rooms).nudges.quiet(asked.quiet)
    return QuietAnswer(quiet=asked.quiet)


@router.get(
    "/{identity}/qr.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}, **answers(404, 409)},
)
async def qr(session: Session, request: Request, rooms: Rooms) -> Response:
    """The link with the join code, as a picture for a projector."""
    _open(session, rooms)
    picture = io.BytesIO()
    segno.make(_join_url(session.id, request, rooms), error="m").save(picture, kind="svg", scale=8, light="#fff")
    return Response(picture.getvalue(), media_type="image/svg+xml")


@router.get(
    "/{identity}/export", response_model=ExportAnswer, responses={200: {"content": {"text/csv": {}}}, **answers(404)}
)
async def export(
    session: Session,
    request: Request,
    rooms: Rooms,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response | ExportAnswer:
    """Releases, marks and nudges; as CSV a row a release."""
    found = ExportAnswer(
        session=_answer(session, request, rooms),
        releases=await _releases(session, rooms),
        marks=await marks(session, rooms),
        nudges=await _nudges(session, rooms),
    )
    await rooms.records.log("exported", session=session.id)
    if form == "json":
        return found
    return Response(
        _csv(found.releases),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="class-{session.id[:8]}.csv"'},
    )


@router.get(
    "/{identity}/report",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}}, **answers(404, 503)},
)
async def report(session: Session, rooms: Rooms) -> Response:
    """The report as a page of HTML; of a class that nobody may see (yet), one that says that nothing was released."""
    lesson = await rooms.records.do(read_lesson, rooms.records.store, session.id, rooms.settings.release)
    if not _seen(session, rooms):
        lesson = dataclasses.replace(lesson, releases=(), suggestions=())
    page = await compose_apart(lesson)
    # A file to keep, with its styles inside; it loads nothing and runs nothing.
    return Response(page, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _REPORT_POLICY})


def _open(session: StoredSession, rooms: Classrooms) -> Classroom:
    room = rooms.room(session.id)
    if room is None:
        raise Refused(409, "ended", "the class is over; what was released of it can still be read")
    return room


def _seen(session: StoredSession, rooms: Classrooms) -> bool:
    who = sight(session.profile)
    return who.live or (who.after and rooms.room(session.id) is None)


async def _releases(session: StoredSession, rooms: Classrooms) -> list[Release]:
    if not _seen(session, rooms):
        return []
    bodies = await rooms.records.do(rooms.records.store.releases, session.id)
    return [Release.model_validate_json(body) for body in bodies]


async def _nudges(session: StoredSession, rooms: Classrooms) -> list[NudgeAnswer]:
    if not _seen(session, rooms):
        return []
    kept = await rooms.records.do(rooms.records.store.nudges, session.id)
    return [NudgeAnswer.of(read_nudge(nudge.body), nudge.usefulness) for nudge in kept]


def _answer(session: StoredSession, request: Request, rooms: Classrooms) -> SessionAnswer:
    answer = SessionAnswer.of(session, live=sight(session.profile).live)
    room = rooms.room(session.id)
    if room is None:
        return answer
    return answer.model_copy(
        update={
            "code": rooms.keyring.join_code(session.id),
            "join_url": _join_url(session.id, request, rooms),
            "time_s": room.time_s,
            "quiet": room.nudges.settings.quiet,
        }
    )


def _join_url(identity: str, request: Request, rooms: Classrooms) -> str:
    origins = rooms.settings.origins
    origin = origins[0] if origins else f"{request.url.scheme}://{request.headers['host']}"
    return f"{origin}/join/{rooms.keyring.join_code(identity)}"


def _csv(found: list[Release]) -> str:
    """A row a release. No cell holds anybody's text, so none can be a formula."""
    text = io.StringIO()
    numbers = ("number", "time_s", "sharing", "class_size", "others", "half_width", "valence", "arousal", "dominance")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*numbers, "intensity", *PRESSES, *(f"share_{cell}" for cell in CELLS)])
    for release in found:
        values = [getattr(release, name) for name in (*numbers, "intensity", *PRESSES)]
        writer.writerow(["" if v is None else v for v in (*values, *(release.shares.get(cell) for cell in CELLS))])
    return text.getvalue()
