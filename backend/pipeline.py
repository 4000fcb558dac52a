"""The one module that knows the order: decode, faces, tracks, one pass, verdict, pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from backend.annotate import annotate, shrink
from backend.media.decode import Decoder
from backend.records import AnalysedFrame, Analysis, Face, Media, Sighting, Upload
from backend.settings import Settings
from backend.verdict import decide
from backend.vision.classifier import Classifier
from backend.vision.faces import FaceDetector
from backend.vision.quality import concern
from backend.vision.tracks import Tracker, without_glimpses

Progress = Callable[[str, float], None]
JPEG_QUALITY = 85


class Pipeline:
    """Analyses one file at a time; safe to call from several threads.

    Args:
        settings: limits.
        decoder, detector, classifier: the collaborators.
    """

    def __init__(
        self, settings: Settings, decoder: Decoder, detector: FaceDetector, classifier: Classifier
    ):
        self._settings = settings
        self._decoder = decoder
        self._detector = detector
        self.classifier = classifier

    def analyse(
        self, upload: Upload, into: Path | None, on_progress: Progress | None = None
    ) -> Analysis:
        """Judge the faces of a file.

        Args:
            upload: passed intake.
            into: folder that gets `frame-000.jpg`, `frame-001.jpg` ..., or None for no pictures.
            on_progress: called with the stage ("faces", "scores", "pictures") and the share of the
                whole done, 0 to 1; what it raises stops the analysis and is passed on.

        Raises:
            AppError: the file cannot be decoded or passes a limit.
        """
        began = time.monotonic()
        progress = on_progress or (lambda stage, done: None)
        media, times, views, found, crops = self._find(upload, into is not None, progress)
        progress("scores", 0.8)
        frames = self._judge(times, found, crops)
        sightings = [sighting for frame in frames for sighting in frame]
        verdict = decide(sightings, self.classifier.card, self.classifier.probabilities)
        analysed = []
        for index, (moment, faces) in enumerate(zip(times, frames, strict=True)):
            picture = None
            if into is not None:
                picture = f"frame-{index:03}.jpg"
                self._draw(into / picture, views[index], faces)
            analysed.append(AnalysedFrame(index, moment, picture, tuple(faces)))
            progress("pictures", 0.85 + 0.15 * (index + 1) / len(times))
        return Analysis(
            media, verdict, tuple(analysed), self.classifier.card, time.monotonic() - began
        )

    def _find(self, upload: Upload, keep: bool, progress: Progress):
        """Decode and find faces; of each frame only its crops and a reduced view are kept."""
        times: list[float] = []
        views: list[tuple[np.ndarray, float]] = []
        found: list[list[tuple[Face, int]]] = []
        crops: dict[int, np.ndarray] = {}
        tracker = Tracker()
        progress("faces", 0.0)
        with self._decoder.open(upload) as clip:
            media: Media = clip.media
            for frame in clip:
                faces = self._detector.detect(frame.image)[: self._settings.max_faces]
                # Left to right, so that numbers on a group picture are easy to follow.
                faces.sort(key=lambda face: face.box[0])
                tracks = tracker.assign(frame.index, faces)
                found.append(list(zip(faces, tracks, strict=True)))
                for face in faces:  # kept by identity: a face holds an array and has no hash
                    crops[id(face)] = self.classifier.crop(frame.image, face.box)
                times.append(frame.time)
                if keep:
                    views.append(shrink(frame.image))
                progress("faces", 0.8 * min(1.0, len(times) / self._settings.moments))
        found = without_glimpses(found)
        kept = [crops[id(face)] for faces in found for face, _ in faces]
        return media, times, views, found, kept

    def _judge(
        self, times: list[float], found: list[list[tuple[Face, int]]], crops: list[np.ndarray]
    ) -> list[list[Sighting]]:
        """Score every face that is good enough, all in one batched pass."""
        flat = [(index, face, track) for index, faces in enumerate(found) for face, track in faces]
        concerns = [concern(face, crop) for (_, face, _), crop in zip(flat, crops, strict=True)]
        good = [i for i, problem in enumerate(concerns) if problem is None]
        logits = self.classifier.logits(np.stack([crops[i] for i in good])) if good else []
        scores = dict(
            zip(good, zip(logits, self.classifier.probabilities(logits), strict=True), strict=True)
        )
        frames: list[list[Sighting]] = [[] for _ in times]
        for i, (index, face, track) in enumerate(flat):
            logit, probability = map(float, scores[i]) if i in scores else (None, None)
            frames[index].append(
                Sighting(index, times[index], face, track, logit, probability, concerns[i])
            )
        return frames

    def _draw(self, path: Path, view: tuple[np.ndarray, float], faces: list[Sighting]) -> None:
        picture = annotate(*view, faces, self.classifier.card)
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        path.write_bytes(data.tobytes())


def build_pipeline(settings: Settings) -> Pipeline:
    """Build the collaborators and the pipeline.

    Raises:
        SetupError: the model or the face networks are missing or do not fit.
    """
    return Pipeline(
        settings,
        Decoder(settings),
        FaceDetector(),
        Classifier(settings.model, settings.cache, settings.engine),
    )
