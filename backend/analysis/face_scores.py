"""Judges the faces of a file's frames in batches, and keeps what is known of them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.analysis.face_frames import Look
from backend.analysis.progress import Known, Meter
from backend.evidence.verdict import decide, lasting
from backend.models.classifier import Classifier
from backend.models.crops import quarter_turns
from backend.models.quality import concern
from backend.records.observations import Face, HeatMap, Sighting

BATCH = 16  # faces in one pass of the classifier
# Moments from which on one look at each face is enough: the moments themselves are many looks at
# the same people, and more at each say no more (docs/measurements/pooling.md).
SEVERAL = 16


@dataclass(frozen=True, slots=True)
class Score:
    """What the classifier says of a face: fields of its `Sighting`."""

    logit: float | None = None
    probability: float | None = None
    concern: str | None = None
    heat: HeatMap | None = None
    sharpness: float = 0.0


class Judging:
    """One for each file. While one thread judges, others may ask what is known.

    Args:
        classifier: scores faces; may be set anew before the first is scored.

    Attributes:
        looked: the frames so far.
    """

    def __init__(self, classifier: Classifier):
        self.classifier = classifier
        self.looked: list[Look] = []
        # By the id of the face: it holds an array, so has no hash.
        self._scores: dict[int, Score] = {}

    def judge(self, looks: Iterable[tuple[Look, list[np.ndarray]]], progress: Meter) -> None:
        """Score every face that is good enough, a batch as soon as it is full.

        Args:
            looks: of `backend.analysis.face_frames.Looking`, with the classifier's cuts of the
                faces.
            progress: told after each frame.
        """
        waiting: list[tuple[Face, np.ndarray]] = []
        each = looks_at_each(progress.total)
        for look, cuts in looks:
            self.looked.append(look)
            for (face, _), cut in zip(look.faces, cuts, strict=True):
                problem = concern(face.scaled(1 / look.scale), self.classifier.view(cut))
                if problem is None:
                    waiting.append((face, cut))
                else:
                    self._scores[id(face)] = Score(concern=problem)
            while len(waiting) >= BATCH:
                self._score(waiting[:BATCH], each)
                del waiting[:BATCH]
            progress("faces", 0.8 * min(1.0, len(self.looked) / progress.total))
        progress.total = len(self.looked)
        progress("scores", 0.8)
        self._score(waiting, each)

    def known(self) -> Known:
        """What can be said so far."""
        none = Score()
        frames = [
            (
                look.time,
                [
                    _sighting(index, look, face, track, self._scores.get(id(face), none))
                    for face, track in look.faces
                ],
            )
            for index, look in enumerate(list(self.looked))
        ]
        judged = [face for _, faces in frames for face in faces if face.logit is not None]
        verdict = decide(judged, self.classifier.card, self.classifier.probabilities)
        return Known(frames, verdict.probability_fake)

    def sighting(self, index: int, look: Look, face: Face, track: int) -> Sighting:
        """A face of the frame `index` with what was found of it, once all are judged."""
        return _sighting(index, look, face, track, self._scores[id(face)])

    def softest(self, sightings: Sequence[Sighting]) -> float:
        """The sharpness of the softest of those who count; infinite where nobody was judged."""
        tracks = lasting(sightings)
        people = [
            [self._scores[id(look.face)].sharpness for look in looks] for looks in tracks.values()
        ]
        return min((float(np.median(each)) for each in people), default=np.inf)

    def _score(self, batch: list[tuple[Face, np.ndarray]], looks: int | None) -> None:
        """Judge faces in one pass of the network."""
        if not batch:
            return
        logits, maps, sharpness = self.classifier.judge(np.stack([cut for _, cut in batch]), looks)
        probabilities = self.classifier.probabilities(logits)
        self._scores |= {
            id(face): Score(
                logit=float(logits[place]),
                probability=float(probabilities[place]),
                heat=None
                if maps is None
                else self.classifier.heat(face.box, maps[place], quarter_turns(face.landmarks)),
                sharpness=float(sharpness[place]),
            )
            for place, (face, _) in enumerate(batch)
        }


def looks_at_each(moments: int) -> int | None:
    """How many looks each face of a file gets: see `Classifier.judge`."""
    return 1 if moments >= SEVERAL else None


def _sighting(index: int, look: Look, face: Face, track: int, score: Score) -> Sighting:
    return Sighting(
        frame=index,
        time=look.time,
        face=face,
        track=track,
        logit=score.logit,
        probability=score.probability,
        concern=score.concern,
        heat=score.heat,
        traits=look.traits[id(face)],
    )
