"""The paper's Figures 8 and 9 of a study's own clips, as a model sees them that has not seen the participant.

Nothing is guessed that the study knows: a clip is a scenario, its cluster is its label and not the expression that
leads in it, and the onset is the scenario's. Figure 8 places a clip by the model's own valence, arousal and dominance
where these were rated, and by those computed from the classes where they were not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64

from classmood.clips.crop_set import CropClip, CropSet
from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, EMOTIONS
from classmood.markdown import table
from classmood.pairs import places_of
from classmood.training.leave_subjects_out import LeftOut
from classmood.training.reproduction import figure9
from classmood.training.reproduction.courses import LEAST_FRAMES, LEAST_RISE, Course, rise_from_beginning
from classmood.training.reproduction.figure8 import ELLIPSE, SPACES, Clusters, draw_clusters, score_text
from classmood.training.reproduction.figure9 import Figure9, draw_figure9, grown

_ROUNDS: Final = 200
_VAD: Final = np.array([CLASSROOM_VAD[name] for name in CLASSROOM_CLASSES])
# A clip whose first good frame comes later has no onset, and a face away for longer than this ends its course.
_GAP_S: Final = 1.0
_OF_LABEL: Final = {
    "scenario": "what the scenario was meant to evoke",
    "self-report": "the emotion that the participant chose",
    "agreement": "the emotion that was meant and chosen",
}
NOT_THE_PAPER_S: Final = (
    "Not comparable with the paper's figures: it does not say whose clips it shows, how long they are, how many frames "
    "a second they have, or how valence, arousal and dominance were got, and it prints no number beside them. A "
    "cluster here is a label of this study."
)


@dataclass(frozen=True, slots=True)
class Clouds:
    """A study's clips in valence, arousal and dominance, in four ways.

    Attributes:
        labelled: where the model places them, by label.
        chosen: the same, by the emotion that the participant chose.
        reported: where the participant placed them, by the emotion that they chose.
        computed: whether the model's dimensions are computed from the classes, none of them having been rated.
    """

    labelled: Clusters
    chosen: Clusters
    reported: Clusters
    computed: bool


def clouds_of(crops: CropSet, said: LeftOut) -> Clouds:
    """The clips of a study as a model sees them."""
    person = np.unique([clip.participant for clip in crops.clips], return_inverse=True)[1].astype(np.int64)
    label = places_of([clip.label for clip in crops.clips])
    emotion = places_of([clip.emotion for clip in crops.clips])
    vad = np.where(np.isnan(said.vad), said.shares @ _VAD, said.vad)
    rated = np.array([clip.ratings for clip in crops.clips])

    def some(points: Float64[np.ndarray, "n 3"], cluster: Int64[np.ndarray, " n"]) -> Clusters:
        kept = (cluster >= 0) & np.isfinite(points).all(1)
        return Clusters(points[kept], cluster[kept], person[kept])

    return Clouds(some(vad, label), some(vad, emotion), some(rated, emotion), bool(np.isnan(said.vad).all()))


def courses_of(crops: CropSet, said: LeftOut) -> dict[str, list[Course]]:
    """For each emotion that is a label, its intensity in its own clips from the scenario's beginning on."""
    rate_hz = _rate_hz(crops)
    people = sorted(crops.participants)
    found: dict[str, list[Course]] = {name: [] for name in EMOTIONS if name in crops.labels}
    for clip, shares in zip(crops.clips, said.courses, strict=True):
        if clip.label in found and (kept := _unbroken(clip)):
            time_s = clip.time_s[:kept]
            grid = np.linspace(time_s[0], time_s[-1], round((time_s[-1] - time_s[0]) * rate_hz) + 1)
            intensity = shares[:kept, CLASSROOM_CLASSES.index(clip.label)]
            found[clip.label].append(Course(people.index(clip.participant), np.interp(grid, time_s, intensity)))
    return found


