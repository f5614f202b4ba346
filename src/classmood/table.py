"""A timeline's columns as CSV text and back, every value checked and every error naming its row.

Convention: UTF-8, comma, lines end with a single newline on every system, the header is row 1. Times are written to the
microsecond, boxes to a tenth of a pixel, all else to four decimals; ``not_sure`` is true or false.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float32, Float64, Int64

from classmood.errors import InputError
from classmood.sidecar import describe_columns

SOURCE: Final = "source"
BOX: Final = ("box_x_px", "box_y_px", "box_w_px", "box_h_px")
_RANGES: Final = {column.name: column.range for column in describe_columns(raw=True, several=False)} | {
    "faces": (0.0, None)
}
_WHOLE_NUMBERS: Final = ("track_id", "faces")
_FRACTIONS: Final = frozenset(_RANGES) - {"time_s", *_WHOLE_NUMBERS}
# What a rounded number may exceed its range by.
_SLACK: Final = 1e-3
_ROWS_AT_ONCE: Final = 2048
_TRUTH: Final = {
    spelling: float(word == "true") for word in ("true", "false") for spelling in (word, word.title(), word.upper())
}


def header_text(*, raw: bool, several: bool) -> str:
    """The first line of a timeline's CSV."""
    return ",".join(column.name for column in describe_columns(raw=raw, several=several)) + "\n"


def rows_text(columns: dict[str, np.ndarray]) -> str:
    """Columns as CSV lines, without the header."""
    texts = [_TEXT.get(name, _four_decimals)(values) for name, values in columns.items()]
    return "".join(",".join(row) + "\n" for row in zip(*texts, strict=True))


def seconds_text(time_s: float) -> str:
    """A time to the microsecond, without trailing zeros."""
    return f"{time_s:.6f}".rstrip("0").rstrip(".") if abs(time_s) >= 5e-7 else "0"


def name_text(name: str) -> str:
    """A name as one CSV field on one line: control characters and what is not Unicode are replaced."""
    name = "".join(c if c.isprintable() else "\ufffd" for c in name)
    return '"' + name.replace('"', '""') + '"' if any(c in name for c in ',"') else name


