"""What a picture may have gone through before it is judged, for calibration and evaluation."""

from __future__ import annotations

import cv2
import numpy as np

from backend.training.augment import degrade

UNTOUCHED = "as it is"
_NEUTRAL = np.zeros(3)

# What a face may have gone through before it is judged; each is applied to every face of `val`.
CONDITIONS: dict[str, degrade.Change] = {
    "as it is": lambda image: image,
    "JPEG 30": degrade.jpeg(30),
    "H.264 CRF 32": degrade.h264(32),
    "half size": degrade.rescale(0.5, cv2.INTER_LINEAR),
    "quarter size": degrade.rescale(0.25, cv2.INTER_LINEAR),
}

GRID: dict[str, degrade.Change] = {
    "JPEG 90": degrade.jpeg(90),
    "JPEG 70": degrade.jpeg(70),
    "JPEG 50": degrade.jpeg(50),
    "JPEG 30": CONDITIONS["JPEG 30"],
    "H.264 CRF 23": degrade.h264(23),
    "H.264 CRF 32": CONDITIONS["H.264 CRF 32"],
    "H.264 CRF 40": degrade.h264(40),
    "half size": CONDITIONS["half size"],
    "quarter size": CONDITIONS["quarter size"],
    "blur, sigma 1.5 px": degrade.blur(1.5),
    "noise, sigma 8": degrade.noise(8, seed=0),
    "half as bright": degrade.tone(0.5, 0, 1.0, 1.0, _NEUTRAL),
    "brighter by 40 %": degrade.tone(1.4, 0, 1.0, 1.0, _NEUTRAL),
}
TURNED = {"turned by 15°": 15.0, "turned by 30°": 30.0}  # about the face, see `degrade.turn`
