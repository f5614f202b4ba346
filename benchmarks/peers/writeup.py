"""The comparison as JSON, CSV and Markdown, and as the generated part of docs/peers.md."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from peer import LEFT_OUT, OURS, SYSTEMS

BEGIN = "<!-- results: written by benchmarks/peers/run.py, do not edit -->"
END = "<!-- end of results -->"


def write_json(content: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded(content), indent=1) + "\n", encoding="utf-8")


def rounded(content: Any) -> Any:
    """The same with four significant digits: what the sample and the clock can tell apart."""
    if isinstance(content, dict):
        return {name: rounded(value) for name, value in content.items()}
    if isinstance(content, list):
        return [rounded(value) for value in content]
    return float(f"{content:.4g}") if isinstance(content, float) else content


def write_csv(accuracy: dict[str, Any], path: Path) -> None:
    """A row a system and set."""
    columns = ["n", "found", "accuracy", "low", "high", "accuracy_found", "macro_f1"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "system", *columns, "difference", "only_ours", "only_peer", "p"])
        for name, found in accuracy["sets"].items():
            for system, scores in found["systems"].items():
                against = found["comparisons"].get(system, {})
                beside = [against.get(column, "") for column in ("difference", "only_ours", "only_peer", "p")]
                writer.writerow([name, system, *(scores[column] for column in columns), *beside])


def markdown(accuracy: dict[str, Any] | None, timing: dict[str, Any] | None) -> str:
    """All that is generated: where and when, the tables, how each system was given its images."""
    parts = []
    if accuracy:
        parts += _accuracy(accuracy)
    if timing:
        parts += _timing(timing)
    return "\n".join([*parts, *_systems(), *_left_out()])


def write_into(page: Path, text: str) -> None:
    """Put the generated part between the markers of a page.

    Raises:
        ValueError: the page lacks a marker.
    """
    content = page.read_text(encoding="utf-8")
    if BEGIN not in content or END not in content:
        raise ValueError(f"{page}: expected the lines {BEGIN!r} and {END!r}")
    before, after = content.split(BEGIN)[0], content.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _accuracy(accuracy: dict[str, Any]) -> list[str]:
    model = accuracy["model"]
    lines = [
        "## Accuracy",
        "",
        f"classmood's model: {model['name']} (SHA-256 {model['sha256'][:8]}...). "
        f"{accuracy['machine']}; {accuracy['date']}.",
        "",
        f"    {accuracy['command']}",
        "",
    ]
    for name, found in accuracy["sets"].items():
        best = max(scores["accuracy"] for scores in found["systems"].values())
        n = next(iter(found["systems"].values()))["n"]
        lines += [
            f"### {name} (n = {n:,})",
            "",
            "| system | accuracy | 95 % interval | macro F1 | faces found | accuracy on those "
            "| classmood better by | only classmood right / only this | McNemar p |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for system, scores in found["systems"].items():
            share = f"{100 * scores['accuracy']:.1f} %"
            cells = [
                system,
                f"**{share}**" if scores["accuracy"] == best else share,
                f"{100 * scores['low']:.1f} to {100 * scores['high']:.1f}",
                f"{scores['macro_f1']:.3f}",
                f"{scores['found']:,}",
                f"{100 * scores['accuracy_found']:.1f} %",
                *_against(found["comparisons"].get(system)),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return [*lines, *_recall(accuracy)]


def _against(comparison: dict[str, Any] | None) -> list[str]:
    if not comparison:
        return ["", "", ""]
    points = f"{100 * comparison['difference']:+.1f}"
    spread = f"{100 * comparison['low']:+.1f} to {100 * comparison['high']:+.1f}"
    p = comparison["p"]
    return [
        f"{points} points ({spread})",
        f"{comparison['only_ours']:,} / {comparison['only_peer']:,}",
        "< 0.0001" if p < 0.0001 else f"{p:.4f}",
    ]


def _recall(accuracy: dict[str, Any]) -> list[str]:
    lines = ["### Recall by class", ""]
    for name, found in accuracy["sets"].items():
        classes = list(next(iter(found["systems"].values()))["recall"])
        lines += [f"| {name} | {' | '.join(classes)} |", f"|---|{'--:|' * len(classes)}"]
        for system, scores in found["systems"].items():
            shares = [f"{100 * scores['recall'][label]:.0f} %" for label in classes]
            lines.append(f"| {system} | {' | '.join(shares)} |")
        lines.append("")
    return lines


def _timing(timing: dict[str, Any]) -> list[str]:
    lines = [
        "## Speed",
        "",
        f"{timing['machine']}; {timing['date']}; {timing['rounds']} rounds by turns; load average "
        f"{timing['load_before']:.1f} before and {timing['load_after']:.1f} after, so the machine was "
        f"{'busy: ' if max(timing['load_before'], timing['load_after']) > 1 else 'nearly idle; still, '}"
        "**the ratios count, the milliseconds only say what they are ratios of**. A ratio above 1: classmood is "
        "faster. In brackets its quartiles over rounds.",
        "",
        f"    {timing['command']}",
        "",
        "| system | ms a face | of classmood | ratio | ms a frame of 20 faces | of classmood | ratio | faces found |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for system, measured in timing["systems"].items():
        lines.append(f"| {system} | {_cells(measured['faces'])} | {_cells(measured['frame'], count=True)} |")
    return [*lines, ""]


def _cells(measured: dict[str, Any] | None, *, count: bool = False) -> str:
    if not measured:
        return " | ".join(["no detector", "", "", "-"] if count else ["", "", ""])
    times = [f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}" for ms in (measured["peer_ms"], measured["ours_ms"])]
    ratio = f"{measured['ratio']:.2g} ({measured['ratio_low']:.2g} to {measured['ratio_high']:.2g})"
    found = [f"{measured['faces']} (classmood {measured['ours_faces']})"] if count else []
    return " | ".join([*times, ratio, *found])


def _systems() -> list[str]:
    lines = [
        "## How each was run",
        "",
        "| system | package | licence | a face crop | a photo | threads by default, of two cores |",
        "|---|---|---|---|---|---|",
    ]
    for peer in SYSTEMS:
        package = f"{peer.package} {peer.version} ({peer.registry})" if peer.registry else "this repository"
        lines.append(f"| {peer.name} | {package} | {peer.licence} | {peer.crops} | {peer.photos} | {peer.threads} |")
    needs = {peer.package: peer.needs for peer in SYSTEMS if peer.name != OURS}
    lines += ["", *(f"- {package} runs on {', '.join(pins)}." for package, pins in needs.items()), ""]
    return lines


def _left_out() -> list[str]:
    return ["## Looked at and left out", "", *(f"- {name}: {reason}." for name, reason in LEFT_OUT.items())]
