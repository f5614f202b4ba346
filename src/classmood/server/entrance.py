"""Who asks: the server behind a request, the client's address, and what its token says."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from classmood.server.classrooms import Classrooms, now_s
from classmood.server.guard import TEACHER_COOKIE
from classmood.server.refusals import Refused
from classmood.server.tokens import Claims, Scope, TokenRefused

_BEARER = HTTPBearer(auto_error=False, description="a token of this server")
_COOKIE = APIKeyCookie(name=TEACHER_COOKIE, auto_error=False, description="from the teacher's one-time link")


def classrooms(connection: HTTPConnection) -> Classrooms:
    """The server's classes."""
    return cast("Classrooms", connection.app.state.classrooms)


def address(connection: HTTPConnection) -> str:
    """The client's address; behind a proxy as the proxy states it, if it is believed."""
    return connection.client.host if connection.client else ""


def read_token(rooms: Classrooms, token: str | None, scope: Scope) -> Claims:
    """What a token says.

    Raises:
        Refused: 401.
    """
    try:
        return rooms.keyring.read(token or "", scope, now_s())
    except TokenRefused as error:
        raise Refused(401, "token", str(error)) from error


Rooms = Annotated[Classrooms, Depends(classrooms)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
Cookie = Annotated[str | None, Depends(_COOKIE)]


def teacher(rooms: Rooms, bearer: Bearer, cookie: Cookie) -> Claims:
    """A teacher, by cookie or by token."""
    return read_token(rooms, bearer.credentials if bearer else cookie, "teacher")


async def student(rooms: Rooms, bearer: Bearer) -> Claims:
    """A student whose consent stands."""
    claims = await participant(rooms, bearer)
    if not await rooms.consent_stands(claims.who):
        raise Refused(401, "token", "the consent has ended; join again with the code")
    return claims


async def participant(rooms: Rooms, bearer: Bearer) -> Claims:
    """A student of whom something is kept, whether the consent stands or was withdrawn."""
    claims = read_token(rooms, bearer.credentials if bearer else None, "student")
    if not await rooms.records.do(rooms.records.store.receipts, claims.who):
        raise Refused(401, "token", "nothing is kept under this token; join again with the code")
    return claims


Student = Annotated[Claims, Depends(student)]
Participant = Annotated[Claims, Depends(participant)]
