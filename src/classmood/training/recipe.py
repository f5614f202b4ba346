"""A training recipe: one TOML file a run, checked before anything starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from classmood.errors import RecipeError
from classmood.training.resnet import WIDTHS, NetworkSettings


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSection(_Section):
    """See ``classmood.training.resnet.NetworkSettings``."""

    stem: Literal["half", "narrow", "quarter", "deep"] = "quarter"
    sge_groups: int = Field(default=16, ge=0)
    lip_order: Literal["A", "B", ""] = "B"
    srm: bool = True
    fusion: tuple[Literal[1, 2, 3, 4], ...] = Field(default=(2, 3, 4), min_length=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    contrast_exponent: float = Field(default=0.0, ge=0, le=1)
    fusion_form: Literal["pooled", "lateral"] = "pooled"
    sge_at: Literal["blocks", "taps"] = "blocks"
    labels: Literal["ferplus", "classroom"] = "ferplus"

    @field_validator("sge_groups")
    @classmethod
    def _divides(cls, groups: int) -> int:
        if groups and WIDTHS[0] % groups:
            raise ValueError(f"expected 0 or a divisor of the first layer's {WIDTHS[0]} channels, got {groups}")
        return groups

    @field_validator("fusion")
    @classmethod
    def _each_once(cls, layers: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(layers)) < len(layers):
            raise ValueError(f"expected each layer once, got {list(layers)}")
        return layers

    @model_validator(mode="after")
    def _has_what_it_places(self) -> NetworkSection:
        if self.sge_at == "taps" and (not self.sge_groups or self.fusion_form == "lateral"):
            raise ValueError('sge_at = "taps" goes with sge_groups above 0 and fusion_form = "pooled"')
        return self


class DataSection(_Section):
    """Where the samples come from and which fold of them is held out to choose and calibrate by."""

    source: str = "ferplus"
    path: str = ""
    holdout: float = Field(default=0.08, ge=0, lt=0.9)
    fraction: float = Field(default=1.0, gt=0, le=1)
    held_fold: int = Field(default=1, ge=0, description="of a set of crops, in place of holdout; 0 holds out none")
    settle_s: float = Field(default=0.0, ge=0, description="of a set of crops: leave out each clip's first seconds")
    may_lack: tuple[str, ...] = Field(default=(), description="FER+ classes that may have no face in the data")
    most_frames: int = Field(default=24, ge=1, description="of a set of crops: faces taken of a clip, spread evenly")


class AugmentSection(_Section):
    """Ranges of the random changes, see ``classmood.training.augment``. Zero turns one off."""

    flip: bool = True
    rotation_degrees: float = Field(default=12.0, ge=0)
    scale: float = Field(default=0.2, ge=0, description="log2 range of the zoom, both ways")
    shear: float = Field(default=0.05, ge=0)
    shift: float = Field(default=0.08, ge=0, description="share of the crop's side")
    contrast: float = Field(default=0.3, ge=0)
    brightness: float = Field(default=0.15, ge=0)
    gamma: float = Field(default=0.25, ge=0)
    blur_probability: float = Field(default=0.15, ge=0, le=1)
    coarse_probability: float = Field(default=0.0, ge=0, le=1, description="shrunk to 14-36 px and enlarged again")
    noise: float = Field(default=0.03, ge=0)
    erase_probability: float = Field(default=0.25, ge=0, le=1)
    mixup: float = Field(default=0.0, ge=0, description="alpha of the beta distribution")


class DistillSection(_Section):
    """Self-distillation, see ``classmood.training.distill``; none without a teacher."""

    teacher: tuple[str, ...] = Field(
        default=(), description="earlier networks, one or several: a checkpoint.pt or a master .safetensors each"
    )
    share: float = Field(default=0.5, ge=0, le=1, description="of the teachers in the targets; the votes have the rest")

    @field_validator("teacher", mode="before")
    @classmethod
    def _one_or_several(cls, teacher: object) -> object:
        if isinstance(teacher, str):
            return (teacher,) if teacher else ()
        return teacher


class LossSection(_Section):
    """Of a network on the classroom's classes, see ``classmood.training.heads``."""

    dimensions: float = Field(default=0.5, ge=0, description="weight of 1 - CCC beside the cross-entropy")


class ScheduleSection(_Section):
    """Optimiser and schedule: SGD with Nesterov momentum, one cycle of the rate (linear rise, cosine fall)."""

    start_from: str = Field(
        default="", description="averaged weights to start from: a checkpoint.pt, a master .safetensors, or shipped"
    )
    start_partly: bool = Field(
        default=False, description="let start_from be another network: take over the layers that fit by name and shape"
    )
    epochs: int = Field(default=30, ge=1)
    small_epochs: int = Field(default=0, ge=0, description="first epochs, on shrunken crops: cheaper to start with")
    small_side_px: int = Field(default=32, ge=20, le=48)
    compile: bool = Field(
        default=False,
        description="fuse by torch.compile; needs a C++ compiler, and with SGE may crash on CPUs (decision 0005)",
    )
    batch_size: int = Field(default=128, ge=2, description="over all workers; the norms need two samples in each")
    learning_rate: float = Field(default=0.1, gt=0)
    warmup_epochs: float = Field(default=2.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    gradient_clip: float = Field(default=5.0, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0


class Recipe(_Section):
    """All that a run depends on, beside the data itself."""

    network: NetworkSection = NetworkSection()
    data: DataSection = DataSection()
    augment: AugmentSection = AugmentSection()
    distill: DistillSection = DistillSection()
    loss: LossSection = LossSection()
    schedule: ScheduleSection = ScheduleSection()

    @model_validator(mode="after")
    def _fit(self) -> Recipe:
        if (self.data.source == "crops") != (self.network.labels == "classroom"):
            raise ValueError(
                'a set of crops (data.source = "crops") goes with network.labels = "classroom", all else with "ferplus"'
            )
        if self.distill.teacher and self.network.labels == "classroom":
            raise ValueError("distill.teacher: a teacher knows FER+ classes alone; leave it out")
        return self

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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not a TOML file ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = "".join(f"{part}." for part in first["loc"])[:-1]
        raise RecipeError(f"{path}: {key}{': ' if key else ''}{first['msg']}") from error
