"""The page of results: parts between marker comments are made of what is stored, and of nothing else.

<!-- generated: table1 -->
(what stands here is replaced)
<!-- end: table1 -->
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from classmood.errors import InputError
from classmood.training.reproduction import ablation, cost, figure8, figure9, fractions, runs, table1
from classmood.training.reproduction.entrants import shipped_name
from classmood.training.reproduction.figure7 import draw_figure7
from classmood.training.reproduction.markdown import write_text
from classmood.training.reproduction.predictions import read_predictions

NAME: Final = "README.md"
_MISSING: Final = "*Not measured yet.* Make it with `{command}`.\n"
COMMANDS: Final = {
    "table1": "classmood reproduce table1 --data PATH/TO/ferplus --out DIR",
    "figure8": "classmood reproduce figure8 VIDEO --out DIR",
    "figure9": "classmood reproduce figure9 VIDEO --out DIR",
    "ablation": "classmood reproduce ablation --data PATH/TO/ferplus --out DIR",
    "fractions": "classmood reproduce fractions --data PATH/TO/ferplus --out DIR",
}


def write_parts(folder: Path) -> dict[str, bool]:
    """Make every table and picture that stored results allow; tables go into the page where the folder has one.

    Args:
        folder: of the stored results.

    Returns:
        For each part, whether there was something to make it of.

    Raises:
        InputError: a stored file is damaged, or the page lacks a part.
        OutputError: a file cannot be written.
    """
    made = {name: make(folder) for name, make in _PARTS.items()}
    page = folder / NAME
    if page.is_file():
        texts = {
            name: text if text is not None else _MISSING.format(command=COMMANDS[name]) for name, text in made.items()
        }
        texts["paper"] = table1.describe_paper()
        write_text(page, fill(page.read_text(encoding="utf-8"), texts, str(page)))
    else:
        for name, text in made.items():
            if text is not None:
                write_text(folder / f"{name}.md", text)
    return {name: text is not None for name, text in made.items()}


def fill(page: str, parts: dict[str, str], where: str) -> str:
    """The page with its parts replaced.

    Raises:
        InputError: a part has not just one pair of markers; it is named.
    """
    for name, text in parts.items():
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end: {name} -->)", re.S)
        # A function, as text may hold what a replacement would take for groups.
        page, count = pattern.subn(lambda found, text=text: f"{found[1]}\n{text}\n{found[2]}", page)  # type: ignore[misc]
        if count != 1:
            raise InputError(f"{where}: expected one pair of markers for {name}, found {count}; restore them")
    return page


def _table1(folder: Path) -> str | None:
    predictions = read_predictions(folder / table1.FILE)
    if not predictions.models:
        return None
    found = table1.compare(predictions)
    write_text(folder / "table1.csv", table1.as_csv(found))
    draw_figure7(found, folder / "figure7.svg")
    return _with_picture("figure7.svg", "Accuracy and macro F1 of each model", table1.describe(predictions, found))


def _figure8(folder: Path) -> str | None:
    if not (folder / "figure8.json").is_file():
        return None
    figure = figure8.read_figure8(folder / "figure8.json")
    figure8.draw_figure8(figure, folder / "figure8.svg")
    return _with_picture(
        "figure8.svg", "Clips in valence-arousal and valence-dominance", figure8.describe(figure)
    ) + _by_another(figure.model)


def _figure9(folder: Path) -> str | None:
    if not (folder / "figure9.json").is_file():
        return None
    figure = figure9.read_figure9(folder / "figure9.json")
    figure9.draw_figure9(figure, folder / "figure9.svg")
    return _with_picture("figure9.svg", "Intensity from onset to apex", figure9.describe(figure)) + _by_another(
        figure.model
    )


def _ablation(folder: Path) -> str | None:
    stored = _current(folder)
    tables = ablation.ablations(stored)
    if not tables:
        return None
    write_text(folder / "runs.csv", ablation.as_csv(stored))
    costs = cost.read_costs(folder / cost.FILE)
    return "\n".join(ablation.describe(one, costs) for one in tables) + _outdated(folder)


def _fractions(folder: Path) -> str | None:
    tables = fractions.fraction_tables(_current(folder))
    if not tables:
        return None
    fractions.draw_fractions(tables[0], folder / "fractions.svg")
    words = "\n".join(fractions.describe(one) for one in tables)
    return _with_picture("fractions.svg", "Accuracy against the number of training faces", words)


def _with_picture(file: str, shows: str, words: str) -> str:
    return f"![{shows}]({file})\n\n{words}"


def _by_another(model: str) -> str:
    return "" if model == shipped_name() else f"\n**Out of date**: the shipped model is now {shipped_name()}.\n"


def _current(folder: Path) -> list[runs.Run]:
    return [run for run in runs.read_runs(folder / runs.FILE).values() if runs.is_current(run)]


def _outdated(folder: Path) -> str:
    old = sum(not runs.is_current(run) for run in runs.read_runs(folder / runs.FILE).values())
    return f"\n{old} stored runs are of networks that the code no longer makes, and are left out.\n" if old else ""


_PARTS: Final[dict[str, Callable[[Path], str | None]]] = {
    "table1": _table1,
    "figure8": _figure8,
    "figure9": _figure9,
    "ablation": _ablation,
    "fractions": _fractions,
}
