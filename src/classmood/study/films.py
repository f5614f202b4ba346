"""Films of simulated participants: a face that follows the schedule, moves a little, and answers questions.

The video runs by the session's clock from second 0 to the end of what is recorded, as a dataset expects it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from jaxtyping import UInt8

from classmood.dataset.folder import Event
from classmood.errors import OutputError
from classmood.experiment.schedule import Schedule, Step

RATE_HZ: Final = 5
RAMP_S: Final = 0.8
# What a frame shows: the expression's name and how strong it is, 0 to 1.
Face = Callable[[str, float], UInt8[np.ndarray, "s s 3"]]


@dataclass(frozen=True, slots=True)
class Motion:
    """How a head sways: up to some degrees, pixels and hundredths of its size, at its own slow pace."""

    degrees: float
    shift_px: float
    zoom: float
    pace: float
    phase: float

    @classmethod
    def of(cls, seed: int) -> Motion:
        """Somebody's, the same for the same seed."""
        rng = np.random.default_rng(seed)
        return cls(*(float(v) for v in rng.uniform((1, 2, 0.01, 0.5, 0), (4, 8, 0.04, 1.1, 6.28))))

    def apply(self, image: UInt8[np.ndarray, "s s 3"], time_s: float) -> UInt8[np.ndarray, "s s 3"]:
        """The picture as it is at that time."""
        turn = self.pace * time_s + self.phase
        side = image.shape[0]
        matrix = cv2.getRotationMatrix2D(
            (side / 2, side / 2), self.degrees * np.sin(1.3 * turn), 1 + self.zoom * np.sin(0.7 * turn)
        )
        matrix[:, 2] += self.shift_px * np.sin(turn), 0.5 * self.shift_px * np.cos(0.9 * turn)
        moved: UInt8[np.ndarray, "s s 3"] = cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        return moved


def write_film(
    path: Path, schedule: Schedule, face: Face, shown: Mapping[str, str], motion: Motion, *, seed: int
) -> None:
    """Film a participant: at rest, and in each scenario with the expression that ``shown`` has for it.

    Args:
        path: an .mp4.
        schedule: what is on when.
        face: draws a frame.
        shown: the expression by scenario.
        motion: of the head.
        seed: of the camera's noise.

    Raises:
        OutputError: it cannot be written.
    """
    recorded = [step for step in schedule.steps if step.records]
    noise = np.random.default_rng(seed)
    side = face("neutral", 0.0).shape[0]
    try:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=RATE_HZ, options={"crf": "18", "threads": "1"})
            stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
            for k in range(round(max(step.end_s for step in recorded) * RATE_HZ)):
                name, share = _at(recorded, k / RATE_HZ, shown)
                picture = motion.apply(face(name, share), k / RATE_HZ)
                noisy = np.clip(picture + noise.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, "rgb24")))
            container.mux(stream.encode())
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{path}: the film cannot be written ({error})") from error


def _at(recorded: list[Step], time_s: float, shown: Mapping[str, str]) -> tuple[str, float]:
    """What the face shows: it rises after a scenario's beginning and falls after its end."""
    for step in recorded:
        name = shown.get(step.scenario, "")
        if name and step.start_s <= time_s < step.end_s + RAMP_S:
            rise, fall = (time_s - step.start_s) / RAMP_S, (step.end_s + RAMP_S - time_s) / RAMP_S
            return name, float(np.clip(min(rise, fall), 0, 1))
    return "neutral", 0.0


def events_of(schedule: Schedule, answers: Mapping[tuple[str, str], Mapping[str, str]]) -> tuple[Event, ...]:
    """What a runner logs of a session in which everything went as planned.

    Args:
        schedule: the participant's.
        answers: by scenario and page, as texts by column.
    """
    return tuple(
        Event(
            step.start_s,
            step.duration_s,
            step.kind,
            step.phase,
            step.scenario,
            step.evokes,
            step.stimulus,
            step.page,
            browser_onset_s=step.start_s,
            answers=dict(answers.get((step.scenario, step.page), {})),
        )
        for step in schedule.steps
    )
