"""Scores each person of a clip by how the face changes from moment to moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.analysis.face_frames import SearchedFrame
from backend.models.classifier import Classifier
from backend.records.observations import FaceObservation


def with_tracks(
    frames: Sequence[SearchedFrame], seconds: Mapping[str, float], classifier: Classifier
) -> tuple[list[SearchedFrame], Mapping[str, float]]:
    """Add what the members say that judge tracks to each face of the track.

    Args:
        frames: of a clip, in order of time, with the final tracks of their faces, scored.
        seconds: member -> wall time of its passes so far.
        classifier: that scored them.

    Returns:
        The frames, and the seconds with those of the tracks.
    """
    tracks: dict[int, list[FaceObservation]] = defaultdict(list)
    for frame in frames:
        for seen in frame.faces:
            if seen.features is not None:
                tracks[seen.track].append(seen)
    spent, found = Counter(seconds), {}
    for own in tracks.values():
        votes, taken = classifier.tracks.judge([seen.features for seen in own])
        spent.update(taken)
        for seen in own:
            both = {**seen.votes, **votes}
            logit, probability = classifier.together(both)
            found[seen.id] = replace(
                seen, votes=both, logit=logit, probability=probability, features=None
            )
    return [
        replace(frame, faces=tuple(found.get(seen.id, seen) for seen in frame.faces))
        for frame in frames
    ], spent
