"""Agreement: kappa and concordance as independent computations have them, intervals over participants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classmood.agreement import agree, assess, concordance, describe, kappa
from classmood.emotions import CLASSROOM_CLASSES
from classmood.errors import InputError
from classmood.pairs import Pairs, read_pairs


def drawn(people: int, rows: int, right: float, seed: int) -> Pairs:
    random = np.random.default_rng(seed)
    n = people * rows
    reported = random.integers(9, size=n)
    recognised = np.where(random.random(n) < right, reported, random.integers(9, size=n))
    vad = random.uniform(-1, 1, (n, 3))
    seen = np.clip(right * vad + (1 - right) * random.uniform(-1, 1, (n, 3)), -1, 1)
    return Pairs(np.repeat(np.arange(people), rows), reported, recognised, vad, seen)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_kappa_is_scikit_learn_s(seed: int, k: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the extra [train] is not installed")
    random = np.random.default_rng(seed)
    a, b = random.integers(k, size=(2, 40))
    table = np.zeros((1, k, k))
    np.add.at(table[0], (a, b), 1)
    expected = metrics.cohen_kappa_score(a, b, labels=range(k))
    assert kappa(table)[0] == pytest.approx(expected, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_concordance_is_lin_s_formula(seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(2, 25))
    y = 0.6 * x + 0.3 * y + 0.2
    sums = np.array([[25, x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]])
    expected = 2 * np.corrcoef(x, y)[0, 1] * x.std() * y.std() / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert concordance(sums)[0] == pytest.approx(expected)


def test_perfect_agreement_is_1_and_none_is_about_0() -> None:
    for right, low, high in ((1.0, 1.0, 1.0), (0.0, -0.1, 0.1)):
        for one in agree(drawn(40, 20, right, 1), rounds=199):
            if one.kind != "bias":
                assert one.value is not None
                assert low - 1e-9 <= one.value <= high + 1e-9


def test_one_emotion_is_taken_as_it_or_not() -> None:
    pairs = drawn(20, 10, 0.5, 2)
    joy = CLASSROOM_CLASSES.index("joy")
    two = replace(
        pairs, reported=(pairs.reported == joy).astype(np.int64), recognised=(pairs.recognised == joy).astype(np.int64)
    )
    (of_joy,) = [one for one in agree(pairs, rounds=99) if one.what == "joy"]
    assert of_joy.value == pytest.approx(agree(two, rounds=99)[0].value)


def test_participants_go_together_in_the_intervals() -> None:
    """Twenty answers of each of twelve, whose model either works for them or does not at all."""
    pairs = drawn(12, 20, 1.0, 3)
    lost = pairs.person < 6
    pairs = replace(pairs, recognised=np.where(lost, (pairs.reported + 4) % 9, pairs.recognised))
    together = agree(pairs, rounds=499)[0]
    apart = agree(replace(pairs, person=np.arange(240)), rounds=499)[0]
    assert together.value == pytest.approx(apart.value)
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    # Right with 0.5, or by chance among nine: kappa is 0.5.
    held = [one.low <= 0.5 <= one.high for one in (agree(drawn(30, 8, 0.5, s), rounds=199)[0] for s in range(80))]
    assert 0.86 <= np.mean(held) <= 1


def test_bias_is_recognised_less_reported() -> None:
    pairs = drawn(10, 5, 1.0, 4)
    shifted = replace(pairs, recognised_vad=pairs.reported_vad - 0.25)
    bias = {one.what: one.value for one in agree(shifted, rounds=99) if one.kind == "bias"}
    assert bias == pytest.approx(dict.fromkeys(("valence", "arousal", "dominance"), -0.25))


def test_too_few_participants_are_refused() -> None:
    with pytest.raises(InputError, match=r"at least 5 participants .* got 3; 2 more are needed"):
        agree(drawn(3, 10, 0.5, 0))


def test_a_table_is_read_and_described(tmp_path: Path) -> None:
    lines = ["participant,scenario,reported,recognised,valence,recognised_valence"]
    lines += [f"p{i},s,joy,{'joy' if i % 2 else 'neutral'},{1 + i % 9},{(i % 9) / 4 - 1}" for i in range(18)]
    lines.append("p1,t,,joy,,")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = agree(read_pairs(path), rounds=99)
    by = {(one.what, one.kind): one for one in found}
    assert by["valence", "CCC"].value == pytest.approx(1)
    assert by["all emotions", "kappa"].pairs == 18
    assert by["arousal", "CCC"].value is None
    text = describe(found)
    assert "| arousal | CCC | not defined |" in text
    assert "not a feeling" in text


def test_a_report_has_the_figures_or_says_in_a_sentence_that_and_why_it_has_none() -> None:
    known = assess(drawn(12, 9, 0.8, 5), "Ask more people.")
    assert not known.unknown
    assert known.markdown() == describe(known.measures)
    page = known.html()
    overall = known.measures[0]
    assert f"<td>kappa</td><td>{overall.value:.2f}</td><td>{overall.low:.2f} to {overall.high:.2f}</td>" in page
    # Open, not folded away: it is always shown.
    assert "<details open>" in page
    few = assess(drawn(3, 9, 0.8, 5), "Ask more people.")
    assert few.measures == ()
    assert "not known from this: expected at least 5 participants" in few.markdown()
    assert "got 3; 2 more are needed. Ask more people." in few.html()
    assert "<table>" not in few.html()


def test_dimensions_alone_are_enough_where_no_emotion_was_asked() -> None:
    pairs = replace(drawn(8, 5, 1.0, 6), reported=np.full(40, -1))
    by = {(one.what, one.kind): one for one in agree(pairs, rounds=99)}
    assert by["valence", "CCC"].value == pytest.approx(1)
    assert (by["all emotions", "kappa"].value, by["all emotions", "kappa"].people) == (None, 0)
