"""The report after class, composed in a process of its own.

The report shares its drawing with ``classmood analyze``, which imports the classifier's types. A server that is denied
the model must not have imported it, so ``python -m classmood.server.lesson_page`` makes the page: a lesson comes in as
JSON, the page goes out, and neither the database nor a key is open in there.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from pydantic import TypeAdapter

from classmood.errors import OutputError
from classmood.server.lesson import Lesson

_LESSON: Final = TypeAdapter(Lesson)
_LONGEST_S: Final = 120.0
# One at a time: a report is no reason for the live class to wait.
_TURN: Final = asyncio.Semaphore(1)


async def compose_apart(lesson: Lesson) -> str:
    """The report's page.

    Raises:
        OutputError: it could not be made.
    """
    async with _TURN:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise OutputError(f"the report could not be made ({error.strerror}); 'classmood report' can") from error
        try:
            page, _ = await asyncio.wait_for(process.communicate(_LESSON.dump_json(lesson)), _LONGEST_S)
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise OutputError(f"the report was not made within {_LONGEST_S:g} s; try again") from error
    if process.returncode:
        raise OutputError("the report could not be made; 'classmood report' says why")
    return page.decode()


def main() -> None:
    """Read a lesson, write its page."""
    from classmood.server.lesson_report import compose_lesson_report

    lesson = _LESSON.validate_json(sys.stdin.buffer.read())
    sys.stdout.buffer.write(compose_lesson_report(lesson).encode())


if __name__ == "__main__":
    main()
