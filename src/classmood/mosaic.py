"""The neighbourhoods of known faces, side by side in a picture smaller than the one they were cut from.

Most of a gallery's picture is walls. Between two looks at the whole, a detector need only see where faces are known to
be: a cell around each, cut at the working size and laid out on shelves. Cells stay where they are while their faces
stay within, so that what the detector sees of a resting face does not change from frame to frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from classmood.boxes import SCORE, Rows

# A cell reaches this many face heights past the box on every side.
_REACH: Final = 0.35
# Cells start and end on the detector's own grid, so that a face falls on it as it does in the whole picture.
_GRID_PX: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """A plan of cells, in px of the picture at its working size.

    Attributes:
        cells_px: what is cut out: left, top, right, bottom.
        places_px: where it is put: left, top.
        shape: height and width of the mosaic.
        picture: height and width of the picture.
    """

    cells_px: Int[np.ndarray, "k 4"]
    places_px: Int[np.ndarray, "k 2"]
    shape: tuple[int, int]
    picture: tuple[int, int]

    @classmethod
    def around(cls, boxes_px: Float32[np.ndarray, "n 4"], picture: tuple[int, int], *, multiple_px: int) -> Mosaic:
        """Plan cells around boxes; those that overlap become one.

        Args:
            boxes_px: x, y, width, height of the known faces, in the picture at its working size.
            picture: its height and width.
            multiple_px: what the mosaic's sides must be multiples of.
        """
        cells = _joined(_cells(boxes_px, picture))
        places, shape = _shelves(cells[:, 2:] - cells[:, :2], multiple_px)
        return cls(cells, places, shape, picture)

    @property
    def area_px(self) -> int:
        """The mosaic's area."""
        return self.shape[0] * self.shape[1]

    def compose(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "r c 3"]:
        """Lay the picture's cells out; what is left between them is black."""
        mosaic = np.zeros((*self.shape, 3), np.uint8)
        for (left, top, right, bottom), (x, y) in self._pairs():
            mosaic[y : y + bottom - top, x : x + right - left] = picture[top:bottom, left:right]
        return mosaic

    def restore(self, rows: Rows) -> Float32[np.ndarray, "k 15"]:
        """Faces found in the mosaic, in the picture's px; without those whose centre is in no cell."""
        centre = rows[:, :2] + rows[:, 2:4] / 2
        sizes = self.cells_px[:, 2:] - self.cells_px[:, :2]
        within = (centre[:, None] >= self.places_px) & (centre[:, None] < self.places_px + sizes)
        row, cell = np.nonzero(within.all(2))
        restored: Float32[np.ndarray, "k 15"] = rows[row].copy()
        shift = (self.cells_px[cell, :2] - self.places_px[cell]).astype(np.float32)
        points = restored[:, :SCORE].reshape(-1, 7, 2)  # corner, size, five landmarks
        points[:, [0, 2, 3, 4, 5, 6]] += shift[:, None]
        return restored

    def holds(self, boxes_px: Float32[np.ndarray, "n 4"], *, margin: float) -> bool:
        """Whether every face is within a cell, or at the picture's own border, by a margin in face heights."""
        reach = margin * boxes_px[:, 3:4]
        near = np.concatenate([boxes_px[:, :2] - reach, boxes_px[:, :2] + boxes_px[:, 2:] + reach], 1)
        height, width = self.picture
        near = np.clip(near, 0, [width, height, width, height])
        inside = (near[:, None, :2] >= self.cells_px[:, :2]) & (near[:, None, 2:] <= self.cells_px[:, 2:])
        return bool(inside.all(2).any(1).all())

    def outside(self, shape: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
        """Which pixels of a thumbnail of this shape show what no cell does."""
        height, width = shape
        scale = np.array([width / self.picture[1], height / self.picture[0]] * 2)
        unseen = np.ones(shape, np.bool_)
        for left, top, right, bottom in np.round(self.cells_px * scale).astype(int).tolist():
            unseen[top : max(bottom, top + 1), left : max(right, left + 1)] = False
        return unseen

    def _pairs(self) -> Iterator[tuple[list[int], list[int]]]:
        return zip(self.cells_px.tolist(), self.places_px.tolist(), strict=True)


def _cells(boxes_px: Float32[np.ndarray, "n 4"], picture: tuple[int, int]) -> Int[np.ndarray, "n 4"]:
    reach = _REACH * boxes_px[:, 3:4]
    height, width = picture
    first = np.floor((boxes_px[:, :2] - reach) / _GRID_PX) * _GRID_PX
    last = np.ceil((boxes_px[:, :2] + boxes_px[:, 2:4] + reach) / _GRID_PX) * _GRID_PX
    cells: Int[np.ndarray, "n 4"] = np.clip(np.concatenate([first, last], 1), 0, [width, height, width, height])
    return cells.astype(np.int64)


def _joined(cells: Int[np.ndarray, "n 4"]) -> Int[np.ndarray, "k 4"]:
    """Cells with those that overlap replaced by the rectangle around them, until none do."""
    left = [tuple(cell) for cell in cells.tolist()]
    done: list[tuple[int, ...]] = []
    while left:
        a = left.pop()
        other = next((b for b in done if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]), None)
        if other is None:
            done.append(a)
        else:
            done.remove(other)
            left.append((min(a[0], other[0]), min(a[1], other[1]), max(a[2], other[2]), max(a[3], other[3])))
    return np.array(done, np.int64).reshape(-1, 4)


def _shelves(sizes: Int[np.ndarray, "k 2"], multiple_px: int) -> tuple[Int[np.ndarray, "k 2"], tuple[int, int]]:
    """Put rectangles (width, height) on shelves, the highest first, in the width that wastes least."""
    widest, total = int(sizes[:, 0].max(initial=multiple_px)), int(sizes.prod(1).sum())
    first = _round_up(widest, multiple_px)
    last = max(first, _round_up(int(2 * total**0.5), multiple_px))
    plans = [_shelved(sizes, width, multiple_px) for width in range(first, last + 1, multiple_px)]
    return min(plans, key=lambda plan: plan[1][0] * plan[1][1])


def _shelved(
    sizes: Int[np.ndarray, "k 2"], width: int, multiple_px: int
) -> tuple[Int[np.ndarray, "k 2"], tuple[int, int]]:
    places = np.zeros_like(sizes)
    x = y = shelf = 0
    for i in np.argsort(-sizes[:, 1], kind="stable").tolist():
        w, h = sizes[i].tolist()
        if x + w > width:
            x, y, shelf = 0, y + shelf, 0
        places[i] = x, y
        x, shelf = x + w, max(shelf, h)
    return places, (_round_up(max(y + shelf, 1), multiple_px), width)


def _round_up(side_px: int, multiple_px: int) -> int:
    return -(-side_px // multiple_px) * multiple_px
