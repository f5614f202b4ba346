"""The API for participants: coming in, deciding, the course, events, clocks, recordings, stopping, erasing."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.requests import HTTPConnection

from classmood.errors import ClassmoodError, InputError
from classmood.experiment.protocol import ProtocolError, Stimulus
from classmood.server.answers import ReceiptAnswer
from classmood.server.classrooms import now_s
from classmood.server.entrance import Bearer, address
from classmood.server.files import ASK_AGAIN, file_answer
from classmood.server.gate import NotPermitted
from classmood.server.records import utc_now
from classmood.server.refusals import Refused, answers, not_found
from classmood.server.study.course import where_to_go_on
from classmood.server.study.desk import Desk
from classmood.server.study.happenings import ASKED, Answer, Reading, details
from classmood.server.study.recordings import BadPart
from classmood.server.study.replies import (
    BeginAnswer,
    ChunkAnswer,
    ClockAnswer,
    CodeAsked,
    ComeInAnswer,
    CourseAnswer,
    DecisionAnswer,
    DecisionAsked,
    EventsAsked,
    FinishAsked,
    KeptAnswer,
    MineAnswer,
    PageAnswer,
    PaperAnswer,
    StepAnswer,
    StimulusAnswer,
)
from classmood.server.tokens import STUDENT_S, TICKET_S, Claims, Scope, TokenRefused
from classmood.studies import StoredParticipant

router = APIRouter(prefix="/study", responses=answers(401))
RECORDINGS = "/recordings/"
# What a stimulus that is a page may do: run, but neither ask this server as its user nor be anything else's.
_STIMULUS_POLICY = (
    "sandbox allow-scripts; default-src 'self' 'unsafe-inline' data:; frame-ancestors 'self'; form-action 'none'"
)
Place = Annotated[int, Path(ge=0, le=10**6)]


def desk(connection: HTTPConnection) -> Desk:
    """The study that is running."""
    return cast("Desk", connection.app.state.desk)


TheDesk = Annotated[Desk, Depends(desk)]


def claims_of(study: Desk, token: str | None, scope: Scope) -> Claims:
    """What a token of this study says.

    Raises:
        Refused: 401; "expired" for one that was good once, "token" for any other.
    """
    try:
        claims = study.keyring.read(token or "", scope, now_s())
    except TokenRefused as error:
        reason = "expired" if _once_said(study, token, scope) else "token"
        raise Refused(401, reason, str(error)) from error
    if scope != "researcher" and claims.session != study.study.session:
        raise Refused(401, "token", "expected a token of this study; come in again with the code")
    return claims


async def known(study: Desk, identity: str) -> StoredParticipant:
    """A participant of whom something is kept, and who wants it kept.

    Raises:
        Refused: 401; "erased" or "erasing".
    """
    found = await _kept(study, identity)
    if found.state == "erasing":
        raise Refused(401, "erasing", "the erasure is not finished, and something is kept; erase once more")
    return found


async def _kept(study: Desk, identity: str) -> StoredParticipant:
    """A participant of whom anything is kept, also what an erasure has left."""
    try:
        return await study.records.do(study.studies.participant, identity)
    except InputError as error:
        # The page removes what waits on its device at this word, and at no other.
        raise Refused(401, "erased", "nothing is kept under this token; it was erased") from error


async def _bearer(study: Desk, bearer: Bearer) -> Claims:
    """What a participant's token says; whoever was erased is told so, also when their token is over."""
    token = bearer.credentials if bearer else None
    try:
        return claims_of(study, token, "participant")
    except Refused:
        once = _once_said(study, token, "participant")
        if once is not None and once.session == study.study.session:
            await _kept(study, once.who)
        raise


async def participant(study: TheDesk, bearer: Bearer) -> StoredParticipant:
    """Who asks."""
    return await known(study, (await _bearer(study, bearer)).who)


async def withdrawing(study: TheDesk, bearer: Bearer) -> StoredParticipant:
    """Who wants to be erased, or wants an erasure finished that failed halfway."""
    try:
        claims = await _bearer(study, bearer)
    except Refused as refusal:
        if refusal.reason == "erased":
            raise
        raise Refused(
            401,
            refusal.reason,
            f"your data were not erased: {refusal.message}. Open your link again and erase there; once the session "
            "has ended, ask the researcher to erase them",
        ) from refusal
    return await _kept(study, claims.who)


