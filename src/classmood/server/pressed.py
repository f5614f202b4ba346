"""What participants of a study pressed in a live class, beside what their own cameras read about then.

Kept rows (profile ``research``, with consent) hold both. A mood that is told again while it still stands, as a page
does after a lost connection, is one answer, not two.
"""

from __future__ import annotations

import json
from typing import Final

import numpy as np

from classmood.emotions import DIMENSIONS
from classmood.pairs import Pairs, places_of
from classmood.server.messages import VERSION, Reading
from classmood.store import Store

# Readings so near a press are of the time that it speaks of: a feeling is over sooner than a pressed mood stands.
NEAR_S: Final = 5.0


def pressed_pairs(store: Store, session: str, stands_s: float) -> Pairs:
    """Each pressed mood beside the mean of the sure readings within ``NEAR_S`` of it; -1 where there are none.

    Args:
        store: where the class is kept.
        session: its id.
        stands_s: how long a pressed mood stands (``ReleaseSettings.mood_s``).

    Raises:
        InputError: there is no such session.
    """
    person, pressed, recognised, seen = [], [], [], []
    for place, who in enumerate(store.participants(session)):
        rows = [(time_s, json.loads(body)) for time_s, body in store.research_rows(who)]
        readings = [(time_s, row) for time_s, row in rows if row["type"] == "reading" and not row["not_sure"]]
        times_s = np.array([time_s for time_s, _ in readings])
        last, last_s = "", -np.inf
        for time_s, row in rows:
            if row["type"] != "press" or not row["mood"]:
                continue
            again = row["mood"] == last and time_s - last_s <= stands_s
            last, last_s = row["mood"], time_s
            if again:
                continue
            near = [_read(readings[k][1]) for k in np.flatnonzero(np.abs(times_s - time_s) <= NEAR_S)]
            person.append(place)
            pressed.append(row["mood"])
            recognised.append(int(np.mean([one.classroom() for one in near], 0).argmax()) if near else -1)
            seen.append(np.mean([one.vad for one in near], 0) if near else np.full(len(DIMENSIONS), np.nan))
    return Pairs(
        np.array(person, np.int64),
        places_of(pressed),
        np.array(recognised, np.int64),
        # Nobody presses valence, arousal or dominance.
        np.full((len(person), len(DIMENSIONS)), np.nan),
        np.array(seen, np.float64).reshape(-1, len(DIMENSIONS)),
    )


def _read(row: dict[str, object]) -> Reading:
    return Reading.model_validate_json(json.dumps({**row, "v": VERSION}))
