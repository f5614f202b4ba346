"""The deployment, asked anew each day: it ends when it ends, whatever runs."""

from __future__ import annotations

import datetime as dt

import pytest
from served import ALLOWED, RESEARCH, SELF_REFLECTION

from classmood.server.gate import Deployment, NotPermitted
from classmood.server.gatekeeper import PUBLIC_DOCUMENTS, Gatekeeper, sight


class Calendar:
    def __init__(self) -> None:
        self.today = dt.date(2026, 11, 25)

    def __call__(self) -> dt.date:
        return self.today


def test_without_a_deployment_nothing_is_allowed_and_the_texts_say_so() -> None:
    keeper = Gatekeeper(None, 5)
    assert not keeper.allowed
    assert keeper.profile == "camera-free"
    assert not keeper.stated
    with pytest.raises(NotPermitted):
        keeper.permit()
    text = keeper.document("consent").text
    assert "No camera is used" in text
    assert "camera's picture" not in text


@pytest.mark.parametrize("deployment", [ALLOWED, RESEARCH, SELF_REFLECTION])
def test_a_good_deployment_allows_its_profile(deployment: Deployment) -> None:
    keeper = Gatekeeper(deployment, 5)
    assert keeper.allowed
    assert keeper.profile == deployment.profile
    keeper.check(keeper.permit())


def test_in_the_eu_a_class_is_camera_free() -> None:
    keeper = Gatekeeper(ALLOWED.model_copy(update={"place": "EU/EEA"}), 5)
    assert not keeper.allowed
    assert keeper.profile == "camera-free"
    assert keeper.sight.live, "presses are shown to the teacher"
    assert "5(1)(f)" in " ".join(keeper.decision.why)


def test_a_permission_ends_while_the_server_runs() -> None:
    calendar = Calendar()
    keeper = Gatekeeper(RESEARCH.model_copy(update={"expires": dt.date(2026, 11, 25)}), 5, calendar)
    permit, version = keeper.permit(), keeper.document("consent").version
    calendar.today += dt.timedelta(days=1)
    assert not keeper.allowed
    assert keeper.profile == "camera-free"
    with pytest.raises(NotPermitted):
        keeper.check(permit)
    assert keeper.document("consent").version != version, "who agreed to a camera agreed to another text"


def test_the_texts_are_those_of_the_deployment() -> None:
    keeper = Gatekeeper(ALLOWED, 7)
    for name in PUBLIC_DOCUMENTS:
        assert "A school" in keeper.document(name).text
    assert "at least 7 students" in keeper.document("consent").text


def test_who_sees_what() -> None:
    assert sight("class").live
    assert not sight("research").live
    assert sight("research").after
    assert sight("research").rows
    assert not any((sight("self-reflection").live, sight("self-reflection").after, sight("self-reflection").rows))
    assert not any((sight("of another version").live, sight("of another version").after))
    assert not sight("class").rows
    assert not sight("camera-free").rows
