"""The climate of a class over a video: window by window, the mean over persons and how far it can be trusted.

    python examples/class_climate_of_a_video.py lesson.mp4 10

A person counts once in a window, however often the face was seen; readings that are not sure are left out.
"""

from __future__ import annotations

import sys

import classmood
from classmood.climate import climate

SHOWN = ("joy", "surprise", "grief", "valence")


def main(video: str, window_s: float) -> None:
    timeline = classmood.Timeline.of(classmood.analyze(video, rate_hz=5))
    windows = climate(timeline, window_s)
    print(f"{'from':>7} {'to':>7} {'people':>6} {'seen':>5}  " + "  ".join(f"{name:>14}" for name in SHOWN))
    for k in range(len(windows)):
        # With fewer than two persons there is no interval, and without a sure reading no mean: both print as nan.
        means = [f"{windows.of(name)[k]:+.2f} ±{windows.error_of(name)[k]:>5.2f}" for name in SHOWN]
        span = f"{windows.start_s[k]:>6.0f}s {windows.end_s[k]:>6.0f}s"
        print(f"{span} {windows.people[k]:>6} {windows.coverage[k]:>5.0%}  " + "  ".join(f"{m:>14}" for m in means))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: class_climate_of_a_video.py VIDEO [WINDOW_S]")
    try:
        main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) == 3 else 10.0)
    except classmood.ClassmoodError as error:
        sys.exit(f"error: {error}")
