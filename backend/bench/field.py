"""The peer: a clip as most detectors of this field judge it, every frame and one face a call."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from backend.faces.detector import FaceDetector
from backend.models.classifier import Classifier
from backend.models.members import FaceNetwork


def measure(
    path: Path, folder: Path, classifier: Classifier, detector: FaceDetector, most: int
) -> float:
    """Seconds for a whole clip: OpenCV reads every frame, each face is one Keras `predict`.

    Args:
        path: the clip.
        folder: of the model.
        classifier: cuts the faces out.
        detector: finds the faces in every frame, from nothing.
        most: frames that are timed; the rest is extrapolated from them.
    """
    from backend.engines.tensorflow import load_keras, with_map

    member = next(m for m in classifier.config.members if isinstance(m, FaceNetwork))
    network = with_map(load_keras(folder / member.file))
    size = (1, member.input_size, member.input_size, 3)
    network.predict(np.zeros(size, np.float32), verbose=0)  # builds its function
    capture = cv2.VideoCapture(str(path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    timed, own = 0, cv2.getNumThreads()
    cv2.setNumThreads(cv2.getNumberOfCPUs())  # as OpenCV does where nobody says otherwise
    began = time.perf_counter()
    while timed < most:
        read, frame = capture.read()
        if not read:
            break
        image = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        for face in detector.detect(image):
            crop = classifier.cut(image, face.box).crop[None].astype(np.float32)
            network.predict(crop * member.scale + member.offset, verbose=0)
        timed += 1
    seconds = time.perf_counter() - began
    cv2.setNumThreads(own)
    capture.release()
    return seconds * count / max(1, timed)
