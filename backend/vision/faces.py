"""Finds all faces of a picture: candidates at two scales, each confirmed by a second look."""

from __future__ import annotations

import cv2
import numpy as np

from backend.records import Face
from backend.vision.blazeface import BlazeFace, Window, merge
from backend.vision.mesh import FaceMesh
from backend.vision.tflite_files import FULL_RANGE, SHORT_RANGE, tflite_file

# Measured in docs/measurements/faces.md.
TILE = 590  # px; most faces of 40 px are found in tiles of this side, and a 1080p frame takes eight
MOST_TILES = 4  # tiles along the longer side of a large picture, before overlap
OVERLAP = 0.17  # of a tile's side: as large as the faces that the look at the whole picture finds
CLOSE = 1.5  # black margin that lets the short range see a face that fills the picture
CANDIDATE = 0.1  # low, because every candidate is looked at again; 0.25 loses one small face in six
SECOND_LOOK = 2.0  # side of the second look's window in longer sides of the candidate's box
SEEN = 0.5  # rows of the second look that are averaged into a box
DOUBTFUL = 0.6  # second looks below this are not faces
SURE = 0.8  # second looks from here on are; nothing else was seen to reach 0.8
PRESENT = 0.5  # what the face mesh must say of those between the two


class FaceDetector:
    """BlazeFace full range proposes faces, short range places them, the face mesh decides doubts.

    Every box comes from the short-range network looking at a window of twice the face, so boxes
    have one geometry at every size of face and picture. Safe to share between threads.

    Args:
        threads: CPU threads for one pass of a network.

    Raises:
        SetupError: the package with the networks is not installed.
    """

    def __init__(self, threads: int = 2):
        self._far = BlazeFace(tflite_file(FULL_RANGE), threads)
        self._near = BlazeFace(tflite_file(SHORT_RANGE), threads)
        self._mesh = FaceMesh(threads)

    def detect(self, image: np.ndarray) -> list[Face]:
        """Find all faces.

        Args:
            image: uint8 RGB, shape (height, width, 3), any size from 1x1; also tight crops that
                one face fills to the edge.

        Returns:
            Faces, best score first; boxes and landmarks in px of `image`.
        """
        candidates = self._propose(image)
        if not len(candidates):
            return []
        faces: list[Face] = []
        for points, score in zip(*self._confirm(image, candidates), strict=True):
            face = Face(tuple(map(float, points[:2].reshape(4))), float(score), points[2:])
            # An eye with its brow passes for a face too: it lies inside the whole one.
            middle = points[:2].mean(axis=0)
            inside = any(_contains(other, middle) for other in faces)
            if not inside and self._is_face(image, face):
                faces.append(face)
        return faces

    def _is_face(self, image: np.ndarray, face: Face) -> bool:
        if not DOUBTFUL <= face.score < SURE:
            return face.score >= SURE
        return self._mesh.landmarks(image, face)[1] >= PRESENT

    def _propose(self, image: np.ndarray) -> np.ndarray:
        """Places worth a second look: float32, shape (n, 8, 2), px of `image`."""
        height, width = image.shape[:2]
        tile = max(TILE, max(height, width) / MOST_TILES)
        scale = min(self._far.size / tile, 1.0)
        tiled = max(height, width) > tile
        if tiled:  # shrunk once for all tiles: much cheaper than once a tile
            size = max(round(width * scale), 1), max(round(height * scale), 1)
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        else:
            small = image
        windows = [Window.whole(small), *(_tiles(small, self._far.size) if tiled else ())]
        far, _, _ = self._far.look(small, windows, CANDIDATE)
        near, _, _ = self._near.look(small, [Window.whole(small, CLOSE)], CANDIDATE)
        points = np.concatenate([far, near])
        merged, _ = merge(points, np.ones(len(points), np.float32))
        return merged * (width / small.shape[1], height / small.shape[0])

    def _confirm(self, image: np.ndarray, candidates: np.ndarray):
        """The faces that the second look finds in the middle of its windows, merged."""
        windows = [Window.around(face[:2].reshape(4), SECOND_LOOK) for face in candidates]
        points, scores, seen = self._near.look(image, windows, SEEN)
        middles = np.array([(w.left + w.side / 2, w.top + w.side / 2) for w in windows])[seen]
        central = ((points[:, 0] <= middles) & (points[:, 1] >= middles)).all(axis=1)
        return merge(points[central], scores[central])


def _contains(face: Face, point: np.ndarray) -> bool:
    left, top, right, bottom = face.box
    return bool(left <= point[0] <= right and top <= point[1] <= bottom)


def _tiles(image: np.ndarray, side: int) -> list[Window]:
    """Overlapping square windows that cover the picture."""

    def starts(length: int) -> np.ndarray:
        if length <= side:
            return np.array([(length - side) / 2])
        count = int(np.ceil((length - side) / (side * (1 - OVERLAP)))) + 1
        return np.linspace(0, length - side, count).round()

    height, width = image.shape[:2]
    return [Window(x, y, side) for y in starts(height) for x in starts(width)]
