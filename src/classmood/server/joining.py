"""The API for students: what the deployment says, the texts, joining, consenting, seeing and erasing one's own."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response

from classmood.errors import InputError
from classmood.server.answers import (
    Camera,
    ConsentAnswer,
    ConsentAsked,
    DeploymentAnswer,
    DocumentAnswer,
    JoinAnswer,
    JoinAsked,
    JoinedSession,
    MeAnswer,
    ReceiptAnswer,
    Row,
)
from classmood.server.classrooms import Classrooms, now_s, opened_utc
from classmood.server.entrance import Participant, Rooms, Student, address, read_token
from classmood.server.gatekeeper import PublicDocument
from classmood.server.refusals import Refused, answers, not_found
from classmood.server.tokens import STUDENT_S, TICKET_S

router = APIRouter()


@router.get("/deployment", responses=answers())
async def deployment(rooms: Rooms) -> DeploymentAnswer:
    """What everybody may know of this server."""
    keeper, settings = rooms.gatekeeper, rooms.settings
    decision, stated = keeper.decision, keeper.deployment
    return DeploymentAnswer(
        profile=keeper.profile,
        stated=keeper.stated,
        camera=Camera(allowed=decision.allowed, why=list(decision.why), offered=decision.offered),
        teacher_sees_live=keeper.sight.live,
        operator=stated.operator,
        contact=stated.contact,
        school=stated.school,
        minors=stated.minors,
        k=settings.release.k,
        interval_s=settings.release.interval_s,
    )


@router.get("/documents/{name}", responses=answers())
async def document(name: PublicDocument, rooms: Rooms) -> DocumentAnswer:
    """A text, filled from the deployment."""
    found = rooms.gatekeeper.document(name)
    return DocumentAnswer(name=name, version=found.version, markdown=found.text)


@router.post("/join", responses=answers(404, 429))
async def join(asked: JoinAsked, request: Request, rooms: Rooms) -> JoinAnswer:
    """Come into a class by its code. Only wrong codes count as tries."""
    who = address(request)
    if not rooms.join_tries.allow(who, now_s()):
        raise Refused(429, "too many tries", "too many wrong codes; wait a minute and type the code once more")
    room = rooms.find(asked.code)
    if room is None:
        rooms.join_tries.note(who, now_s())
        raise Refused(404, "unknown code", "no open class has this code; ask the teacher for it")
    return JoinAnswer(
        ticket=rooms.keyring.token("ticket", session=room.identity, expires=now_s() + TICKET_S),
        session=await _joined(rooms, room.identity),
        camera_allowed=room.camera_allowed,
        minors=rooms.gatekeeper.deployment.minors,
    )


@router.post("/consent", responses=answers(401, 404, 409, 429))
async def consent(asked: ConsentAsked, request: Request, rooms: Rooms) -> ConsentAnswer:
    """Agree to a text, and get a token and a receipt."""
    claims = read_token(rooms, asked.ticket, "ticket")
    room = rooms.room(claims.session)
    if room is None:
        raise Refused(404, "ended", "the class is over")
    if asked.version != rooms.gatekeeper.document(asked.document).version:
        raise Refused(409, "text changed", "the text has changed meanwhile; read it again and decide anew")
    if rooms.gatekeeper.deployment.minors and not asked.guardian:
        raise Refused(409, "guardian", "students are minors here: expected that a guardian has agreed")
    if asked.mode == "camera" and not room.camera_allowed:
        raise Refused(403, "denied", " ".join(rooms.gatekeeper.decision.why) or "no camera may be used in this class")
    who = address(request)
    if not rooms.consents.allow(who, now_s()):
        raise Refused(429, "too many tries", "too many consents from this address; wait a minute")
    rooms.consents.note(who, now_s())
    records = rooms.records
    participant, receipt = await records.do(records.give_consent, room.identity, asked.document, asked.version)
    token = rooms.keyring.token(
        "student", session=room.identity, who=participant, mode=asked.mode, expires=now_s() + STUDENT_S
    )
    return ConsentAnswer(token=token, receipt=ReceiptAnswer.of(receipt))


@router.get("/me", responses=answers(401, 404))
async def me(claims: Participant, rooms: Rooms) -> MeAnswer:
    """All that is kept of oneself: to see, and to download."""
    store = rooms.records.store
    receipts = await rooms.records.do(store.receipts, claims.who)
    rows = await rooms.records.do(store.research_rows, claims.who)
    return MeAnswer(
        session=await _joined(rooms, claims.session),
        mode="camera" if claims.mode == "camera" else "press",
        receipts=[ReceiptAnswer.of(receipt) for receipt in receipts],
        rows=[Row(time_s=time_s, row=json.loads(body)) for time_s, body in rows],
    )


@router.delete("/me", status_code=204, response_class=Response, responses=answers(401))
async def erase_me(claims: Participant, rooms: Rooms) -> Response:
    """Erase all that is kept of oneself, and leave."""
    _expel(rooms, claims.session, claims.who)
    await rooms.records.do(rooms.records.erase_student, claims.who, claims.session)
    return Response(status_code=204)


@router.post("/me/withdraw", responses=answers(401))
async def withdraw(claims: Student, rooms: Rooms) -> list[ReceiptAnswer]:
    """End the consent: nothing more is taken. What was taken stays until it is erased."""
    _expel(rooms, claims.session, claims.who)
    receipts = await rooms.records.do(rooms.records.withdraw_consent, claims.who, claims.session)
    return [ReceiptAnswer.of(receipt) for receipt in receipts]


def _expel(rooms: Classrooms, session: str, who: str) -> None:
    room = rooms.room(session)
    if room is not None:
        room.expel(who)


async def _joined(rooms: Classrooms, identity: str) -> JoinedSession:
    try:
        session = await rooms.records.do(rooms.records.store.session, identity)
    except InputError as error:
        raise not_found("session") from error
    return JoinedSession(opened=opened_utc(session), class_size=session.class_size)