def draw_figures(crops: CropSet, said: LeftOut, out: Path) -> str:
    """Draw ``figure8`` and ``figure9`` as SVG and PNG into a folder; what they show as Markdown.

    Raises:
        OutputError: a picture cannot be written.
    """
    clouds = clouds_of(crops, said)
    label = _OF_LABEL[crops.made.get("settings", {}).get("label", "scenario")]
    place = (
        "Valence, arousal and dominance are computed from the class probabilities, as nobody rated them: clips whose "
        "classes are told apart lie apart."
        if clouds.computed
        else "Valence, arousal and dominance are outputs of their own, learned from the other participants' ratings."
    )
    classes = crops.labels
    if clouds.computed and len(classes) == 2:
        place += " With two classes all lie on the line between them."
    words = (
        f"{_title(crops)}.\nEach mark: one clip of one participant, whom the model has not seen. Colour: {label}.\n"
        f"{ELLIPSE} Cross: where a class stands in the literature.\n"
        + (
            "Place: computed from the class probabilities, as nobody rated valence, arousal and dominance."
            if clouds.computed
            else "Place: the model's own valence, arousal and dominance, learned from the other participants' ratings."
        )
    )
    for ending in ("svg", "png"):
        outline = clouds.computed and len(classes) > 2
        draw_clusters(clouds.labelled, out / f"figure8.{ending}", words, classes=classes, outline=outline)
    parts = [
        "## Figure 8: clips in valence, arousal and dominance\n",
        "![Clips in valence-arousal and valence-dominance](figure8.svg)\n",
        f"{len(clouds.labelled.cluster)} clips by label: {label}. {place}\n",
        _silhouettes(clouds),
        "## Figure 9: intensity from onset to apex\n",
        _growth(crops, said, out),
        f"{NOT_THE_PAPER_S}\n",
    ]
    return "\n".join(parts)


def _silhouettes(clouds: Clouds) -> str:
    ways = {
        "recognised place, by label": clouds.labelled.silhouettes(neutral=True),
        "the same without neutral": clouds.labelled.silhouettes(neutral=False),
    }
    for way, asked in (("recognised", clouds.chosen), ("reported", clouds.reported)):
        if len(asked.cluster):
            ways[f"{way} place, by the emotion chosen"] = asked.silhouettes(neutral=True)
    rows = [[way, *(score_text(found[space]) for space in SPACES)] for way, found in ways.items()]
    dealt = _dealt(clouds.labelled)
    chance = ""
    if len(dealt):
        # Plus 0, lest a silhouette of hardly anything be printed as -0.00.
        low, middle, high = np.quantile(dealt, [0.025, 0.5, 0.975]).round(2) + 0.0
        chance = (
            f"With each participant's labels dealt to their clips at random the first is {middle:.2f} in all three "
            f"(95 % of {len(dealt)} deals: {low:.2f} to {high:.2f}).\n"
        )
    return table(["silhouette in", *SPACES], rows) + "\n" + chance


def _dealt(clusters: Clusters, seed: int = 0) -> Float64[np.ndarray, " rounds"]:
    """The silhouette in all three dimensions where labels mean nothing."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(_ROUNDS):
        cluster = clusters.cluster.copy()
        for one in np.unique(clusters.person):
            rows = np.flatnonzero(clusters.person == one)
            cluster[rows] = random.permutation(cluster[rows])
        score = Clusters(clusters.vad, cluster, clusters.person).silhouettes(neutral=True)["all three"]
        found += [] if score is None else [score]
    return np.array(found)


def _growth(crops: CropSet, said: LeftOut, out: Path) -> str:
    courses = courses_of(crops, said)
    growths = tuple(grown(name, own, rise_from_beginning) for name, own in courses.items())
    clips, rises = sum(map(len, courses.values())), sum(len(one.rises) for one in growths)
    counted = (
        f"{clips} clips of an emotion begin with the scenario; in {rises} its own intensity rises by at least "
        f"{LEAST_RISE:g} over at least {LEAST_FRAMES} frames, and these are shown. Onset: the scenario's beginning; "
        "apex: the greatest intensity in the clip.\n"
    )
    if not rises:
        return f"{counted}\nNo figure is drawn: nothing rises.\n"
    figure = Figure9(growths, (_title(crops),), _rate_hz(crops), said.model, (), "the scenario's beginning")
    for ending in ("svg", "png"):
        draw_figure9(figure, out / f"figure9.{ending}")
    picture = "![Intensity from onset to apex](figure9.svg)\n"
    return "\n".join([picture, counted, figure9.describe(figure)])


def _title(crops: CropSet) -> str:
    """The study's own title, which says what its clips are good for."""
    return f"Clips of “{crops.made.get('study') or 'a study'}”"


def _unbroken(clip: CropClip) -> int:
    """How many of a clip's faces make its course: up to the first gap, none where its beginning was not seen."""
    if clip.time_s[0] > _GAP_S:
        return 0
    gaps = np.flatnonzero(np.diff(clip.time_s) > _GAP_S)
    return int(gaps[0]) + 1 if len(gaps) else len(clip.time_s)


def _rate_hz(crops: CropSet) -> float:
    return float(crops.made.get("settings", {}).get("rate_hz", 4.0))
