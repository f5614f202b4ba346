"""A training recipe: one TOML file a run, checked before anything starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classmood.errors import RecipeError
from classmood.training.resnet import NetworkSettings


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSection(_Section):
    """See ``classmood.training.resnet.NetworkSettings``."""

    stem: Literal["half", "quarter", "deep"] = "quarter"
    sge_groups: int = Field(16, ge=0)
    lip_order: Literal["A", "B", ""] = "B"
    srm: bool = True
    fusion: tuple[int, ...] = (2, 3, 4)
    dropout: float = Field(0.0, ge=0, lt=1)


class DataSection(_Section):
    """Where the samples come from and which fold of them is held out to choose and calibrate by."""

    source: str = "ferplus"
    path: str = ""
    holdout: float = Field(0.08, ge=0, lt=0.9)
    fraction: float = Field(1.0, gt=0, le=1)


class AugmentSection(_Section):
    """Ranges of the random changes, see ``classmood.training.augment``. Zero turns one off."""

    flip: bool = True
    rotation_degrees: float = Field(12.0, ge=0)
    scale: float = Field(0.2, ge=0, description="log2 range of the zoom, both ways")
    shear: float = Field(0.05, ge=0)
    shift: float = Field(0.08, ge=0, description="share of the crop's side")
    contrast: float = Field(0.3, ge=0)
    brightness: float = Field(0.15, ge=0)
    gamma: float = Field(0.25, ge=0)
    blur_probability: float = Field(0.15, ge=0, le=1)
    noise: float = Field(0.03, ge=0)
    erase_probability: float = Field(0.25, ge=0, le=1)
    mixup: float = Field(0.0, ge=0, description="alpha of the beta distribution")


class ScheduleSection(_Section):
    """Optimiser and schedule: SGD with Nesterov momentum, one cycle of the rate (linear rise, cosine fall)."""

    epochs: int = Field(30, ge=1)
    small_epochs: int = Field(0, ge=0, description="first epochs on shrunken crops: cheaper, and as good to start with")
    small_side_px: int = Field(32, ge=16, le=48)
    compile: bool = Field(False, description="fuse the network by torch.compile; needs a C++ compiler")
    batch_size: int = Field(128, ge=1)
    learning_rate: float = Field(0.1, gt=0)
    warmup_epochs: float = Field(2.0, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)
    gradient_clip: float = Field(5.0, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0


class Recipe(_Section):
    """All that a run depends on, beside the data itself."""

    network: NetworkSection = NetworkSection()
    data: DataSection = DataSection()
    augment: AugmentSection = AugmentSection()
    schedule: ScheduleSection = ScheduleSection()

    def settings(self) -> NetworkSettings:
        """The network's settings in the network's own type."""
        return NetworkSettings(**self.network.model_dump())


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: the file is missing, is not TOML, has an unknown key or an impossible value; the key is named.
    """
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RecipeError(f"{path}: cannot read the recipe ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not a TOML file ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"{path}: {key}: {first['msg']}") from error
