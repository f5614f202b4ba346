"""`classmood dataset build`: from a study's folder to a set of labelled crops.

The same dataset and settings give the same set, byte by byte. Participants are cut one after another and each is done
when its ``clips.json`` is there, so that a run that was killed goes on with the next; one whose video, answers or
settings have changed is cut again, and one who is no longer in the dataset is removed from the set.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from classmood.clips.crop_set import DESCRIPTION, FORMAT, MANIFEST, PART, CropSet, read_crop_set, write_manifest
from classmood.clips.folds import deal_folds
from classmood.clips.labels import LabelSource, label_of
from classmood.clips.quality import FAULTS, QualityLimits, judge
from classmood.clips.recorded import RecordedClip, Recording, read_recordings, videos_of
from classmood.dataset.checker import find_faults
from classmood.dataset.layout import DESCRIPTION as STUDY
from classmood.detectors import CenterFace
from classmood.errors import InputError, OutputError
from classmood.experiment.rules import file_hash
from classmood.faces import FaceDetector
from classmood.frames import read_frames
from classmood.markdown import write_text
from classmood.video import video_info

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What may be chosen about a set.

    Attributes:
        label: where labels come from, see ``classmood.clips.labels``.
        rate_hz: frames looked at a second.
        quality: what a frame must have.
        folds: how many; at most one a participant.
        seed: of the deal to folds.
    """

    label: LabelSource = "scenario"
    rate_hz: float = 4.0
    quality: QualityLimits = field(default_factory=QualityLimits)
    folds: int = 5
    seed: int = 0


def build(
    dataset: Path,
    out: Path,
    settings: BuildSettings,
    *,
    detector: FaceDetector | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> CropSet:
    """Cut a dataset into a set of crops, or go on with one.

    Args:
        dataset: a folder that passes its checker.
        out: the set's folder.
        settings: see there.
        detector: finds faces; CenterFace by default.
        progress: called with a line a participant.

    Raises:
        InputError: the dataset has faults (the first is named), nobody has a video, or fewer than two participants
            have usable clips.
        OutputError: the folder cannot be written or holds something else.
    """
    if faults := find_faults(dataset):
        first = faults[0]
        where = f"{dataset / first.file}:{first.line}" if first.line else str(dataset / first.file)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{where}: {first.message}{more}; 'classmood dataset check {dataset}' names them all")
    if (out / DESCRIPTION).is_file() and not videos_of(dataset):
        # Whoever was erased goes from the set as well, also where nobody is left to build it of.
        _make_room(out, set())
    recordings = read_recordings(dataset)
    detector = detector or CenterFace()
    try:
        _make_room(out, {one.participant for one in recordings})
        parts = []
        for recording in recordings:
            rows = _participant(recording, out, settings, detector)
            used = sum(not row["left_out"] for row in rows)
            progress(f"{recording.participant}: {used} of {len(rows)} clips")
            parts.append(rows)
        _finish(out, parts, settings, dataset)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}); choose another folder") from error
    return read_crop_set(out)


