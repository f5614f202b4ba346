"""The deployment profile: what a server for other people may do, denied unless it is stated and lawful.

``deployment.toml`` is read, ``decide`` answers, and whoever wants the model must ask the answer for a ``Permit``
(``Decision.permit``), which a denied decision cannot give. Neither can be made by hand, nor come from another process.
This file imports neither the classifier nor the models, so a denied deployment never loads them.

    [deployment]
    profile = "research"
    place = "EU/EEA"
    ...

The table (design/product.md), with the EU AI Act, Regulation (EU) 2024/1689:

    profile           EU/EEA education                               elsewhere
    class             denied                                         jurisdiction stated
    self-reflection   denied                                         allowed
    research          Art. 2(6) stated, approval id, expiry          approval id, protocol hash, expiry
    safety            ground and approver stated                     the same

This is engineering, not legal advice. A permit says that what the profile asks for was stated, not that it is true.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from classmood.errors import ClassmoodError

Profile = Literal["class", "self-reflection", "research", "safety"]
Place = Literal["EU/EEA", "elsewhere"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]

PROHIBITION: Final = "EU AI Act (Regulation (EU) 2024/1689), Art. 5(1)(f)"
RESEARCH_GROUND: Final = "Art. 2(6): solely scientific research, not put into service"
CAMERA_FREE: Final = (
    "the camera-free mode: students press how they feel (mood wheel, confusion, pace); no camera, no model, the same "
    "dashboard and report"
)
_MADE_HERE: Final = object()


class DeploymentError(ClassmoodError):
    """A deployment file is missing or wrong; the message names the key."""


class NotPermitted(ClassmoodError):
    """Something was asked for that the deployment profile denies."""


class Deployment(BaseModel):
    """What the operator states, as ``deployment.toml`` holds it. Every statement is empty until it is made.

    Attributes:
        profile: who sees what.
        place: where the students are; the EU and the EEA have the same rule.
        operator: who is responsible, as the notices name it.
        contact: how to reach them, and a data-protection officer where there is one.
        school: the course or school, for the notices.
        jurisdiction: the law that applies, stated by the operator where it is not the EU's.
        research_ground: for ``research`` in the EU/EEA: the text of ``RESEARCH_GROUND``.
        approval_id: of the ethics board's decision.
        protocol_sha256: of the approved protocol's file.
        safety_ground: for ``safety``: the medical or safety reason.
        approver: who approved that reason.
        expires: last day on which the permission holds.
        retention_days: how long releases and marks are kept.
        minors: whether students are minors, so that guardians are asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    profile: Profile
    place: Place
    operator: Line
    contact: Line
    school: Line = ""
    jurisdiction: Line = ""
    research_ground: Line = ""
    approval_id: Line = ""
    protocol_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    safety_ground: Line = ""
    approver: Line = ""
    expires: dt.date | None = None
    retention_days: int = Field(default=30, ge=1, le=3650)
    minors: bool = True


