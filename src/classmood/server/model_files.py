"""The models as files for the student's browser: handed out for a ``Permit`` alone, and never run here.

This is the only module of the server that touches models; it is imported where the deployment allows them. It serves
what lies in ``models/web`` (made at build time); where that folder is missing, the shipped files under the same names.
The emotion model may be one of the operator's own (``own_model``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from starlette.responses import Response

from classmood.errors import ModelError
from classmood.server.files import ASK_AGAIN, file_answer, find_file
from classmood.server.gate import Permit
from classmood.server.gatekeeper import Gatekeeper
from classmood.server.refusals import not_found

MODELS: Final = Path(__file__).parents[1] / "models"
_SHIPPED: Final = {"emotion": "emotion-resnet18-int8", "detector": "centerface"}


class ModelFiles:
    """The files of one server."""

    def __init__(self, gatekeeper: Gatekeeper, folder: Path = MODELS, *, own: Path | None = None) -> None:
        """Find them.

        Args:
            gatekeeper: says whether they may be handed out.
            folder: of the shipped ones.
            own: an emotion model in place of the shipped one.

        Raises:
            ModelError: a file or a card is missing, or does not fit.
            ChecksumError: the model of one's own is not the one of its card.
        """
        self._gatekeeper = gatekeeper
        built = folder / "web"
        names = {name: built / name for name in _SHIPPED}
        if not all((built / f"{name}{suffix}").is_file() for name in names for suffix in (".onnx", ".json")):
            names = {name: folder / shipped for name, shipped in _SHIPPED.items()}
        if own is not None:
            from classmood.server.own_model import make_ready

            # It goes with this object.
            self._made = TemporaryDirectory(prefix="classmood-model-")
            made = make_ready(own, names["emotion"].with_name(names["emotion"].name + ".json"), Path(self._made.name))
            names["emotion"] = made.with_suffix("")
        self._files = {
            f"{name}{suffix}": path.with_name(path.name + suffix)
            for name, path in names.items()
            for suffix in (".onnx", ".json")
        }
        for path in self._files.values():
            if find_file(path.parent, path.name) is None:
                raise ModelError(f"{path}: expected a model file; build the package, or reinstall classmood")

    def listing(self, permit: Permit) -> dict[str, object]:
        """The cards, and the files with their sizes.

        Raises:
            NotPermitted: the permit does not hold.
        """
        self._gatekeeper.check(permit)
        return {
            "cards": {name: json.loads(self._files[f"{name}.json"].read_text(encoding="utf-8")) for name in _SHIPPED},
            "files": {name: {"bytes": path.stat().st_size} for name, path in self._files.items()},
        }

    def answer(self, permit: Permit, name: str, headers: Mapping[str, str]) -> Response:
        """One file.

        Raises:
            NotPermitted: the permit does not hold.
            Refused: there is none of that name.
        """
        self._gatekeeper.check(permit)
        path = self._files.get(name)
        if path is None:
            raise not_found("model file (one of GET /api/v1/models)")
        # Whoever has it may keep it, and asks each time whether the deployment still allows it.
        return file_answer(path, headers, ASK_AGAIN, private=True)
