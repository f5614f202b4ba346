"""What a network costs: parameters, multiplications, and milliseconds a face as ONNX.

Multiplications are those of convolutions and the classifier, as torch counts them (``torch.utils.flop_counter``); what
SGE, LIP and SRM multiply element by element is not among them, and shows in the milliseconds alone.

Milliseconds are measured on untrained weights, which changes nothing about them, in rounds that go through all networks
in turn: another load on the machine then meets all of them, and the ratio to the plain network is taken round by round.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from classmood.crops import SIDE_PX, normalise
from classmood.errors import InputError
from classmood.models.weights import open_session
from classmood.training.export import Master, export_onnx
from classmood.training.recipe import NetworkSection, Recipe
from classmood.training.reproduction.machine import describe_machine
from classmood.training.reproduction.markdown import write_text
from classmood.training.resnet import EmotionNetwork

FILE: Final = "cost.json"
BATCH: Final = 8
ROUNDS: Final = 40
_PRECISIONS: Final[tuple[Literal["int8", "float32"], ...]] = ("int8", "float32")
_CALIBRATION_CROPS: Final = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a face of one network, and how many times those of the plain network they are.

    Attributes:
        network: its section of the recipe.
        ms: by precision.
        ratio: by precision.
    """

    network: NetworkSection
    ms: dict[str, float]
    ratio: dict[str, float]


@dataclass(frozen=True, slots=True)
class Costs:
    """Networks that were timed together; the plain one first."""

    costs: tuple[Cost, ...]
    threads: int
    machine: str
    date: str

    def of(self, network: NetworkSection) -> Cost | None:
        """The cost of a network, if it was timed."""
        return next((cost for cost in self.costs if cost.network == network), None)


@cache
def count_cost(network: NetworkSection) -> tuple[int, float]:
    """Parameters, and billions of multiplications for one face."""
    model = EmotionNetwork(Recipe(network=network).settings()).eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.zeros(1, 1, SIDE_PX, SIDE_PX))
    # A multiplication and an addition are two operations.
    return sum(p.numel() for p in model.parameters()), round(counter.get_total_flops() / 2e9, 6)


def time_networks(
    networks: Iterable[NetworkSection],
    crops: np.ndarray,
    *,
    threads: int = 1,
    rounds: int = ROUNDS,
    progress: Callable[[str], None] = lambda _: None,
) -> Costs:
    """Time networks as int8 and as float32 files, batches of ``BATCH`` faces.

    Args:
        networks: the plain one first.
        crops: n x 48 x 48, uint8; set the ranges of int8, and are what is looked at.
        threads: of ONNX Runtime.
        rounds: how often each is timed.
        progress: called with what begins.
    """
    networks = list(dict.fromkeys(networks))
    batch = {"crops": normalise(np.resize(crops, (BATCH, SIDE_PX, SIDE_PX)))}
    spent: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in _PRECISIONS:
            sessions = []
            for number, network in enumerate(networks):
                progress(f"cost: exporting {precision} {number + 1} of {len(networks)}")
                torch.manual_seed(0)
                recipe = Recipe(network=network)
                master = Master(EmotionNetwork(recipe.settings()).eval(), recipe)
                file = Path(folder, f"{precision}{number}.onnx")
                export_onnx(master, file, precision=precision, calibration_crops=crops[:_CALIBRATION_CROPS])
                sessions.append(open_session(file, threads=threads))
                sessions[-1].run(None, batch)
            taken = np.zeros((rounds, len(networks)))
            for one in taken:
                for place, session in enumerate(sessions):
                    began = time.perf_counter()
                    session.run(None, batch)
                    one[place] = time.perf_counter() - began
            spent[precision] = 1000 * taken / BATCH
    costs = tuple(
        Cost(
            network,
            {p: round(float(np.median(ms[:, i])), 4) for p, ms in spent.items()},
            {p: round(float(np.median(ms[:, i] / ms[:, 0])), 4) for p, ms in spent.items()},
        )
        for i, network in enumerate(networks)
    )
    return Costs(costs, threads, describe_machine(), datetime.now(UTC).strftime("%Y-%m-%d"))


def write_costs(costs: Costs, path: Path) -> None:
    """Store costs as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = [{**asdict(cost), "network": cost.network.model_dump(mode="json")} for cost in costs.costs]
    write_text(path, json.dumps({**asdict(costs), "costs": rows}, indent=1) + "\n")


def read_costs(path: Path) -> Costs | None:
    """Stored costs; None where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = content.pop("costs")
        costs = tuple(Cost(NetworkSection.model_validate(row.pop("network")), **row) for row in rows)
        return Costs(costs, **content)
    except (ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: expected costs as classmood reproduce ablation writes them ({reason})") from error
