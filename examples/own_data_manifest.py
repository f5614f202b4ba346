"""Score the model on photos of one's own: a folder for each label -> a manifest -> scores by group.

    faces/happy/ann.jpg  faces/happy/ben.jpg  faces/sad/ann.jpg ...

    python examples/own_data_manifest.py faces manifest.csv

The manifest is the one that ``classmood evaluate manifest.csv --input photos`` takes. A name's part before the first
``_``, ``-`` or ``.`` is taken for the person and becomes a column to group by.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import defaultdict
from pathlib import Path

import classmood
from classmood.emotions import ferplus_class
from classmood.evaluation import describe, evaluate
from classmood.frames import list_files
from classmood.manifest import read_manifest


def write_manifest(faces: Path, manifest: Path) -> None:
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "person"])
        for folder in sorted(path for path in faces.iterdir() if path.is_dir()):
            for image in map(Path, list_files(folder)):
                person = re.split(r"[_.-]", image.name)[0]
                writer.writerow([image.resolve(), folder.name, person])


def main(faces: Path, manifest: Path) -> None:
    write_manifest(faces, manifest)
    rows = read_manifest(manifest)
    result = evaluate(rows, classmood.Classifier(), input_kind="photos", detector=classmood.CenterFace())
    print("\n".join(describe(result)))
    right: dict[str, list[bool]] = defaultdict(list)
    for entry, said in zip(result.entries, result.predictions, strict=True):
        right[entry.groups["person"]].append(said == ferplus_class(entry.label))
    for person, hits in right.items():
        print(f"{person}: {sum(hits)} of {len(hits)} right")
    for failure in result.failures:
        print(f"left out: {failure}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: own_data_manifest.py FOLDER MANIFEST.csv")
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except classmood.ClassmoodError as error:
        sys.exit(f"error: {error}")
