"""Detects, follows and cuts out the faces of frames: of a file, a camera or a measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np

from backend.evidence.measurements import traits
from backend.faces.backdrop import backdrop
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.tracker import Tracker, as_one, without_glimpses
from backend.faces.video_detector import Follower
from backend.media.decode import Clip
from backend.models.classifier import Classifier, FaceCut
from backend.models.quality import rejection, sharpness
from backend.records.media import Frame
from backend.records.observations import Face, FaceObservation
from backend.report.annotate import shrink


class CroppedFace(NamedTuple):
    """A face on its way to the classifier.

    Attributes:
        observation: what is known of it.
        cut: what `Classifier.cut` gave; None where it is one too many.
        sharpness: see `backend.models.quality.sharpness`.
    """

    observation: FaceObservation
    cut: FaceCut | None
    sharpness: float


@dataclass(frozen=True, slots=True)
class SearchedFrame:
    """What remains of a frame that was searched for faces.

    Attributes:
        time: seconds.
        shown: the reduced frame and the factor from px of the file; None where no picture is
            wanted.
        faces: left to right.
        still: the picture as it was searched, where it is all of the file; uint8 RGB, shape
            (height, width, 3). None of a clip.
    """

    time: float
    shown: tuple[np.ndarray, float] | None
    faces: tuple[FaceObservation, ...]
    still: np.ndarray | None = None


class FaceFrames:
    """The faces of one file or camera, frame by frame. For one thread at a time.

    Args:
        detector: finds faces.
        classifier: knows how they are cut out.
        max_faces: of one frame; the others are rejected with "too_many_faces".
    """

    def __init__(self, detector: FaceDetector, classifier: Classifier, max_faces: int):
        self._detector, self._classifier, self._max_faces = detector, classifier, max_faces
        self._follower, self._tracker = Follower(detector), Tracker()
        self._frames, self._ids = count(), count()
        self._time = 0.0  # s, of the last frame
        self._repeats: dict[int, int] = {}  # id of a blurred face -> of the sharp one it repeats

    @property
    def people(self) -> int:
        """How many tracks there are so far."""
        return self._tracker.people

    def add(self, image: np.ndarray, time: float) -> list[CroppedFace]:
        """The faces of the next frame, left to right.

        Args:
            image: uint8 RGB, shape (height, width, 3).
            time: seconds.
        """
        return self._follow(image, time, self._follower.find(image, time), 1.0)

    def search(
        self, clip: Clip, frames: Iterable[Frame], widest: int | None
    ) -> Iterator[tuple[SearchedFrame, list[CroppedFace]]]:
        """Search all frames of a file, each when it is asked for.

        Args:
            clip: the open file.
            frames: its frames.
            widest: px, longer side of the pictures that are kept; None keeps none.
        """
        for frame in frames:
            image, found = self._find(clip, frame)
            scale = clip.media.width / image.shape[1]
            cropped = self._follow(image, frame.time, found, scale)
            shown = None
            if widest is not None:
                picture, factor = shrink(image, widest)
                shown = picture, factor / scale
            faces = tuple(each.observation for each in cropped)
            still = image if clip.media.type == "image" else None
            yield SearchedFrame(frame.time, shown, faces, still), cropped

    def settled(self, frames: Sequence[SearchedFrame]) -> list[tuple[FaceObservation, ...]]:
        """The faces of each frame with their final tracks, once all frames have been searched."""
        known = self._tracker.rejoin([frame.faces for frame in frames])
        return without_glimpses(as_one(known, self._repeats))

    def _find(self, clip: Clip, frame: Frame) -> tuple[np.ndarray, list[Face]]:
        """The frame's picture and its faces; a photograph at its full size where that shows more.

        It does where there are small faces, or none that could be found in the quick reading, and
        where the classifier looks at the picture's own pixels.
        """
        image = frame.image
        if not clip.reduced:
            return image, self._follower.find(image, frame.time)
        # Searched as finely as the larger one would be: a small face beside a large one counts too.
        faces = self._detector.detect(image, clip.media.width / image.shape[1])
        if min((face.size for face in faces), default=0) < self._classifier.large:
            image = clip.finer().image
            faces = self._detector.detect(image)
        elif self._classifier.needs_finest:
            quick, image = image, clip.finer().image
            faces = [face.scaled(image.shape[1] / quick.shape[1]) for face in faces]
        return image, faces

    def _follow(
        self, image: np.ndarray, time: float, found: list[Face], scale: float
    ) -> list[CroppedFace]:
        # The surest come first. Left to right, numbers on a group picture are easy to follow.
        ranked = sorted(enumerate(found), key=lambda each: each[1].box[0])
        found = [face for _, face in ranked]
        frame = next(self._frames)
        tracks = self._tracker.assign(
            frame,
            [face.scaled(scale) for face in found],
            [describe(image, face) for face in found],
            self._follower.cut,
            time - self._time,
        )
        self._time = time
        cropped = []
        for (rank, face), track in zip(ranked, tracks, strict=True):
            known = next(self._ids), frame, time
            if rank < self._max_faces:
                cropped.append(crop_out(image, face, self._classifier, *known, track, scale))
            else:
                seen = FaceObservation(*known, face.scaled(scale), track, "too_many_faces")
                cropped.append(CroppedFace(seen, None, 0.0))
        self._leave_backdrop(image, found, cropped)
        return cropped

    def _leave_backdrop(
        self, image: np.ndarray, found: Sequence[Face], cropped: list[CroppedFace]
    ) -> None:
        """Reject the faces of a blurred backdrop."""
        cut = [place for place, each in enumerate(cropped) if each.cut is not None]
        faces, sharpness = [found[n] for n in cut], [cropped[n].sharpness for n in cut]
        for soft, sharp in backdrop(image, faces, sharpness).items():
            place = cut[soft]
            seen = cropped[place].observation
            cropped[place] = cropped[place]._replace(observation=seen.unjudged("face_blurred"))
            if sharp is not None:
                self._repeats[seen.id] = cropped[cut[sharp]].observation.id


def crop_out(
    image: np.ndarray,
    face: Face,
    classifier: Classifier,
    id: int = 0,
    frame: int = 0,
    time: float = 0.0,
    track: int = 0,
    scale: float = 1.0,
) -> CroppedFace:
    """Cut one face out, measure it, and say whether it is good enough to be judged.

    Args:
        image: uint8 RGB, shape (height, width, 3).
        face: in px of `image`.
        classifier: knows how faces are cut out.
        id, frame, time, track: see `FaceObservation`.
        scale: px of the file's picture per px of `image`.
    """
    cut = classifier.cut(image, face.box, face.roll)
    sharp = sharpness(cut.crop, face.size)
    why = rejection(face, cut.crop, sharp)
    return CroppedFace(
        FaceObservation(
            id=id,
            frame=frame,
            time=time,
            face=face.scaled(scale),
            track=track,
            rejection=why,
            traits=None if why else traits(image, face, cut.crop, scale),
        ),
        cut,
        sharp,
    )
