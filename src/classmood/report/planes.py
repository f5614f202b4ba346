"""The paper's two planes, drawn: where the class was in valence-arousal and valence-dominance, and where it went.

Shown is a cloud of all readings, every person with the same weight, never a point a person: contours hold half and
four fifths of it. It is drawn for five persons or more, and so is each of its islands: with fewer, it would be those
persons. The cross is the mean, the ellipse one standard deviation of the readings, the path the class mean over time.
Named points are Russell and Mehrabian's (1977).

Convention: x is valence, from left to right; arousal or dominance goes up; both from -1 to 1 over 400 units of the SVG.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np
from jaxtyping import Float64
from scipy import ndimage

from classmood.climate import Climate, persons
from classmood.emotions import CLASSROOM_VAD, DIMENSIONS, FERPLUS_VAD, NEUTRAL, STANDARD_TERM
from classmood.report.figures import clock
from classmood.timeline import Timeline

FEWEST_FOR_A_CLOUD: Final = 5
FEWEST_FOR_AN_ELLIPSE: Final = 3
SHARES: Final = (0.5, 0.8)
_HALF: Final = 200.0
_CELLS: Final = 64
_BLUR: Final = 0.07
# Where an anchor's name stands beside its point: to the right, the left, above, below.
_SIDES: Final = {
    "arousal": {
        "terror": "above",
        "fury": "right",
        "disdain": "below",
        "caution": "above",
        "surprise": "above",
        "appreciation": "below",
    },
    "dominance": {
        "fury": "above",
        "disdain": "above",
        "surprise": "left",
        "appreciation": "below",
        "terror": "below",
        "grief": "above",
        "caution": "above",
    },
}


def plane(timeline: Timeline, windows: Climate, upward: str, key: str, *, reachable: bool) -> str:
    """One plane as an SVG.

    Args:
        timeline: all readings.
        windows: their class means over time.
        upward: the dimension that goes up, ``arousal`` or ``dominance``.
        key: unique in the page.
        reachable: outline what the readout can reach: means of the FER+ classes' coordinates.
    """
    k = DIMENSIONS.index(upward)
    sure = ~timeline.not_sure
    place = timeline.vad[sure][:, [0, k]].astype(np.float64)
    who = persons(timeline)[sure]
    parts = [_frame(upward)]
    if reachable:
        parts.append(f'<path class="reach" d="{_outline(_hull([(c[0], c[k]) for c in FERPLUS_VAD.values()]))}"/>')
    if len(np.unique(who)) >= FEWEST_FOR_A_CLOUD:
        for share, loops in zip(reversed(SHARES), reversed(cloud(place, who)), strict=True):
            d = "".join(_outline(loop) for loop in loops)
            parts.append(f'<path class="cloud cloud-{share * 100:.0f}" fill-rule="evenodd" d="{d}"/>')
    parts.append(_anchors(upward, k))
    parts += _ellipse(place, who)
    if windows.over_time:
        parts += _walk(windows, upward)
    return _drawing(windows, upward, key, parts)


def class_plane(windows: Climate, upward: str, key: str, covariance: Float64[np.ndarray, "2 2"] | None) -> str:
    """One plane as an SVG, of class means alone: their mean, the ellipse that was released, their way.

    Args:
        windows: class means over time.
        upward: the dimension that goes up, ``arousal`` or ``dominance``.
        key: unique in the page.
        covariance: of valence and that dimension; None where it is not known.
    """
    k = DIMENSIONS.index(upward)
    means = np.stack([windows.of("valence"), windows.of(upward)], 1)
    good = means[np.isfinite(means).all(1)]
    parts = [_frame(upward), _anchors(upward, k)]
    if len(good):
        parts += _cross_and_ellipse(good.mean(0), covariance)
    parts += _walk(windows, upward)
    return _drawing(windows, upward, key, parts)


def _drawing(windows: Climate, upward: str, key: str, parts: Sequence[str]) -> str:
    words = escape(describe(windows, upward))
    return (
        f'<svg class="plane" viewBox="-226 -206 432 432" role="img" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">Class in the plane of valence and {upward}</title><desc id="{key}-d">{words}</desc>'
        f"{''.join(parts)}</svg>"
    )


def describe(windows: Climate, upward: str) -> str:
    """What a plane shows, in words."""
    k = ("valence", upward)
    means = [windows.of(name) for name in k]
    if not np.isfinite(means[0]).any():
        return "No readings."
    weights = np.where(np.isfinite(means[0]), windows.people, 0)
    centre = [float(np.average(np.nan_to_num(m), weights=weights)) for m in means]
    text = f"On average valence {centre[0]:+.2f} and {upward} {centre[1]:+.2f}."
    if windows.over_time and len(windows) > 1:
        low, high = np.nanmin(means[0]), np.nanmax(means[0])
        text += f" The class mean of valence moves between {low:+.2f} and {high:+.2f}."
    return text.replace("-", "−")


def cloud(place: Float64[np.ndarray, "n 2"], who: np.ndarray) -> list[list[Float64[np.ndarray, "k 2"]]]:
    """Closed contours around the densest ``SHARES`` of the readings, every person with the same weight."""
    weights = 1 / np.bincount(who)[who]
    edges = np.linspace(-1.25, 1.25, _CELLS + 1)
    counts = np.histogram2d(place[:, 0], place[:, 1], bins=(edges, edges), weights=weights)[0]
    width = edges[1] - edges[0]
    reach = np.arange(-16, 17) * width
    bell = np.exp(-(reach**2) / (2 * _BLUR**2))
    bell /= bell.sum()
    density = np.apply_along_axis(lambda row: np.convolve(row, bell, "same"), 0, counts)
    density = np.apply_along_axis(lambda row: np.convolve(row, bell, "same"), 1, density)
    ordered = np.sort(density.ravel())[::-1]
    held = np.cumsum(ordered) / ordered.sum()
    middle = (edges[:-1] + edges[1:]) / 2
    cell = np.clip(np.floor((place - edges[0]) / width).astype(int), 0, _CELLS - 1)
    result = []
    for share in SHARES:
        level = float(ordered[np.searchsorted(held, share)])
        islands, count = ndimage.label(density > level)
        island = islands[cell[:, 0], cell[:, 1]]
        crowded = [k for k in range(1, count + 1) if len(np.unique(who[island == k])) >= FEWEST_FOR_A_CLOUD]
        kept = np.where(np.isin(islands, [0, *crowded]), density, 0.0)
        result.append([middle[0] + loop * width for loop in contours(kept, level)])
    return result


def contours(field: Float64[np.ndarray, "a b"], level: float) -> list[Float64[np.ndarray, "k 2"]]:
    """Closed curves along which a field takes a value (marching squares), in places of its grid.

    Corners at the level count as below; a saddle is joined through its middle if that is above.
    """
    padded = np.pad(field, 1)
    inside = padded > level
    # Which crossed edges of the grid follow each other; an edge is its lower end and the axis it runs along.
    links: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    mixed = inside[:-1, :-1].astype(int) + inside[1:, :-1] + inside[1:, 1:] + inside[:-1, 1:]
    for i, j in np.argwhere((mixed > 0) & (mixed < 4)).tolist():
        corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
        edges = [(i, j, 0), (i + 1, j, 1), (i, j + 1, 0), (i, j, 1)]
        signs = [bool(inside[corner]) for corner in corners]
        pairs = [[e for e in range(4) if signs[e] != signs[(e + 1) % 4]]]
        if len(pairs[0]) == 4:
            joined = float(np.mean([padded[corner] for corner in corners])) > level
            pairs = [[(c - 1) % 4, c] for c in range(4) if signs[c] != joined]
        for a, b in pairs:
            links.setdefault(edges[a], []).append(edges[b])
            links.setdefault(edges[b], []).append(edges[a])
    loops = []
    while links:
        here = next(iter(links))
        points = []
        while here in links:
            points.append(_crossing(padded, here, level))
            following = links[here].pop()
            links[following].remove(here)
            for edge in (here, following):
                if not links[edge]:
                    del links[edge]
            here = following
        loops.append(np.array(points) - 1)
    return loops


def _crossing(field: np.ndarray, edge: tuple[int, int, int], level: float) -> tuple[float, float]:
    i, j, along = edge
    a, b = float(field[i, j]), float(field[i + (1 - along), j + along])
    share = (level - a) / (b - a)
    return (i + share * (1 - along), j + share * along)


def _frame(upward: str) -> str:
    names = {
        "arousal": ("calm", "excited"),
        "dominance": ("led", "in control"),
    }[upward]
    quarters = "M-200 -100H200M-200 100H200M-100 -200V200M100 -200V200"
    side = "translate(-209 {}) rotate(-90)"
    return (
        '<rect class="sheet" x="-200" y="-200" width="400" height="400" rx="6"/>'
        f'<path class="grid" d="M-200 0H200M0 -200V200"/><path class="grid faint" d="{quarters}"/>'
        '<text class="end" x="-200" y="217">unpleasant</text>'
        '<text class="axis" x="0" y="217" text-anchor="middle">valence</text>'
        '<text class="end" x="200" y="217" text-anchor="end">pleasant</text>'
        f'<text class="end" transform="{side.format(200)}">{names[0]}</text>'
        f'<text class="axis" transform="{side.format(0)}" text-anchor="middle">{upward}</text>'
        f'<text class="end" transform="{side.format(-200)}" text-anchor="end">{names[1]}</text>'
    )


def _anchors(upward: str, k: int) -> str:
    parts = []
    for name, coordinates in CLASSROOM_VAD.items():
        x, y = _unit(coordinates[0], coordinates[k])
        side = "below" if name == NEUTRAL else _SIDES[upward].get(name, "right")
        dx, dy, anchor = {
            "right": (7, 4, "start"),
            "left": (-7, 4, "end"),
            "above": (0, -8, "middle"),
            "below": (0, 16, "middle"),
        }[side]
        term = "" if STANDARD_TERM[name] == name else f' <tspan class="term">({STANDARD_TERM[name]})</tspan>'
        parts.append(
            f'<circle class="anchor c-{name}" cx="{x:.0f}" cy="{y:.0f}" r="4"/>'
            f'<text class="name" x="{x + dx:.0f}" y="{y + dy:.0f}" text-anchor="{anchor}">{name}{term}</text>'
        )
    return "".join(parts)


def _ellipse(place: np.ndarray, who: np.ndarray) -> list[str]:
    """The mean over persons; for three of them or more, one standard deviation of their readings around it."""
    weights = 1 / np.bincount(who)[who]
    enough = len(np.unique(who)) >= FEWEST_FOR_AN_ELLIPSE
    covariance = np.cov(place.T, aweights=weights, ddof=0) if enough else None
    return _cross_and_ellipse(np.average(place, 0, weights), covariance)


def _cross_and_ellipse(mean: np.ndarray, covariance: np.ndarray | None) -> list[str]:
    x, y = _unit(float(mean[0]), float(mean[1]))
    centre = f'<path class="centre" d="M{x - 6:.1f} {y:.1f}h12m-6 -6v12"/>'
    if covariance is None:
        return [centre]
    values, vectors = np.linalg.eigh(covariance)
    wide, narrow = (max(math.sqrt(max(v, 0)) * _HALF, 1.0) for v in values[::-1])
    turn = -math.degrees(math.atan2(vectors[1, 1], vectors[0, 1]))
    move = f"translate({x:.1f} {y:.1f}) rotate({turn:.1f})"
    return [f'<ellipse class="spread" rx="{wide:.1f}" ry="{narrow:.1f}" transform="{move}"/>', centre]


def _walk(windows: Climate, upward: str) -> list[str]:
    """The class mean's way through the plane, smoothed, with times along it where there is room."""
    x, y = (_smooth(windows.of(name)) for name in ("valence", upward))
    good = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(good) < 3:
        return []
    points = [_unit(float(x[k]), float(y[k])) for k in good]
    d = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
    parts = [f'<path class="walk-under" d="{d}"/><path class="walk" d="{d}"/>']
    named: list[tuple[float, float]] = []
    last = len(good) - 1
    for n in (0, last, *(round(last * share) for share in (0.5, 0.25, 0.75))):
        a, b = points[n]
        if all(math.hypot(a - c, b - e) > 26 for c, e in named):
            named.append((a, b))
            time_s = float(windows.start_s[good[n]] if n < last else windows.end_s[good[n]])
            style = "stop first" if n == 0 else "stop"
            parts.append(
                f'<circle class="{style}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>'
                f'<text class="when" x="{a:.1f}" y="{b - 7:.1f}" text-anchor="middle">{clock(time_s)}</text>'
            )
    return parts


def _smooth(values: np.ndarray) -> np.ndarray:
    """A running mean over about a twentieth of the time, that leaves gaps out."""
    reach = min(max(len(values) // 40, 1), (len(values) - 1) // 2)
    good = np.isfinite(values)
    ones = np.ones(2 * reach + 1)
    total = np.convolve(np.where(good, values, 0), ones, "same")
    count = np.convolve(good, ones, "same")
    return np.where(good, total / np.maximum(count, 1), np.nan)


def _hull(points: Sequence[tuple[float, float]]) -> Float64[np.ndarray, "k 2"]:
    """The convex hull (Andrew's monotone chain)."""
    ordered = sorted(set(points))

    def half(chain: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for p in chain:
            while len(kept) > 1 and _cross(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return np.array(half(ordered) + half(ordered[::-1]), np.float64)


def _cross(o: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def _outline(loop: np.ndarray) -> str:
    points = [_unit(float(a), float(b)) for a, b in np.clip(loop, -1, 1)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "z"


def _unit(x: float, y: float) -> tuple[float, float]:
    return _HALF * float(x), -_HALF * float(y)
