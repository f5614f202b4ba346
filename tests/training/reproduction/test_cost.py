"""Costs: parameters and multiplications against sums by hand, timings of every network, stored and read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from classmood.errors import InputError
from classmood.training import resnet
from classmood.training.recipe import NetworkSection
from classmood.training.reproduction.cost import count_cost, read_costs, time_networks, write_costs

PLAIN = NetworkSection(stem="quarter", sge_groups=0, lip_order="", srm=False, fusion=(4,))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(resnet, "WIDTHS", (8, 8, 12, 16))
    count_cost.cache_clear()
    yield
    count_cost.cache_clear()


def test_the_plain_network_by_hand(tiny: None) -> None:
    widths, sides = (8, 8, 12, 16), (12, 6, 3, 2)
    multiplications, parameters = 7 * 7 * 8 * 24 * 24, 7 * 7 * 8 + 2 * 8
    before = 8
    for width, side in zip(widths, sides, strict=True):
        positions = side * side
        multiplications += (9 * before * width + 3 * 9 * width * width) * positions
        parameters += 9 * before * width + 3 * 9 * width * width + 4 * 2 * width
        if side != 12:
            multiplications += before * width * positions
            parameters += before * width + 2 * width
        before = width
    multiplications += 16 * 8
    parameters += 16 * 8 + 8
    assert count_cost(PLAIN) == (parameters, pytest.approx(multiplications / 1e9, abs=1e-6))


def test_modules_cost_what_they_say(tiny: None) -> None:
    parameters, gmac = count_cost(PLAIN)
    with_srm, srm_gmac = count_cost(PLAIN.model_copy(update={"srm": True}))
    # Four numbers a channel in each of eight blocks, and nothing that is a convolution.
    assert with_srm - parameters == 4 * 2 * (8 + 8 + 12 + 16)
    assert srm_gmac == gmac


def test_all_are_timed_together_and_the_first_is_the_measure(tiny: None, tmp_path: Path) -> None:
    networks = [PLAIN, PLAIN.model_copy(update={"srm": True})]
    crops = np.random.default_rng(0).integers(0, 256, (16, 48, 48)).astype(np.uint8)
    costs = time_networks([*networks, PLAIN], crops, rounds=5)
    assert [cost.network for cost in costs.costs] == networks
    assert costs.costs[0].ratio == {"int8": 1.0, "float32": 1.0}
    assert all(0 < ms < 1000 for cost in costs.costs for ms in cost.ms.values())
    write_costs(costs, tmp_path / "cost.json")
    assert read_costs(tmp_path / "cost.json") == costs
    assert costs.of(networks[1]) is costs.costs[1]
    assert costs.of(NetworkSection(stem="deep")) is None


def test_stored_costs_are_none_or_good(tmp_path: Path) -> None:
    assert read_costs(tmp_path / "cost.json") is None
    (tmp_path / "cost.json").write_text('{"costs": [{}]}')
    with pytest.raises(InputError, match=r"cost\.json: expected costs"):
        read_costs(tmp_path / "cost.json")
