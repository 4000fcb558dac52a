"""Finds the faces of a clip's frames: where little changed since the last search, searches less."""

from __future__ import annotations

import cv2
import numpy as np

from backend.faces.blazeface import SAME_FACE, Window, overlap
from backend.faces.detector import FaceDetector, Reduced
from backend.records.observations import Face

# `python -m backend.training.measure.faces` measures them, on clips and on made sequences.
CELL = 4  # px of the reduced frame: what a cell of the comparison covers; a face of 40 px has 9
CHANGED = 6  # grey levels from which on a cell has changed; noise and compression stay below
BRIGHT = 60.0  # mean grey level of the place below which less than `CHANGED` is a change
FEW = 4  # changed cells from which on a tile has to be searched again
TURNS = 2  # changed tiles searched in one frame at most, the longest unsearched first
SOON = 1.0  # s between frames up to which a newcomer may wait for its tile's turn; else none waits
REST = 0.7  # s after a search of the whole up to which frames are searched where faces were alone
RESTS = 2  # such frames in a row at most
CUT = 0.5  # share of the grey levels' histogram that changes when the scene does
PLACE = 2.0  # side of the window around a box whose cells tell whether the place has changed


class Follower:
    """Finds faces frame by frame. One for each clip; not safe to share between threads.

    Every third frame of a close sequence is looked at as a whole, and each at the faces of the
    frame before. The tiles that small faces need cost most; they are searched all at once at the
    start, after a cut and when a known face is gone, and else only those where something changed
    since their last search: a few a frame in a close sequence, all of them after a long time.
    What was looked at twice and was no face is not looked at again until its place changes.

    Args:
        detector: searches frames.

    Attributes:
        cut: whether the last frame shows another scene. A moving camera changes as many cells as
            a cut to another shot of the same room does, so only the grey levels tell.
    """

    def __init__(self, detector: FaceDetector):
        self._detector = detector
        self.cut = False
        self._known: list[Face] = []
        self._time = -np.inf
        self._cells = np.zeros((0, 0), np.uint8)  # of the last frame
        self._searched: list[np.ndarray] = []  # for each tile the cells of when it was searched
        self._turn: list[int] = []  # for each tile the frame's number of then
        self._refused: list[tuple[np.ndarray, np.ndarray]] = []  # points, cells of then
        self._number = 0
        self._whole = -np.inf  # s, the last frame that was looked at as a whole
        self._rests = 0  # frames since then

    def find(self, image: np.ndarray, time: float) -> list[Face]:
        """Find all faces of the next frame.

        Args:
            image: uint8 RGB, shape (height, width, 3).
            time: seconds from the start of the clip.

        Returns:
            Faces, best score first; boxes and landmarks in px of `image`.
        """
        reduced = self._detector.reduce(image)
        cells = _cells(reduced.image)
        # Pictures of two sizes can have as many cells, but not be cut into as many tiles.
        same = len(reduced.tiles) == len(self._searched)
        fresh = not same or self._is_cut(cells)
        self.cut = fresh
        late = time - self._time > SOON
        if self._known and not fresh and self._rests < RESTS and time - self._whole <= REST:
            known = _rows([_points(face) for face in self._known])
            faces = self._detector.confirm(reduced, known)
            if all(_is_among(known, faces) for known in self._known):
                self._rests += 1
                self._remember(faces, cells, time, [], len(reduced.tiles))
                return faces
        self._rests, self._whole = 0, time
        due = list(range(len(reduced.tiles)))
        if not fresh:
            due = self._changed(reduced, cells)[: None if late else TURNS]
        self._forget(reduced, cells, everything=fresh)
        candidates = self._candidates(reduced, due, fresh or late)
        faces = self._detector.confirm(reduced, candidates)
        rest = [tile for tile in range(len(reduced.tiles)) if tile not in due]
        searched = fresh or (late and not rest)
        if not searched and not all(_is_among(known, faces) for known in self._known):
            candidates = np.concatenate([candidates, self._candidates(reduced, rest, True)])
            faces = self._detector.confirm(reduced, candidates)
            due += rest
        self._refused += [(points, cells) for points in candidates if not _holds(points, faces)]
        self._remember(faces, cells, time, due, len(reduced.tiles))
        return faces

    def _is_cut(self, cells: np.ndarray) -> bool:
        """Whether nothing that is known helps with this frame."""
        if cells.shape != self._cells.shape:
            return True
        before, now = (np.bincount(c.reshape(-1) >> 3, minlength=32) for c in (self._cells, cells))
        return bool(np.abs(before - now).sum() > 2 * CUT * cells.size)

    def _changed(self, reduced: Reduced, cells: np.ndarray) -> list[int]:
        """The tiles where something changed since they were searched, the longest ago first."""
        own = np.ones(cells.shape, bool)
        for face in self._known:
            own[_place(_points(face), reduced)] = False
        changed = []
        for number, tile in enumerate(reduced.tiles):
            part = _part(tile)
            if (_differ(cells[part], self._searched[number][part]) & own[part]).sum() >= FEW:
                changed.append(number)
        return sorted(changed, key=lambda number: self._turn[number])

    def _forget(self, reduced: Reduced, cells: np.ndarray, everything: bool) -> None:
        """Forget what was refused where something changed since."""
        self._refused = [
            (points, then)
            for points, then in self._refused
            if not everything
            and _differ(cells[part := _place(points, reduced)], then[part]).sum() < FEW
        ]

    def _candidates(self, reduced: Reduced, tiles: list[int], close: bool) -> np.ndarray:
        """What is proposed, and the known faces that were not proposed again."""
        proposed = self._detector.propose(reduced, [reduced.tiles[tile] for tile in tiles], close)
        refused = _rows([points for points, _ in self._refused])
        proposed = [one for one in proposed if not (overlap(one, refused) > SAME_FACE).any()]
        known = [
            points
            for points in map(_points, self._known)
            if not (overlap(points, _rows(proposed)) > SAME_FACE).any()
        ]
        return _rows(proposed + known)

    def _remember(self, faces, cells, time: float, searched: list[int], tiles: int) -> None:
        self._known, self._cells, self._time = faces, cells, time
        self._number += 1
        if len(searched) == tiles:
            self._searched, self._turn = [cells] * tiles, [self._number] * tiles
        for tile in searched:
            self._searched[tile], self._turn[tile] = cells, self._number


