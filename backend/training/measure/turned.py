"""How well faces are found and told that lie turned in the picture, at angles of a half circle."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from backend.faces.detector import FaceDetector
from backend.models.classifier import Classifier
from backend.models.crops import turn
from backend.records.observations import Face
from backend.settings import Settings
from backend.training.data.face_cache import CutFace, FaceCache
from backend.training.data.pools import spread

ANGLES = (0, 30, 90, 150, 180)  # degrees clockwise
MOST = 250  # faces of each label, of clips and of pictures
KINDS = {"video": "clips", "image": "pictures"}

HEAD = """<!-- What turning faces upright is worth. -->
# Faces that lie turned

Printed by `python -m backend measure turned DATA`. The faces of `dev-a`, one a file, are turned in
the picture with what is kept around them, found anew and judged as small pictures are. "Upright
within 10°" is the share of those found whose turn was told right. The area under the curve is of
the faces that are found at every angle.

| faces | turned by | found | upright within 10° | AUC |
|---|---|---|---|---|
"""


def measure(settings: Settings, faces: FaceCache) -> str:
    """The page in Markdown: a line for each kind of file and angle."""
    classifier = Classifier(settings.model, settings.cache, settings.engine)
    detector, lines = FaceDetector(), []
    for kind, name in KINDS.items():
        drawn = [
            face
            for fake in (False, True)
            for face in spread(
                (f for f in faces.of("dev-a") if f.row.kind == kind and f.row.fake == fake), MOST
            )
        ]
        fake = np.array([face.row.fake for face in drawn])
        judge = classifier.of("video" if kind == "video" else "small_image")
        found = {degrees: _at(degrees, drawn, detector, judge) for degrees in ANGLES}
        always = ~np.isnan([logits for logits, _ in found.values()]).any(axis=0)
        for degrees, (logits, error) in found.items():
            seen = ~np.isnan(logits)
            auc = roc_auc_score(fake[always], logits[always])
            upright = np.mean(error[seen] <= 10)
            lines.append(f"| {name} | {degrees}° | {seen.mean():.1%} | {upright:.1%} | {auc:.3f} |")
    return HEAD + "\n".join(lines) + "\n"


def _at(
    degrees: int, faces: Sequence[CutFace], detector: FaceDetector, classifier: Classifier
) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated logits of turned faces, NaN where none is found, and errors of their turn, °."""
    logits, errors = np.full(len(faces), np.nan), np.full(len(faces), np.nan)
    for place, face in enumerate(faces):
        image, middle = _turned(face, degrees)
        found = [each for each in detector.detect(image) if _holds(each, middle)]
        if found:
            errors[place] = abs((found[0].roll - _roll(face) - degrees + 180) % 360 - 180)
            cut = classifier.cut(image, found[0].box, found[0].roll)
            logits[place] = classifier.logits([cut])[0]
    print(f"turned by {degrees}°", file=sys.stderr)
    return logits, errors


def _turned(face: CutFace, degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture kept around a face, turned on a canvas that holds it, and the face's middle."""
    image = face.image()
    size = np.array(image.shape[1::-1])
    side = int(np.ceil(np.hypot(*size)))
    matrix = turn(degrees)
    offset = side / 2 - matrix @ (size / 2)
    pixels = np.column_stack([matrix, offset + matrix @ (0.5, 0.5) - 0.5])
    turned = cv2.warpAffine(image, pixels, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return turned, matrix @ np.array(face.box).reshape(2, 2).mean(axis=0) + offset


def _roll(face: CutFace) -> float:
    """By the outer corners of the eyes in the mesh."""
    x, y = face.landmarks[263] - face.landmarks[33]
    return float(np.degrees(np.arctan2(y, x)))


def _holds(face: Face, point: np.ndarray) -> bool:
    left, top, right, bottom = face.box
    return bool(left <= point[0] <= right and top <= point[1] <= bottom)
