"""The same face keeps its id over time, and no id passes from one person to another.

Each instant's faces are assigned to the tracks at the least total cost (Hungarian method): a face belongs to a track if
it is where the track's Kalman filter expects it (``classmood.kalman``) *and* looks like it (``classmood.appearance``).
As in ByteTrack (Zhang et al. 2022, arXiv:2110.06864) confident detections choose first, the others among the tracks
that are left; what remains starts new tracks. All times are in seconds, so the rate of sampling does not matter.

A meeting tool's tiles change from one frame to the next. So place alone never keeps an id:

- a face at a track's place that does not look like it ends the track, which is then *lost*;
- a face that looks certainly like another track, present or lost, gets that one's id wherever it is: tiles that trade
  places, a camera that comes back. Where two tracks look alike the face gets a new id: better two ids than a wrong one;
- a head that turns away fast looks different too. A textured room that stayed behind it vouches for it. And where only
  the detector's box jumped, what is at the expected place vouches.

What tracks look like is held in memory by the ``Tracker``, for its life or less: a track that has been lost for
``forget_after_s`` is forgotten, and of lost tracks only the latest ``remember`` are kept (about 25 kB each).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from scipy.optimize import linear_sum_assignment

from classmood.appearance import Appearance, look, same_backdrop
from classmood.faces import Faces
from classmood.kalman import Motion, overlap

# Detections at least this sure choose first.
SURE_SCORE: Final = 0.5
# A track without a face is expected back at its place for this long, or until the next instant if that is later.
PRESENT_S: Final = 2.0

# Distances of appearances, set on 40 people of the London set who are not in class20.mp4. Of comparisons between two of
# them (780 pairs, over time) none comes closer than ELSEWHERE, 0.05% closer than RETURNED, 0.4% closer than PLACE; the
# median is 0.117. One person is farther than PLACE after one second in 0.3% of comparisons. In less time a face
# changes less, so less is let pass: PLACE - AT_ONCE exp(-dt / CALM_S), which one person exceeds after 0.2 s in 0.04%.
PLACE: Final = 0.043
AT_ONCE: Final = 0.007
CALM_S: Final = 0.5
RETURNED: Final = 0.037
ELSEWHERE: Final = 0.033
# A head that turned before a textured room that stayed.
VOUCHED: Final = 0.09
# Below this a face is so plainly its neighbour in time that no other track is asked.
CLEAR: Final = 0.017
# A look this far from those remembered of a track is remembered too, one a second at most, six in all.
NOVEL: Final = 0.017
LOOKS: Final = 6
REMEMBER_EVERY_S: Final = 1.0
# Another track that looks alike makes a reunion elsewhere doubtful, unless it is this much farther.
AMBIGUOUS: Final = 0.75

# Costs are negative log likelihoods: of a distance, of a move away from the expected place, of a new person.
DISTANCE_SPREAD: Final = 0.013
JUMP: Final = 2.5
RETURN: Final = 1.0
NEW: Final = 10.0
# Squared Mahalanobis distance (four coordinates) and overlap within which a face is at a track's place.
REACH: Final = 25.0
OVERLAP: Final = 0.3
# Overlap of a face's box with the expected one above which it can be the same face, boxed differently.
STEADY: Final = 0.5


@dataclass(slots=True)
class _Track:
    """One track's memory: when and where it was seen last, and what it looked like then and before."""

    id: int
    seen_s: float
    box_px: Float32[np.ndarray, " 4"]
    thumbnail: UInt8[np.ndarray, "c c 3"]
    latest: Float32[np.ndarray, " d"]
    looks: Float32[np.ndarray, "k d"]
    looked_s: float

    def see(self, time_s: float, box_px: Float32[np.ndarray, " 4"], seen: Appearance) -> None:
        """Take in the track's face of this instant, the only one in ``seen``."""
        self.seen_s, self.box_px = time_s, box_px
        # Copies, so that a track does not keep its neighbours' looks alive.
        self.thumbnail, self.latest = seen.thumbnails[0].copy(), seen.features[0].copy()
        if time_s - self.looked_s >= REMEMBER_EVERY_S:
            self.looked_s = time_s
            if seen.distances(self.looks).min() > NOVEL:
                self.remember(self.latest)

    def distance(self, seen: Appearance) -> float:
        """Of the only face in ``seen`` from the nearest of this track's looks."""
        return float(seen.distances(np.concatenate([self.looks, self.latest[None]])).min())

    def remember(self, look: Float32[np.ndarray, " d"]) -> None:
        """Add a look; of too many, let the one go that is most like another."""
        self.looks = np.concatenate([self.looks, look[None]])
        if len(self.looks) > LOOKS:
            between = np.square(self.looks[:-1, None] - self.looks[None]).sum(-1)
            np.fill_diagonal(between, np.inf)
            self.looks = np.delete(self.looks, between.min(1).argmin(), 0)


