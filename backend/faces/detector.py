"""Finds all faces of a picture: candidates at two scales, each confirmed in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.engines import Precision
from backend.faces.blazeface import BlazeFace, Window, merge
from backend.faces.mesh import FaceMesh
from backend.faces.resize import scale_to
from backend.faces.tflite_files import FULL_RANGE, SHORT_RANGE, tflite_file
from backend.records.observations import Face

# Measured in docs/measurements/faces.md.
TILE = 590  # px; most faces of 40 px are found in tiles of this side, and a 1080p frame takes eight
MOST_TILES = 4  # tiles along the longer side of a large picture, before overlap
OVERLAP = 0.17  # of a tile's side: as large as the faces that the search of the whole picture finds
CLOSE = 1.5  # black margin that lets the short range see a face that fills the picture
CANDIDATE = 0.1  # low, because every candidate is looked at again; 0.25 loses one small face in six
AROUND = 2.0  # side of the window that confirms, in longer sides of the candidate's box
SEEN = 0.5  # score of the rows of that window that are averaged into a box
DOUBTFUL = 0.6  # what scores less there is no face
SURE = 0.8  # what scores this or more is one; nothing else was seen to reach 0.8
CLEAR = 0.85  # what scores less, or lies turned by more than `TURNED`, is looked at again, turned
TURNED = 30.0  # degrees; the networks have learnt from faces that are upright or nearly so
PRESENT = 0.5  # what the face mesh must say of those between the two


@dataclass(frozen=True, slots=True)
class Reduced:
    """A picture beside itself at the scale at which it is searched.

    Attributes:
        picture: uint8 RGB, shape (rows, columns, 3).
        image: uint8 RGB, shape (height, width, 3).
        factor: float, shape (2,): from its px to those of the picture, (x, y).
        tiles: overlapping square windows that cover it; none where one search of the whole does.
    """

    picture: np.ndarray
    image: np.ndarray
    factor: np.ndarray
    tiles: tuple[Window, ...]


class FaceDetector:
    """BlazeFace full range proposes faces, short range places them, the face mesh decides doubts.

    Every box comes from the short-range network looking at a window of twice the face, so boxes
    have one geometry at every size of face and picture. Safe to share between threads.
    `backend.faces.video_detector` does the same for the frames of a clip, at a part of the cost.

    Args:
        threads: windows looked at side by side, each by one CPU thread.
        cache: folder for the compiled networks: the next start takes half a second less.
        precision: what the search for candidates computes in. What is a face, and where it lies,
            is always decided in float32, so that boxes are the same on every machine.

    Raises:
        SetupError: the package with the networks is not installed.
    """

    def __init__(self, threads: int = 2, cache: Path | None = None, precision: Precision = "f32"):
        self._far = BlazeFace(tflite_file(FULL_RANGE), threads, cache, precision)
        self._near = BlazeFace(tflite_file(SHORT_RANGE), threads, cache)
        self._mesh = FaceMesh(cache=cache)

    def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
        """Find all faces.

        Args:
            image: uint8 RGB, shape (height, width, 3), any size from 1x1; also tight crops that
                one face fills to the edge.
            scale: by how much the picture is smaller than the one whose faces are wanted.

        Returns:
            Faces, best score first; boxes and landmarks in px of `image`.
        """
        reduced = self.reduce(image, scale)
        return self.confirm(reduced, self.propose(reduced, list(reduced.tiles), close=True))

    def reduce(self, image: np.ndarray, scale: float = 1.0) -> Reduced:
        """Scale a picture, uint8 RGB, once for all that search it; `scale` as for `detect`."""
        height, width = image.shape[:2]
        tile = max(TILE / scale, max(height, width) / MOST_TILES)
        if max(height, width) <= tile:
            return Reduced(image, image, np.ones(2, np.float32), ())
        scale = min(self._far.size / tile, 1.0)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        small = scale_to(image, *size, last=cv2.INTER_LINEAR)
        factor = np.array((width / size[0], height / size[1]), np.float32)
        return Reduced(image, small, factor, tuple(_tiles(small, self._far.size)))

    def propose(self, reduced: Reduced, tiles: list[Window], close: bool) -> np.ndarray:
        """Places worth a window of their own, in the picture as a whole and in some of its tiles.

        Args:
            reduced: of `reduce`.
            tiles: those of `reduced.tiles` to search beside the whole.
            close: also search for a face that fills the picture.

        Returns:
            float32, shape (n, 8, 2): px of the picture, rows as those of `BlazeFace.find`.
        """
        whole = Window.whole(reduced.image)
        points, _, _ = self._far.find(reduced.image, [whole, *tiles], CANDIDATE)
        if close:
            window = Window.whole(reduced.image, CLOSE)
            points = np.concatenate(
                [points, self._near.find(reduced.image, [window], CANDIDATE)[0]]
            )
        merged, _ = merge(points, np.ones(len(points), np.float32))
        return merged * reduced.factor

    def confirm(self, reduced: Reduced, candidates: np.ndarray) -> list[Face]:
        """The candidates that are faces.

        Args:
            reduced: of `reduce`.
            candidates: float32, shape (n, >= 2, 2): left top and right bottom, px of the picture.

        Returns:
            Faces, best score first; boxes and landmarks in px of the picture.
        """
        if not len(candidates):
            return []
        found = self._closely(reduced, candidates)
        missed = [
            place
            for place in candidates
            if not any(_contains(face, place[:2].mean(axis=0)) for face in found)
        ]
        found = [self._upright(reduced, face) for face in found]
        # The networks may not see at all what is upside down.
        found += [each for each in self._closely(reduced, missed, 180.0) if each.score >= SURE]
        faces: list[Face] = []
        for face in sorted(found, key=lambda face: -face.score):
            # An eye with its brow passes for a face too: it lies inside the whole one.
            middle = np.array(face.box).reshape(2, 2).mean(axis=0)
            inside = any(_contains(other, middle) for other in faces)
            if not inside and self._is_face(reduced.picture, face):
                faces.append(face)
        return faces

    def _upright(self, reduced: Reduced, face: Face) -> Face:
        """The face as it was seen, or as it is seen in a turned window, whichever scores best.

        A face that is upside down passes for a poor one that is upright.
        """
        if face.score >= CLEAR and abs(face.roll) <= TURNED:
            return face
        box = np.array(face.box, np.float32).reshape(1, 2, 2)
        turns = (face.roll, face.roll + 180)
        seen = [face, *(each for turn in turns for each in self._closely(reduced, box, turn))]
        return max(seen, key=lambda each: each.score)

    def _is_face(self, image: np.ndarray, face: Face) -> bool:
        if not DOUBTFUL <= face.score < SURE:
            return face.score >= SURE
        return self._mesh.landmarks(image, face)[1] >= PRESENT

    def _closely(
        self, reduced: Reduced, places: Sequence[np.ndarray] | np.ndarray, roll: float = 0.0
    ) -> list[Face]:
        """The faces in the middle of a window around each place, merged, best score first.

        Args:
            reduced: of `reduce`.
            places: each float32, shape (>= 2, 2): left top and right bottom, px of the picture.
            roll: degrees clockwise that the windows are turned.
        """
        if not len(places):
            return []
        corners = np.stack([place[:2] for place in places])
        sides = AROUND * (corners[:, 1] - corners[:, 0]).max(axis=1)
        # Where the reduced picture still has the px that the network sees, it is cut from far less.
        coarse = sides >= self._near.size * reduced.factor.max()
        whole = np.ones(2, np.float32)
        points, scores = zip(
            self._search_around(reduced.picture, corners[~coarse], whole, roll),
            self._search_around(reduced.image, corners[coarse], reduced.factor, roll),
            strict=True,
        )
        merged = merge(np.concatenate(points), np.concatenate(scores))
        return [
            Face(tuple(map(float, points[:2].reshape(4))), float(score), points[2:])
            for points, score in zip(*merged, strict=True)
        ]

    def _search_around(
        self, image: np.ndarray, corners: np.ndarray, factor: np.ndarray, roll: float
    ):
        """Points, px of the picture, and scores of the faces in the middle of windows.

        Args:
            image: the picture, or the reduced one.
            corners: of the boxes to search around, px of the picture.
            factor: from px of `image` to those of the picture.
            roll: degrees clockwise that the windows are turned.
        """
        windows = [Window.around(each.reshape(4), AROUND, roll) for each in corners / factor]
        points, scores, seen = self._near.find(image, windows, SEEN)
        middles = np.array([(w.left + w.side / 2, w.top + w.side / 2) for w in windows])
        middles = middles.reshape(-1, 2)[seen]
        central = ((points[:, 0] <= middles) & (points[:, 1] >= middles)).all(axis=1)
        return points[central] * factor, scores[central]


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