Participant = Annotated[StoredParticipant, Depends(participant)]


async def arrived() -> float:
    """When the request came, before anything else is asked."""
    return now_s()


@router.post("/join", responses=answers(404, 409, 429))
async def join(asked: CodeAsked, request: Request, study: TheDesk) -> ComeInAnswer:
    """Come in by a code: to decide, or to go on where one was."""
    who = address(request)
    if not study.join_tries.allow(who, now_s()):
        raise Refused(429, "too many tries", "too many wrong codes; wait a minute and type the code once more")
    everybody = await study.records.do(study.studies.participants, study.study.session)
    found = study.find(asked.code, everybody)
    if found is None:
        study.join_tries.note(who, now_s())
        raise Refused(404, "unknown code", "no participant has this code; ask the researcher for it")
    if found.state in ("finished", "stopped", "erasing"):
        raise Refused(409, "ended", "this participant's session has ended, and an id takes part once; ask for another")
    _check_running(study)
    head, stated = study.protocol.protocol, study.gatekeeper.deployment
    papers = [study.papers["consent"], *([study.papers["guardian"]] if stated.minors else [])]
    invited = found.state == "invited"
    return ComeInAnswer(
        state=found.state,
        name=found.name,
        title=head.title,
        minutes=round(study.protocol.total_s / 60, 1),
        language=head.language,
        recording=head.recording,
        minors=stated.minors,
        operator=stated.operator,
        contact=stated.contact,
        unpleasant=any(one.repairs for one in study.protocol.scenarios),
        papers=[PaperAnswer(name=paper.name, version=paper.version, markdown=paper.text) for paper in papers],
        ticket=_token(study, found, "ticket", TICKET_S) if invited else "",
        token="" if invited else _token(study, found, "participant", STUDENT_S),
        records=study.records_of(found),
    )


@router.post("/consent", responses=answers(409))
async def consent(asked: DecisionAsked, study: TheDesk) -> DecisionAnswer:
    """Agree, and get a token and receipts."""
    claims = claims_of(study, asked.ticket, "ticket")
    found = await known(study, claims.who)
    _check_running(study)
    minors = study.gatekeeper.deployment.minors
    if asked.version != study.papers["consent"].version:
        raise Refused(409, "text changed", "the text has changed meanwhile; read it again and decide anew")
    if minors and asked.guardian_version != study.papers["guardian"].version:
        raise Refused(409, "guardian", "participants are minors here: expected that a guardian agreed to their text")
    if asked.recording and study.protocol.protocol.recording == "none":
        raise Refused(409, "recording", "this study records nothing; expected no consent to it")
    texts = [("consent", asked.version)]
    if minors:
        texts.append(("guardian", study.papers["guardian"].version))
    if asked.recording:
        texts.append(("recording", asked.version))
    try:
        receipts = await study.records.do(study.studies.consent, found.id, texts, utc_now(), records=asked.recording)
    except InputError as error:
        raise Refused(409, "decided", str(error)) from error
    await study.records.log("consent given", who=found.id, session=found.session)
    return DecisionAnswer(
        token=_token(study, found, "participant", STUDENT_S),
        records=asked.recording,
        receipts=[ReceiptAnswer.of(receipt) for receipt in receipts],
    )


@router.get("/course")
async def course(who: Participant, study: TheDesk) -> CourseAnswer:
    """All steps, with what they show and ask."""
    key = _token(study, who, "stimulus", STUDENT_S)
    places = {one.id: place for place, one in enumerate(study.protocol.stimuli)}
    records = study.records_of(who)
    steps = []
    for step in study.planned(who).steps:
        shown, asked = None, None
        if step.stimulus:
            shown = _shown(study.protocol.stimulus(step.stimulus), places[step.stimulus], key)
        if step.page:
            page = study.protocol.page(step.page)
            asked = PageAnswer(kind=page.kind, ask=page.ask)
            task = study.protocol.scenario(step.scenario).task if step.scenario else None
            if page.kind == "score" and task is not None:
                asked = asked.model_copy(update={"task": task.ask, "answers": list(task.answers)})
        steps.append(
            StepAnswer(
                number=step.number,
                kind=step.kind,
                duration_s=step.duration_s,
                records=step.records and records,
                stimulus=shown,
                page=asked,
            )
        )
    return CourseAnswer(steps=steps)


