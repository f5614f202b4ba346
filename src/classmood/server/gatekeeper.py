"""What the deployment says today, for a server that may run for weeks: decision, permit, documents, who sees what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from classmood.server.documents import Document, DocumentName, fill
from classmood.server.gate import Decision, Deployment, Permit, decide

CAMERA_FREE_PROFILE: Final = "camera-free"
PublicDocument = Literal["consent", "guardian", "notice"]
PUBLIC_DOCUMENTS: Final[tuple[PublicDocument, ...]] = get_args(PublicDocument)
# What is told where no deployment is stated: the strictest reading, and nothing made up.
_NOTHING_STATED: Final = Deployment(profile="class", place="EU/EEA", operator="", contact="")


@dataclass(frozen=True, slots=True)
class Sight:
    """Who sees a class, by the profile under which it was opened.

    Attributes:
        live: a teacher sees releases and nudges while the class goes on.
        after: and once it is closed.
        rows: pseudonymous rows of consenting participants are kept.
    """

    live: bool
    after: bool
    rows: bool


_SIGHTS: Final = {
    "class": Sight(live=True, after=True, rows=False),
    "safety": Sight(live=True, after=True, rows=False),
    "research": Sight(live=False, after=True, rows=True),
    "self-reflection": Sight(live=False, after=False, rows=False),
    CAMERA_FREE_PROFILE: Sight(live=True, after=True, rows=False),
}


def sight(profile: str) -> Sight:
    """Who sees a class of a profile; nobody where the profile is not known."""
    return _SIGHTS.get(profile, Sight(live=False, after=False, rows=False))


class Gatekeeper:
    """Asks the gate anew each day."""

    def __init__(
        self,
        deployment: Deployment | None,
        k: int,
        today: Callable[[], dt.date] = lambda: dt.datetime.now(dt.UTC).date(),
    ) -> None:
        self.stated = deployment is not None
        self.deployment = deployment or _NOTHING_STATED
        self._given = deployment
        self._k = k
        self._today = today
        self._day: dt.date | None = None
        self._decision = decide(deployment, today())
        self._documents: dict[DocumentName, Document] = {}

    @property
    def decision(self) -> Decision:
        """What the gate says today."""
        self._turn_page()
        return self._decision

    @property
    def allowed(self) -> bool:
        """Whether a camera may be used today."""
        return self.decision.allowed

    @property
    def profile(self) -> str:
        """Under what a session is opened today."""
        decision = self.decision
        return decision.profile if decision.allowed and decision.profile else CAMERA_FREE_PROFILE

    @property
    def sight(self) -> Sight:
        """Who sees a class that is opened today."""
        return sight(self.profile)

    def permit(self) -> Permit:
        """The key to the model.

        Raises:
            NotPermitted: the decision denies today.
        """
        return self.decision.permit(self._today())

    def check(self, permit: Permit) -> None:
        """Whether a permit holds today.

        Raises:
            NotPermitted: it does not.
        """
        permit.check(self._today())

    def document(self, name: DocumentName) -> Document:
        """A text as it reads today."""
        self._turn_page()
        if name not in self._documents:
            self._documents[name] = fill(name, self.deployment, self._today(), k=self._k)
        return self._documents[name]

    def _turn_page(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._decision = decide(self._given, today)
            self._documents = {}
