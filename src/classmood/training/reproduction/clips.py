"""Clips of a video: what each person's face showed on average over a few seconds.

The paper scores "video clips" and does not say how long they are or how they were cut. Here a clip is a spell of one
track: the recording is cut at whole multiples of ``CLIP_S``, the same for everyone, and each person seen in a spell
makes a clip of it. Five seconds hold some two dozen readings at 5 Hz, enough for a steady mean, and are hardly longer
than an expression lasts (felt smiles: 2/3 to 4 s, Ekman and Friesen 1982, doi:10.1007/BF00987191), so that a clip
seldom averages two expressions into a third that nobody showed.

"Not sure" is an answer: such readings are left out, and a spell of which less than half could be read makes no clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import stats
from sklearn.metrics import silhouette_score

from classmood.climate import persons, steps
from classmood.emotions import CLASSROOM_CLASSES, CLASSROOM_VAD, MEASURED
from classmood.errors import InputError
from classmood.timeline import Timeline

CLIP_S: Final = 5.0
_LEAST_READABLE: Final = 0.5
_MEASURED_PLACES: Final = [CLASSROOM_CLASSES.index(name) for name in MEASURED]
_MEASURED_VAD: Final = np.array([CLASSROOM_VAD[name] for name in MEASURED])


@dataclass(frozen=True, slots=True)
class Clips:
    """N clips.

    Attributes:
        clip_s: their length.
        person: the track of each, counted over all sources.
        start_s: where each begins in its source.
        shares: mean probability of each of ``emotions.MEASURED``.
        vad: mean valence, arousal, dominance.
        left_out: spells in which a face was seen, but read less than half of the time.
    """

    clip_s: float
    person: Int64[np.ndarray, " n"]
    start_s: Float64[np.ndarray, " n"]
    shares: Float64[np.ndarray, "n 7"]
    vad: Float64[np.ndarray, "n 3"]
    left_out: int

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def leading(self) -> Int64[np.ndarray, " n"]:
        """The leading expression of each clip: the greatest mean share, as a place in ``emotions.MEASURED``."""
        places: Int64[np.ndarray, " n"] = self.shares.argmax(1)
        return places


def cut_clips(timeline: Timeline, clip_s: float = CLIP_S) -> Clips:
    """Cut every track into clips.

    Raises:
        InputError: there is nothing to cut: no time passes, or no spell could be read.
    """
    step_s = sampling_step_s(timeline)
    if not clip_s >= step_s:
        raise InputError(
            f"clip length: expected at least the {step_s:g} s between two instants, got {clip_s:g} s; take longer clips"
        )
    person = persons(timeline)
    spell = steps(timeline.time_s, 0.0, clip_s)
    count = int(spell.max()) + 1
    key = person * count + spell
    seen, place = np.unique(key, return_inverse=True)
    sure = ~timeline.not_sure
    readings = np.bincount(place[sure], minlength=len(seen))
    kept = readings >= max(1.0, _LEAST_READABLE * round(clip_s / step_s))
    if not kept.any():
        raise InputError(
            f"no face could be read for half of {clip_s:g} s; expected a video in which faces stay in view, or shorter "
            "clips (--clip-s)"
        )

    def mean(values: np.ndarray) -> Float64[np.ndarray, "n k"]:
        totals = np.stack([np.bincount(place[sure], column[sure], len(seen)) for column in values.T], 1)
        return totals[kept] / readings[kept, None]

    shares = mean(timeline.classroom[:, _MEASURED_PLACES].astype(np.float64))
    return Clips(
        clip_s=float(clip_s),
        person=seen[kept] // count,
        start_s=(seen[kept] % count) * float(clip_s),
        shares=shares,
        vad=mean(timeline.vad.astype(np.float64)),
        left_out=int((~kept).sum()),
    )


def sampling_step_s(timeline: Timeline) -> float:
    """Seconds between two instants of a video, on average: frame rates make single gaps uneven.

    Raises:
        InputError: no time passes in it, as in photos.
    """
    if not len(timeline):
        raise InputError("the timeline holds no face; expected a video with faces in it")
    gaps = np.diff(timeline.instants.time_s)[np.diff(timeline.instants.source) == 0]
    gaps = gaps[gaps > 0]
    if not len(gaps):
        raise InputError("the timeline holds single instants; expected a video, in which time passes")
    return float(gaps.mean())


def silhouette(points: Float64[np.ndarray, "n d"], clusters: Int64[np.ndarray, " n"]) -> float | None:
    """Mean silhouette: 1 for clusters far apart, 0 for touching ones.

    Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7. None, "not defined", where there are fewer than two clusters or no
    cluster has two points.
    """
    found = len(np.unique(clusters))
    if not 2 <= found < len(points):
        return None
    return float(silhouette_score(points, clusters))


def dealt_silhouettes(clips: Clips, *, rounds: int = 200, seed: int = 0) -> Float64[np.ndarray, " rounds"]:
    """Silhouettes that the coordinates alone give: every clip's shares are dealt to the classes at random.

    The clips stay as decided or as mixed as they are, but what they are decided for means nothing. Valence, arousal and
    dominance are computed from the dealt shares as they are from the real ones.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rounds):
        dealt = random.permuted(clips.shares, axis=1)
        score = silhouette(dealt @ _MEASURED_VAD, dealt.argmax(1))
        found.append(np.nan if score is None else score)
    return np.array(found)


@dataclass(frozen=True, slots=True)
class Ellipse:
    """The ellipse of a Gaussian that holds a given share of it.

    Attributes:
        centre: x, y.
        axes: half the length of the longer axis and of the shorter.
        angle_degrees: of the longer axis, from x towards y.
    """

    centre: tuple[float, float]
    axes: tuple[float, float]
    angle_degrees: float

    def holds(self, points: Float64[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
        """Which points lie inside."""
        angle = np.deg2rad(self.angle_degrees)
        turned = (points - self.centre) @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        inside: Bool[np.ndarray, " n"] = np.square(turned / self.axes).sum(1) <= 1
        return inside


def gaussian_ellipse(points: Float64[np.ndarray, "n 2"], share: float) -> Ellipse | None:
    """The ellipse of the Gaussian fitted to points; None for fewer than five, or where they lie on a line."""
    if len(points) < 5:
        return None
    variances, directions = np.linalg.eigh(np.cov(points.T))
    if variances[0] <= 1e-12:
        return None
    reach = float(np.sqrt(stats.chi2.ppf(share, 2)))
    longer = directions[:, 1]
    return Ellipse(
        (float(points[:, 0].mean()), float(points[:, 1].mean())),
        (reach * float(np.sqrt(variances[1])), reach * float(np.sqrt(variances[0]))),
        float(np.rad2deg(np.arctan2(longer[1], longer[0])) % 180),
    )