@router.api_route("/stimuli/{place}", methods=["GET", "HEAD"], response_class=Response, responses=answers(404, 409))
async def stimulus(
    place: Place, request: Request, study: TheDesk, key: Annotated[str, Query(max_length=512)] = ""
) -> Response:
    """A stimulus's file, by its place in the protocol."""
    claims_of(study, key, "stimulus")
    if place >= len(study.protocol.stimuli) or study.protocol.stimuli[place].file is None:
        raise not_found("stimulus")
    one = study.protocol.stimuli[place]
    file = study.path.parent / str(one.file)
    if not file.is_file():
        raise Refused(409, "missing", "a file that this study shows is not there any more; tell the researcher")
    answer = file_answer(file, {**request.headers, "accept-encoding": ""}, ASK_AGAIN, private=True)
    if one.kind == "web":
        answer.headers["Content-Security-Policy"] = _STIMULUS_POLICY
    return answer


@router.post("/begin", responses=answers(409))
async def begin(who: Participant, study: TheDesk) -> BeginAnswer:
    """Start, or come back; from now on an older page of the same participant has nothing to say."""
    _check_running(study)
    try:
        now = await study.records.do(study.studies.begin, who.id)
    except InputError as error:
        raise Refused(409, "ended", str(error)) from error
    events = await study.records.do(study.studies.events, who.id)
    place = where_to_go_on(study.planned(who), events, stopping=now.state == "stopping")
    return BeginAnswer(attempt=now.attempt, step=place.step, elapsed_s=place.elapsed_s, calm=place.calm)


@router.post("/clock")
async def clock(received_s: Annotated[float, Depends(arrived)], who: Participant) -> ClockAnswer:
    """One exchange of clocks; it also tells whether the researcher stopped the session."""
    return ClockAnswer(received_s=received_s, attempt=who.attempt, state=who.state, replied_s=now_s())


@router.post("/events", responses=answers(409))
async def events(asked: EventsAsked, who: Participant, study: TheDesk) -> KeptAnswer:
    """Keep events; the answer comes when they are on the disk. Sending them again changes nothing."""
    steps = study.planned(who).steps
    for event in asked.events:
        if event.step > len(steps):
            raise Refused(422, "invalid", f"expected a step of at most {len(steps)}")
        if isinstance(event, Reading) and (study.protocol.protocol.recording == "none" or not who.records):
            raise Refused(403, "recording", "readings of a face need a consent to recording, and there is none on file")
        if isinstance(event, Answer):
            page = steps[event.step - 1].page if event.step else ""
            wanted = ASKED[study.protocol.page(page).kind] if page else ()
            if odd := sorted(event.answered() - set(wanted)):
                raise Refused(422, "invalid", f"{odd[0]}: is not asked on this page")
    try:
        new = await study.records.do(
            study.studies.add_events, who.id, [event.stored() for event in asked.events], now_s()
        )
    except InputError as error:
        raise Refused(409, "not taken", str(error)) from error
    return KeptAnswer(new=new)


@router.get("/recordings")
async def recordings(who: Participant, study: TheDesk) -> list[ChunkAnswer]:
    """The parts that are on the disk, so that a page sends the others alone."""
    kept = await study.records.do(study.studies.chunks, who.id)
    return [ChunkAnswer(attempt=one.attempt, step=one.step, part=one.part, sha256=one.sha256) for one in kept]


