"""What the paper prints about its experiments: Table 1, and the margins that its text claims.

Wang, Li and Cuntapay, "Recognition of Student Emotions in Classroom Learning Based on Image Processing", Traitement du
Signal 39(4), 2022, doi:10.18280/ts.390426, section 4. These are quotations: nothing here was measured by us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Metric = Literal["accuracy", "F1"]
PAPER_MODELS: Final = ("OF", "HMM", "the paper's model")
OURS: Final = PAPER_MODELS[-1]
METRICS: Final[tuple[Metric, ...]] = ("accuracy", "F1")

# (model, sample set) -> accuracy, F1, as printed. Which kind of F1 is not said.
TABLE1: Final[dict[tuple[str, int], tuple[float, float]]] = {
    ("OF", 1): (0.8147, 0.8127),
    ("OF", 2): (0.7958, 0.7748),
    ("HMM", 1): (0.8263, 0.8912),
    ("HMM", 2): (0.8471, 0.8063),
    (OURS, 1): (0.9274, 0.9368),
    (OURS, 2): (0.8869, 0.8981),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A margin that the text gives for the paper's model, in percent, without saying whether points or relative."""

    other: str
    sample_set: int
    metric: Metric
    percent: float

    @property
    def points(self) -> float:
        """The margin by the paper's own Table 1, in points."""
        ours, theirs = self._printed()
        return 100 * (ours - theirs)

    @property
    def relative(self) -> float:
        """The margin by the paper's own Table 1, in percent of the other model's score."""
        ours, theirs = self._printed()
        return 100 * (ours / theirs - 1)

    @property
    def agrees(self) -> bool:
        """Whether the table bears the text out, read either way and rounded as the text rounds."""
        return min(abs(self.percent - self.points), abs(self.percent - self.relative)) < 0.015

    def _printed(self) -> tuple[float, float]:
        place = METRICS.index(self.metric)
        return TABLE1[OURS, self.sample_set][place], TABLE1[self.other, self.sample_set][place]


CLAIMS: Final = (
    Claim("OF", 1, "accuracy", 12.18),
    Claim("OF", 1, "F1", 2.89),
    Claim("HMM", 1, "accuracy", 13.24),
    Claim("HMM", 1, "F1", 4.86),
    Claim("OF", 2, "accuracy", 10.27),
    Claim("OF", 2, "F1", 4.48),
    Claim("HMM", 2, "accuracy", 13.72),
    Claim("HMM", 2, "F1", 10.24),
)
