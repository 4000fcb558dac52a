"""Judges a live camera: each picture as the pipeline would, and what the last seconds say together.

Nothing is written anywhere: pictures live in memory until the next one, scores for `WINDOW`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backend.evidence.people import find_people
from backend.evidence.verdict import decide
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.tracker import Tracker
from backend.faces.video_detector import Follower
from backend.media.camera import CameraDecoder
from backend.models.classifier import Classifier
from backend.models.crops import quarter_turns
from backend.models.quality import concern
from backend.records.observations import Face, Sighting
from backend.records.results import Person, Verdict

WINDOW = 4.0  # s that the verdict rests on: long enough to be calm, short enough to follow
MOST_PEOPLE = 200  # seen by one camera; then it starts over, so that it never holds more
LONG_SIDE = 640
"""Longer side in px of the pictures it should be sent: a face of an arm's length away has 200."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows.

    Attributes:
        width, height: px.
        faces: in it.
        recent: all of the last `WINDOW` seconds, in order of time.
        people: whom these show.
        verdict: on those.
    """

    width: int
    height: int
    faces: tuple[Sighting, ...]
    recent: tuple[Sighting, ...]
    people: tuple[Person, ...]
    verdict: Verdict


class Camera:
    """One live camera. To be used by one thread, and closed.

    Args:
        decoder: of its own.
        detector, classifier: shared with the pipeline.
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

    def look(self, data: bytes) -> Look:
        """Judge the next picture, a JPEG.

        Raises:
            AppError: it cannot be decoded; the next one may.
        """
        moment = self._clock() - self._began
        image = self._decoder.decode(data)
        if self._people > MOST_PEOPLE:
            self._start_over()
        self._number += 1
        faces = self._follower.find(image, moment)[: self._max_faces]
        faces.sort(key=lambda face: face.box[0])
        looks = [describe(image, face) for face in faces]
        tracks = self._tracker.assign(self._number, faces, looks, self._follower.cut)
        self._people = max([self._people, *(track + 1 for track in tracks)])
        sightings = self._judge(image, moment, faces, tracks)
        self._recent.append((moment, sightings))
        while self._recent[0][0] < moment - WINDOW:
            self._recent.popleft()
        recent = tuple(sighting for _, looked in self._recent for sighting in looked)
        known = self._classifier.card, self._classifier.probabilities
        verdict = decide(recent, *known)
        people = find_people(recent, len(self._recent), verdict, *known)
        height, width = image.shape[:2]
        return Look(width, height, tuple(sightings), recent, people, verdict)

    def close(self) -> None:
        """End the decoder's process."""
        self._decoder.close()

    def _start_over(self) -> None:
        self._follower, self._tracker = Follower(self._detector), Tracker()
        self._number = self._people = 0
        self._recent: deque[tuple[float, list[Sighting]]] = deque()

    def _judge(
        self, image: np.ndarray, moment: float, faces: list[Face], tracks: list[int]
    ) -> list[Sighting]:
        cuts = [
            self._classifier.cut(image, face.box, quarter_turns(face.landmarks)) for face in faces
        ]
        views = map(self._classifier.view, cuts)
        concerns = [concern(face, view) for face, view in zip(faces, views, strict=True)]
        good = [cut for cut, problem in zip(cuts, concerns, strict=True) if problem is None]
        logits = self._classifier.logits(np.stack(good)) if good else np.zeros(0, np.float32)
        scores = iter(zip(logits, self._classifier.probabilities(logits), strict=True))
        sightings = []
        for face, track, problem in zip(faces, tracks, concerns, strict=True):
            logit, probability = map(float, next(scores)) if problem is None else (None, None)
            sightings.append(
                Sighting(self._number, moment, face, track, logit, probability, problem)
            )
        return sightings
