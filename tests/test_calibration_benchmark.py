"""The figures of benchmarks/calibration.py on votes and confidences whose figures are known."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from loaded_benchmark import load


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    pytest.importorskip("sklearn", reason="the extra [train] is not installed")
    return load("calibration")


@pytest.fixture(scope="module")
def crowd() -> tuple[np.ndarray, np.ndarray]:
    """Ten raters of each of many images, drawn from a known distribution an image."""
    random = np.random.default_rng(0)
    truth = random.dirichlet(np.full(8, 0.3), 3000)
    return np.stack([random.multinomial(10, p) for p in truth]), truth


def test_one_rater_s_table_is_what_pairs_of_raters_said(
    benchmark: ModuleType, crowd: tuple[np.ndarray, np.ndarray]
) -> None:
    votes, truth = crowd
    expected = np.einsum("ij,ik->jk", truth, truth)
    expected /= expected.sum(1, keepdims=True)
    assert benchmark.one_rater_table(votes) == pytest.approx(expected, abs=0.02)
    # Two images by hand: three say 0, of the other one says 0 and two say 1; plus one of each.
    table = benchmark.one_rater_table(np.array([[3, 0], [1, 2]]))
    assert table == pytest.approx(np.array([[4 / 6, 2 / 6], [2 / 4, 2 / 4]]))


def test_the_truth_itself_foretells_best_then_one_rater_then_nothing(
    benchmark: ModuleType, crowd: tuple[np.ndarray, np.ndarray]
) -> None:
    votes, truth = crowd
    found = benchmark.agreement(votes, truth, benchmark.one_rater_table(votes))
    assert found.kl_model < found.kl_one_rater < found.kl_nothing
    assert found.names_model > found.names_one_rater
    assert found.images == 3000


def test_agreement_by_hand(benchmark: ModuleType) -> None:
    votes = np.array([[3, 1]])
    model = np.array([[0.75, 0.25]])
    table = np.array([[0.8, 0.2], [0.5, 0.5]])
    found = benchmark.agreement(votes, model, table)

    def kl(p: float, q: float) -> float:
        return sum(a * np.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)

    assert found.kl_all == pytest.approx(0)
    # Three times of four a rater of class 0 is set aside, leaving (2, 1); once the other, leaving (3, 0).
    assert found.kl_model == pytest.approx(0.75 * kl(2 / 3, 0.75) + 0.25 * kl(1, 0.75))
    assert found.kl_one_rater == pytest.approx(0.75 * kl(2 / 3, 0.8) + 0.25 * kl(1, 0.5))
    assert (found.names_model, found.names_one_rater) == (1, 0.75)


def test_a_tie_counts_as_its_share_and_few_raters_not_at_all(benchmark: ModuleType) -> None:
    table = np.full((2, 2), 0.5)
    found = benchmark.agreement(np.array([[2, 1], [1, 1], [0, 2]]), np.array([[0.9, 0.1]] * 3), table)
    assert found.images == 1
    # Without one of the two: a tie; without the one: class 0 alone.
    assert found.names_model == pytest.approx(2 / 3 * 0.5 + 1 / 3)


@pytest.mark.parametrize("bend", [1.0, 2.0])
def test_the_even_threshold_is_where_right_and_wrong_balance(benchmark: ModuleType, bend: float) -> None:
    random = np.random.default_rng(1)
    confidence = random.random(30_000)
    right = random.random(30_000) < confidence**bend
    assert benchmark.even_threshold(confidence, right) == pytest.approx(0.5 ** (1 / bend), abs=0.04)


def test_the_even_threshold_of_a_model_that_is_never_or_always_right(benchmark: ModuleType) -> None:
    confidence = np.linspace(0.3, 0.9, 50)
    assert benchmark.even_threshold(confidence, np.ones(50, bool)) == pytest.approx(0.3)
    assert benchmark.even_threshold(confidence, np.zeros(50, bool)) == 1


def test_a_true_confidence_is_within_what_chance_gives_and_a_boast_is_not(benchmark: ModuleType) -> None:
    random = np.random.default_rng(2)
    confidence = random.uniform(0.4, 1, 2000)
    mean, high = benchmark.error_if_perfect(confidence, 200)
    assert 0 < mean < high
    honest = benchmark.calibration_error(confidence, random.random(2000) < confidence)
    boast = benchmark.calibration_error(confidence, random.random(2000) < confidence - 0.1)
    assert honest < 1.5 * high
    assert boast > 1.5 * high


def test_coverage_keeps_the_surest(benchmark: ModuleType) -> None:
    confidence = np.linspace(1, 0, 100)
    right = np.arange(100) < 60
    found = benchmark.coverage(confidence, right)
    assert (found["1.00"], found["0.60"], found["0.50"]) == (0.6, 1, 1)
    assert found["0.80"] == 0.75


def test_all_figures_of_a_split_and_their_tables(
    benchmark: ModuleType, crowd: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "RESAMPLED", 50)
    votes, truth = crowd
    ten = np.concatenate([votes, np.zeros((len(votes), 2), int)], 1)
    figure = benchmark.split_figures("made_up", ten, truth, truth.max(1), benchmark.one_rater_table(votes), 0.5)
    assert figure.accuracy_named > figure.accuracy > 0.7
    assert sum(one["faces"] for one in figure.bins) == 3000
    text = benchmark.markdown(
        {
            "model": "m",
            "held_images": 9,
            "threshold_derived": 0.48,
            "threshold_interval": (0.4, 0.6),
            "threshold_used": 0.5,
            "splits": [benchmark.asdict(figure)],
        }
    )
    assert "right is as likely as wrong at a confidence of 0.48 (95 % interval 0.40 to 0.60)" in text
    assert f"| accuracy | {100 * figure.accuracy:.1f} % |" in text
