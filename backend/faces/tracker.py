"""Follows people through the sampled frames: which face belongs to whom."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from backend.faces.descriptor import unlike
from backend.records.observations import Face, FaceObservation

REACH = 1.2  # farthest move between two sampled frames, in sizes of the face
USUAL = 0.35  # s between sampled frames that this is for; in longer pauses people come farther
DOUBTFUL = 0.6  # how unlike who comes from farther may look; most strangers are more so
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
        self,
        frame: int,
        faces: list[Face],
        descriptors: list[np.ndarray],
        cut: bool = False,
        pause: float = 0.0,
    ) -> list[int]:
        """Give each face of the next frame its track.

        Args:
            frame: index of the frame; must grow from call to call.
            faces: found in it.
            descriptors: of each, from `backend.faces.descriptor.describe`.
            cut: whether this is another scene; then who looks unlike is somebody else.
            pause: s since the frame before; in long ones people come farther.

        Returns:
            The id of each face's track, 0, 1, 2 ...; no id twice.
        """
        costs = []
        for i, (face, own) in enumerate(zip(faces, descriptors, strict=True)):
            for track in range(len(self._last)):
                cost = self._cost(frame, face, own, track, cut, pause)
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

    def _cost(
        self, frame: int, face: Face, own: np.ndarray, track: int, cut: bool, pause: float
    ) -> float:
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
            # Who was hidden may have come farther, and so may who was filmed once a second; but
            # then it may be somebody else, too.
            reach = REACH * missing * (max(1.0, pause / USUAL) if difference < DOUBTFUL else 1.0)
            if away >= reach:
                away = np.inf
        return away + LIKENESS * difference


def as_one(frames: Sequence[Faces], repeats: Mapping[int, int]) -> list[Faces]:
    """Give tracks that show somebody a second time, as a blurred backdrop does, that one's track.

    Args:
        frames: the faces of each frame, with their tracks.
        repeats: id of an observation -> of another in its frame that it repeats.

    Returns:
        The same; a track of which at least every other observation repeats another is that one,
        and none of it is judged.
    """
    track = {each.id: each.track for faces in frames for each in faces}
    size = Counter(track.values())
    pairs = Counter((track[own], track[other]) for own, other in repeats.items())
    same = {
        own: other
        for (own, other), count in pairs.items()
        if own != other and 2 * count >= size[own]
    }
    return [
        tuple(
            replace(each.unjudged("face_blurred"), track=same[each.track])
            if each.track in same
            else each
            for each in faces
        )
        for faces in frames
    ]


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
