"""The one module that knows the order: decode, faces, tracks, scores, verdict, pictures."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.ahead import Ahead
from backend.camera import Camera
from backend.evidence.cautions import cautions
from backend.evidence.people import find_people
from backend.evidence.provenance import provenance
from backend.evidence.ranges import Ranges, read_ranges
from backend.evidence.signals import signals
from backend.findings import AnalysedFrame, Analysis
from backend.looking import Look, Looking
from backend.media.camera import CameraDecoder
from backend.media.credentials import OriginReader
from backend.media.decode import Decoder
from backend.pictures import Pictures
from backend.progress import Known, Meter, OnProgress
from backend.records import Face, HeatMap, Sighting, Upload
from backend.settings import Settings
from backend.verdict import decide, lasting
from backend.vision.classifier import Classifier
from backend.vision.faces import FaceDetector
from backend.vision.quality import concern
from backend.vision.tracks import Tracker, without_glimpses

# For the whole process: the stages fill the cores already, and for pictures as small as these
# OpenCV's own threads cost more processor time than they save.
cv2.setNumThreads(1)

FRAMES_AHEAD = 2  # decoded frames that wait for face finding; each is 6 MB at 1080p
LOOKS_AHEAD = 8  # frames whose faces wait for the classifier
BATCH = 16  # faces in one pass of the classifier
# px, longer side of an annotated picture. A clip has many: half of 1080p costs half as much to
# scale, draw and write as two thirds of it.
WIDEST = {"image": 1280, "video": 960}


@dataclass(frozen=True, slots=True)
class _Score:
    """What the classifier says of a face: fields of its `Sighting`."""

    logit: float | None = None
    probability: float | None = None
    concern: str | None = None
    heat: HeatMap | None = None
    sharpness: float = 0.0


class Pipeline:
    """Analyses one file at a time; safe to call from several threads.

    Decoding, face finding and scoring of one file overlap: the first two run in threads that end
    with the analysis, the third in the caller's.

    Args:
        settings: limits.
        decoder, detector, classifier: the collaborators.
        ranges: what signals are compared with.
    """

    def __init__(
        self,
        settings: Settings,
        decoder: Decoder,
        detector: FaceDetector,
        classifier: Classifier,
        ranges: Ranges,
    ):
        self._ranges = ranges
        self._settings = settings
        self._decoder = decoder
        self._detector = detector
        self.classifier = classifier

    def analyse(
        self, upload: Upload, into: Path | None, on_progress: OnProgress | None = None
    ) -> Analysis:
        """Judge the faces of a file.

        Args:
            upload: passed intake.
            into: folder that gets `frame-000.jpg`, `frame-001.jpg` ... and, where faces have heat
                maps, `heat-000.png` ...; None for no pictures.
            on_progress: told after each step, and a few times a second while the decoder is
                waited for, then from another thread; what it raises stops the analysis and is
                passed on.

        Raises:
            AppError: the file cannot be decoded or passes a limit.
        """
        began = time.monotonic()
        looked: list[Look] = []
        scores: dict[int, _Score] = {}  # by the id of the face: it holds an array, so has no hash
        classifier = self.classifier
        progress = Meter(
            on_progress or (lambda progress: None),
            looked,
            lambda: _known(classifier, looked, scores),
        )
        progress("faces", 0.0)
        reader = OriginReader(upload, self._decoder, self._settings, progress.again)
        tracker = Tracker()
        with (
            self._decoder.open(upload, progress.again) as clip,
            Ahead(reader, 1, reader.stop) as origins,
            Ahead(clip, FRAMES_AHEAD, clip.stop) as frames,
        ):
            kind = clip.media.type  # an animated picture is a clip
            classifier = self.classifier.of(kind)
            widest = WIDEST[kind] if into else None
            look = Looking(
                clip, self._detector, classifier, tracker, self._settings.max_faces, widest
            )
            moments = 1 if kind == "image" else self._settings.moments
            progress.total = min(clip.media.frames or moments, moments)

            def stop() -> None:
                frames.stop()
                clip.stop()  # it may be waited for there too, for a photograph at its full size

            with Ahead(look(frames), LOOKS_AHEAD, stop) as looks:
                _judge(classifier, looks, looked, scores, progress)
            (origin,) = origins
        kept = without_glimpses(tracker.rejoin([look.faces for look in looked]))
        seen = [
            [_sighting(index, look, face, track, scores[id(face)]) for face, track in faces]
            for index, (look, faces) in enumerate(zip(looked, kept, strict=True))
        ]
        sightings = [sighting for faces in seen for sighting in faces]
        card = classifier.card
        verdict = decide(sightings, card, classifier.probabilities)
        views = [look.view for look in looked]
        pictures = Pictures(into, card)
        analysed = []
        for index, (picture, heat) in enumerate(pictures.frames(views, seen)):
            faces = tuple(seen[index])
            analysed.append(AnalysedFrame(index, looked[index].time, picture, faces, heat))
            progress("pictures", 0.85 + 0.15 * (index + 1) / len(looked))
        people = find_people(sightings, len(looked), verdict, card, classifier.probabilities)
        return Analysis(
            media=clip.media,
            verdict=verdict,
            frames=tuple(analysed),
            people=tuple(pictures.with_portraits(people, views)),
            signals=signals(
                people,
                clip.facts,
                [(look.time, look.sample) for look in looked],
                self._ranges.typical(card.sha256),
            ),
            cautions=cautions(
                people,
                clip.media,
                clip.facts,
                self._ranges,
                classifier.calibration.is_soft(_softest(sightings, scores)),
            ),
            provenance=provenance(clip.facts, origin),
            model=card,
            settings={
                "moments": self._settings.moments,
                "max_faces": self._settings.max_faces,
                "engine": classifier.engine,
                "precision": classifier.precision,
            },
            seconds=time.monotonic() - began,
        )

    def camera(self) -> Camera:
        """A live camera judged by the same networks; for one thread, which closes it."""
        decoder = CameraDecoder(self._decoder, self._settings)
        classifier = self.classifier.of("video")
        return Camera(decoder, self._detector, classifier, self._settings.max_faces)


def _judge(
    classifier: Classifier,
    looks: Iterable[tuple[Look, list[np.ndarray]]],
    looked: list[Look],
    scores: dict[int, _Score],
    progress: Meter,
) -> None:
    """Score every face that is good enough, a batch as soon as it is full.

    Args:
        looked, scores: are filled.
    """
    waiting: list[tuple[Face, np.ndarray]] = []
    for look, cuts in looks:
        looked.append(look)
        for (face, _), cut in zip(look.faces, cuts, strict=True):
            problem = concern(face.scaled(1 / look.scale), classifier.view(cut))
            if problem is None:
                waiting.append((face, cut))
            else:
                scores[id(face)] = _Score(concern=problem)
        while len(waiting) >= BATCH:
            scores |= _score(classifier, waiting[:BATCH])
            del waiting[:BATCH]
        progress("faces", 0.8 * min(1.0, len(looked) / progress.total))
    progress.total = len(looked)
    progress("scores", 0.8)
    scores |= _score(classifier, waiting)


def _known(classifier: Classifier, looked: list[Look], scores: dict[int, _Score]) -> Known:
    """What can be said while others still add to both."""
    frames = [
        (look.time, [_sighting(index, look, face, track, scores.get(id(face), _Score()))
                     for face, track in look.faces])
        for index, look in enumerate(list(looked))
    ]  # fmt: skip
    judged = [face for _, faces in frames for face in faces if face.logit is not None]
    verdict = decide(judged, classifier.card, classifier.probabilities)
    return Known(frames, verdict.probability_fake)


def _score(classifier: Classifier, batch: list[tuple[Face, np.ndarray]]) -> dict[int, _Score]:
    """Judge faces in one pass of the network."""
    if not batch:
        return {}
    logits, maps, sharpness = classifier.judge(np.stack([cut for _, cut in batch]))
    probabilities = classifier.probabilities(logits)
    return {
        id(face): _Score(
            logit=float(logits[place]),
            probability=float(probabilities[place]),
            heat=None if maps is None else classifier.heat(face.box, maps[place]),
            sharpness=float(sharpness[place]),
        )
        for place, (face, _) in enumerate(batch)
    }


def _sighting(index: int, look: Look, face: Face, track: int, score: _Score) -> Sighting:
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


def _softest(sightings: Iterable[Sighting], scores: dict[int, _Score]) -> float:
    """The sharpness of the softest of those who count; infinite where nobody was judged."""
    tracks = lasting([sighting for sighting in sightings if sighting.logit is not None])
    people = [[scores[id(look.face)].sharpness for look in looks] for looks in tracks.values()]
    return min((float(np.median(each)) for each in people), default=np.inf)


def build_pipeline(settings: Settings) -> Pipeline:
    """Build the collaborators and the pipeline.

    Args:
        settings: all of them.

    Raises:
        SetupError: the model or the face networks are missing or do not fit.
    """
    classifier = Classifier(settings.model, settings.cache, settings.engine)
    return Pipeline(
        settings,
        Decoder(settings),
        FaceDetector(cache=settings.cache, precision=classifier.precision),
        classifier,
        read_ranges(),
    )
