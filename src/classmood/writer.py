"""Writes a timeline as it comes in: a kill, Ctrl-C or a full disk costs at most the instant that was being written.

The file of instants is the ledger: an instant's rows go to ``timeline.csv`` first, and only then its one line
``time_s,faces`` to ``timeline_instants.csv``. Rows without such a line do not count, so a file cut at any byte is read,
and resumed, from the last instant that is whole. Memory does not grow with the length of the recording.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from classmood.errors import OutputError, TruncatedVideo
from classmood.sidecar import (
    Provenance,
    Sidecar,
    SourceStatus,
    Status,
    make_sidecar,
    read_sidecar,
    write_sidecar,
)
from classmood.table import SOURCE, header_text, name_text, rows_text, seconds_text
from classmood.timeline import Instant, Timeline, instants_path

# Later than the last written time by more than its rounding, and earlier than any next frame.
_NEXT_S = 1e-6


class TimelineWriter:
    """Appends instants to a timeline on disk; a context manager.

    On leaving without an error the sources that are still open are complete; with an error they are recorded as
    interrupted, or as truncated where a video broke off, and what was written is kept.

    Example:
        with TimelineWriter(out / "timeline.csv", provenance, resume=True) as writer:
            for instant in analyse(video, start_s=writer.resume_s(name)):
                writer.append(instant)
    """

    def __init__(
        self,
        path: Path,
        provenance: Provenance,
        *,
        raw: bool = False,
        resume: bool = False,
        sizes_bytes: Mapping[str, int] | None = None,
    ) -> None:
        """Open the files and write the headers, or find the place to go on from.

        Args:
            path: the CSV file; its folder is made where there is none.
            provenance: where the numbers come from. With more than one source, rows end with the source's name.
            raw: write the FER+ probabilities too.
            resume: go on with what is there, after its last whole instant; start anew where there is nothing. Ids of
                tracks that start after it begin above those before it, so that no id is given twice.
            sizes_bytes: of the sources that are files, so that another file of an old name is not taken for it.

        Raises:
            OutputError: the files cannot be written, or those to go on with were made from something else.
        """
        self.path = path
        self.provenance = provenance
        self._raw = raw
        self._several = len(provenance.sources) > 1
        sizes = sizes_bytes or {}
        self._statuses = {name: SourceStatus(name=name, bytes=sizes.get(name)) for name in provenance.sources}
        # Names are written with unprintable characters replaced.
        self._meant = {_fields(name_text(name).encode())[0]: name for name in provenance.sources if name}
        self._ended: set[str] = set()
        self._first_id: dict[str, int] = {}
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = self._find_place() if resume and path.is_file() else (0, 0)
            self._rows = _open_at(path, kept[0])
            self._ledger = _open_at(instants_path(path), kept[1])
            if kept == (0, 0):
                self._rows.write(header_text(raw=raw, several=self._several).encode())
                self._ledger.write(self._ledger_header().encode())
            self._rows.flush()
            self._ledger.flush()
            # The ends of the last whole instant in both files.
            self._whole = (self._rows.tell(), self._ledger.tell())
        # Until the end is reached the sidecar says "interrupted", which is what a kill makes true.
        write_sidecar(self.sidecar(), path)

    def append(self, instant: Instant) -> None:
        """Write one instant through to the operating system.

        Raises:
            OutputError: it cannot be written; what was written before is kept.
            ModelError: the model gave something that is not a number.
        """
        name = instant.source if self._several else next(iter(self._statuses), instant.source)
        timeline = Timeline.of([instant], raw=self._raw)
        columns = timeline.columns()
        columns["track_id"] = columns["track_id"] + self._first_id.get(name, 0)
        if self._several:
            columns[SOURCE] = np.array([name] * len(timeline), np.str_)
        line = f"{seconds_text(instant.time_s)},{len(timeline)}{self._last_field(name)}\n"
        with _writing(self.path):
            try:
                self._rows.write(rows_text(columns).encode())
                self._rows.flush()
                self._ledger.write(line.encode())
                self._ledger.flush()
                self._whole = (self._rows.tell(), self._ledger.tell())
            except BaseException:
                self._take_back()
                raise
        before = self._statuses.get(name, SourceStatus(name=name))
        counts = {"instants": before.instants + 1, "faces": before.faces + len(timeline)}
        self._statuses[name] = before.model_copy(update=counts | {"last_time_s": round(instant.time_s, 6)})

    def end_source(self, name: str, status: Status = "complete", note: str = "") -> None:
        """Record that a source's end was reached, or why it was not (one line)."""
        before = self._statuses.get(name, SourceStatus(name=name))
        self._statuses[name] = before.model_copy(update={"status": status, "note": note})
        self._ended.add(name)

    def resume_s(self, name: str) -> float:
        """The time in a source from which to go on: 0 at its start, just after the last instant that is written."""
        last_s = self._statuses[name].last_time_s if name in self._statuses else None
        return 0.0 if last_s is None else last_s + _NEXT_S

    def has(self, name: str) -> bool:
        """Whether instants of this source are written: one is all that an image has."""
        return name in self._statuses and self._statuses[name].instants > 0

    def sidecar(self) -> Sidecar:
        """What can be said of the timeline so far."""
        return make_sidecar(self.provenance, tuple(self._statuses.values()), raw=self._raw)

    def __enter__(self) -> TimelineWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in list(self._statuses):
            if name in self._ended:
                continue
            if error is None:
                self.end_source(name)
            elif isinstance(error, TruncatedVideo):
                self.end_source(name, "truncated", str(error))
            else:
                self.end_source(name, "interrupted", "stopped" if kind is KeyboardInterrupt else str(error))
        try:
            with _writing(self.path):
                self._take_back()
                self._rows.close()
                self._ledger.close()
            write_sidecar(self.sidecar(), self.path)
        except OutputError:
            # An error on the way out must not hide the one that led here.
            if error is None:
                raise

    def _take_back(self) -> None:
        """Cut off what an error kept from becoming a whole instant, from both files: they always fit together."""
        for file, end in zip((self._rows, self._ledger), self._whole, strict=True):
            file.seek(end)
            file.truncate()

    def _ledger_header(self) -> str:
        return "time_s,faces,source\n" if self._several else "time_s,faces\n"

    def _last_field(self, name: str) -> str:
        return "," + name_text(name) if self._several else ""

    def _find_place(self) -> tuple[int, int]:
        """Byte lengths of what is whole in the two files; also takes up the counts and the greatest track ids."""
        self._check_same()
        headers = (header_text(raw=self._raw, several=self._several).encode(), self._ledger_header().encode())
        if not instants_path(self.path).is_file():
            if self.path.stat().st_size > len(headers[0]):
                raise self._cannot(f"{instants_path(self.path).name} is not beside it")
            return 0, 0
        with self.path.open("rb") as rows, instants_path(self.path).open("rb") as ledger:
            found = (rows.readline(), ledger.readline())
            # A kill can cut a header off, but never make it another one.
            if not all(whole.startswith(line) for whole, line in zip(headers, found, strict=True)):
                raise self._cannot("it has other columns than it would have now (--raw, or changed by another program)")
            if found != headers:
                return 0, 0
            kept = (rows.tell(), ledger.tell())
            while line := ledger.readline():
                fields = _fields(line)
                if not line.endswith(b"\n") or len(fields) != 2 + self._several or not fields[1].isdecimal():
                    break
                # The rest of a line that was cut within a number would be a number too: hence all must fit together.
                taken = [rows.readline() for _ in range(int(fields[1]))]
                if not all(self._fits(row, fields) for row in taken):
                    break
                self._take_up(fields, taken)
                kept = (rows.tell(), ledger.tell())
        return kept

    def _fits(self, row: bytes, instant: list[str]) -> bool:
        fields = _fields(row)
        columns = header_text(raw=self._raw, several=self._several).count(",") + 1
        same = len(fields) == columns and fields[0] == instant[0] and fields[1].isdecimal()
        return row.endswith(b"\n") and same and (not self._several or fields[-1] == instant[2])

    def _take_up(self, instant: list[str], rows: list[bytes]) -> None:
        name = self._meant.get(instant[2], instant[2]) if self._several else next(iter(self._statuses), "")
        before = self._statuses.get(name, SourceStatus(name=name))
        counts = {"instants": before.instants + 1, "faces": before.faces + len(rows)}
        self._statuses[name] = before.model_copy(update=counts | {"last_time_s": float(instant[0])})
        self._first_id[name] = max([self._first_id.get(name, 0), *(int(_fields(row)[1]) for row in rows)])

    def _check_same(self) -> None:
        if not self.path.with_suffix(".json").is_file():
            return
        sidecar = read_sidecar(self.path)
        found = sidecar.provenance
        for key in ("sources", "model_sha256", "detector", "sampling_hz", "settings"):
            old, new = getattr(found, key), getattr(self.provenance, key)
            if old != new:
                raise self._cannot(f"it was made with {key} {old!r}, now it is {new!r}")
        for source in sidecar.sources:
            then, now = source.bytes, self._statuses[source.name].bytes
            # A recording that was not read to its end may have grown since.
            grown = then is not None and now is not None and now > then and source.status != "complete"
            if source.instants and then is not None and now != then and not grown:
                raise self._cannot(f"{source.name} was another file then (of {then} bytes, now of {now})")

    def _cannot(self, reason: str) -> OutputError:
        return OutputError(
            f"{self.path}: cannot go on with it: {reason}; choose another output folder, or start anew, which empties "
            "this one (--fresh)"
        )


def _fields(line: bytes) -> list[str]:
    """The fields of a CSV line; none where it is not one."""
    try:
        return next(csv.reader(io.StringIO(line.decode("utf-8")), strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def _open_at(path: Path, size: int) -> BinaryIO:
    """Open a file for writing, with all but its first ``size`` bytes cut off."""
    file = path.open("r+b" if size else "wb")
    file.truncate(size)
    file.seek(size)
    return file


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); what was written before is kept, "
            "choose another output folder or make room"
        ) from error
