"""Looks at each frame of a file: finds and follows the faces, and keeps what later stages need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from backend.evidence.measurements import sample, traits
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.tracker import Tracker
from backend.faces.video_detector import Follower
from backend.media.decode import Clip
from backend.models.classifier import Classifier
from backend.models.crops import quarter_turns
from backend.records.media import Frame
from backend.records.observations import Face, Traits
from backend.report.annotate import shrink


@dataclass(frozen=True, slots=True)
class Look:
    """What remains of a frame that was searched.

    Attributes:
        time: seconds.
        view: the reduced frame and the factor from px of the file; None where no picture is wanted.
        scale: px of the file, as displayed, per px of the frame that was searched.
        sample: see `backend.evidence.measurements.sample`.
        faces: with their tracks, in px of the file.
        traits: of each face, by its id.
    """

    time: float
    view: tuple[np.ndarray, float] | None
    scale: float
    sample: np.ndarray
    faces: list[tuple[Face, int]]
    traits: dict[int, Traits]


class Looking:
    """Call it once with the frames of one file.

    Args:
        clip: the file.
        detector: finds faces.
        classifier: knows how they are cut out.
        tracker: follows them.
        max_faces: of one frame; the others are left out.
        widest: px, longer side of the views; None keeps none.
    """

    def __init__(
        self,
        clip: Clip,
        detector: FaceDetector,
        classifier: Classifier,
        tracker: Tracker,
        max_faces: int,
        widest: int | None,
    ):
        self._clip, self._follower = clip, Follower(detector)
        self._detector, self._classifier, self._tracker = detector, classifier, tracker
        self._max_faces, self._widest = max_faces, widest

    def __call__(self, frames: Iterable[Frame]) -> Iterator[tuple[Look, list[np.ndarray]]]:
        """Yield a look for each frame, and the classifier's cuts of its faces in their order."""
        for frame in frames:
            image, found = self._find(frame)
            # Left to right, so that numbers on a group picture are easy to follow.
            found = sorted(found[: self._max_faces], key=lambda face: face.box[0])
            scale = self._scale(image)
            faces = [face.scaled(scale) for face in found]
            looks = [describe(image, face) for face in found]
            tracks = self._tracker.assign(frame.index, faces, looks, self._follower.cut)
            cuts = [
                self._classifier.cut(image, face.box, quarter_turns(face.landmarks))
                for face in found
            ]
            measured = [
                traits(image, face, self._classifier.view(cut), scale)
                for face, cut in zip(found, cuts, strict=True)
            ]
            look = Look(
                time=frame.time,
                view=self._view(image, scale),
                scale=scale,
                sample=sample(image),
                faces=list(zip(faces, tracks, strict=True)),
                traits={id(face): each for face, each in zip(faces, measured, strict=True)},
            )
            yield look, cuts

    def _find(self, frame: Frame) -> tuple[np.ndarray, list[Face]]:
        """The frame's picture and its faces; a photograph at its full size where that shows more.

        It does where there are small faces, or none that could be found in the quick reading.
        """
        if not self._clip.reduced:
            return frame.image, self._follower.find(frame.image, frame.time)
        # Searched as finely as the larger one would be: a small face beside a large one counts too.
        faces = self._detector.detect(frame.image, self._scale(frame.image))
        if min((face.size for face in faces), default=0) < self._classifier.large:
            frame = self._clip.finer()
            faces = self._detector.detect(frame.image)
        return frame.image, faces

    def _scale(self, image: np.ndarray) -> float:
        return self._clip.media.width / image.shape[1]

    def _view(self, image: np.ndarray, scale: float) -> tuple[np.ndarray, float] | None:
        if self._widest is None:
            return None
        view, factor = shrink(image, self._widest)
        return view, factor / scale
