"""Find a model file, check that it is the one its card describes, and open it.

A model is two files: ``NAME.onnx`` and its card ``NAME.json``, which holds the SHA-256 of the first. The shipped ones
lie in this folder; a file of one's own is given by path, with its card beside it.
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from classmood.cards import Card, EmotionCard, read_card, sha256
from classmood.errors import ModelError

__all__ = [
    "FOLDER",
    "SHIPPED_DETECTOR",
    "SHIPPED_EMOTION",
    "SHIPPED_MASTER",
    "Card",
    "EmotionCard",
    "find",
    "open_session",
    "read_card",
    "sha256",
]

FOLDER = Path(__file__).parent
SHIPPED_EMOTION = "emotion-resnet18-int8"
SHIPPED_DETECTOR = "centerface"
# In a checkout, not in the wheel: for export and fine-tuning.
SHIPPED_MASTER = FOLDER / "emotion-resnet18-master.safetensors"


def find(model: str | Path) -> Path:
    """The path of a shipped model by its name, or of a file of one's own.

    Raises:
        ModelError: there is no such file.
    """
    shipped = FOLDER / f"{model}.onnx"
    path = shipped if shipped.is_file() else Path(model)
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in FOLDER.glob("*.onnx"))) or "none"
        raise ModelError(f"{model}: no such model file; shipped are {names}")
    return path


def open_session(path: Path, *, threads: int) -> onnxruntime.InferenceSession:
    """Open a checked model for the CPU.

    Raises:
        ModelError: the file is no model that ONNX Runtime can run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Detector and recogniser take turns: threads that spin while they wait would steal the other's core.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen unrelated types from its C++ side
        raise ModelError(f"{path}: ONNX Runtime cannot open it ({str(error).splitlines()[0]})") from error
