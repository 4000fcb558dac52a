"""What a picture may have gone through before it is judged; the first is nothing."""

from __future__ import annotations

import cv2
import numpy as np

from backend.training.augment import degrade

CONDITIONS: dict[str, degrade.Change] = {
    "as it is": lambda image: image,
    "JPEG 75": degrade.jpeg(75),
    "JPEG 50": degrade.jpeg(50),
    "H.264 CRF 32": degrade.h264(32),
    "half size": degrade.rescale(0.5, cv2.INTER_LINEAR),
    "blur, sigma 1.5 px": degrade.blur(1.5),
    "noise, sigma 8": degrade.noise(8, seed=0),
    "half as bright": degrade.tone(0.5, 0, 1.0, 1.0, np.zeros(3)),
}
