"""Scores cropped faces: a batch a pass of each network, as many views as the rule says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from backend.analysis.face_frames import CroppedFace
from backend.models.classifier import Classifier
from backend.records.observations import FaceObservation

BATCH = 16  # faces in one pass of the classifier
# Moments from which on one view of each face is enough: the moments themselves are many views of
# the same people, and more of each say no more.
SEVERAL = 16


def views_of_each(moments: float) -> int | None:
    """How many views each face gets of what has so many moments: see `Classifier.judge`."""
    return 1 if moments >= SEVERAL else None


class FaceScores:
    """Scores the faces of one file, a batch as soon as it is full. For one thread.

    Args:
        classifier: gives the scores.
        moments: that there will be, see `views_of_each`.

    Attributes:
        seconds: member -> wall time of its passes so far.
    """

    def __init__(self, classifier: Classifier, moments: float):
        self._classifier, self._views = classifier, views_of_each(moments)
        self._waiting: list[CroppedFace] = []
        self.seconds: Counter[str] = Counter()

    def add(self, faces: Sequence[CroppedFace]) -> list[FaceObservation]:
        """Take faces; those that were rejected are passed over.

        Returns:
            The faces that were scored meanwhile, of these and of earlier ones.
        """
        self._waiting += [face for face in faces if face.observation.rejection is None]
        scored = []
        while len(self._waiting) >= BATCH:
            scored += self._score(BATCH)
        return scored

    def finish(self) -> list[FaceObservation]:
        """Score the faces that are left, and return them."""
        return self._score(len(self._waiting)) if self._waiting else []

    def _score(self, count: int) -> list[FaceObservation]:
        faces, self._waiting = self._waiting[:count], self._waiting[count:]
        scores = self._classifier.judge([face.cut for face in faces], self._views)
        logits, maps = scores.logits, scores.maps
        self.seconds.update(scores.seconds)
        probabilities = self._classifier.probabilities(logits)
        return [
            replace(
                seen,
                logit=float(logits[place]),
                probability=float(probabilities[place]),
                votes={name: float(own[place]) for name, own in scores.votes.items()},
                features=None if scores.features is None else scores.features[place],
                heat=None
                if maps is None
                else self._classifier.heat(seen.face.box, maps[place], seen.face.roll),
            )
            for place, (seen, *_) in enumerate(faces)
        ]
