"""Makes the model files of the student's page out of the shipped ones: lighter to send, and with all that the page must
know of them in their cards.

- ``emotion.onnx``: the shipped int8 file with the weights of its largest layers (more than a million each) rounded to
  multiples of 4. They are as many bytes, and a quarter less once compressed.
- ``detector.onnx``: the shipped file, byte for byte.

``docs/reference/browser.md`` has what each costs and what it changes. The cards' constants are read from the source
text of the Python modules (importing them would need OpenCV at build time), so no number is written twice.

Everything is the same on every machine, except that another version of brotli may compress to other bytes. What is made
is git-ignored, and kept while a hash says that it was made of these files.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "src/classmood/models/web"
ROUNDED_FROM: Final = 1_000_000
ROUNDED_TO: Final = 4
EMOTION: Final = "emotion-resnet18-int8"
DETECTOR: Final = "centerface"
DETECTOR_MODULES: Final = ("boxes", "scales", "centerface", "detectors", "mosaic", "follower")
_OPERATIONS: Final = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class WebModelsError(RuntimeError):
    """The page's models cannot be made; the message says what to do."""


def provide_web_models(root: Path) -> Path:
    """Make the page's models and cards, each with its compressed twin, or leave them when they are there and right.

    Args:
        root: the repository, with the shipped models in place.

    Returns:
        The folder they are in.

    Raises:
        WebModelsError: a shipped model is missing or is not the one of its card.
    """
    package, folder = root / "src" / "classmood", root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, shipped, make, describe in (
        ("emotion", EMOTION, round_large_weights, emotion_card),
        ("detector", DETECTOR, as_it_is, detector_card),
    ):
        model, card_path = folder / f"{name}.onnx", folder / f"{name}.json"
        original = _read_checked(package / "models" / f"{shipped}.onnx")
        made_from = _sha256(original + _recipe(make))
        old = _read_card(card_path)
        if old.get("made_from") == made_from and _is_whole(model, old):
            made = model.read_bytes()
        else:
            made = make(original)
            # The old card goes first: what lies beside no card is made again, wherever this breaks off.
            card_path.unlink(missing_ok=True)
            _write(model, made)
        card = {**describe(package), "file": model.name, "sha256": _sha256(made), "bytes": len(made)}
        card["made_from"] = made_from
        if card != old:
            _write(card_path, (json.dumps(card, indent=2) + "\n").encode())
    return folder


def round_large_weights(model: bytes) -> bytes:
    """An int8 model with its largest layers' weights at multiples of 4, within the 7 bits that they have."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    graph_of = onnx.load_from_string(model)
    most = 63 // ROUNDED_TO * ROUNDED_TO
    for tensor in graph_of.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8 and np.prod(tensor.dims) > ROUNDED_FROM:
            values = numpy_helper.to_array(tensor).astype(np.int64)
            rounded = np.clip(ROUNDED_TO * np.round(values / ROUNDED_TO), -most, most).astype(np.int8)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    return bytes(graph_of.SerializeToString(deterministic=True))


def as_it_is(model: bytes) -> bytes:
    """No change."""
    return model


def emotion_card(package: Path) -> dict[str, Any]:
    """What the page must know to cut crops and to read the recogniser's logits."""
    shipped = _card(package, EMOTION)
    coordinates = constants(package / "emotions.py")["ferplus_vad"]
    return {
        "name": f"{shipped['name']}-web",
        "licence": shipped["licence"],
        "source": f"{shipped['source']}; weights of {EMOTION}.onnx (SHA-256 {shipped['sha256']}), the largest layers' "
        f"at multiples of {ROUNDED_TO}",
        "classes": shipped["classes"],
        "votes_temperature": shipped["votes_temperature"],
        "confidence_temperature": shipped["confidence_temperature"],
        "not_sure_below": shipped["not_sure_below"],
        "vad": [coordinates[name] for name in shipped["classes"]],
        "crops": constants(package / "crops.py"),
    }


def detector_card(package: Path) -> dict[str, Any]:
    """What the page must know to show a frame to the detector, to read its maps and to follow a face."""
    shipped = _card(package, DETECTOR)
    return {
        "name": shipped["name"],
        "licence": shipped["licence"],
        "source": shipped["source"],
        "input": shipped["input"],
        "outputs": shipped["outputs"],
        "constants": {name: constants(package / f"{name}.py") for name in DETECTOR_MODULES},
    }


def constants(source: Path) -> dict[str, Any]:
    """The numbers that a module or a class in it assigns to a name, by the name in small letters without leading
    underscores; tuples and dictionaries of them too.
    """
    found: dict[str, Any] = {}
    tree = ast.parse(source.read_text(encoding="utf-8"))
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for statement in (statement for body in bodies for statement in body):
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        try:
            evaluated = _evaluate(value)
        except ValueError:
            continue
        names, values = ([target], [evaluated]) if isinstance(target, ast.Name) else (target.elts, evaluated)  # type: ignore[attr-defined]
        found |= {name.id.lower().lstrip("_"): one for name, one in zip(names, values, strict=True)}
    return found


def _evaluate(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [_evaluate(element) for element in elements]
        case ast.Dict(keys=keys, values=values) if all(isinstance(key, ast.Constant) for key in keys):
            return {key.value: _evaluate(value) for key, value in zip(keys, values, strict=True)}  # type: ignore[union-attr]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_evaluate(left), _evaluate(right))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="array"), args=[first, *_]):
            return _evaluate(first)
    raise ValueError("no number")


def _card(package: Path, name: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((package / "models" / f"{name}.json").read_text(encoding="utf-8"))
    return card


def _read_checked(model: Path) -> bytes:
    expected = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
    try:
        content = model.read_bytes()
    except OSError as error:
        raise WebModelsError(f"{model}: expected the shipped model; run 'python hatch_build.py' first") from error
    if _sha256(content) != expected:
        raise WebModelsError(f"{model}: expected SHA-256 {expected}, got {_sha256(content)}; get the file anew")
    return content


def _recipe(make: Callable[[bytes], bytes]) -> bytes:
    """All that decides what is made of a model."""
    return f"{ROUNDED_FROM} {ROUNDED_TO}\n{inspect.getsource(make)}".encode()


def _read_card(path: Path) -> dict[str, Any]:
    """A card that was made before; empty where there is none."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def _is_whole(model: Path, card: dict[str, Any]) -> bool:
    """Whether a model is the one of its card, and all twins are there."""
    twins = [model.with_name(f"{model.name}.br"), model.with_name(f"{model.stem}.json.br")]
    return all(path.is_file() for path in (model, *twins)) and _sha256(model.read_bytes()) == card.get("sha256")


def _write(path: Path, content: bytes) -> None:
    """A file and its compressed twin, each whole or not at all."""
    import brotli

    for target, data in ((path, content), (path.with_name(f"{path.name}.br"), brotli.compress(content, lgwin=24))):
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        partial.write_bytes(data)
        partial.replace(target)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    print(provide_web_models(Path(__file__).resolve().parents[1]))
