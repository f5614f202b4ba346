"""A simulated class with known truth, for tests of the timeline, the aggregates and the report."""

from __future__ import annotations

import numpy as np

from classmood.classifier import read_out
from classmood.emotions import FERPLUS_CLASSES
from classmood.faces import Faces
from classmood.sidecar import Provenance
from classmood.timeline import Instant, Instants, Timeline

PROVENANCE = Provenance(
    sources=("lesson.mp4",),
    model="emotion-resnet18-int8",
    model_sha256="0123456789abcdef" * 4,
    detector="centerface",
    sampling_hz=5.0,
    settings={"time_constant_s": 0.35},
)
# Logits of a resting face and how far one person's differ from another's.
_RESTING = {"neutral": 2.2, "happiness": -0.4, "sadness": 0.0, "surprise": -0.8, "anger": -0.9}


def make_instant(
    time_s: float,
    ids: list[int],
    ferplus: np.ndarray,
    *,
    source: str = "lesson.mp4",
    boxes_px: np.ndarray | None = None,
) -> Instant:
    """An instant with the given FER+ probabilities."""
    n = len(ids)
    if boxes_px is None:
        boxes_px = np.array([[40 + 220 * (i % 5), 30 + 170 * (i // 5), 96, 120] for i in ids], float).reshape(n, 4)
    faces = Faces(boxes_px.astype(np.float32), np.full(n, 0.93, np.float32), np.zeros((n, 5, 2), np.float32))
    ferplus = ferplus.reshape(n, 8).astype(np.float32)
    sharper = ferplus**1.4
    confidence = (sharper / sharper.sum(1, keepdims=True)).max(1, initial=0).astype(np.float32)
    emotions = read_out(ferplus, confidence, not_sure_below=0.45)
    return Instant(float(time_s), source, np.array(ids, np.int64), faces, emotions)


def make_timeline(times_s: np.ndarray, joy: np.ndarray) -> Timeline:
    """Faces that show joy to known degrees (instants x people) and are neutral otherwise, all of them sure."""
    instants, people = joy.shape
    ferplus = np.zeros((instants * people, 8), np.float32)
    ferplus[:, 1] = joy.reshape(-1)
    ferplus[:, 0] = 1 - ferplus[:, 1]
    n = len(ferplus)
    emotions = read_out(ferplus, np.ones(n, np.float32))
    time_s = np.asarray(times_s, np.float64)
    return Timeline(
        time_s=np.repeat(time_s, people),
        track_id=np.tile(np.arange(1, people + 1, dtype=np.int64), instants),
        boxes_px=np.zeros((n, 4), np.float32),
        face_score=np.ones(n, np.float32),
        classroom=emotions.classroom,
        vad=emotions.vad,
        intensity=emotions.intensity,
        confidence=emotions.confidence,
        not_sure=emotions.not_sure,
        ferplus=None,
        source=np.zeros(n, np.int32),
        sources=("lesson.mp4",),
        instants=Instants(time_s, np.full(instants, people, np.int64), np.zeros(instants, np.int32)),
    )


def make_class(
    people: int = 20, seconds: float = 60.0, rate_hz: float = 5.0, *, seed: int = 1, source: str = "lesson.mp4"
) -> list[Instant]:
    """A lesson: a joke at a quarter, a surprise at half, a hard stretch after two thirds, cameras off at times."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    steps = len(times)
    base = np.array([_RESTING.get(name, -1.6) for name in FERPLUS_CLASSES]) + rng.normal(0, 0.45, (people, 8))
    # Slow wandering of each face, then what the lesson does to it, a little later for some than for others.
    wander = np.zeros((steps, people, 8))
    for k in range(1, steps):
        wander[k] = 0.97 * wander[k - 1] + rng.normal(0, 0.12, (people, 8))
    logits = base + wander
    delay = rng.gamma(2.0, seconds / 120, people)
    strength = rng.uniform(0.4, 1.3, people)
    for name, start, length, height in (
        ("happiness", 0.25, 0.12, 4.2),
        ("surprise", 0.50, 0.05, 3.4),
        ("sadness", 0.68, 0.22, 2.0),
        ("anger", 0.74, 0.12, 1.4),
        ("happiness", 0.93, 0.07, 3.0),
    ):
        since = times[:, None] - start * seconds - delay
        rise = 1 / (1 + np.exp(-since / (seconds / 150)))
        fall = 1 / (1 + np.exp((since - length * seconds) / (seconds / 80)))
        logits[:, :, FERPLUS_CLASSES.index(name)] += height * strength * rise * fall
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(2, keepdims=True)
    visible = rng.random((steps, people)) > 0.01
    for person in rng.choice(people, max(people // 6, 1), replace=False):
        off = rng.uniform(0.3, 0.7) * seconds
        visible[(times >= off) & (times < off + 0.15 * seconds), person] = False
    result = []
    for k, time_s in enumerate(times):
        seen = np.flatnonzero(visible[k])
        result.append(make_instant(float(time_s), (seen + 1).tolist(), probabilities[k, seen], source=source))
    return result
