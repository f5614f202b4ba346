"""The report of a leave-subjects-out evaluation: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from classmood.clips.crop_set import CropSet
from classmood.emotions import CLASSROOM_CLASSES
from classmood.machine import machine
from classmood.markdown import table, write_text
from classmood.training.leave_subjects_out import NETWORK, WITHOUT_SRM, LeftOut, leave_subjects_out
from classmood.training.recipe import Recipe
from classmood.training.subject_figures import draw_figures
from classmood.training.subject_scores import Bootstrap, Interval, SubjectScores, score_subjects, spread_difference

_LABELS: Final = {
    "scenario": "Labels are what the scenarios were meant to evoke, whether or not they did.",
    "self-report": "Labels are what the participants said they felt; a face may show something else.",
    "agreement": "Labels are of clips alone in which the participant said what was meant: easier ones than all.",
}


def evaluate_subjects(
    crops: CropSet,
    recipe: Recipe,
    out: Path,
    *,
    without_srm: bool = True,
    sequences: bool = True,
    rounds: int = 2000,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[SubjectScores, ...]:
    """Train and score leave-subjects-out, and write ``report.md``, ``report.json`` and the paper's Figures 8 and 9.

    Raises:
        InputError: there are too few folds or classes.
        OutputError: the folder cannot be written.
    """
    said = leave_subjects_out(
        crops, recipe, out / "runs", without_srm=without_srm, sequences=sequences, progress=progress
    )
    bootstrap = Bootstrap(crops, rounds=rounds)
    scores = tuple(score_subjects(crops, one, bootstrap) for one in said)
    by_name = {one.model: one for one in said}
    difference = None
    if NETWORK in by_name and WITHOUT_SRM in by_name:
        difference = spread_difference(crops, by_name[WITHOUT_SRM], by_name[NETWORK], bootstrap)
    figures = draw_figures(crops, by_name[NETWORK], out) if NETWORK in by_name else ""
    write_text(out / "report.md", "\n".join([describe(crops, recipe, scores, difference), figures]))
    write_text(out / "report.json", json.dumps(as_json(crops, recipe, said, scores, difference), indent=1) + "\n")
    return scores


def describe(crops: CropSet, recipe: Recipe, scores: tuple[SubjectScores, ...], difference: Interval | None) -> str:
    """The report as Markdown."""
    labels = Counter(clip.label for clip in crops.clips)
    labelled = sum(n for name, n in labels.items() if name)
    often, most = max(((name, n) for name, n in labels.items() if name), key=lambda pair: pair[1])
    source = str(crops.made.get("settings", {}).get("label", ""))
    lines = [
        "# Leave-subjects-out evaluation\n",
        f"Study: {crops.made.get('study') or 'untitled'}. {len(crops.participants)} participants, {len(crops.clips)} "
        f"clips, {sum(len(clip.crops) for clip in crops.clips)} crops, {len(crops.folds)} folds; nobody is in two. "
        f"{_LABELS.get(source, '')} The commonest class ({often}) has {100 * most / labelled:.1f} % of the clips: what "
        f"saying it always would score. {recipe.schedule.epochs} epochs, seed "
        f"{recipe.schedule.seed}, on {_machine()}.\n",
        "A clip is scored by the model that was trained without its participant. In brackets 95 % intervals by "
        "bootstrap over participants.\n",
    ]
    missing = [name for name in CLASSROOM_CLASSES if name not in crops.labels]
    if missing:
        lines.append(f"Not in the data, so never named: {', '.join(missing)}.\n")
    good = [one for one in scores if not one.problem]
    lines.append("## Models\n")
    lines.append(
        table(
            ["model", "clips", "accuracy", "macro F1", "spread over participants"],
            [
                [
                    one.model,
                    str(one.clips),
                    _percent(one.accuracy),
                    _percent(one.macro_f1),
                    _percent(one.spread),
                ]
                for one in good
            ],
        )
    )
    lines += [f"{one.model}: not scored; {one.problem}\n" for one in scores if one.problem]
    if difference is not None:
        lines.append(_srm(difference))
    first = next((one for one in good if one.model == NETWORK), None)
    if first is not None:
        lines += _details(first)
    return "\n".join(lines)


def _srm(difference: Interval) -> str:
    if math.isnan(difference.low):
        said = "cannot be told: there are too few participants"
    elif difference.low > 0:
        said = "participants differ less with SRM, as the paper expects"
    elif difference.high < 0:
        said = "participants differ more with SRM, against what the paper expects"
    else:
        said = "no difference can be claimed"
    return (
        f"SRM and differences between participants: the spread without SRM is {_points(difference)} points above that "
        f"with it; {said}. Without SRM its gates were replaced by their means before fine-tuning.\n"
    )


def _details(one: SubjectScores) -> list[str]:
    lines = [f"## By participant and course ({one.model})\n"]
    rows = [[who, str(n), f"{100 * value:.0f} %"] for who, (value, n) in one.by_participant.items()]
    lines.append(table(["participant", "clips", "accuracy"], rows))
    rows = [[course or "not stated", _percent(found)] for course, found in one.by_course.items()]
    lines.append(table(["course", "accuracy"], rows))
    lines.append("Recall by class: " + ", ".join(f"{name} {100 * r:.0f} %" for name, r in one.recall.items()) + ".\n")
    lines.append("## Agreement with self-report\n")
    lines.append(one.agreement.markdown())
    return lines


def as_json(
    crops: CropSet,
    recipe: Recipe,
    said: list[LeftOut],
    scores: tuple[SubjectScores, ...],
    difference: Interval | None,
) -> dict[str, Any]:
    """The same and what each model said of each clip; what is not defined is null."""
    predictions = {
        one.model: [None if math.isnan(row.sum()) else CLASSROOM_CLASSES[int(row.argmax())] for row in one.shares]
        for one in said
    }
    clips = [
        {
            "clip": clip.name,
            "participant": clip.participant,
            "course": clip.course,
            "fold": clip.fold,
            "label": clip.label,
            "said": {model: names[place] for model, names in predictions.items()},
        }
        for place, clip in enumerate(crops.clips)
    ]
    content = {
        "format": "classmood leave-subjects-out",
        "study": crops.made.get("study", ""),
        "made": crops.made,
        "recipe": recipe.model_dump(),
        "machine": _machine(),
        "models": [asdict(one) for one in scores],
        "spread_without_srm_less_with": None if difference is None else asdict(difference),
        "clips": clips,
    }
    plain: dict[str, Any] = _without_nan(content)
    return plain


def _machine() -> str:
    return machine(torch.get_num_threads())


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _percent(one: Interval) -> str:
    if math.isnan(one.value):
        return "n/a"
    if math.isnan(one.low):
        return f"{100 * one.value:.1f} %"
    return f"{100 * one.value:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"


def _points(one: Interval) -> str:
    if math.isnan(one.low):
        return f"{100 * one.value:+.1f}"
    return f"{100 * one.value:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
