"""The head for own data: its loss by the formulas; what is missing has no part, what nobody showed gets nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from classmood.emotions import CLASSROOM_CLASSES, FERPLUS_CLASSES
from classmood.scores import concordance
from classmood.training.heads import ClassroomHead, class_loss, dimension_loss, head_from_ferplus

numbers = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=2, max_size=20)


@given(numbers)
def test_the_dimension_loss_is_one_less_the_concordance(pairs: list[tuple[float, float]]) -> None:
    x, y = np.array(pairs, np.float32).T
    loss = float(dimension_loss(torch.from_numpy(x[:, None]), torch.from_numpy(y[:, None])))
    if y.std() < 0.0101:
        return
    assert loss == pytest.approx(1 - concordance(x, y), abs=1e-3)


def test_concordance_falls_with_shift_and_scale_where_a_correlation_does_not() -> None:
    rated = np.array([-0.5, 0.0, 0.25, 0.75])
    assert concordance(rated, rated) == pytest.approx(1)
    assert concordance(-rated, rated - 2 * rated.mean()) == pytest.approx(-1)
    # Lin's own form: C_b = 2 / (v + 1 / v + u^2), with no shift and half the scale 2 / (2 + 1 / 2).
    assert concordance(rated.mean() + (rated - rated.mean()) / 2, rated) == pytest.approx(0.8)
    shift = rated.std()
    assert concordance(rated + shift, rated) == pytest.approx(2 / 3)
    assert np.isnan(concordance(rated, np.full(4, 0.3)))
    assert np.isnan(concordance(rated[:1], rated[:1]))


def test_missing_ratings_have_no_part_and_no_gradient() -> None:
    torch.manual_seed(0)
    said = torch.randn(6, 3).tanh().requires_grad_()
    rated = torch.randn(6, 3).tanh()
    rated[1:3, 0] = torch.nan
    rated[:, 2] = torch.nan
    loss = dimension_loss(said, rated)
    by_hand = [
        1 - concordance(said.detach().numpy()[rows, d], rated.numpy()[rows, d])
        for d, rows in ((0, [0, 3, 4, 5]), (1, list(range(6))))
    ]
    assert float(loss.detach()) == pytest.approx(np.mean(by_hand), abs=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert said.grad is not None
    assert said.grad[1:3, 0].tolist() == [0, 0]
    assert (said.grad[:, 2] == 0).all()
    assert (said.grad[[0, 3, 4, 5], 0] != 0).any()


def test_without_any_rating_the_loss_is_nothing_that_can_still_be_followed_back() -> None:
    said = torch.zeros(4, 3, requires_grad=True)
    loss = dimension_loss(said, torch.full((4, 3), torch.nan))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert said.grad is not None
    assert (said.grad == 0).all()


def test_faces_without_a_class_have_no_part_in_the_class_loss() -> None:
    torch.manual_seed(1)
    logits = torch.randn(5, 9)
    target = torch.eye(9)[[0, 1, 1, 4, 8]]
    whole = class_loss(logits[:3], target[:3])
    target[3:] = 0
    assert float(class_loss(logits, target)) == pytest.approx(float(whole), abs=1e-6)
    # A class that is not learned counts as none.
    learned = torch.ones(9, dtype=torch.bool)
    learned[4] = False
    target[3, 4] = 1
    assert float(class_loss(logits, target, learned)) == pytest.approx(float(whole), abs=1e-6)
    assert float(class_loss(logits, torch.zeros(5, 9))) == 0


def test_what_nobody_showed_has_no_probability() -> None:
    head = ClassroomHead(4)
    head.learned[[3, 7]] = False
    out = head(torch.randn(6, 4))
    shares = out[:, :9].softmax(1)
    assert (shares[:, [3, 7]] == 0).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    assert (out[:, 9:].abs() < 1).all()
    assert (head.in_features, head.out_features) == (4, 12)


def test_the_head_starts_as_what_the_ferplus_classes_mean() -> None:
    weight = torch.arange(8.0)[:, None].repeat(1, 2)
    rows, bias = head_from_ferplus(weight, torch.arange(8.0))
    got = dict(zip(CLASSROOM_CLASSES, bias.tolist(), strict=True))
    place = {name: k for k, name in enumerate(FERPLUS_CLASSES)}
    assert got["joy"] == place["happiness"]
    assert got["terror"] == place["fear"]
    assert got["disdain"] == (place["disgust"] + place["contempt"]) / 2
    assert got["appreciation"] == got["caution"] == 3.5
    assert rows[:, 0].tolist() == bias.tolist()
