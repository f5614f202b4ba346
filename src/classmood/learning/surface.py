r"""The learning-effect surface: best when arousal is moderate and valence moderate to high (the paper's Figure 2).

    L(A, V) = L0 + (L1 - L0) exp(-(A - A*)^2 / (2 sA^2)) g(V),        A, V in [0, 1]

    logistic     g(V) = 1 / (1 + exp(-k (V - v0)))
    asymmetric   g(V) = exp(-(V - V*)^2 / (2 w^2)),   w = below for V < V*, above otherwise

The paper draws no numbers. The defaults are ours and not published: L0 = 0, L1 = 1, A* = .50, sA = .20, k = 8 and
v0 = .40; task difficulty d in [0, 1] moves the optimum, A* = .7 - .4 d.

Where A and V are known only up to a normal error, the mean of L over the error is what a rating foretells. Over A it
has a closed form; over V it is taken with five Gauss-Hermite nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float64
from scipy.special import expit, roots_hermitenorm

Form = Literal["logistic", "asymmetric"]
_SHARED: Final = ("lowest", "highest", "best_arousal", "arousal_width")
PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "logistic": (*_SHARED, "valence_slope", "valence_middle"),
    "asymmetric": (*_SHARED, "best_valence", "width_below", "width_above"),
}
SYMBOLS: Final = {
    "lowest": "L0",
    "highest": "L1",
    "best_arousal": "A*",
    "arousal_width": "sA",
    "valence_slope": "k",
    "valence_middle": "v0",
    "best_valence": "V*",
    "width_below": "below",
    "width_above": "above",
}
BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "lowest": (-0.5, 1.0),
    "highest": (0.0, 2.0),
    "best_arousal": (-0.25, 1.25),
    "arousal_width": (0.03, 1.0),
    "valence_slope": (0.5, 50.0),
    "valence_middle": (-0.5, 1.5),
    "best_valence": (-0.25, 1.5),
    "width_below": (0.03, 2.0),
    "width_above": (0.03, 2.0),
}
_NODES, _WEIGHTS = roots_hermitenorm(5)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_ONE_NODE: Final = (np.zeros(1), np.ones(1))


@dataclass(frozen=True, slots=True)
class Surface:
    """A surface of one form.

    Attributes:
        values: in the order of ``PARAMETERS[form]``.
    """

    form: Form
    values: tuple[float, ...]

    def of(self, name: str) -> float:
        """One parameter."""
        return self.values[PARAMETERS[self.form].index(name)]

    def at(self, arousal: Float64[np.ndarray, " n"], valence: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """The learning effect at arousals and valences from 0 to 1."""
        means = np.stack([arousal, valence], -1)[None]
        return np.asarray(predict(self.form, np.array([self.values]), means, np.zeros_like(means))[0][0])


def default_surface(form: Form = "logistic", *, difficulty: float = 0.5) -> Surface:
    """The surface of the defaults.

    Args:
        form: of g.
        difficulty: of the task, from 0 to 1; a hard one is done best at low arousal.
    """
    best = 0.7 - 0.4 * difficulty
    return Surface(form, (0.0, 1.0, best, 0.20, *((8.0, 0.40) if form == "logistic" else (0.70, 0.30, 0.45))))


def bounds(form: Form) -> tuple[Float64[np.ndarray, " p"], Float64[np.ndarray, " p"]]:
    """The least and the greatest value of each parameter that a fit may give."""
    low, high = zip(*(BOUNDS[name] for name in PARAMETERS[form]), strict=True)
    return np.array(low), np.array(high)


def predict(
    form: Form,
    values: Float64[np.ndarray, "b p"],
    means: Float64[np.ndarray, "c n 2"],
    variances: Float64[np.ndarray, "c n 2"],
) -> tuple[Float64[np.ndarray, "b n"], Float64[np.ndarray, "b n p"]]:
    """The expected learning effect of N feelings on B surfaces, and its derivative by each parameter.

    Args:
        form: of all B surfaces.
        values: their parameters.
        means: arousal and valence from 0 to 1, of each surface's own or the same for all (c = b or 1).
        variances: of the error about them; 0 where they are known.
    """
    lowest, highest, best, width = (values[:, i, None] for i in range(4))
    spread = width**2 + variances[..., 0]
    away = means[..., 0] - best
    over_arousal = width / np.sqrt(spread) * np.exp(-(away**2) / (2 * spread))
    over_valence, by_shape = _over_valence(form, values[:, 4:], means[..., 1], variances[..., 1])
    both = over_arousal * over_valence
    scale = (highest - lowest) * both
    slope = np.empty((*both.shape, values.shape[1]))
    slope[..., 0] = 1 - both
    slope[..., 1] = both
    slope[..., 2] = scale * away / spread
    slope[..., 3] = scale * (1 / width - width / spread + width * away**2 / spread**2)
    slope[..., 4:] = ((highest - lowest) * over_arousal)[..., None] * by_shape
    return lowest + scale, slope


def predict_variance(
    form: Form,
    values: Float64[np.ndarray, "b p"],
    means: Float64[np.ndarray, "c n 2"],
    variances: Float64[np.ndarray, "c n 2"],
) -> Float64[np.ndarray, "b n"]:
    """The variance of the learning effect over the error of N feelings, on B surfaces; arguments as for ``predict``."""
    lowest, highest, best, width = (values[:, i, None] for i in range(4))
    # The square of a Gaussian is one of half the variance; the square of g is a matter of the nodes.
    narrow = width**2 / 2
    spread = narrow + variances[..., 0]
    squares = np.sqrt(narrow / spread) * np.exp(-((means[..., 0] - best) ** 2) / (2 * spread))
    squares = squares * _over_valence(form, values[:, 4:], means[..., 1], variances[..., 1], power=2)[0]
    mean = (predict(form, values, means, variances)[0] - lowest) ** 2
    return np.asarray(np.maximum((highest - lowest) ** 2 * squares - mean, 0))


def _over_valence(
    form: Form, shape: np.ndarray, means: np.ndarray, variances: np.ndarray, *, power: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of a power of g over the error of valence, and, for g itself, its derivatives by the parameters."""
    nodes, weights = (_NODES, _WEIGHTS) if variances.any() else _ONE_NODE
    total: np.ndarray | float = 0.0
    slopes: list[np.ndarray | float] = [0.0] * shape.shape[1]
    deviations = np.sqrt(variances)
    for node, weight in zip(nodes, weights, strict=True):
        valence = means + node * deviations
        if form == "logistic":
            slope, middle = shape[:, 0, None], shape[:, 1, None]
            g = expit(slope * (valence - middle))
            steep = g * (1 - g)
            parts = [steep * (valence - middle), -steep * slope]
        else:
            best, below, above = (shape[:, i, None] for i in range(3))
            under = valence < best
            width = np.where(under, below, above)
            u = (valence - best) / width
            g = np.exp(-(u**2) / 2)
            by_width = g * u**2 / width
            parts = [g * u / width, np.where(under, by_width, 0.0), np.where(under, 0.0, by_width)]
        total = total + weight * g**power
        slopes = [one + weight * part for one, part in zip(slopes, parts, strict=True)]
    return np.asarray(total), np.stack([np.asarray(one) for one in slopes], -1)
