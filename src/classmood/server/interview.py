"""``classmood serve --init``: asks what the deployment must state, and writes it with the texts that go with it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from classmood.errors import InputError, OutputError
from classmood.server.documents import DOCUMENTS, fill
from classmood.server.gate import RESEARCH_GROUND, Decision, Deployment, decide, protocol_hash, read_deployment

Ask = Callable[[str, str], str]
_PROFILES: Final = ("class", "self-reflection", "research", "safety")
_HEAD: Final = """\
# The deployment profile of classmood serve. What is stated here decides what the server may do, and
# stands in the consent text and the notice: it must be true. docs/privacy/README.md explains each key. This is
# engineering, not legal advice.
[deployment]
"""


def interview(ask: Ask) -> Deployment:
    """Ask what the profile needs, and nothing else.

    Args:
        ask: shows a question with a default, and gives the answer.

    Raises:
        InputError: an answer cannot be used.
    """
    answers: dict[str, object] = {
        "place": _choose(ask, "Where are the students?", ("EU/EEA", "elsewhere")),
        "profile": _choose(ask, "Who is to see what?", _PROFILES),
        "operator": ask("Who is responsible for it (a person or an institution)?", ""),
        "contact": ask("How are they reached, and the data-protection officer where there is one?", ""),
        "school": ask("For which course or school?", ""),
        "minors": _yes(ask("Are any students minors?", "yes")),
        "retention_days": _number(ask("For how many days are releases and marks kept?", "30")),
    }
    answers |= dict(_profile_questions(ask, str(answers["profile"]), str(answers["place"])))
    try:
        return Deployment.model_validate(
            {key: value for key, value in answers.items() if value not in ("", None)}
            | {key: answers[key] for key in ("operator", "contact")}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}; ask for the questions again") from error


def write_papers(deployment: Deployment, file: Path, today: dt.date) -> tuple[list[Path], Decision]:
    """Write the deployment and its texts beside it; what was written, and what the gate says of it.

    Raises:
        InputError: a file is there already.
        OutputError: one cannot be written.
    """
    texts = {file: write_toml(deployment)}
    texts |= {file.with_name(f"{name}.md"): fill(name, deployment, today).text for name in DOCUMENTS}
    for path in texts:
        if path.exists():
            raise InputError(f"{path}: is there already; move it away first, nothing was written")
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    assert read_deployment(file) == deployment
    return list(texts), decide(deployment, today)


def write_toml(deployment: Deployment) -> str:
    """The file's text. JSON's strings are TOML's too."""
    lines = []
    for key, value in deployment.model_dump(exclude_defaults=True).items():
        written = value.isoformat() if isinstance(value, dt.date) else json.dumps(value, ensure_ascii=False)
        lines.append(f"{key} = {written}\n")
    return _HEAD + "".join(lines)


def _profile_questions(ask: Ask, profile: str, place: str) -> list[tuple[str, object]]:
    """What a profile needs beyond what all do."""
    if profile == "class" and place == "elsewhere":
        return [("jurisdiction", ask("Which law applies (country or state)?", ""))]
    if profile == "research":
        found: list[tuple[str, object]] = []
        if place == "EU/EEA":
            stated = _yes(ask(f"Do you state this ground: {RESEARCH_GROUND}?", "no"))
            found.append(("research_ground", RESEARCH_GROUND if stated else ""))
        found.append(("approval_id", ask("Under which number did the ethics board approve it?", "")))
        protocol = ask("Where is the approved protocol's file (empty for none)?", "")
        found.append(("protocol_sha256", protocol_hash(Path(protocol)) if protocol else ""))
        return [*found, ("expires", _date(ask("Until which day does the approval hold (YYYY-MM-DD)?", "")))]
    if profile == "safety":
        return [
            ("safety_ground", ask("For which medical or safety reason?", "")),
            ("approver", ask("Who approved that reason?", "")),
            ("expires", _date(ask("Until which day (YYYY-MM-DD, empty for no end)?", ""))),
        ]
    return []


def _choose(ask: Ask, question: str, choices: tuple[str, ...]) -> str:
    answer = ask(f"{question} ({', '.join(choices)})", choices[0]).strip()
    if answer not in choices:
        raise InputError(f"expected one of {', '.join(choices)}, got {answer!r}")
    return answer


def _yes(answer: str) -> bool:
    if answer.strip().lower() not in ("yes", "no", "y", "n"):
        raise InputError(f"expected yes or no, got {answer!r}")
    return answer.strip().lower() in ("yes", "y")


def _number(answer: str) -> int:
    if not answer.strip().isdecimal():
        raise InputError(f"expected a whole number, got {answer!r}")
    return int(answer)


def _date(answer: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(answer.strip()) if answer.strip() else None
    except ValueError as error:
        raise InputError(f"expected a day as 2027-07-31, got {answer!r}") from error
