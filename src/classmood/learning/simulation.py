"""Studies whose truth is known: what stands behind the fit, for no public set links emotions to a learning outcome.

Everything here is assumed and stated, none of it measured. Each of P participants meets eight scenarios. A scenario's
mean feeling is its emotion's place in Russell and Mehrabian's coordinates; a participant's differs by a constant of
their own and anew each time. The learning effect follows the surface at the feeling, plus a constant of the
participant's own, plus a rest. What is written down are ratings: feelings with an error of their own, a constant shift
of how the participant uses the scale, rounded to nine points and cut at their ends; the same for six aspects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from classmood.emotions import CLASSROOM_VAD, EMOTIONS
from classmood.learning.surface import Surface
from classmood.selfreport import ASPECT_COLUMNS, POINTS, SelfReports, gather

TRUTH: Final = Surface("logistic", (0.2, 0.8, 0.5, 0.2, 8.0, 0.4))


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations, all in points of the nine.

    Attributes:
        felt_between: of a participant's constant difference in feeling.
        felt_within: of their feeling about it, each time anew.
        rating: of the error of one rating, before it is rounded.
        scale_use: of a participant's constant shift on each scale, which is error and not feeling.
        effect_between: of their constant difference in learning effect.
        effect_within: of the rest, each time anew.
        aspect: of each of the six aspects about the learning effect, before it is rounded.
    """

    felt_between: float = 0.64
    felt_within: float = 1.2
    rating: float = 0.8
    scale_use: float = 0.3
    effect_between: float = 0.64
    effect_within: float = 0.8
    aspect: float = 1.0


def simulate_study(
    people: int, *, seed: int, truth: Surface = TRUTH, noise: Noise | None = None, twice: bool = True
) -> SelfReports:
    """Draw a study.

    Args:
        people: participants.
        seed: of the draw.
        truth: the surface that the learning effect follows.
        noise: see there; its defaults if None.
        twice: whether valence and arousal are rated a second time.
    """
    noise = noise or Noise()
    random = np.random.default_rng(seed)
    step = 1 / (POINTS - 1)

    def draw(deviation_points: float, *shape: int) -> np.ndarray:
        return random.normal(0, deviation_points * step, shape)

    # Valence, arousal, dominance from 0 to 1.
    means = (np.array([CLASSROOM_VAD[name] for name in EMOTIONS]) + 1) / 2
    several = len(EMOTIONS)
    felt = means + draw(noise.felt_between, people, 1, 3) + draw(noise.felt_within, people, several, 3)
    felt = np.clip(felt, 0, 1)
    effect = truth.at(felt[..., 1].ravel(), felt[..., 0].ravel()).reshape(people, several)
    effect = effect + draw(noise.effect_between, people, 1) + draw(noise.effect_within, people, several)
    shift = draw(noise.scale_use, people, 1, 3)
    first = _points(felt + shift + draw(noise.rating, people, several, 3))
    second = _points(felt + shift + draw(noise.rating, people, several, 3))
    aspects = _points(effect[..., None] + draw(noise.aspect, people, several, len(ASPECT_COLUMNS)))
    rows = []
    for i in range(people):
        for k, name in enumerate(EMOTIONS):
            row = {"participant": f"p{i + 1:03d}", "course": "simulated", "scenario": name, "evokes": name}
            row |= dict(zip(("valence", "arousal", "dominance"), map(str, first[i, k]), strict=True))
            if twice:
                row |= dict(zip(("valence_again", "arousal_again"), map(str, second[i, k, :2]), strict=True))
            row |= dict(zip(ASPECT_COLUMNS, map(str, aspects[i, k]), strict=True))
            # The emotion whose place lies nearest is the one that is chosen.
            nearest = int(np.square(means - felt[i, k]).sum(1).argmin())
            row["emotion"] = EMOTIONS[nearest]
            row["intensity"] = str(int(_points(np.abs(2 * felt[i, k, :2] - 1).max(keepdims=True))[0]))
            row["score"] = f"{float(random.random() < np.clip(effect[i, k], 0, 1)):g}"
            rows.append(row)
    return gather(rows)


def _points(shares: np.ndarray) -> np.ndarray:
    """Shares as whole points from 1 to 9."""
    return np.asarray(np.clip(np.round(1 + (POINTS - 1) * shares), 1, POINTS).astype(int))
