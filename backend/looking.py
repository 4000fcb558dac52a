"""Looks at each frame of a file: finds and follows the faces, and keeps what later stages need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from backend.annotate import shrink
from backend.evidence.measures import sample, traits
from backend.records import Face, Frame, Traits
from backend.vision.appearance import describe
from backend.vision.classifier import Classifier
from backend.vision.faces import FaceDetector
from backend.vision.follow import Follower
from backend.vision.tracks import Tracker


@dataclass(frozen=True, slots=True)
class Look:
    """What remains of a frame that was searched.

    Attributes:
        time: seconds.
        view: the reduced frame and the factor to its px; None where no picture is wanted.
        sample: see `backend.evidence.measures.sample`.
        faces: with their tracks.
        traits: of each face, by its id.
    """

    time: float
    view: tuple[np.ndarray, float] | None
    sample: np.ndarray
    faces: list[tuple[Face, int]]
    traits: dict[int, Traits]


class Looking:
    """Call it once with the frames of one file.

    Args:
        detector: finds faces.
        classifier: knows how they are cut out.
        tracker: follows them.
        max_faces: of one frame; the others are left out.
        widest: px, longer side of the views; None keeps none.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: Classifier,
        tracker: Tracker,
        max_faces: int,
        widest: int | None,
    ):
        self._follower, self._classifier, self._tracker = Follower(detector), classifier, tracker
        self._max_faces, self._widest = max_faces, widest

    def __call__(self, frames: Iterable[Frame]) -> Iterator[tuple[Look, list[np.ndarray]]]:
        """Yield a look for each frame, and the classifier's cuts of its faces in their order."""
        for frame in frames:
            image = frame.image
            faces = self._follower.find(image, frame.time)[: self._max_faces]
            # Left to right, so that numbers on a group picture are easy to follow.
            faces.sort(key=lambda face: face.box[0])
            tracks = self._tracker.assign(
                frame.index, faces, [describe(image, face) for face in faces]
            )
            cuts = [self._classifier.cut(image, face.box) for face in faces]
            measured = [
                traits(image, face, self._classifier.view(cut))
                for face, cut in zip(faces, cuts, strict=True)
            ]
            look = Look(
                time=frame.time,
                view=shrink(image, self._widest) if self._widest else None,
                sample=sample(image),
                faces=list(zip(faces, tracks, strict=True)),
                traits={id(face): each for face, each in zip(faces, measured, strict=True)},
            )
            yield look, cuts
