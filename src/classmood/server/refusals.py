"""How the API says no: one shape, a word for programs and a line for people, and nothing of what was sent."""

from __future__ import annotations

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from classmood.errors import ClassmoodError, InputError

log = logging.getLogger(__name__)
_WORDS: Final = {
    400: ("invalid", "expected another request; see /api/v1/openapi.json"),
    404: ("not found", "nothing is there; see /api/v1/openapi.json for what is"),
    405: ("method", "this address is asked in another way; see /api/v1/openapi.json"),
}


class Problem(BaseModel):
    """Why not.

    Attributes:
        reason: a word for programs.
        message: what was expected, what came, what to do.
    """

    reason: str
    message: str


class ErrorAnswer(BaseModel):
    """Every answer that is not a success."""

    error: Problem


class Refused(ClassmoodError):
    """A request that is answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: these statuses come in the shape of ``ErrorAnswer``."""
    return {status: {"model": ErrorAnswer} for status in (*statuses, 400, 403, 413, 422)}


def error_body(reason: str, message: str) -> dict[str, dict[str, str]]:
    """The shape."""
    return {"error": {"reason": reason, "message": message}}


def not_found(what: str) -> Refused:
    """404."""
    return Refused(404, "not found", f"expected a {what} that is kept; it may have been erased")


def install(app: FastAPI) -> None:
    """Answer every error in the one shape."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        headers = {"Retry-After": "60"} if error.status == 429 else {}
        return JSONResponse(error_body(error.reason, error.message), error.status, headers=headers)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        # What was sent stays with the sender: only the place, by our own names, and the rule.
        place = ".".join(str(part) for part in first["loc"][:2] if first["type"] != "extra_forbidden")
        return JSONResponse(error_body("invalid", f"{place or 'body'}: {first['type']}; see the API's schema"), 422)

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        reason, message = _WORDS.get(error.status_code, ("invalid", "the request cannot be answered"))
        return JSONResponse(error_body(reason, message), error.status_code, headers=error.headers)

    async def failed(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, InputError):
            return JSONResponse(error_body("invalid", str(error)), 422)
        log.error("a request failed", extra={"kind": type(error).__name__})
        return JSONResponse(error_body("failed", "the server could not do it; try again, or read its log"), 503)

    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        # The server logs its kind and place after the answer.
        return JSONResponse(error_body("failed", "the server could not do it; its log says where"), 500)

    app.add_exception_handler(Exception, unforeseen)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClassmoodError, failed)
