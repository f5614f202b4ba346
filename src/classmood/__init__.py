"""Recognise expressions resembling eight classroom emotions in photos and videos, on one's own machine.

Five lines from a video to numbers:

    import classmood

    for instant in classmood.analyze("lesson.mp4", rate_hz=5):
        print(instant.time_s, instant.emotions.classroom)
"""

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
