"""The API for the researcher: who takes part, their codes, how far they are; stopping and erasing."""

from __future__ import annotations

import datetime as dt
import io
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.security import APIKeyCookie

from classmood.errors import ClassmoodError, InputError
from classmood.server.entrance import Bearer
from classmood.server.guard import RESEARCHER_COOKIE
from classmood.server.refusals import Refused, answers, not_found
from classmood.server.study.desk import Desk
from classmood.server.study.replies import ErasedAnswer, ParticipantAnswer, ParticipantAsked, StudyAnswer
from classmood.server.study.taking_part import TheDesk, claims_of
from classmood.studies import StoredParticipant

_COOKIE = APIKeyCookie(name=RESEARCHER_COOKIE, auto_error=False, description="from the researcher's one-time link")


async def researcher(study: TheDesk, bearer: Bearer, cookie: Annotated[str | None, Depends(_COOKIE)]) -> None:
    """The researcher, by cookie or by token.

    Raises:
        Refused: 401.
    """
    claims_of(study, bearer.credentials if bearer else cookie, "researcher")


router = APIRouter(prefix="/research", dependencies=[Depends(researcher)], responses=answers(401))
Number = Annotated[int, Path(ge=1, le=10**6)]


async def numbered(number: Number, study: TheDesk) -> StoredParticipant:
    """The participant who is asked for.

    Raises:
        Refused: 404.
    """
    for one in await study.records.do(study.studies.participants, study.study.session):
        if one.number == number and one.state != "erasing":
            return one
    raise not_found("participant")


Numbered = Annotated[StoredParticipant, Depends(numbered)]


@router.get("/study")
async def the_study(request: Request, study: TheDesk) -> StudyAnswer:
    """The study with all who take part."""
    head, stated = study.protocol.protocol, study.gatekeeper.deployment
    try:
        study.check_running()
        problem = ""
    except ClassmoodError as error:
        problem = str(error)
    everybody = await study.records.do(study.studies.participants, study.study.session)
    return StudyAnswer(
        name=head.name,
        title=head.title,
        version=head.version,
        course=head.course,
        minutes=round(study.protocol.total_s / 60, 1),
        scenarios=len(study.protocol.scenarios),
        recording=head.recording,
        order=head.order,
        protocol_sha256=study.registration.sha256,
        registered=study.registration.registered,
        approval=stated.approval_id,
        expires=stated.expires,
        keep_days=stated.retention_days,
        problem=problem,
        exports=await study.records.do(study.studies.exports, study.study.session),
        participants=[await _answer(one, request, study) for one in everybody if one.state != "erasing"],
    )


@router.post("/participants", status_code=201, responses=answers(409))
async def invite(asked: ParticipantAsked, request: Request, study: TheDesk) -> ParticipantAnswer:
    """Invite somebody: their number decides the order, their code lets them in. An id is used once."""
    try:
        found = await study.records.do(study.studies.add_participant, study.study.session, asked.name)
    except InputError as error:
        raise Refused(409, "used", str(error)) from error
    return await _answer(found, request, study)


@router.get(
    "/participants/{number}/qr.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}, **answers(404)},
)
async def qr(who: Numbered, request: Request, study: TheDesk) -> Response:
    """The link with the code, as a picture."""
    picture = io.BytesIO()
    segno.make(_url(who, request, study), error="m").save(picture, kind="svg", scale=8, light="#fff")
    return Response(picture.getvalue(), media_type="image/svg+xml")


@router.post("/participants/{number}/stop", responses=answers(404, 409))
async def stop(who: Numbered, request: Request, study: TheDesk) -> ParticipantAnswer:
    """Stop somebody's session: their page goes to its calm end."""
    if who.state not in ("consented", "running", "stopping"):
        raise Refused(409, "not running", f"expected a participant who is taking part, got one who is {who.state}")
    return await _answer(await study.records.do(study.studies.set_state, who.id, "stopping"), request, study)


@router.delete("/participants/{number}", responses=answers(404))
async def erase(who: Numbered, study: TheDesk) -> ErasedAnswer:
    """Erase all that is kept of somebody."""
    erased = await study.records.do(study.erase, who)
    return ErasedAnswer(exports=list(erased.exports), missing=list(erased.missing), models=list(erased.models))


async def _answer(who: StoredParticipant, request: Request, study: Desk) -> ParticipantAnswer:
    progress = await study.records.do(study.studies.progress, who.id)
    return ParticipantAnswer(
        number=who.number,
        name=who.name,
        state=who.state,
        code=study.code(who),
        url=_url(who, request, study),
        records=who.records,
        attempt=who.attempt,
        step=progress.step,
        steps=len(study.planned(who).steps),
        events=progress.events,
        recorded_bytes=progress.recorded_bytes,
        heard=dt.datetime.fromtimestamp(progress.received_s, dt.UTC) if progress.received_s else None,
    )


def _url(who: StoredParticipant, request: Request, study: Desk) -> str:
    settings = study.settings
    base = settings.origin() if settings.origins else f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}/take-part/{study.code(who)}"
