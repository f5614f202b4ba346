"""A data set in FER+'s form whose faces are drawn: the class is the height of a bright bar."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from classmood.emotions import FERPLUS_CLASSES


def drawn_split(n: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 8
    random.shuffle(labels)
    votes = np.zeros((n, 10), int)
    votes[np.arange(n), labels] = 7
    votes[np.arange(n), (labels + 1) % 8] += 3
    rows = []
    for label in labels:
        image = random.integers(0, 80, (48, 48)).astype(np.uint8)
        image[6 * label : 6 * label + 6] += 150
        rows.append({"bytes": cv2.imencode(".png", image)[1].tobytes(), "path": ""})
    columns = {"name": [f"drawn{seed}-{i}.png" for i in range(n)], "image": rows}
    columns |= {f"votes_{name}": votes[:, i] for i, name in enumerate((*FERPLUS_CLASSES, "unknown", "not_a_face"))}
    return pa.table({**columns, "duplicate_group": [""] * n})


@pytest.fixture(scope="session")
def drawn_ferplus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three splits, 96 faces to learn from and 40 in each test split."""
    folder = tmp_path_factory.mktemp("ferplus")
    for name, n, seed in (("train", 96, 1), ("public_test", 40, 2), ("private_test", 40, 3)):
        parquet.write_table(drawn_split(n, seed), folder / f"{name}.parquet")
    return folder
