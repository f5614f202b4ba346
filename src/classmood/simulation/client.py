"""One simulated student on the wire: a socket, a message a second, and coming back by itself.

What is done at which closing code is the page's own rule (docs/decisions/0011-the-live-classroom.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from classmood.errors import MissingExtra

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
except ImportError as error:
    raise MissingExtra("classmood simulate", "server") from error

from classmood.server.messages import Leave
from classmood.simulation.gateway import Mode, Server
from classmood.simulation.page import Page
from classmood.simulation.student import Student

BACK_OFF_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
_FOR_GOOD: Final = {
    4400: "refused too often",
    4401: "token over",
    4403: "another origin",
    4409: "another tab",
    4410: "class over",
}
_OPEN_S: Final = 20.0


@dataclass
class Account:
    """What happened to all students together.

    Attributes:
        sent: messages, by type.
        refused: messages that the server refused, by its word.
        lost: messages that were about to go when there was no connection that should have been.
        reconnects: connections after a student's first.
        failures: connections that could not be made.
        states: acknowledgements of the server: a student's state, at their coming and whenever it changes.
        counted: students whom the server said to count, now.
        ended: why students stopped before the end, by word.
        here: students with a connection, now.
    """

    sent: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    reconnects: int = 0
    failures: int = 0
    states: int = 0
    counted: set[int] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    here: set[int] = field(default_factory=set)


class Clock:
    """The lesson's seconds on this machine's clock."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._began = asyncio.get_running_loop().time()

    @property
    def time_s(self) -> float:
        """Of the lesson."""
        return (asyncio.get_running_loop().time() - self._began) * self.speed

    async def until(self, time_s: float) -> None:
        """Wait for a second of the lesson."""
        await asyncio.sleep(max(0.0, (time_s - self.time_s) / self.speed))


class Client:
    """Plays one student from joining to leaving."""

    def __init__(self, server: Server, code: str, student: Student, page: Page, clock: Clock, account: Account) -> None:
        self._server, self._code, self._clock, self._account = server, code, clock, account
        self._student, self._page = student, page
        self._number = student.number
        self._socket: ClientConnection | None = None
        self._came = False
        self._over = False

    async def run(self) -> None:
        """Come, take part, leave."""
        start_s, end_s = self._student.here_s
        await self._clock.until(start_s)
        mode: Mode = "camera" if self._student.camera else "press"
        token = await self._server.agree(self._code, mode)
        sending = asyncio.create_task(self._send(end_s))
        try:
            await self._stay(token, end_s)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._account.here.discard(self._number)
            self._account.counted.discard(self._number)

    async def _stay(self, token: str, end_s: float) -> None:
        """Be connected whenever the network is there, until the end or until the server says that it is over."""
        failed, before = 0, False
        while not self._over and self._clock.time_s < end_s:
            gone = next((gap for gap in self._student.gone_s if gap[0] <= self._clock.time_s < gap[1]), None)
            if gone:
                await self._clock.until(min(gone[1], end_s))
                continue
            try:
                code = await self._attend(token, end_s, again=before)
                failed, before = 0, True
            except (OSError, InvalidHandshake, TimeoutError):
                self._account.failures += 1
                code = 1006
            if code in _FOR_GOOD:
                self._account.ended[_FOR_GOOD[code]] += 1
                self._over = True
            elif code is not None:
                await asyncio.sleep(BACK_OFF_S[min(failed, len(BACK_OFF_S) - 1)])
                failed += 1

    async def _attend(self, token: str, end_s: float, *, again: bool) -> int | None:
        """One connection; the code with which the server closed it, or None where the student did."""
        async with connect(
            self._server.socket("/live/student"),
            subprotocols=["classmood.v1", f"bearer.{token}"],  # type: ignore[list-item]
            ssl=self._server.tls,
            compression=None,
            proxy=None,
            open_timeout=_OPEN_S,
            close_timeout=2,
        ) as socket:
            self._account.reconnects += again
            self._account.here.add(self._number)
            self._socket, self._came = socket, True
            next_gone_s = min((gap[0] for gap in self._student.gone_s if gap[0] > self._clock.time_s), default=end_s)
            listening = asyncio.create_task(self._listen(socket))
            waiting = asyncio.create_task(self._clock.until(min(next_gone_s, end_s)))
            try:
                await asyncio.wait((listening, waiting), return_when=asyncio.FIRST_COMPLETED)
                if listening.done():
                    # It is the server's doing, or the network's.
                    return socket.close_code or 1006
                if self._clock.time_s >= end_s - 1e-3:
                    with contextlib.suppress(ConnectionClosed):
                        await socket.send(Leave(v=1, type="leave").model_dump_json())
                        self._account.sent["leave"] += 1
                        await asyncio.wait((listening,), timeout=5)
                else:
                    socket.transport.abort()
                return None
            finally:
                self._socket = None
                self._account.here.discard(self._number)
                for task in (listening, waiting):
                    task.cancel()
                await asyncio.gather(listening, waiting, return_exceptions=True)

    async def _listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                told = json.loads(text)
                if told["type"] == "refused":
                    self._account.refused[told["reason"]] += 1
                elif told["type"] == "state":
                    self._account.states += 1
                    (self._account.counted.add if told["counted"] else self._account.counted.discard)(self._number)

    async def _send(self, end_s: float) -> None:
        """A message a second of this machine's clock, whatever the lesson's speed; a press is never skipped."""
        step_s = self._clock.speed
        done = int(self._clock.time_s)
        # Spread over the second, and as late as the network is slow.
        at_s = self._clock.time_s + (self._number * 0.618 % 1) * step_s + self._student.lag_s * step_s
        while at_s < end_s:
            await self._clock.until(at_s)
            now = min(int(at_s), len(self._page.seen) - 1)
            pressed = [second for second in range(done + 1, now + 1) if second in self._page.other]
            message = self._page.message(pressed[-1] if pressed else now)
            done = now
            # Never two within a second, also where this machine woke late.
            at_s = max(at_s, self._clock.time_s) + step_s
            if message is None or not self._student.online(now):
                continue
            if self._socket is None:
                # Before the first connection there is no page yet that could have sent it.
                self._account.lost += self._came
                continue
            try:
                await self._socket.send(message.model_dump_json())
                self._account.sent[message.type] += 1
            except ConnectionClosed:
                self._account.lost += 1
