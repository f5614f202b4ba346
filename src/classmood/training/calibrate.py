"""Two temperatures, fitted on the held-out fold of the training split, and the abstention threshold.

- ``votes_temperature`` makes softmax(logits / T) follow the raters' votes: least cross-entropy to the vote shares.
- ``confidence_temperature`` makes its largest value the chance that the arg-max is the raters' choice: least negative
  log-likelihood of the arg-max label (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).

A face is "not sure" when the named class is more likely wrong than right. That is a confidence under one half where
confidence is calibrated; ``benchmarks/calibration.py`` measures on the held-out fold where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from classmood.errors import TrainingError

NOT_SURE_BELOW = 0.5
NO_FOLD = "calibration needs a held-out fold; set data.holdout above 0"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The two temperatures; both divide the logits."""

    votes_temperature: float
    confidence_temperature: float


def calibrate(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> Calibration:
    """Fit both temperatures.

    Args:
        logits: of the very file that will be shipped, on samples it was not trained on.
        targets: the raters' vote shares; rows sum to 1.

    Raises:
        TrainingError: there are no samples.
    """
    if not len(logits):
        raise TrainingError(NO_FOLD)
    hard = np.eye(targets.shape[1])[targets.argmax(1)]
    return Calibration(_temperature(logits, targets), _temperature(logits, hard))


def _temperature(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float:
    def cross_entropy(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        scaled -= scaled.max(1, keepdims=True)
        log_probability = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
        return float(-(targets * log_probability).sum(1).mean())

    found = minimize_scalar(cross_entropy, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return round(float(np.exp(found.x)), 4)
