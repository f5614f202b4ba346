"""The paper's numbers, and that its text and its table contradict each other."""

from __future__ import annotations

import pytest

from classmood.training.reproduction.paper import CLAIMS, METRICS, PAPER_MODELS, TABLE1, Claim


def test_every_model_and_set_has_a_score() -> None:
    assert set(TABLE1) == {(model, number) for model in PAPER_MODELS for number in (1, 2)}
    assert all(0 < score < 1 for scores in TABLE1.values() for score in scores)


def test_a_claim_s_margin_by_the_table() -> None:
    claim = Claim("HMM", 2, "F1", 10.24)
    assert claim.points == pytest.approx(9.18)
    assert claim.relative == pytest.approx(100 * (0.8981 - 0.8063) / 0.8063)
    assert not claim.agrees


@pytest.mark.parametrize("percent", [11.27, 13.833])
def test_a_claim_that_is_true_either_way_agrees(percent: float) -> None:
    assert Claim("OF", 1, "accuracy", percent).agrees


def test_the_text_claims_each_margin_once() -> None:
    claimed = {(claim.other, claim.sample_set, claim.metric) for claim in CLAIMS}
    assert claimed == {(model, number, metric) for model in ("OF", "HMM") for number in (1, 2) for metric in METRICS}
    assert len(CLAIMS) == len(claimed)