def _make_room(out: Path, participants: set[str]) -> None:
    """Make the folder, and remove from it whoever is no longer in the dataset."""
    if out.is_dir() and any(out.iterdir()) and not (out / DESCRIPTION).is_file():
        raise OutputError(f"{out}: holds files that are no crop set; choose an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)
    write_text(out / DESCRIPTION, json.dumps({"format": FORMAT, "finished": False}) + "\n")
    for folder in out.glob("sub-*"):
        if folder.is_dir() and folder.name not in participants:
            shutil.rmtree(folder)


def _participant(
    recording: Recording, out: Path, settings: BuildSettings, detector: FaceDetector
) -> list[dict[str, Any]]:
    """This participant's rows, cut now unless they are there already."""
    folder = out / recording.participant
    key = _key(recording, settings)
    try:
        done = json.loads((folder / PART).read_text(encoding="utf-8"))
        if done["key"] == key and all((out / row["file"]).is_file() for row in done["rows"] if not row["left_out"]):
            return list(done["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rows = _cut(recording, out, settings, detector)
    write_text(folder / PART, json.dumps({"key": key, "rows": rows}, indent=1) + "\n")
    return rows


def _key(recording: Recording, settings: BuildSettings) -> str:
    """What the rows of a participant depend on; folds and labels are dealt afterwards, so that they cost nothing."""
    chosen = {"rate_hz": settings.rate_hz, "quality": asdict(settings.quality), "version": FORMAT_VERSION}
    clips = [asdict(clip) for clip in recording.clips]
    text = json.dumps([chosen, clips, file_hash(recording.video)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _cut(recording: Recording, out: Path, settings: BuildSettings, detector: FaceDetector) -> list[dict[str, Any]]:
    """Look at the frames of all clips in one reading of the video, and write what is good."""
    crops: list[list[np.ndarray]] = [[] for _ in recording.clips]
    times: list[list[float]] = [[] for _ in recording.clips]
    faults: list[Counter[str]] = [Counter() for _ in recording.clips]
    unread = ""
    following = detector.follow()
    end_s = max((clip.end_s for clip in recording.clips), default=0.0)
    try:
        first_s = video_info(recording.video).start_s
        for frame in read_frames(recording.video, fps=settings.rate_hz):
            time_s = first_s + frame.time_s
            if time_s >= end_s:
                break
            place = next((k for k, clip in enumerate(recording.clips) if clip.start_s <= time_s < clip.end_s), None)
            if place is None:
                continue
            crop, fault = judge(frame.image, following.detect(frame.image), settings.quality)
            if crop is None:
                faults[place][str(fault)] += 1
                continue
            crops[place].append(crop)
            times[place].append(time_s - recording.clips[place].start_s)
    except InputError as error:
        # What came before a break was recorded all the same; the rows of clips without a frame say why.
        unread = str(error)
    rows = []
    names: Counter[str] = Counter()
    for clip, images, seen_s, wrong in zip(recording.clips, crops, times, faults, strict=True):
        names[clip.scenario] += 1
        again = f"-{names[clip.scenario]}" if names[clip.scenario] > 1 else ""
        name = f"{clip.participant}/{clip.participant}_{clip.scenario}{again}.npz"
        left_out = _too_few(len(images), wrong, settings.quality.frames, unread)
        if not left_out:
            np.savez(out / name, crops=np.stack(images), time_s=np.array(seen_s))
        rows.append(_row(clip, name, len(images), left_out))
    return rows


def _too_few(good: int, faults: Counter[str], least: int, unread: str) -> str:
    if good >= least:
        return ""
    if not good and not faults:
        return unread or "not in the video"
    counted = ", ".join(f"{name} {faults[name]}" for name in FAULTS if faults[name])
    return f"{good} good frames of {good + faults.total()}, expected {least}: {counted or 'the clip is too short'}"


def _row(clip: RecordedClip, name: str, frames: int, left_out: str) -> dict[str, Any]:
    # JSON has no NaN: a rating that was not given is null.
    ratings = [None if np.isnan(value) else round(value, 6) for value in clip.ratings]
    return {
        "file": name,
        "participant": clip.participant,
        "course": clip.course,
        "scenario": clip.scenario,
        "evokes": clip.evokes,
        "emotion": clip.emotion,
        "valence": ratings[0],
        "arousal": ratings[1],
        "dominance": ratings[2],
        "start_s": round(clip.start_s, 3),
        "end_s": round(clip.end_s, 3),
        "frames": frames,
        "left_out": left_out,
    }


def _title(dataset: Path) -> str:
    return str(json.loads((dataset / STUDY).read_text(encoding="utf-8")).get("Name", ""))


def _finish(out: Path, parts: list[list[dict[str, Any]]], settings: BuildSettings, dataset: Path) -> None:
    """Label, deal the folds, write the manifest, and last what says that the set is whole."""
    rows = [dict(row) for part in parts for row in part]
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        nan = float("nan")
        clip = RecordedClip("", "", row["scenario"], row["evokes"], row["emotion"], (nan, nan, nan), 0, 0)
        row["label"] = label_of(clip, settings.label)
        rated = any(row[name] is not None for name in ("valence", "arousal", "dominance"))
        if not row["left_out"] and not row["label"] and not rated:
            row["left_out"] = f"no label by {settings.label}, and no rating"
        if not row["left_out"]:
            counts.setdefault(row["participant"], Counter())[row["label"]] += 1
    dealt = deal_folds(counts, settings.folds, seed=settings.seed)
    for row in rows:
        row["fold"] = dealt.get(row["participant"])
    write_manifest(out, rows)
    made = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "finished": True,
        "study": _title(dataset),
        "dataset": str(dataset.resolve()),
        "settings": asdict(settings),
        "participants": len(dealt),
        "clips": sum(not row["left_out"] for row in rows),
        "left_out": sum(bool(row["left_out"]) for row in rows),
        "crops": sum(row["frames"] for row in rows if not row["left_out"]),
        "labels": dict(sorted(Counter(row["label"] for row in rows if not row["left_out"]).items())),
    }
    write_text(out / DESCRIPTION, json.dumps(made, indent=2) + "\n")
