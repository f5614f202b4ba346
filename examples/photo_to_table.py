"""From a photo to a table: who looks how, with the doubtful faces left blank.

python examples/photo_to_table.py class.jpg faces.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import classmood


def main(photo: str, table: str) -> None:
    rows = list(classmood.Timeline.of(classmood.analyze(photo)).rows())
    # Of the nine numbers these are measured; appreciation and caution are derived and unvalidated.
    measured = [name for name in classmood.CLASSROOM_CLASSES if name not in ("appreciation", "caution")]
    with Path(table).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["face", "x_px", "y_px", "expression", "share", "valence", "arousal", "dominance"])
        for row in rows:
            likeliest = max(measured, key=lambda name: row[name])
            named = ["", ""] if row["not_sure"] else [likeliest, f"{row[likeliest]:.2f}"]
            place = [f"{row['box_x_px']:.0f}", f"{row['box_y_px']:.0f}"]
            felt = [f"{row[name]:+.2f}" for name in ("valence", "arousal", "dominance")]
            writer.writerow([row["track_id"], *place, *named, *felt])
    print(f"{len(rows)} faces in {photo}; the table is {table}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: photo_to_table.py PHOTO TABLE.csv")
    try:
        main(*sys.argv[1:])
    except classmood.ClassmoodError as error:
        sys.exit(f"error: {error}")