class Table:
    """The checked columns of a CSV file, read in pieces so that the text of only one is in memory.

    Attributes:
        time_s: the column of that name.
        whole: ``track_id`` or ``faces``, whichever the file has.
        block: all other numbers, side by side, in the order in which they were asked for.
        sources: the source's name of every row; None where the file has no such column.
    """

    def __init__(
        self,
        path: Path,
        required: Sequence[str],
        optional: Sequence[str] = (),
        *,
        rows: int | None = None,
        drop_cut: bool = False,
    ) -> None:
        """Read a file.

        Args:
            path: the CSV file.
            required: columns that must be there, in any order.
            optional: columns that are taken where they are there: all of them, or none.
            rows: how many rows count; what follows is not looked at.
            drop_cut: leave out a last line that lacks its end.

        Raises:
            InputError: the file cannot be read, lacks a column or has fewer rows, or a value is not what it should be.
        """
        self._path = path
        self._pieces: list[tuple[Float64[np.ndarray, " m"], Int64[np.ndarray, " m"], Float32[np.ndarray, "m k"]]] = []
        self._source_names: list[str] = []
        self._spelled: dict[str, str] = {}
        row = 1
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.reader((line for line in file if not drop_cut or line.endswith("\n")), strict=True)
                header = self._header(next(reader, None), required, optional)
                self.names = tuple(name for name in (*required, *optional) if name in header and name in _FRACTIONS)
                row += 1
                for chunk in _chunks(reader, rows):
                    self._pieces.append(self._take(chunk, header, row))
                    row += len(chunk)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); expected a timeline's CSV file") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: after row {row}: not text in UTF-8; expected a timeline's CSV file") from error
        except csv.Error as error:
            raise InputError(f"{path}: after row {row}: not CSV ({error}); restore the file") from error
        if rows is not None and row - 2 < rows:
            raise InputError(
                f"{path}: expected {rows} rows as the file of instants counts them, got {row - 2}; resume the "
                "analysis, or remove the file of instants to read what is left"
            )
        self.sources = self._source_names if SOURCE in header else None
        self.time_s: Float64[np.ndarray, " n"] = np.concatenate([np.zeros(0), *(p[0] for p in self._pieces)])
        self.whole: Int64[np.ndarray, " n"] = np.concatenate([np.zeros(0, np.int64), *(p[1] for p in self._pieces)])
        self.block: Float32[np.ndarray, "n k"] = np.empty((len(self.time_s), len(self.names)), np.float32)
        # Piece by piece, each let go once it is copied: the whole is never there twice.
        for k in range(len(self._pieces)):
            first = k * _ROWS_AT_ONCE
            self.block[first : first + _ROWS_AT_ONCE] = self._pieces[k][2]
            self._pieces[k] = (*self._pieces[k][:2], np.zeros((0, 0), np.float32))
        self._pieces.clear()

    def __len__(self) -> int:
        return len(self.time_s)

    def of(self, *names: str) -> Float32[np.ndarray, "n k"]:
        """Neighbouring columns of the block, without a copy."""
        first = self.names.index(names[0])
        return self.block[:, first : first + len(names)]

    def _header(self, header: list[str] | None, required: Sequence[str], optional: Sequence[str]) -> list[str]:
        if not header:
            raise InputError(f"{self._path}: empty; expected a header with {','.join(required[:2])} and so on")
        wanted = [*required, *(optional if set(optional) & set(header) else ())]
        if missing := [name for name in wanted if name not in header]:
            raise InputError(f"{self._path}: row 1: the column {missing[0]} is missing; expected {','.join(wanted)}")
        if doubled := [name for name in wanted if header.count(name) > 1]:
            raise InputError(f"{self._path}: row 1: the column {doubled[0]} is there twice; expected it once")
        return header

    def _take(
        self, chunk: list[list[str]], header: list[str], row: int
    ) -> tuple[Float64[np.ndarray, " m"], Int64[np.ndarray, " m"], Float32[np.ndarray, "m k"]]:
        for i, fields in enumerate(chunk):
            if len(fields) != len(header):
                raise InputError(f"{self._path}: row {row + i}: expected {len(header)} fields, got {len(fields)}")
        texts = dict(zip(header, zip(*chunk, strict=True), strict=True))
        # One string for a name, however many rows have it.
        self._source_names += (self._spelled.setdefault(name, name) for name in texts.get(SOURCE, ()))
        time_s = self._numbers("time_s", texts["time_s"], row)
        counted = next(name for name in _WHOLE_NUMBERS if name in texts)
        whole = self._numbers(counted, texts[counted], row).astype(np.int64)
        block = np.empty((len(chunk), len(self.names)), np.float32)
        for k, name in enumerate(self.names):
            block[:, k] = self._numbers(name, texts[name], row)
        return time_s, whole, block

    def _numbers(self, name: str, texts: tuple[str, ...], row: int) -> Float64[np.ndarray, " m"]:
        if name == "not_sure":
            values = np.array([_TRUTH.get(text, math.nan) for text in texts])
        else:
            values = np.fromiter(map(_number, texts), np.float64, len(texts))
        low, high = _RANGES[name]
        bad = ~np.isfinite(values)
        bad |= values < (-math.inf if low is None else low - _SLACK)
        bad |= values > (math.inf if high is None else high + _SLACK)
        if name in _WHOLE_NUMBERS:
            bad |= values != np.round(values)
        if bad.any():
            i = int(bad.argmax())
            raise InputError(f"{self._path}: row {row + i}: {name}: expected {_wanted(name)}, got {texts[i][:40]!r}")
        return values


def _wanted(name: str) -> str:
    if name == "not_sure":
        return "true or false"
    low, high = _RANGES[name]
    noun = "a whole number" if name in _WHOLE_NUMBERS else "a number"
    if low is not None and high is not None:
        return f"{noun} from {low:g} to {high:g}"
    return noun if low is None else f"{noun} of at least {low:g}"


def _chunks(reader: Iterator[list[str]], limit: int | None) -> Iterator[list[list[str]]]:
    """Rows in lists, up to ``limit`` rows in all."""
    left = math.inf if limit is None else limit
    chunk: list[list[str]] = []
    while left > 0 and (fields := next(reader, None)) is not None:
        chunk.append(fields)
        left -= 1
        if len(chunk) == _ROWS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _four_decimals(values: np.ndarray) -> list[str]:
    # Adding 0 turns a rounded -0 into 0.
    return [f"{value:.4f}" for value in (np.round(values.astype(np.float64), 4) + 0.0).tolist()]


def _one_decimal(values: np.ndarray) -> list[str]:
    return [f"{value:.1f}" for value in (np.round(values.astype(np.float64), 1) + 0.0).tolist()]


def _whole(values: np.ndarray) -> list[str]:
    return [str(value) for value in values.tolist()]


_TEXT: Final[dict[str, Callable[[np.ndarray], list[str]]]] = {
    "time_s": lambda values: [seconds_text(value) for value in values.tolist()],
    "track_id": _whole,
    "faces": _whole,
    "not_sure": lambda values: ["true" if value else "false" for value in values.tolist()],
    SOURCE: lambda values: [name_text(name) for name in values.tolist()],
    **dict.fromkeys(BOX, _one_decimal),
}
