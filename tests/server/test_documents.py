"""The documents: every placeholder filled, what is stated is in them, an operator's words stay words."""

from __future__ import annotations

import datetime as dt
import re
from importlib import resources

import pytest

from classmood.server.documents import DOCUMENTS, DocumentName, fill
from classmood.server.gate import Deployment

TODAY = dt.date(2026, 11, 25)


def deployment(**stated: object) -> Deployment:
    base = {"profile": "safety", "place": "elsewhere", "operator": "Operator Ltd", "contact": "dpo at operator"}
    return Deployment.model_validate(base | {"safety_ground": "seizures", "approver": "Dr A"} | stated)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("profile", ["class", "self-reflection", "research", "safety"])
@pytest.mark.parametrize("place", ["EU/EEA", "elsewhere"])
def test_every_placeholder_is_filled(name: DocumentName, profile: str, place: str) -> None:
    document = fill(name, deployment(profile=profile, place=place), TODAY)
    assert not re.search(r"\$\w|\$\{|None", document.text)
    assert document.text.startswith("# ")
    assert "Operator Ltd" in document.text
    assert document.version in document.text


def test_every_template_has_a_document() -> None:
    found = {
        path.name.removesuffix(".md") for path in resources.files("classmood.server").joinpath("templates").iterdir()
    }
    assert found == set(DOCUMENTS)


def test_a_denied_deployment_s_texts_speak_of_no_camera() -> None:
    allowed, denied = (
        fill("consent", deployment(profile="class", place=place, jurisdiction="Utopia"), TODAY)
        for place in ("elsewhere", "EU/EEA")
    )
    assert "camera's picture is read on your own device" in allowed.text
    assert "camera's picture is read" not in denied.text
    assert "No camera is used" in denied.text
    assert "Art. 5(1)(f)" in fill("notice", deployment(profile="class", place="EU/EEA"), TODAY).text


def test_what_is_stated_is_told() -> None:
    text = fill("dpia", deployment(retention_days=77), TODAY, k=9).text
    for words in ("seizures", "Dr A", "77 days", "9 students"):
        assert words in text


def test_the_version_changes_with_the_words_and_only_with_them() -> None:
    one, same = (fill("consent", deployment(), day) for day in (TODAY, TODAY + dt.timedelta(days=3)))
    assert one == same
    assert fill("consent", deployment(retention_days=31), TODAY).version != one.version


def test_an_operator_s_words_are_neither_html_nor_markdown_nor_placeholders() -> None:
    text = fill("notice", deployment(operator="<script>x</script> [a](b) $contact"), TODAY).text
    assert "<script>" not in text
    assert r"\[a\](b)" in text
    assert "$contact" in text
