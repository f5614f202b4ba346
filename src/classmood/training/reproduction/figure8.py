"""Figure 8: clips in valence-arousal and valence-dominance, by their leading expression.

The model has no output for valence, arousal and dominance: they are weighted sums of the class probabilities, and the
leading expression is the greatest of the same probabilities. Clips of one expression thus lie together whatever the
faces show. That is why the figure states what silhouette the coordinates alone give, and shows where each class stands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float64, Int64

from classmood.emotions import (
    CLASSROOM_CLASSES,
    CLASSROOM_VAD,
    COLOURS,
    DERIVED,
    DIMENSIONS,
    MEASURED,
    NEUTRAL,
    STANDARD_TERM,
)
from classmood.errors import InputError
from classmood.timeline import Timeline
from classmood.training.reproduction.clips import (
    CLIP_S,
    Clips,
    cut_clips,
    dealt_silhouettes,
    gaussian_ellipse,
    sampling_step_s,
    silhouette,
)
from classmood.training.reproduction.markdown import table, write_text
from classmood.training.reproduction.picture import FAINT, INK, saved_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARE: Final = 0.8
SPACES: Final = {
    "valence and arousal": [0, 1],
    "valence and dominance": [0, 2],
    "all three": [0, 1, 2],
}
ELLIPSE: Final = f"Ellipse: holds {100 * SHARE:.0f} % of the Gaussian fitted to a cluster."
CIRCULAR: Final = (
    "Circular by construction: valence, arousal and dominance are weighted sums of the class probabilities, and the "
    "leading expression is the greatest of the same probabilities."
)
_MARKS: Final = dict(zip((*MEASURED, *DERIVED), "osD^vXP<>", strict=True))


@dataclass(frozen=True, slots=True)
class Clusters:
    """N clips in valence, arousal and dominance, each of a person and in a cluster.

    Attributes:
        vad: where they lie.
        cluster: a place in ``CLASSROOM_CLASSES``.
        person: a number.
    """

    vad: Float64[np.ndarray, "n 3"]
    cluster: Int64[np.ndarray, " n"]
    person: Int64[np.ndarray, " n"]

    def silhouettes(self, *, neutral: bool) -> dict[str, float | None]:
        """The silhouette in each space; None where it is not defined.

        Args:
            neutral: whether clips of the cluster neutral take part.
        """
        kept = np.ones(len(self.cluster), bool) if neutral else self.cluster != CLASSROOM_CLASSES.index(NEUTRAL)
        return {name: silhouette(self.vad[kept][:, axes], self.cluster[kept]) for name, axes in SPACES.items()}


@dataclass(frozen=True, slots=True)
class Figure8:
    """The clips of one or more videos.

    Attributes:
        clips: see there.
        videos: their names, without folders.
        sampling_hz: instants a second.
        model: what looked at them, with the start of its checksum.
    """

    clips: Clips
    videos: tuple[str, ...]
    sampling_hz: float
    model: str

    @property
    def clusters(self) -> Clusters:
        """The clips by their leading expression."""
        place = np.array([CLASSROOM_CLASSES.index(name) for name in MEASURED])
        return Clusters(self.clips.vad, place[self.clips.leading], self.clips.person)


def measure_figure8(timeline: Timeline, clip_s: float = CLIP_S, *, model: str = "") -> Figure8:
    """Cut a timeline into the clips of the figure.

    Raises:
        InputError: there is nothing to cut.
    """
    videos = tuple(Path(name).name for name in timeline.sources)
    return Figure8(cut_clips(timeline, clip_s), videos, round(1 / sampling_step_s(timeline), 3), model)


def write_figure8(figure: Figure8, path: Path) -> None:
    """Store the clips, so that the picture can be drawn again without the video.

    Raises:
        OutputError: the file cannot be written.
    """
    clips = figure.clips
    content = {
        "videos": figure.videos,
        "sampling_hz": figure.sampling_hz,
        "model": figure.model,
        "clip_s": clips.clip_s,
        "left_out": clips.left_out,
        "columns": ["person", "start_s", *MEASURED, *DIMENSIONS],
    }
    rows = [
        [int(p), round(float(s), 3), *(round(float(v), 4) for v in (*shares, *vad))]
        for p, s, shares, vad in zip(clips.person, clips.start_s, clips.shares, clips.vad, strict=True)
    ]
    # A line a clip, so that a change shows where it is.
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    write_text(path, json.dumps(content)[:-1] + f', "clips": [\n  {lines}\n]}}\n')


def read_figure8(path: Path) -> Figure8:
    """Stored clips.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows: Float64[np.ndarray, "n 12"] = np.array(content["clips"], np.float64).reshape(-1, 2 + len(MEASURED) + 3)
        if not len(rows):
            raise ValueError("no clip")
        clips = Clips(
            float(content["clip_s"]),
            rows[:, 0].astype(np.int64),
            rows[:, 1],
            rows[:, 2 : 2 + len(MEASURED)],
            rows[:, -3:],
            int(content["left_out"]),
        )
        return Figure8(clips, tuple(content["videos"]), float(content["sampling_hz"]), str(content["model"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected clips as classmood reproduce figure8 writes them ({error}); run it anew"
        ) from error


def describe(figure: Figure8) -> str:
    """The figure's numbers as Markdown."""
    clips = figure.clips
    people = len(np.unique(clips.person))
    counts = {name: int((clips.leading == place).sum()) for place, name in enumerate(MEASURED)}
    found = ", ".join(f"{name} {n}" for name, n in counts.items() if n)
    none = ", ".join(name for name, n in counts.items() if not n)
    dealt = dealt_silhouettes(clips)
    low, middle, high = np.nanquantile(dealt, [0.025, 0.5, 0.975])
    with_neutral, without = (figure.clusters.silhouettes(neutral=neutral) for neutral in (True, False))
    return "\n".join(
        [
            f"{len(clips)} clips of {clips.clip_s:g} s, of {people} persons in {', '.join(figure.videos)} at "
            f"{figure.sampling_hz:g} Hz, by {figure.model or 'a model that is not known'}; {clips.left_out} spells "
            f"could not be read for half of their time. Clips by leading expression: {found}."
            + (f" Led by none: {none}." if none else "")
            + "\n",
            table(
                ["silhouette in", "all clips", "without those that neutral leads"],
                [[name, score_text(with_neutral[name]), score_text(without[name])] for name in SPACES],
            ),
            f"The coordinates alone give a silhouette of {middle:.2f} (95 % of {len(dealt)} draws: {low:.2f} to "
            f"{high:.2f}) in all three dimensions, with every clip's probabilities dealt to the classes at random. "
            f"{CIRCULAR}\n",
        ]
    )


def score_text(score: float | None) -> str:
    """A silhouette in words."""
    return "not defined (one cluster)" if score is None else f"{score:.2f}"


def draw_figure8(figure: Figure8, path: Path) -> None:
    """Draw both planes.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    said = (
        f"Each mark: one person for {figure.clips.clip_s:g} s, by the expression that it most resembles on average.\n"
        f"{ELLIPSE} Cross and outline: where a class stands, and what the model can reach.\n"
        "Circular: place and colour are both made of the same class probabilities."
    )
    draw_clusters(figure.clusters, path, said, classes=MEASURED, outline=True)


def draw_clusters(clusters: Clusters, path: Path, said: str, *, classes: Sequence[str], outline: bool) -> None:
    """Draw clips in both planes.

    Args:
        clusters: see there.
        path: the picture.
        said: what stands above it.
        classes: whose places are marked.
        outline: whether what means of them can reach is, too; it takes three.

    Raises:
        OutputError: the file cannot be written, or its ending is unknown.
    """
    scores = clusters.silhouettes(neutral=True)
    # A legend of more than a line needs room of its own.
    lines = -(-len(np.unique(clusters.cluster)) // 3)
    with saved_figure(path, (7.4, 4.3 + 0.22 * lines + 0.12 * said.count("\n"))) as canvas:
        panels = canvas.subplots(1, 2, sharex=True)
        for axes, letter, dimension in zip(panels, "ab", ("arousal", "dominance"), strict=True):
            space = f"valence and {dimension}"
            columns = SPACES[space]
            _classes(axes, columns, classes, outline=outline)
            for name in (*MEASURED, *DERIVED):
                _cluster(axes, clusters, columns, name)
            ticks = [-1, -0.5, 0, 0.5, 1]
            axes.set(xlim=(-1, 1), ylim=(-1, 1), xticks=ticks, yticks=ticks, aspect="equal")
            axes.axhline(0, color=FAINT, lw=0.5, zorder=0)
            axes.axvline(0, color=FAINT, lw=0.5, zorder=0)
            axes.set_xlabel(f"valence ({STANDARD_TERM['valence']})")
            term = STANDARD_TERM[dimension]
            axes.set_ylabel(dimension + (f" ({term})" if term != dimension else ""))
            axes.set_title(f"({letter}) {space}: silhouette {score_text(scores[space])}", loc="left", color=INK)
        handles, labels = panels[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), frameon=False)
        canvas.suptitle(said, fontsize=7, color=FAINT, x=0.01, ha="left")


def _classes(axes: Axes, columns: list[int], classes: Sequence[str], *, outline: bool) -> None:
    """Where each class stands, and the outline that no mean of them can leave."""
    from scipy.spatial import ConvexHull

    corners = np.array([[CLASSROOM_VAD[name][c] for c in columns] for name in classes])
    if outline:
        around = corners[ConvexHull(corners).vertices]
        axes.plot(*np.append(around, around[:1], 0).T, ":", color=FAINT, lw=0.9, zorder=1)
    for (x, y), name in zip(corners, classes, strict=True):
        axes.plot(x, y, "x", color=COLOURS[name], ms=6, mew=1.6, zorder=4)
        # Away from the middle, where the clips are, and from a class that stands beside this one.
        side = 1 if x > 0 else -1
        beside = side * (corners[:, 0] - x)
        if ((beside > 0) & (beside < 0.4) & (np.abs(corners[:, 1] - y) < 0.05)).any():
            side = -side
        axes.annotate(
            name,
            (x, y),
            xytext=(6 * side, 0 if name != NEUTRAL else -7),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=7,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
        )


def _cluster(axes: Axes, clusters: Clusters, columns: list[int], name: str) -> None:
    from matplotlib.patches import Ellipse as Patch

    inside = clusters.cluster == CLASSROOM_CLASSES.index(name)
    if not inside.any():
        return
    points, person = clusters.vad[inside][:, columns], clusters.person[inside]
    n, people = int(inside.sum()), len(np.unique(person))
    axes.scatter(
        points[:, 0],
        points[:, 1],
        s=11,
        marker=_MARKS[name],
        color=COLOURS[name],
        alpha=0.55,
        lw=0,
        zorder=3,
        clip_on=False,
        label=f"{name}: {n} clip{'s' * (n > 1)} of {people} person{'s' * (people > 1)}",
    )
    if ellipse := gaussian_ellipse(points, SHARE):
        wide, high = ellipse.axes
        axes.add_patch(
            Patch(
                ellipse.centre,
                2 * wide,
                2 * high,
                angle=ellipse.angle_degrees,
                fill=False,
                color=COLOURS[name],
                lw=1.3,
                zorder=5,
            )
        )
