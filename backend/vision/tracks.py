"""Follows people through the sampled frames: which face belongs to whom."""

from __future__ import annotations

import numpy as np

from backend.records import Face

REACH = 1.2  # farthest move between two sampled frames, in sizes of the face
GROWTH = 2.0  # largest change of size between two sampled frames, as a ratio
PATIENCE = 3  # frames a face may be missing before its track is closed to newcomers
MANY = 8  # frames from which on a person is expected to be seen twice
SURE = 0.8  # detector's score from which on one sighting is enough


class Tracker:
    """Links faces frame by frame, nearest pair first.

    Sampled frames lie far apart (a third of a second in a ten-second clip), so that overlap of
    boxes would lose people who move; distance in face sizes and likeness of size are used instead.
    """

    def __init__(self):
        self._last: list[tuple[int, Face]] = []

    def assign(self, frame: int, faces: list[Face]) -> list[int]:
        """Give each face of the next frame its track.

        Args:
            frame: index of the frame; must grow from call to call.
            faces: found in it.

        Returns:
            The id of each face's track, 0, 1, 2 ...; no id twice.
        """
        pairs = []
        for i, face in enumerate(faces):
            for track, (seen, last) in enumerate(self._last):
                distance = _distance(face, last)
                if frame - seen <= PATIENCE and distance < REACH:
                    pairs.append((distance, i, track))
        ids: dict[int, int] = {}
        for _, i, track in sorted(pairs):
            if i not in ids and track not in ids.values():
                ids[i] = track
        for i, face in enumerate(faces):
            if i not in ids:
                ids[i] = len(self._last)
                self._last.append((frame, face))
            self._last[ids[i]] = (frame, face)
        return [ids[i] for i in range(len(faces))]


def without_glimpses(frames: list[list[tuple[Face, int]]]) -> list[list[tuple[Face, int]]]:
    """Drop what was seen once in a clip and hardly surely: more often a pattern than a person.

    Args:
        frames: for each frame the faces with their tracks.

    Returns:
        The same without those faces; tracks are numbered anew, without gaps.
    """
    seen: dict[int, list[float]] = {}
    for faces in frames:
        for face, track in faces:
            seen.setdefault(track, []).append(face.score)
    kept = [
        track
        for track, scores in sorted(seen.items())
        if len(scores) > 1 or len(frames) < MANY or scores[0] >= SURE
    ]
    number = {track: new for new, track in enumerate(kept)}
    return [[(face, number[track]) for face, track in faces if track in number] for faces in frames]


def _distance(a: Face, b: Face) -> float:
    """How unlikely one person's face became the other, in face sizes; infinite beyond `GROWTH`."""
    ratio = max(a.size, b.size) / min(a.size, b.size)
    if ratio > GROWTH:
        return float("inf")
    centres = [np.array([f.box[0] + f.box[2], f.box[1] + f.box[3]]) / 2 for f in (a, b)]
    return float(np.linalg.norm(centres[0] - centres[1]) / max(a.size, b.size) + np.log(ratio) / 2)
