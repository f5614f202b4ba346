"""Recipes: the shipped ones are valid, and a wrong key or value is named before anything starts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from classmood.errors import RecipeError
from classmood.training.recipe import Recipe, read_recipe
from classmood.training.resnet import NetworkSettings

SHIPPED = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_their_header_gives_the_command(path: Path) -> None:
    read_recipe(path)
    assert f"classmood train recipes/{path.name}" in path.read_text(encoding="utf-8")


def test_there_is_a_shipped_recipe() -> None:
    assert SHIPPED


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    assert read_recipe(written(tmp_path, "")) == Recipe()
    recipe = read_recipe(written(tmp_path, "[schedule]\nepochs = 3\n"))
    assert recipe.schedule.epochs == 3
    assert recipe.schedule.batch_size == Recipe().schedule.batch_size


def test_the_network_section_becomes_the_network_s_settings(tmp_path: Path) -> None:
    text = (
        '[network]\nstem = "half"\nsge_groups = 8\nlip_order = "A"\nsrm = false\nfusion = [4]\ndropout = 0.2\n'
        "contrast_exponent = 0.5\n"
    )
    settings = read_recipe(written(tmp_path, text)).settings()
    assert settings == NetworkSettings(
        stem="half", sge_groups=8, lip_order="A", srm=False, fusion=(4,), dropout=0.2, contrast_exponent=0.5
    )
    # Without a word the recipe and the network agree on what is default.
    assert asdict(Recipe().settings()) == asdict(NetworkSettings())


@pytest.mark.parametrize(
    ("said", "meant"), [('""', ()), ('"a.pt"', ("a.pt",)), ('["a.pt", "b.pt"]', ("a.pt", "b.pt")), ("[]", ())]
)
def test_one_teacher_or_several(tmp_path: Path, said: str, meant: tuple[str, ...]) -> None:
    recipe = read_recipe(written(tmp_path, f"[distill]\nteacher = {said}\n"))
    assert recipe.distill.teacher == meant
    assert hash(recipe) == hash(Recipe.model_validate_json(recipe.model_dump_json()))


def test_a_recipe_survives_a_checkpoint_s_json() -> None:
    for path in SHIPPED:
        recipe = read_recipe(path)
        assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[network]\nsge_at = "taps"\nsge_groups = 0\n', r"network: .*sge_groups above 0"),
        ('[network]\nsge_at = "taps"\nfusion_form = "lateral"\n', r'network: .*fusion_form = "pooled"'),
        ("[schedule]\nepoch = 3\n", r"schedule\.epoch: "),
        ("[shedule]\nepochs = 3\n", r"shedule: "),
        ("colour = 1\n", r"colour: "),
        ("[schedule]\nepochs = 0\n", r"schedule\.epochs: .*greater than or equal to 1"),
        ('[schedule]\nepochs = "many"\n', r"schedule\.epochs: .*integer"),
        ("[schedule]\nbatch_size = 1\n", r"schedule\.batch_size: "),
        ("[schedule]\nsmall_side_px = 16\n", r"schedule\.small_side_px: "),
        ('[schedule]\nprecision = "int8"\n', r"schedule\.precision: .*float32"),
        ('[network]\nstem = "tiny"\n', r"network\.stem: .*half"),
        ("[network]\nsge_groups = 24\n", r"network\.sge_groups: .*divisor of .*64 channels, got 24"),
        ("[network]\nfusion = [2, 5]\n", r"network\.fusion\.1: "),
        ("[network]\nfusion = []\n", r"network\.fusion: "),
        ("[network]\nfusion = [4, 4]\n", r"network\.fusion: .*each layer once, got \[4, 4\]"),
        ("[data]\nholdout = 1.0\n", r"data\.holdout: "),
        ("[augment]\nerase_probability = 1.5\n", r"augment\.erase_probability: "),
        ("[schedule\n", r"not a TOML file"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(RecipeError, match=rf"recipe\.toml: {expected}") as caught:
        read_recipe(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="not a TOML file"):
        read_recipe(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.toml: cannot read the recipe"):
        read_recipe(tmp_path / "nowhere.toml")


def test_a_recipe_cannot_be_changed_while_it_runs() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().schedule.epochs = 3  # type: ignore[misc]


def test_own_crops_go_with_the_classroom_s_classes_and_without_a_teacher(tmp_path: Path) -> None:
    text = '[network]\nlabels = "classroom"\n[data]\nsource = "crops"\n'
    assert read_recipe(written(tmp_path, text)).settings().labels == "classroom"
    for wrong in ('[network]\nlabels = "classroom"\n', '[data]\nsource = "crops"\n'):
        with pytest.raises(RecipeError, match=r"goes with network\.labels"):
            read_recipe(written(tmp_path, wrong))
    with pytest.raises(RecipeError, match=r"a teacher knows FER\+ classes alone"):
        read_recipe(written(tmp_path, text + '[distill]\nteacher = "x.pt"\n'))
