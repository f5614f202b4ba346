"""The drawings say what the code says, change when it changes, and the committed ones are up to date."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from classmood.emotions import CLASSROOM_VAD, COLOURS, DERIVED, EMOTIONS, STANDARD_TERM
from classmood.errors import OutputError
from classmood.training import resnet, traces
from classmood.training.drawings import draw_network, draw_recalibration, draw_wheel
from classmood.training.resnet import NetworkSettings
from classmood.training.srm import StyleRecalibration

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
DRAWINGS: dict[str, Callable[[Path], None]] = {
    "wheel": draw_wheel,
    "network": draw_network,
    "recalibration": draw_recalibration,
}


def texts(path: Path) -> list[str]:
    """All text of an SVG, in the order of drawing."""
    root = ET.parse(path).getroot()
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def fills(path: Path) -> list[str]:
    return re.findall(r"fill: (#[0-9a-f]{6})", path.read_text(encoding="utf-8"))


def drawn(tmp_path: Path, draw: Callable[..., None], *arguments: object) -> list[str]:
    draw(tmp_path / "drawing.svg", *arguments)
    return texts(tmp_path / "drawing.svg")


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_committed_drawing_is_what_the_code_draws(name: str, tmp_path: Path) -> None:
    DRAWINGS[name](tmp_path / "fresh.svg")
    # Text, its order and all colours; the numbers in the paths may differ in their last digit between versions.
    assert texts(FIGURES / f"{name}.svg") == texts(tmp_path / "fresh.svg")
    assert fills(FIGURES / f"{name}.svg") == fills(tmp_path / "fresh.svg")


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_twice_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    DRAWINGS[name](tmp_path / "a.svg")
    DRAWINGS[name](tmp_path / "b.svg")
    content = (tmp_path / "a.svg").read_bytes()
    assert content == (tmp_path / "b.svg").read_bytes()
    assert b"<dc:date>" not in content


@pytest.mark.parametrize("name", DRAWINGS)
def test_other_formats_by_the_ending(name: str, tmp_path: Path) -> None:
    DRAWINGS[name](tmp_path / "drawing.png")
    picture = cv2.imread(str(tmp_path / "drawing.png"))
    assert picture is not None
    assert (picture < 128).any()
    DRAWINGS[name](tmp_path / "drawing.pdf")
    assert (tmp_path / "drawing.pdf").read_bytes().startswith(b"%PDF")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"nowhere.drawing\.svg: cannot be written"):
        draw_wheel(tmp_path / "nowhere" / "drawing.svg")
    with pytest.raises(OutputError, match=r"drawing\.bmpx: expected a name ending in \.svg, \.pdf or \.png"):
        draw_wheel(tmp_path / "drawing.bmpx")


def test_the_wheel_has_every_emotion_with_its_term_its_colour_and_its_place(tmp_path: Path) -> None:
    found = drawn(tmp_path, draw_wheel)
    words = [text.removesuffix(" *") for text in found if text.removesuffix(" *") in EMOTIONS]
    # Once in the wheel, in the paper's order, and once in the plane.
    assert words[:8] == list(EMOTIONS)
    assert sorted(words) == sorted(EMOTIONS * 2)
    assert {text.removesuffix(" *") for text in found if text.endswith(" *")} == set(DERIVED)
    assert {STANDARD_TERM[name] for name in EMOTIONS} <= {text.removesuffix(" *") for text in found}
    for name in EMOTIONS:
        vad = zip("VAD", CLASSROOM_VAD[name], strict=True)
        place = [f"{letter} {value:+.2f}".replace("-", "−") for letter, value in vad]
        assert any(found[i : i + 3] == place for i in range(len(found))), place
    assert {colour.lower() for colour in COLOURS.values()} <= set(fills(tmp_path / "drawing.svg"))


def test_the_network_says_its_sizes_and_numbers(tmp_path: Path) -> None:
    found = drawn(tmp_path, draw_network)
    settings = NetworkSettings(stem="deep")
    trace = traces.trace_network(settings)
    for stage in trace.stages:
        assert stage.name in found
        assert " × ".join(map(str, stage.shape)) in found
        assert f"{stage.parameters:,} parameters" in found
    assert f"{trace.parameters / 1e6:.2f} million parameters, {trace.gmac:.3f} GMAC a face" in found
    assert "side by side: 896" in found
    assert "8 logits" in found
    # One block that halves and one that does not, each with SGE and SRM; LIP in the first, and one in the stem.
    assert (found.count("SGE"), found.count("SRM"), found.count("LIP"), found.count("+")) == (2, 2, 2, 2)


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        (NetworkSettings(stem="quarter"), {"7×7 /2": 1, "SGE": 2, "mean": 3}),
        (NetworkSettings(lip_order="A"), {"LIP": 3}),
        (NetworkSettings(lip_order=""), {"LIP": 0, "max": 1, "3×3 /2": 2}),
        (NetworkSettings(sge_groups=0), {"SGE": 0, "SRM": 2}),
        (NetworkSettings(sge_groups=8), {"H = 8": 2}),
        (NetworkSettings(srm=False), {"SRM": 0, "SGE": 2}),
        (NetworkSettings(fusion_form="lateral"), {"mean": 0, "1×1 conv": 3, "sum, SGE, mean: 256": 1}),
        (NetworkSettings(fusion_form="lateral", sge_groups=0), {"sum, mean: 256": 1}),
        (NetworkSettings(sge_at="taps"), {"SGE, mean": 3, "SGE": 0, "side by side: 96": 1}),
        (NetworkSettings(contrast_exponent=0.5), {"contrast": 1, "to the power 0.5": 1}),
        (NetworkSettings(), {"contrast": 0}),
        (NetworkSettings(fusion=(4,)), {"mean": 1, "48": 2}),
        (NetworkSettings(fusion=(1, 2, 3, 4)), {"mean": 4, "side by side: 112": 1}),
    ],
    ids=repr,
)
def test_the_network_s_drawing_follows_the_settings(
    settings: NetworkSettings, counts: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resnet, "WIDTHS", (16, 16, 32, 48))
    found = drawn(tmp_path, draw_network, settings)
    assert {text: found.count(text) for text in counts} == counts
    legend = {text[:3] for text in found if "eq." in text}
    assert legend == {word for word in ("LIP", "SGE", "SRM") if word in found or f"{word}, mean" in found}


def test_the_recalibration_module_has_its_equations_in_order(tmp_path: Path) -> None:
    found = drawn(tmp_path, draw_recalibration)
    words = ("mean λ", "deviation ε", "e", "q ⋅ e", "batch norm", "sigmoid", "A*")
    assert [text for text in found if text in words] == list(words)
    assert "×" in found
    numbers = [text for text in found if text.startswith("eq.")]
    assert numbers == ["eq. 13", "eq. 14", "eq. 15", "eq. 16", "eq. 17-19", "eq. 20", "eq. 21"]
    assert found.count("M × D × F × Q") == 2
    assert "M × D × 2" in found
    assert "256 parameters for D = 64: 2 in q and 2 in the norm for each channel" in found


def test_another_number_of_channels_shows(tmp_path: Path) -> None:
    assert any(text.startswith("40 parameters for D = 10") for text in drawn(tmp_path, draw_recalibration, 10))


def test_a_recalibration_that_loses_a_step_loses_its_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_norm(self: StyleRecalibration, a: resnet.Tensor) -> resnet.Tensor:
        mean, deviation = a.mean((2, 3)), (a.var((2, 3)) + 1e-5).sqrt()
        c = self.q[:, 0] * mean + self.q[:, 1] * deviation
        return a * c.sigmoid()[:, :, None, None]

    monkeypatch.setattr(StyleRecalibration, "forward", without_norm)
    found = drawn(tmp_path, draw_recalibration)
    assert "batch norm" not in found
    assert "sigmoid" in found