def _cells(image: np.ndarray) -> np.ndarray:
    """Mean grey level of each whole cell: uint8, shape (height / CELL, width / CELL)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    rows, columns = (max(1, side // CELL) for side in grey.shape)
    whole = grey[: rows * CELL, : columns * CELL]  # blocks of whole px, which is far faster
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def _differ(cells: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where two frames differ; in the dark, less of a difference matters."""
    if not cells.size:
        return np.zeros(cells.shape, bool)
    return cv2.absdiff(cells, others) > CHANGED * min(1.0, cells.mean() / BRIGHT)


def _part(window: Window) -> tuple[slice, slice]:
    """The cells of a window of the reduced frame."""
    top, left = max(0, int(window.top // CELL)), max(0, int(window.left // CELL))
    bottom = max(0, int(np.ceil((window.top + window.side) / CELL)))
    right = max(0, int(np.ceil((window.left + window.side) / CELL)))
    return slice(top, bottom), slice(left, right)


def _place(points: np.ndarray, reduced: Reduced) -> tuple[slice, slice]:
    """The cells around a box that is given in px of the picture."""
    return _part(Window.around((points[:2] / reduced.factor).reshape(4), PLACE))


def _points(face: Face) -> np.ndarray:
    return np.concatenate([np.array(face.box, np.float32).reshape(2, 2), face.landmarks])


def _rows(points: list[np.ndarray]) -> np.ndarray:
    return np.array(points, np.float32).reshape(-1, 8, 2)


def _middle(face: Face) -> np.ndarray:
    return np.array(face.box).reshape(2, 2).mean(axis=0)


def _is_among(known: Face, faces: list[Face]) -> bool:
    """Whether a face is still there: one lies no farther from where it was than its own size."""
    return any(np.abs(_middle(face) - _middle(known)).max() < known.size for face in faces)


def _holds(points: np.ndarray, faces: list[Face]) -> bool:
    """Whether a candidate became one of the faces or a part of one."""
    return any((overlap(points, _points(face)[None]) > 0).any() for face in faces)
