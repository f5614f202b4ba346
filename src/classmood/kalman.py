"""Where faces will be: one Kalman filter a track, all tracks at once, exact for any step of time.

Each of four coordinates (centre x, centre y, log width, log height) has a position and a velocity of its own. A head
does not go on for ever: its velocity is an Ornstein-Uhlenbeck process, forgotten with time constant tau, of stationary
deviation s (Uhlenbeck and Ornstein 1930). With e = exp(-dt / tau) the exact step is

    F = [[1, tau (1 - e)],   Q = s^2 [[2 tau dt - tau^2 (3 - 4 e + e^2),  tau (1 - e)^2],
         [0, e          ]]            [tau (1 - e)^2,                    1 - e^2      ]]

so two half steps equal one whole step, and sampling at 1 or at 30 Hz means the same. Lengths are measured in face
sizes, the geometric mean of width and height, so that a near and a far face follow one model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64

# A seated head: how long a movement lasts, and how fast it is in face sizes (or log units) a second.
VELOCITY_TIME_S: Final = 0.5
SPEED: Final = np.array([0.5, 0.5, 0.15, 0.15])
# A detector's box: deviation of its centre in face sizes, of its log width and height.
BOX_NOISE: Final = np.array([0.05, 0.05, 0.06, 0.06])


@dataclass(frozen=True, slots=True)
class Motion:
    """Position and velocity of M tracks' boxes.

    Attributes:
        mean: of (centre x px, centre y px, log width, log height), each with its velocity a second.
        covariance: of position and velocity, a coordinate.
    """

    mean: Float64[np.ndarray, "m 4 2"]
    covariance: Float64[np.ndarray, "m 4 2 2"]

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def start(cls, boxes_px: Float32[np.ndarray, "m 4"]) -> Motion:
        """Tracks that begin at these boxes (x, y, width, height), at rest as far as is known."""
        z = _coordinates(boxes_px)
        unit = _unit(z)
        covariance = np.zeros((len(z), 4, 2, 2))
        covariance[..., 0, 0] = (BOX_NOISE * unit) ** 2
        covariance[..., 1, 1] = (SPEED * unit) ** 2
        return cls(np.stack([z, np.zeros_like(z)], -1), covariance)

    def predict(self, dt_s: float) -> Motion:
        """The same tracks ``dt_s`` seconds later."""
        tau = VELOCITY_TIME_S
        e = float(np.exp(-dt_s / tau))
        step = np.array([[1.0, tau * (1 - e)], [0.0, e]])
        cross = tau * (1 - e) ** 2
        noise = np.array([[2 * tau * dt_s - tau**2 * (3 - 4 * e + e**2), cross], [cross, 1 - e**2]])
        speed = SPEED * _unit(self.mean[..., 0])
        covariance = step @ self.covariance @ step.T + np.square(speed)[..., None, None] * noise
        return Motion(self.mean @ step.T, covariance)

    def update(self, boxes_px: Float32[np.ndarray, "m 4"]) -> Motion:
        """The same tracks after their boxes were seen."""
        z = _coordinates(boxes_px)
        innovation = z - self.mean[..., 0]
        gain = self.covariance[..., 0] / (self.covariance[..., 0, 0] + (BOX_NOISE * _unit(z)) ** 2)[..., None]
        covariance = self.covariance - gain[..., :, None] * self.covariance[..., None, 0, :]
        return Motion(self.mean + gain * innovation[..., None], covariance)

    def surprise(self, boxes_px: Float32[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n m"]:
        """Squared Mahalanobis distance of every box from every track's prediction; 4 on average for the right one."""
        z = _coordinates(boxes_px)
        variance = self.covariance[..., 0, 0] + (BOX_NOISE * _unit(self.mean[..., 0])) ** 2
        result: Float64[np.ndarray, "n m"] = (np.square(z[:, None] - self.mean[..., 0]) / variance).sum(-1)
        return result

    def boxes_px(self) -> Float32[np.ndarray, "m 4"]:
        """The predicted boxes (x, y, width, height)."""
        position = self.mean[..., 0]
        size = np.exp(position[:, 2:])
        return np.concatenate([position[:, :2] - size / 2, size], 1).astype(np.float32)

    def take(self, indices: np.ndarray) -> Motion:
        """Some of the tracks, by index or mask."""
        return Motion(self.mean[indices], self.covariance[indices])

    def join(self, other: Motion) -> Motion:
        """These tracks, then the others."""
        return Motion(np.concatenate([self.mean, other.mean]), np.concatenate([self.covariance, other.covariance]))


def overlap(a_px: Float32[np.ndarray, "n 4"], b_px: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    """Intersection over union of every box of ``a`` with every box of ``b``, each (x, y, width, height)."""
    low = np.maximum(a_px[:, None, :2], b_px[None, :, :2])
    high = np.minimum(a_px[:, None, :2] + a_px[:, None, 2:], b_px[None, :, :2] + b_px[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    union = a_px[:, 2:].prod(-1)[:, None] + b_px[:, 2:].prod(-1)[None] - shared
    result: Float32[np.ndarray, "n m"] = (shared / np.maximum(union, 1e-6)).astype(np.float32)
    return result


def _coordinates(boxes_px: Float32[np.ndarray, "m 4"]) -> Float64[np.ndarray, "m 4"]:
    boxes = boxes_px.astype(np.float64)
    # A box thinner than a pixel has no logarithm to speak of.
    size = np.maximum(boxes[:, 2:], 1.0)
    return np.concatenate([boxes[:, :2] + boxes[:, 2:] / 2, np.log(size)], 1)


def _unit(z: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, "m 4"]:
    """The unit of each coordinate: a face size in pixels for the centre, one for the logarithms."""
    unit = np.ones_like(z)
    unit[:, :2] = np.exp(z[:, 2:].mean(1, keepdims=True))
    return unit
