"""Recognise expressions resembling eight classroom emotions in photos and videos, on one's own machine.

Five lines from a video to numbers:

    import classmood

    for instant in classmood.analyze("lesson.mp4", rate_hz=5):
        print(instant.time_s, instant.emotions.classroom)

A name's module is imported when the name is first asked for: a deployment that the law denies inference imports parts
of this package without the classifier and the models.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classmood.classifier import Classifier, Emotions, read_out
    from classmood.crops import make_crops
    from classmood.detectors import CenterFace, YuNet
    from classmood.emotions import CLASSROOM_CLASSES, EMOTIONS
    from classmood.errors import ClassmoodError
    from classmood.faces import Faces
    from classmood.frames import Frame, read_frames
    from classmood.pipeline import Pipeline, analyze
    from classmood.report import write_report
    from classmood.timeline import Instant, Timeline, read_timeline

_MODULES = {
    "CLASSROOM_CLASSES": "emotions",
    "EMOTIONS": "emotions",
    "CenterFace": "detectors",
    "Classifier": "classifier",
    "ClassmoodError": "errors",
    "Emotions": "classifier",
    "Faces": "faces",
    "Frame": "frames",
    "Instant": "timeline",
    "Pipeline": "pipeline",
    "Timeline": "timeline",
    "YuNet": "detectors",
    "analyze": "pipeline",
    "make_crops": "crops",
    "read_frames": "frames",
    "read_out": "classifier",
    "read_timeline": "timeline",
    "write_report": "report",
}

__all__ = [
    "CLASSROOM_CLASSES",
    "EMOTIONS",
    "CenterFace",
    "Classifier",
    "ClassmoodError",
    "Emotions",
    "Faces",
    "Frame",
    "Instant",
    "Pipeline",
    "Timeline",
    "YuNet",
    "analyze",
    "make_crops",
    "read_frames",
    "read_out",
    "read_timeline",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
