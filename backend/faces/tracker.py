"""Follows people through the sampled frames: which face belongs to whom."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backend.faces.descriptor import unlike
from backend.records.observations import Face, FaceObservation

REACH = 1.2  # farthest move between two sampled frames, in sizes of the face
GROWTH = 2.0  # largest change of size between two sampled frames, as a ratio
PATIENCE = 3  # frames a face may be missing before only one that looks alike continues its track
# How unlike it may look then, and where the scene may be another one. About one in a hundred
# strangers is that alike (docs/measurements/appearance.md).
ALIKE = 0.45
MEMORY = 32  # descriptors of a person that a newcomer is compared with: heads turn, and turn back
# Sizes of the face that unlikeness counts for, so that people who cross keep their names. One
# person differs by 0.3 from moment to moment, two people by 0.6 (docs/measurements/appearance.md):
# a move of the whole `REACH` must weigh less than that.
LIKENESS = 5.0
MANY = 8  # frames from which on a person is expected to be seen twice
SURE = 0.8  # detector's score from which on one observation is enough

Faces = tuple[FaceObservation, ...]  # of one frame


class Tracker:
    """Links faces frame by frame, likeliest pair first: near, of one size, and alike.

    Sampled frames lie far apart (a third of a second in a ten-second clip), so that overlap of
    boxes would lose people who move; distance in face sizes and likeness of size are used instead,
    and how the faces look, which alone tells who is who after two people crossed.
    """

    def __init__(self):
        self._last: list[tuple[int, Face]] = []
        self._described: list[deque[np.ndarray]] = []

    def assign(
        self, frame: int, faces: list[Face], descriptors: list[np.ndarray], cut: bool = False
    ) -> list[int]:
        """Give each face of the next frame its track.

        Args:
            frame: index of the frame; must grow from call to call.
            faces: found in it.
            descriptors: of each, from `backend.faces.descriptor.describe`.
            cut: whether this is another scene; then who looks unlike is somebody else.

        Returns:
            The id of each face's track, 0, 1, 2 ...; no id twice.
        """
        costs = []
        for i, (face, own) in enumerate(zip(faces, descriptors, strict=True)):
            for track in range(len(self._last)):
                cost = self._cost(frame, face, own, track, cut)
                if np.isfinite(cost):
                    costs.append((cost, i, track))
        ids: dict[int, int] = {}
        for _, i, track in sorted(costs):
            if i not in ids and track not in ids.values():
                ids[i] = track
        for i, (face, own) in enumerate(zip(faces, descriptors, strict=True)):
            if i not in ids:
                ids[i] = len(self._last)
                self._last.append((frame, face))
                self._described.append(deque(maxlen=MEMORY))
            self._last[ids[i]] = (frame, face)
            self._described[ids[i]].append(own)
        return [ids[i] for i in range(len(faces))]

    @property
    def people(self) -> int:
        """How many tracks there are so far."""
        return len(self._last)

    def rejoin(self, frames: Sequence[Faces]) -> list[Faces]:
        """Give people who came back their first track: half hidden, they had not looked alike.

        Args:
            frames: the faces of each frame, with their tracks as assigned.

        Returns:
            The same, where later tracks that look like earlier ones, and are never seen beside
            them, are one with them.
        """
        name = list(range(len(self._last)))
        seen = [
            {number for number, faces in enumerate(frames) if track in _tracks(faces)}
            for track in name
        ]
        for later in name:
            own = np.stack(self._described[later])
            for earlier in range(later):
                if name[earlier] != earlier or seen[earlier] & seen[later]:
                    continue
                old = np.stack(self._described[earlier])
                if np.median([unlike(each, old).min() for each in own]) < ALIKE:
                    name[later] = earlier
                    seen[earlier] |= seen[later]
                    break
        return [_renamed(faces, dict(enumerate(name))) for faces in frames]

    def _cost(self, frame: int, face: Face, own: np.ndarray, track: int, cut: bool) -> float:
        """How unlikely a face continues a track; infinite where it does not."""
        seen, last = self._last[track]
        missing = frame - seen
        difference = float(unlike(own, np.stack(self._described[track])).min())
        if difference >= ALIKE and (cut or missing > PATIENCE):
            away = np.inf
        elif missing > PATIENCE:
            away = REACH * PATIENCE
        else:
            away = _distance(face, last)
            if away >= REACH * missing:  # who was hidden may have come farther
                away = np.inf
        return away + LIKENESS * difference


def without_glimpses(frames: Sequence[Faces]) -> list[Faces]:
    """Drop what was seen once in a clip and hardly surely: more often a pattern than a person.

    Args:
        frames: the faces of each frame, with their tracks.

    Returns:
        The same without those faces; tracks are numbered anew, without gaps.
    """
    seen: dict[int, list[float]] = {}
    for faces in frames:
        for each in faces:
            seen.setdefault(each.track, []).append(each.face.score)
    kept = [
        track
        for track, scores in sorted(seen.items())
        if len(scores) > 1 or len(frames) < MANY or scores[0] >= SURE
    ]
    number = {track: new for new, track in enumerate(kept)}
    return [_renamed(faces, number) for faces in frames]


def _tracks(faces: Faces) -> set[int]:
    return {each.track for each in faces}


def _renamed(faces: Faces, number: dict[int, int]) -> Faces:
    """The faces of the tracks that have a new number, with that."""
    return tuple(replace(each, track=number[each.track]) for each in faces if each.track in number)


def _distance(a: Face, b: Face) -> float:
    """How unlikely one person's face became the other, in face sizes; infinite beyond `GROWTH`."""
    ratio = max(a.size, b.size) / min(a.size, b.size)
    if ratio > GROWTH:
        return float("inf")
    centres = [np.array([f.box[0] + f.box[2], f.box[1] + f.box[3]]) / 2 for f in (a, b)]
    return float(np.linalg.norm(centres[0] - centres[1]) / max(a.size, b.size) + np.log(ratio) / 2)