@dataclass(frozen=True, slots=True)
class Permit:
    """The key to the model: functions that load or serve it take one, and only an allowing ``Decision`` makes it.

    Attributes:
        profile: under which it was given.
        last_day: on which it holds; None where it has no end.
        made_by: what only this file has.
    """

    profile: Profile
    last_day: dt.date | None
    made_by: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_origin()

    def check(self, today: dt.date) -> None:
        """Whether it holds: whoever takes a permit asks, and a server that runs for weeks asks before each session.

        Raises:
            NotPermitted: its last day is over, or it was not made by a decision in this process.
        """
        self._check_origin()
        if self.last_day is not None and today > self.last_day:
            raise NotPermitted(f"the permission ended on {self.last_day}; renew the approval and state it anew")

    def _check_origin(self) -> None:
        if self.made_by is not _MADE_HERE:
            raise NotPermitted("a permit is not made by hand; ask classmood.server.gate.decide(...).permit(today)")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says of a deployment on a day.

    Attributes:
        allowed: whether inference may be loaded and served.
        profile: the profile that was asked for; None where no deployment was stated at all.
        why: in plain words, one sentence each; the article is named where one decides.
        made_by: what only this file has.
        offered: what there is instead; None where allowed.
        last_day: the day on which an allowing decision ends.
        individual_rows: whether pseudonymous rows of one participant may be stored (``research`` alone).
        teacher_sees_live: whether a teacher sees releases while the class goes on.
    """

    allowed: bool
    profile: Profile | None
    why: tuple[str, ...]
    made_by: object = field(repr=False, compare=False)
    offered: str | None = None
    last_day: dt.date | None = None
    individual_rows: bool = False
    teacher_sees_live: bool = True

    def __post_init__(self) -> None:
        if self.made_by is not _MADE_HERE:
            raise NotPermitted("a decision is not made by hand; ask classmood.server.gate.decide(...)")

    def permit(self, today: dt.date) -> Permit:
        """The key to the model.

        Raises:
            NotPermitted: the decision denies, or its last day is over.
        """
        if not self.allowed or self.profile is None:
            raise NotPermitted(f"{' '.join(self.why)} Use {CAMERA_FREE}.")
        permit = Permit(self.profile, self.last_day, _MADE_HERE)
        permit.check(today)
        return permit


def read_deployment(path: Path) -> Deployment:
    """Read and check ``deployment.toml``.

    Raises:
        DeploymentError: it is missing, is not TOML, has an unknown key or an impossible value; the key is named.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(
            f"{path}: cannot be read ({error.strerror}); write one with 'classmood serve --init'"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path}: not TOML ({error}); correct it or write one anew") from error
    if set(found) != {"deployment"} or not isinstance(found["deployment"], dict):
        raise DeploymentError(f"{path}: expected one table [deployment], got {', '.join(found) or 'nothing'}")
    try:
        return Deployment.model_validate(found["deployment"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].replace("\n", " ")
        got = "" if first["type"] in ("missing", "extra_forbidden") else f", got {str(first['input'])[:60]!r}"
        raise DeploymentError(f"{path}: deployment.{key}: {said[:1].lower()}{said[1:]}{got}") from error


def decide(deployment: Deployment | None, today: dt.date) -> Decision:
    """Whether inference may run for other people under this deployment today; no without one.

    Args:
        deployment: what the operator states; None where there is no ``deployment.toml``.
        today: the day for which the answer holds.
    """
    if deployment is None:
        return _denied(None, "No deployment is stated, and without one nothing that reads faces is served.")
    # A live classroom is education, whatever else it is called; there is no key to state otherwise.
    forbidden_area = deployment.place == "EU/EEA"
    rule = f"{PROHIBITION}, forbids AI that infers people's emotions in education; consent is no exception."
    missing: list[str] = []
    if deployment.profile == "class":
        if forbidden_area:
            return _denied("class", rule)
        missing = _missing(deployment, "jurisdiction")
    elif deployment.profile == "self-reflection":
        if forbidden_area:
            return _denied("self-reflection", rule, "It makes no difference that only the learner sees the result.")
    elif deployment.profile == "research":
        missing = _missing(deployment, "approval_id", "expires")
        if deployment.place == "EU/EEA":
            if deployment.research_ground != RESEARCH_GROUND:
                missing.insert(0, f'research_ground = "{RESEARCH_GROUND}"')
        else:
            missing += _missing(deployment, "protocol_sha256")
    else:
        missing = _missing(deployment, "safety_ground", "approver")
    if missing:
        why = [f"The profile {deployment.profile} needs what is not stated: {', '.join(missing)}."]
        return _denied(deployment.profile, *([rule] if forbidden_area else []), *why)
    if deployment.expires is not None and today > deployment.expires:
        return _denied(deployment.profile, f"The permission ended on {deployment.expires}.")
    return Decision(
        allowed=True,
        profile=deployment.profile,
        why=(_ground(deployment, forbidden_area),),
        made_by=_MADE_HERE,
        last_day=deployment.expires,
        individual_rows=deployment.profile == "research",
        teacher_sees_live=deployment.profile in ("class", "safety"),
    )


def protocol_hash(path: Path) -> str:
    """The SHA-256 to state as ``protocol_sha256``.

    Raises:
        DeploymentError: the file cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DeploymentError(
            f"{path}: the protocol cannot be read ({error.strerror}); give the approved file"
        ) from error


def check_protocol(deployment: Deployment, path: Path) -> None:
    """Whether the protocol that is about to run is the approved one.

    Raises:
        DeploymentError: it cannot be read.
        NotPermitted: its hash is not the stated one.
    """
    actual = protocol_hash(path)
    if deployment.protocol_sha256 and actual != deployment.protocol_sha256:
        raise NotPermitted(
            f"{path}: expected the approved protocol (SHA-256 {deployment.protocol_sha256[:16]}...), got "
            f"{actual[:16]}...; run the approved file, or have this one approved"
        )


def _denied(profile: Profile | None, *why: str) -> Decision:
    return Decision(allowed=False, profile=profile, why=why, made_by=_MADE_HERE, offered=CAMERA_FREE)


def _missing(deployment: Deployment, *keys: str) -> list[str]:
    return [key for key in keys if not getattr(deployment, key)]


def _ground(deployment: Deployment, forbidden_area: bool) -> str:
    if deployment.profile == "research":
        where = f"{RESEARCH_GROUND}, " if deployment.place == "EU/EEA" else ""
        return f"Stated: {where}approval {deployment.approval_id}, until {deployment.expires}."
    if deployment.profile == "safety":
        exception = f"the exception of {PROHIBITION}: " if forbidden_area else ""
        return f"Stated: {exception}{deployment.safety_ground}, approved by {deployment.approver}."
    where = deployment.jurisdiction or deployment.place
    return f"Stated: outside what {PROHIBITION}, forbids; jurisdiction: {where}."
