"""YuNet through OpenCV's ``FaceDetectorYN``, from a file that the user has.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 2023,
doi:10.1007/s11633-023-1423-y. OpenCV decodes it and gives a row a face: x, y, width, height, the person's right eye,
left eye, nose, right and left corner of the mouth, score. It expects BGR.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8

from classmood.boxes import SAME_FACE_IOU, Rows
from classmood.errors import ModelError

_FACES_AT_MOST: Final = 5000


class YuNetNetwork:
    """The network, on one picture at a time.

    Attributes:
        aim_px, floor_px, ceiling_px: face heights as in ``classmood.faces.Network``; OpenCV's model zoo
            states that it sees faces from about 10 to 300 px.
    """

    aim_px = 24.0
    floor_px = 14.0
    ceiling_px = 280.0

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise ModelError(f"{model}: no such file; expected a YuNet model such as face_detection_yunet_2023mar.onnx")
        # From bytes: OpenCV opens no path with letters outside the system's code page on Windows.
        content = np.frombuffer(model.read_bytes(), np.uint8)
        try:
            self._detector = cv2.FaceDetectorYN.create(
                "onnx", content, np.zeros(0, np.uint8), (32, 32), 0.5, SAME_FACE_IOU, _FACES_AT_MOST
            )
            self(np.zeros((64, 64, 3), np.uint8), threshold=0.5)
        except (cv2.error, ValueError, TypeError) as error:
            said = " ".join(str(error).split())
            raise ModelError(f"{model}: expected a YuNet face detector, OpenCV cannot run it ({said[:120]})") from error

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], *, threshold: float) -> Rows:
        """Find faces in an RGB image."""
        height, width = image.shape[:2]
        self._detector.setInputSize((width, height))
        self._detector.setScoreThreshold(threshold)
        _, rows = self._detector.detect(np.ascontiguousarray(image[:, :, ::-1]))
        if rows is None:
            return np.zeros((0, 15), np.float32)
        return np.asarray(rows, np.float32).reshape(-1, 15)
