"""Makes two pictures of different origin comparable, so that only what shall be learned differs."""

from __future__ import annotations

import cv2
import numpy as np

from backend.training.augment.regions import region_mask

Box = tuple[float, float, float, float]


def difference(image: np.ndarray, fake: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Where a swap changed the face: 0 to 1, float32, the noise of two encodings left out."""
    if fake.shape != image.shape:
        fake = cv2.resize(fake, image.shape[1::-1])
    change = cv2.GaussianBlur(cv2.absdiff(image, fake).max(axis=2), (0, 0), 3).astype(np.float32)
    # Some pairs are a frame apart: hair and background moved, but a swap changes the face alone.
    face = cv2.GaussianBlur(region_mask(landmarks, image.shape[:2], "face"), (0, 0), 4)
    return np.clip((change - 6) / 6, 0, 1) * (face > 0.1)


def equal_reach(image: np.ndarray, box: Box, fake: np.ndarray, fake_box: Box, rng):
    """Cut two pictures so that both show equally much around the face, at the same resolution.

    Some sources are cut tightly and others show shoulders; the repeated edge of a tight one, or a
    source's own face size, would otherwise tell real from generated. Both are made smaller than
    they are: were one kept as it is, the grid of its pixels would tell which was resampled.
    """
    reach = np.minimum(_reach(image, box), _reach(fake, fake_box))
    out = []
    side = min(max(b[2] - b[0], b[3] - b[1]) for b in (box, fake_box)) * rng.uniform(0.75, 0.95)
    for picture, face in ((image, box), (fake, fake_box)):
        own = max(face[2] - face[0], face[3] - face[1])
        middle = ((face[0] + face[2]) / 2, (face[1] + face[3]) / 2)
        height, width = picture.shape[:2]
        left = int(np.clip(middle[0] - reach[0] * own, 0, width - 2))
        top = int(np.clip(middle[1] - reach[1] * own, 0, height - 2))
        right = int(np.clip(middle[0] + reach[2] * own, left + 2, width))
        bottom = int(np.clip(middle[1] + reach[3] * own, top + 2, height))
        factor = side / own
        part = picture[top:bottom, left:right]
        part = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        out += [part, tuple((v - (left, top)[i % 2]) * factor for i, v in enumerate(face))]
    return out


def _reach(image, box) -> np.ndarray:
    """How far the picture goes to the left, top, right, bottom of the face's middle, in faces."""
    height, width = image.shape[:2]
    side = max(box[2] - box[0], box[3] - box[1])
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return np.clip(np.array([x, y, width - x, height - y]) / side, 0.3, 1.0)


def equal_tone(image: np.ndarray, box: Box, fake: np.ndarray, fake_box: Box, rng) -> tuple:
    """Give one of two faces, drawn at random, the other's mean and spread of each colour.

    Generated faces are darker than photographs on average; that is taste and no evidence.
    """
    pictures, boxes = [image, fake], [box, fake_box]
    changed = int(rng.integers(2))
    (mean, spread), (goal, width) = (_tone(pictures[i], boxes[i]) for i in (changed, 1 - changed))
    gain = np.clip(width / spread, 0.5, 2.0)
    out = (pictures[changed] - mean) * gain + goal
    pictures[changed] = np.clip(out + 0.5, 0, 255).astype(np.uint8)
    return tuple(pictures)


def _tone(image: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    left, top, right, bottom = (max(0, int(v)) for v in box)
    face = image[top : bottom + 1, left : right + 1].reshape(-1, 3).astype(np.float32)
    return face.mean(0), face.std(0) + 1.0
