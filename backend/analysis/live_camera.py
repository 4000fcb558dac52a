"""Judges a live camera: each picture as a frame of a clip, and what the last seconds say together.

Nothing is written anywhere: pictures live in memory until the next one, scores for `WINDOW`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from backend.analysis.face_frames import CroppedFace, FaceFrames
from backend.analysis.face_scores import FaceScores
from backend.evidence.people import find_people
from backend.evidence.verdict import decide
from backend.faces.detector import FaceDetector
from backend.media.camera import CameraDecoder
from backend.models.classifier import Classifier
from backend.records.observations import FaceObservation
from backend.records.results import LiveMoment

WINDOW = 4.0  # s that the verdict rests on: long enough to be calm, short enough to follow
MOST_PEOPLE = 200  # seen by one camera; then it starts over, so that it never holds more
LONG_SIDE = 640
"""Longer side in px of the pictures it should be sent: a face of an arm's length away has 200."""


class Camera:
    """One live camera. To be used by one thread, and closed.

    Args:
        decoder: of its own.
        detector, classifier: shared with the analyzer of faces.
        max_faces: judged in one picture.
        clock: seconds.
    """

    def __init__(
        self,
        decoder: CameraDecoder,
        detector: FaceDetector,
        classifier: Classifier,
        max_faces: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._decoder = decoder
        self._detector = detector
        self._classifier = classifier
        self._max_faces = max_faces
        self._clock, self._began = clock, clock()
        self._start_over()

    def judge(self, data: bytes) -> LiveMoment:
        """Judge the next picture, a JPEG.

        Raises:
            AppError: it cannot be decoded; the next one may.
        """
        moment = self._clock() - self._began
        image = self._decoder.decode(data)
        if self._faces.people > MOST_PEOPLE:
            self._start_over()
        faces = self._score(self._faces.add(image, moment))
        self._recent.append((moment, faces))
        while self._recent[0][0] < moment - WINDOW:
            self._recent.popleft()
        recent = tuple(face for _, seen in self._recent for face in seen)
        known = self._classifier.card, self._classifier.probabilities
        verdict = decide(recent, *known)
        people = find_people(recent, len(self._recent), verdict, *known)
        height, width = image.shape[:2]
        return LiveMoment(width, height, faces, recent, people, verdict)

    def close(self) -> None:
        """End the decoder's process."""
        self._decoder.close()

    def _start_over(self) -> None:
        self._faces = FaceFrames(self._detector, self._classifier, self._max_faces)
        self._recent: deque[tuple[float, tuple[FaceObservation, ...]]] = deque()

    def _score(self, cropped: list[CroppedFace]) -> tuple[FaceObservation, ...]:
        # A camera goes on: it has as many moments as a long clip.
        scores = FaceScores(self._classifier, math.inf)
        scored = {face.id: face for face in [*scores.add(cropped), *scores.finish()]}
        return tuple(scored.get(seen.id, seen) for seen, *_ in cropped)
