"""The recipe for nginx as benchmarks/nginx.py takes it out of the page. That it works is seen where nginx is."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from classmood.errors import ClassmoodError
from classmood.server.guard import LARGEST_BODY_BYTES
from loaded_benchmark import load


@pytest.fixture
def nginx(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return load("nginx")


def test_the_page_s_recipe_is_found_whole(nginx: ModuleType) -> None:
    recipe = nginx.read_recipe(nginx.PAGE.read_text(encoding="utf-8"))
    assert recipe.site.count("{") == recipe.site.count("}")
    assert recipe.serve[:2] == ["classmood", "serve"]
    assert recipe.certificate[0] == "openssl"
    assert f"subjectAltName=DNS:{nginx.NAME}" in recipe.certificate
    # Two limits that differ would refuse the same body in two ways.
    (limit,) = re.findall(r"client_max_body_size (\d+)k;", recipe.site)
    assert int(limit) * 1024 == LARGEST_BODY_BYTES


def test_a_recipe_that_lost_a_part_is_no_recipe(nginx: ModuleType) -> None:
    page = nginx.PAGE.read_text(encoding="utf-8")
    for part in ("# /etc/nginx/", "classmood serve --origins", "openssl req"):
        with pytest.raises(ClassmoodError, match="the recipe has changed"):
            nginx.read_recipe(page.replace(f"    {part}", "    (gone)"))


def test_what_is_not_documented_cannot_be_put_elsewhere(nginx: ModuleType) -> None:
    assert nginx.put("listen 443 ssl;", {"443": "8443"}) == "listen 8443 ssl;"
    with pytest.raises(ClassmoodError, match="listen 80"):
        nginx.put("listen 443 ssl;", {"listen 80": "listen 8080"})
