"""A class with a clock of its own over a real database, and clients that note what they are sent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from served import EXACT, settings_in

from classmood.server.classroom import Classroom
from classmood.server.gatekeeper import sight
from classmood.server.records import Records, utc_now
from classmood.server.tokens import Mode


class FakePeer:
    """What was sent and how it ended."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.code: int | None = None

    def send(self, text: str) -> None:
        self.texts.append(text)

    def end(self, code: int) -> None:
        self.code = code if self.code is None else self.code

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [found for found in map(json.loads, self.texts) if found["type"] == kind]


class Room:
    """A class with a clock of its own, over a real database."""

    def __init__(self, records: Records, profile: str, **changes: Any) -> None:
        self.records, self.now_s, self.allowed = records, 0.0, changes.pop("allowed", True)
        self.identity = records.store.open_session(profile, utc_now(), keep_days=1)
        past = changes.pop("past", None)
        seen = changes.pop("seen", sight(profile))
        self.room = Classroom(
            self.identity,
            seen,
            settings_in(Path("unused"), release=EXACT, **changes),
            records,
            camera_allowed=lambda: self.allowed,
            class_size=20,
            past=past,
            clock=lambda: self.now_s,
        )

    def student(self, mode: Mode = "press") -> tuple[str, FakePeer]:
        who, _ = self.records.store.give_consent(self.identity, "consent", "1", utc_now())
        peer = FakePeer()
        self.room.enter(who, mode, peer)
        return who, peer

    def say(self, who: str, peer: FakePeer, message: dict[str, Any]) -> None:
        self.now_s += 1.0
        self.room.take(who, peer, json.dumps(message))


@contextlib.asynccontextmanager
async def room_in(folder: Path, profile: str = "class", **changes: Any) -> AsyncIterator[Room]:
    records = Records(settings_in(folder))
    try:
        yield Room(records, profile, **changes)
    finally:
        records.close()
