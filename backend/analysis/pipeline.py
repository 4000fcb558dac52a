"""The one module that knows the order: decode, faces, tracks, scores, verdict, pictures."""

from __future__ import annotations

import time
from pathlib import Path

import cv2

from backend import memory
from backend.analysis.face_frames import Looking
from backend.analysis.face_scores import Judging
from backend.analysis.live_camera import Camera
from backend.analysis.prefetch import Ahead
from backend.analysis.progress import Meter, OnProgress
from backend.evidence.people import find_people
from backend.evidence.provenance import provenance
from backend.evidence.signals import signals
from backend.evidence.usual_ranges import Ranges, read_ranges
from backend.evidence.verdict import decide
from backend.evidence.warnings import cautions
from backend.faces.detector import FaceDetector
from backend.faces.tracker import Tracker, without_glimpses
from backend.media.camera import CameraDecoder
from backend.media.credentials import OriginReader
from backend.media.decode import Decoder
from backend.models.classifier import Classifier
from backend.records.media import Upload
from backend.records.results import AnalysedFrame, Analysis
from backend.report.pictures import Pictures
from backend.settings import Settings

# For the whole process: the stages fill the cores already, and for pictures as small as these
# OpenCV's own threads cost more processor time than they save.
cv2.setNumThreads(1)

FRAMES_AHEAD = 2  # decoded frames that wait for face finding; each is 6 MB at 1080p
LOOKS_AHEAD = 8  # frames whose faces wait for the classifier
# px, longer side of an annotated picture. A clip has many: half of 1080p costs half as much to
# scale, draw and write as two thirds of it.
WIDEST = {"image": 1280, "video": 960}


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
        judging = Judging(self.classifier)
        looked = judging.looked
        progress = Meter(on_progress or (lambda progress: None), looked, judging.known)
        progress("faces", 0.0)
        reader = OriginReader(upload, self._decoder, self._settings, progress.again)
        tracker = Tracker()
        with (
            self._decoder.open(upload, progress.again) as clip,
            Ahead(reader, 1, reader.stop) as origins,
            Ahead(clip, FRAMES_AHEAD, clip.stop) as frames,
        ):
            kind = clip.media.type  # an animated picture is a clip
            classifier = judging.classifier = self.classifier.of(kind)
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
                judging.judge(looks, progress)
            (origin,) = origins
        kept = without_glimpses(tracker.rejoin([look.faces for look in looked]))
        seen = [
            [judging.sighting(index, look, face, track) for face, track in faces]
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
                classifier.calibration.is_soft(judging.softest(sightings)),
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


def build_pipeline(settings: Settings) -> Pipeline:
    """Build the collaborators and the pipeline.

    Args:
        settings: all of them.

    Raises:
        SetupError: the model or the face networks are missing or do not fit.
    """
    memory.settle()
    classifier = Classifier(settings.model, settings.cache, settings.engine)
    return Pipeline(
        settings,
        Decoder(settings),
        FaceDetector(cache=settings.cache, precision=classifier.precision),
        classifier,
        read_ranges(),
    )