class Tracker:
    """Gives every face of every instant the id of its track. One tracker follows one source."""

    def __init__(self, *, forget_after_s: float = 600.0, remember: int = 100) -> None:
        """Start without tracks.

        Args:
            forget_after_s: how long a lost track can be found again.
            remember: how many lost tracks can be found again, the latest first.
        """
        self._forget_after_s = forget_after_s
        self._remember = remember
        self._present: list[_Track] = []
        self._motion = Motion.start(np.zeros((0, 4), np.float32))
        self._lost: list[_Track] = []
        self._next_id = 1
        self._time_s = 0.0

    def update(self, faces: Faces, image: UInt8[np.ndarray, "h w 3"], time_s: float) -> Int64[np.ndarray, " n"]:
        """Take in the faces of the next instant.

        Args:
            faces: what was found in the image.
            image: RGB.
            time_s: of the image; an instant before the one before counts as simultaneous with it.

        Returns:
            Each face's track id, from 1; the faces of one instant have different ids.
        """
        self._advance(max(time_s, self._time_s))
        seen = look(image, faces.boxes_px)
        near = self._near(faces.boxes_px)
        distances = self._distances(seen, near)
        limits = self._limits(near)
        self._look_again(image, faces.boxes_px, distances, near, limits)
        cost = self._cost(faces.boxes_px, distances, near)
        owner = self._assign(np.where(distances <= limits, cost, np.inf), faces.scores >= SURE_SCORE)
        self._drop_ambiguous(owner, distances, near)
        return self._take_in(owner, faces.boxes_px, seen, near)

    def _advance(self, time_s: float) -> None:
        """Predict where the present tracks are, lose those that were away too long, forget those lost for long."""
        here = [t.seen_s >= self._time_s or time_s - t.seen_s <= PRESENT_S for t in self._present]
        self._lose([t for t, stays in zip(self._present, here, strict=True) if not stays])
        self._present = [t for t, stays in zip(self._present, here, strict=True) if stays]
        self._motion = self._motion.take(np.array(here, bool)).predict(time_s - self._time_s)
        self._lost = [t for t in self._lost if time_s - t.seen_s <= self._forget_after_s]
        self._time_s = time_s

    def _near(self, boxes_px: Float32[np.ndarray, "n 4"]) -> Bool[np.ndarray, "n m"]:
        """Which face is where which track is expected, or where a lost one was seen last."""
        expected = overlap(boxes_px, self._motion.boxes_px()) >= OVERLAP
        expected |= self._motion.surprise(boxes_px) <= REACH
        last_px = np.array([t.box_px for t in self._lost], np.float32).reshape(-1, 4)
        return np.concatenate([expected, overlap(boxes_px, last_px) >= OVERLAP], 1)

    def _distances(self, seen: Appearance, near: Bool[np.ndarray, "n m"]) -> Float32[np.ndarray, "n m"]:
        """Of every face from every track's looks; infinite where a face is so clear that the track was not asked."""
        distances = np.full(near.shape, np.inf, np.float32)
        tracks = [*self._present, *self._lost]
        if not distances.size:
            return distances
        faces, columns = np.nonzero(near[:, : len(self._present)])
        if len(faces):
            latest = np.stack([self._present[column].latest for column in columns])
            distances[faces, columns] = seen.take(faces).distances_each(latest)
        doubtful = np.flatnonzero(~(distances <= CLEAR).any(1))
        if len(doubtful):
            looks = [np.concatenate([t.looks, t.latest[None]]) for t in tracks]
            starts = np.cumsum([0, *map(len, looks[:-1])])
            each = seen.take(doubtful).distances(np.concatenate(looks))
            distances[doubtful] = np.minimum.reduceat(each, starts, axis=1)
        return distances

    def _limits(self, near: Bool[np.ndarray, "n m"]) -> Float32[np.ndarray, "n m"]:
        """How far a face may be from a track's looks."""
        away_s = self._time_s - np.array([t.seen_s for t in self._present])
        in_place = np.concatenate([PLACE - AT_ONCE * np.exp(-away_s / CALM_S), np.full(len(self._lost), RETURNED)])
        return np.where(near, in_place, ELSEWHERE).astype(np.float32)

    def _look_again(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        boxes_px: Float32[np.ndarray, "n 4"],
        distances: Float32[np.ndarray, "n m"],
        near: Bool[np.ndarray, "n m"],
        limits: Float32[np.ndarray, "n m"],
    ) -> None:
        """Bring distances down to the limit where the picture says that a face in its place did not change after all.

        A detector's box can jump though the face did not: then what is where the track was expected looks like it. A
        head can turn: then a textured room behind it stays.
        """
        count = len(self._present)
        expected_px = self._motion.boxes_px()
        steady = overlap(boxes_px, expected_px) >= STEADY
        for face, index in np.argwhere(near[:, :count] & (distances[:, :count] > limits[:, :count])):
            track = self._present[index]
            turned = distances[face, index] <= VOUCHED and same_backdrop(track.thumbnail, image, track.box_px)
            if turned or (
                steady[face, index] and track.distance(look(image, expected_px[[index]])) <= limits[face, index]
            ):
                distances[face, index] = limits[face, index]

    def _cost(
        self,
        boxes_px: Float32[np.ndarray, "n 4"],
        distances: Float32[np.ndarray, "n m"],
        near: Bool[np.ndarray, "n m"],
    ) -> Float64[np.ndarray, "n m"]:
        """Of giving a face to a track."""
        count = len(self._present)
        move = np.where(near, RETURN, JUMP)
        move[:, :count] = np.where(near[:, :count], self._motion.surprise(boxes_px) / 2, JUMP).clip(max=JUMP)
        cost: Float64[np.ndarray, "n m"] = move + np.square(distances.astype(np.float64) / DISTANCE_SPREAD) / 2
        return cost

    def _assign(self, cost: Float64[np.ndarray, "n m"], sure: Bool[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Each face's track, as a column of ``cost``, or -1 for somebody new."""
        owner = np.full(len(cost), -1, np.int64)
        left = np.arange(cost.shape[1])
        for turn in (sure, ~sure):
            faces = np.flatnonzero(turn)
            # A column of its own for every face stands for a new track.
            new = np.full((len(faces), len(faces)), NEW)
            rows, columns = linear_sum_assignment(np.concatenate([cost[np.ix_(faces, left)], new], 1))
            known = columns < len(left)
            owner[faces[rows[known]]] = left[columns[known]]
            left = np.delete(left, columns[known])
        return owner

    def _drop_ambiguous(
        self, owner: Int64[np.ndarray, " n"], distances: Float32[np.ndarray, "n m"], near: Bool[np.ndarray, "n m"]
    ) -> None:
        """Take back reunions elsewhere for which another track without a face would do nearly as well."""
        free = np.ones(distances.shape[1], bool)
        free[owner[owner >= 0]] = False
        for face, track in enumerate(owner):
            if track < 0 or near[face, track] or distances[face, track] <= CLEAR:
                continue
            if distances[face, track] > AMBIGUOUS * distances[face, free].min(initial=np.inf):
                owner[face] = -1

    def _take_in(
        self,
        owner: Int64[np.ndarray, " n"],
        boxes_px: Float32[np.ndarray, "n 4"],
        seen: Appearance,
        near: Bool[np.ndarray, "n m"],
    ) -> Int64[np.ndarray, " n"]:
        """Bring the tracks up to date and name the faces."""
        everyone = [*self._present, *self._lost]
        tracks = []
        for face, index in enumerate(owner):
            this = seen.take(slice(face, face + 1))
            if index >= 0:
                everyone[index].see(self._time_s, boxes_px[face], this)
            tracks.append(everyone[index] if index >= 0 else self._begin(boxes_px[face], this))
        in_place = (owner >= 0) & (owner < len(self._present))
        in_place[in_place] = near[in_place, owner[in_place]]
        stayed, arrived = np.flatnonzero(in_place), np.flatnonzero(~in_place)
        # A track without a face waits where it is expected, unless somebody else is there now.
        unseen = np.flatnonzero(~np.isin(np.arange(len(self._present)), owner))
        taken = (overlap(boxes_px, self._motion.take(unseen).boxes_px()) >= OVERLAP).any(0)
        waiting = unseen[~taken]
        found = {track.id for track in tracks}
        self._lost = [track for track in self._lost if track.id not in found]
        self._lose([self._present[index] for index in unseen[taken]])
        self._present = [tracks[face] for face in (*stayed, *arrived)] + [self._present[index] for index in waiting]
        moved = self._motion.take(owner[stayed]).update(boxes_px[stayed])
        self._motion = moved.join(Motion.start(boxes_px[arrived])).join(self._motion.take(waiting))
        return np.array([track.id for track in tracks], np.int64)

    def _begin(self, box_px: Float32[np.ndarray, " 4"], seen: Appearance) -> _Track:
        latest, thumbnail = seen.features[0].copy(), seen.thumbnails[0].copy()
        track = _Track(self._next_id, self._time_s, box_px, thumbnail, latest, latest[None], self._time_s)
        self._next_id += 1
        return track

    def _lose(self, tracks: list[_Track]) -> None:
        for track in tracks:
            # What it looked like last is the best guess at how it will come back.
            track.remember(track.latest)
        self._lost = sorted([*self._lost, *tracks], key=lambda t: t.seen_s, reverse=True)[: self._remember]
