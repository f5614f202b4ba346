"""Writes crops.npz anew: to be run only when the preprocessing is meant to change, and said so in the changelog.

PYTHONPATH=src:tests python tests/golden/make_crops.py
"""

from pathlib import Path

import numpy as np

from classmood.crops import make_crops
from test_crops import PLACES, faces_at, place, scene

crops = make_crops(scene(), faces_at(np.stack([place(*p) for p in PLACES])))
np.savez_compressed(Path(__file__).with_name("crops.npz"), crops=crops)