@router.put("/recordings/{attempt}/{step}/{part}", responses=answers(409))
async def record(
    attempt: Place,
    step: Place,
    part: Place,
    sha256: Annotated[str, Query(pattern="^[0-9a-f]{64}$")],
    request: Request,
    who: Participant,
    study: TheDesk,
) -> ChunkAnswer:
    """Keep a part of a recording; the answer comes when it is on the disk. Sending it again changes nothing."""
    if study.protocol.protocol.recording != "video":
        raise Refused(403, "recording", "the protocol keeps no video; expected no recording")
    steps = study.planned(who).steps
    if not 1 <= step <= len(steps) or not steps[step - 1].records:
        raise Refused(403, "recording", "nothing is recorded during this step")
    content = await request.body()
    try:
        await study.records.do(study.keep_part, who.id, attempt, step, part, content, sha256, now_s())
    except BadPart as error:
        raise Refused(422, "damaged", str(error)) from error
    except InputError as error:
        raise Refused(403, "recording", str(error)) from error
    return ChunkAnswer(attempt=attempt, step=step, part=part, sha256=sha256)


@router.post("/stop")
async def stop(who: Participant, study: TheDesk) -> BeginAnswer:
    """Stop: only the calm end of the session is left."""
    if who.state in ("consented", "running", "stopping"):
        who = await study.records.do(study.studies.set_state, who.id, "stopping")
    events = await study.records.do(study.studies.events, who.id)
    place = where_to_go_on(study.planned(who), events, stopping=True)
    return BeginAnswer(attempt=who.attempt, step=place.step, elapsed_s=place.elapsed_s, calm=True)


@router.post("/finish", status_code=204, response_class=Response, responses=answers(409))
async def finish(asked: FinishAsked, who: Participant, study: TheDesk) -> Response:
    """The last page is reached; the id has taken part."""
    if who.state not in ("running", "stopping", "finished", "stopped"):
        raise Refused(409, "not taken", "expected a participant who has started; start the session first")
    if who.state in ("running", "stopping"):
        done = asked.how == "done" and who.state == "running"
        await study.records.do(study.studies.set_state, who.id, "finished" if done else "stopped")
    return Response(status_code=204)


@router.get("/me")
async def me(who: Participant, study: TheDesk) -> MineAnswer:
    """All that is kept of oneself: to see, and to download."""
    receipts = await study.records.do(study.records.store.receipts, who.id)
    kept = await study.records.do(study.studies.events, who.id)
    return MineAnswer(
        name=who.name,
        state=who.state,
        receipts=[ReceiptAnswer.of(receipt) for receipt in receipts],
        events=[
            {"attempt": one.attempt, "step": one.step, "kind": one.kind, "time_ms": one.browser_ms, **details(one)}
            for one in kept
        ],
        recordings=await recordings(who, study),
    )


@router.delete("/me", status_code=204, response_class=Response)
async def erase_me(who: Annotated[StoredParticipant, Depends(withdrawing)], study: TheDesk) -> Response:
    """Withdraw: all that is kept of oneself is erased. Asked again, it goes on with an erasure that failed."""
    await study.records.do(study.erase, who)
    return Response(status_code=204)


def _check_running(study: Desk) -> None:
    try:
        study.check_running()
    except NotPermitted as error:
        raise Refused(403, "denied", str(error)) from error
    except ProtocolError as error:
        study.note_problem(error)
        raise Refused(
            409, "missing", "something that this study shows is missing today; nothing was started. Tell the researcher"
        ) from error
    except ClassmoodError as error:
        raise Refused(503, "failed", "the study cannot be started; tell the researcher") from error


def _once_said(study: Desk, token: str | None, scope: Scope) -> Claims | None:
    """What a token says, or said while it was not over yet."""
    try:
        return study.keyring.read(token or "", scope, 0.0)
    except TokenRefused:
        return None


def _token(study: Desk, who: StoredParticipant, scope: Scope, seconds: float) -> str:
    return study.keyring.token(scope, session=who.session, who=who.id, expires=now_s() + seconds)


def _shown(one: Stimulus, place: int, key: str) -> StimulusAnswer:
    where = f"/api/v1/study/stimuli/{place}?key={key}" if one.file else one.address
    # What a teacher says is heard, not read.
    text = None if one.kind == "teacher" else one.text
    return StimulusAnswer(kind=one.kind, text=text, address=where, alt=one.alt)
