"""The one module that knows the order: decode, faces, tracks, scores, verdict, pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from backend.ahead import Ahead
from backend.annotate import annotate, heat_layer, shrink
from backend.media.decode import Decoder
from backend.records import AnalysedFrame, Analysis, Face, Frame, HeatMap, Sighting, Upload
from backend.settings import Settings
from backend.verdict import decide
from backend.vision.classifier import Classifier
from backend.vision.faces import FaceDetector
from backend.vision.follow import Follower
from backend.vision.quality import concern
from backend.vision.tracks import Tracker, without_glimpses

Progress = Callable[[str, float], None]
JPEG_QUALITY = 85
FRAMES_AHEAD = 2  # decoded frames that wait for face finding; each is 6 MB at 1080p
LOOKS_AHEAD = 8  # frames whose crops wait for the classifier
BATCH = 16  # faces in one pass of the classifier
DRAWING = 2  # pictures drawn and written side by side
# px, longer side of an annotated picture. A clip has many: half of 1080p costs half as much to
# scale, draw and write as two thirds of it.
WIDEST = {"image": 1280, "video": 960}


@dataclass(frozen=True, slots=True)
class _Look:
    """What remains of a frame that was searched.

    Attributes:
        time: seconds.
        view: the reduced frame and the factor to its px; None where no picture is wanted.
        faces: with their tracks.
    """

    time: float
    view: tuple[np.ndarray, float] | None
    faces: list[tuple[Face, int]]


@dataclass(frozen=True, slots=True)
class _Score:
    """The last fields of a `Sighting`."""

    logit: float | None = None
    probability: float | None = None
    concern: str | None = None
    heat: HeatMap | None = None


class Pipeline:
    """Analyses one file at a time; safe to call from several threads.

    Decoding, face finding and scoring of one file overlap: the first two run in threads that end
    with the analysis, the third in the caller's.

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
            into: folder that gets `frame-000.jpg`, `frame-001.jpg` ... and, where faces have heat
                maps, `heat-000.png` ...; None for no pictures.
            on_progress: called in this thread with the stage ("faces", "scores", "pictures") and
                the share of the whole done, 0 to 1; what it raises stops the analysis and is
                passed on.

        Raises:
            AppError: the file cannot be decoded or passes a limit.
        """
        began = time.monotonic()
        progress = on_progress or (lambda stage, done: None)
        progress("faces", 0.0)
        widest = WIDEST[upload.kind] if into else None
        with (
            self._decoder.open(upload) as clip,
            Ahead(clip, FRAMES_AHEAD, clip.stop) as frames,
            Ahead(self._look(frames, widest), LOOKS_AHEAD, frames.stop) as looks,
        ):
            looked, scores = self._judge(looks, progress)
        people = without_glimpses([look.faces for look in looked])
        seen = [
            [_sighting(index, look.time, face, track, scores[id(face)]) for face, track in faces]
            for index, (look, faces) in enumerate(zip(looked, people, strict=True))
        ]
        sightings = [sighting for faces in seen for sighting in faces]
        verdict = decide(sightings, self.classifier.card, self.classifier.probabilities)
        analysed = []
        pictures = self._pictures(into, [look.view for look in looked], seen)
        for index, (picture, heat) in enumerate(pictures):
            faces = tuple(seen[index])
            analysed.append(AnalysedFrame(index, looked[index].time, picture, faces, heat))
            progress("pictures", 0.85 + 0.15 * (index + 1) / len(looked))
        seconds = time.monotonic() - began
        return Analysis(clip.media, verdict, tuple(analysed), self.classifier.card, seconds)

    def _look(
        self, frames: Iterable[Frame], widest: int | None
    ) -> Iterator[tuple[_Look, list[np.ndarray]]]:
        """Find faces and cut them out; of the frames only reduced views remain, if any."""
        follower, tracker = Follower(self._detector), Tracker()
        for frame in frames:
            faces = follower.find(frame.image, frame.time)[: self._settings.max_faces]
            # Left to right, so that numbers on a group picture are easy to follow.
            faces.sort(key=lambda face: face.box[0])
            tracks = tracker.assign(frame.index, faces)
            crops = [self.classifier.crop(frame.image, face.box) for face in faces]
            view = shrink(frame.image, widest) if widest else None
            yield _Look(frame.time, view, list(zip(faces, tracks, strict=True))), crops

    def _judge(
        self, looks: Iterable[tuple[_Look, list[np.ndarray]]], progress: Progress
    ) -> tuple[list[_Look], dict[int, _Score]]:
        """Score every face that is good enough, a batch as soon as it is full.

        Returns:
            The looks, and each face's score by the id of the face: it holds an array and so has no
            hash.
        """
        looked: list[_Look] = []
        scores: dict[int, _Score] = {}
        waiting: list[tuple[Face, np.ndarray]] = []
        for look, crops in looks:
            looked.append(look)
            for (face, _), crop in zip(look.faces, crops, strict=True):
                problem = concern(face, crop)
                if problem is None:
                    waiting.append((face, crop))
                else:
                    scores[id(face)] = _Score(concern=problem)
            while len(waiting) >= BATCH:
                scores |= self._score(waiting[:BATCH])
                del waiting[:BATCH]
            progress("faces", 0.8 * min(1.0, len(looked) / self._settings.moments))
        progress("scores", 0.8)
        return looked, scores | self._score(waiting)

    def _score(self, batch: list[tuple[Face, np.ndarray]]) -> dict[int, _Score]:
        """Judge faces in one pass of the network."""
        if not batch:
            return {}
        logits, maps = self.classifier.judge(np.stack([crop for _, crop in batch]))
        probabilities = self.classifier.probabilities(logits)
        return {
            id(face): _Score(
                logit=float(logits[place]),
                probability=float(probabilities[place]),
                heat=None if maps is None else self.classifier.heat(face.box, maps[place]),
            )
            for place, (face, _) in enumerate(batch)
        }

    def _pictures(
        self, into: Path | None, views: list, seen: list[list[Sighting]]
    ) -> Iterator[tuple[str | None, str | None]]:
        """The names of each frame's pictures, in order, as they are written."""
        if into is None:
            yield from [(None, None)] * len(views)
            return
        with ThreadPoolExecutor(DRAWING) as pool:
            yield from pool.map(self._draw, [into] * len(views), range(len(views)), views, seen)

    def _draw(
        self, into: Path, index: int, view: tuple[np.ndarray, float], faces: list[Sighting]
    ) -> tuple[str, str | None]:
        """Write a frame's pictures: the names of the annotated one and its heat layer, if any."""
        name, heat_name = f"frame-{index:03}.jpg", f"heat-{index:03}.png"
        (into / name).write_bytes(jpeg(annotate(*view, faces, self.classifier.card)))
        image, factor = view
        heat = heat_layer(image.shape[:2], factor, faces)
        if heat is None:
            return name, None
        _, data = cv2.imencode(".png", cv2.cvtColor(heat, cv2.COLOR_RGBA2BGRA))
        (into / heat_name).write_bytes(data.tobytes())
        return name, heat_name


def jpeg(picture: np.ndarray) -> bytes:
    """Encode uint8 RGB as JPEG."""
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)  # a view with a negative step costs more
    return cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _sighting(index: int, moment: float, face: Face, track: int, score: _Score) -> Sighting:
    return Sighting(
        index, moment, face, track, score.logit, score.probability, score.concern, score.heat
    )


def build_pipeline(settings: Settings, spare: bool = False) -> Pipeline:
    """Build the collaborators and the pipeline.

    Args:
        settings: all of them.
        spare: keep a decoder process ready for the next file.

    Raises:
        SetupError: the model or the face networks are missing or do not fit.
    """
    return Pipeline(
        settings,
        Decoder(settings, spare),
        FaceDetector(),
        Classifier(settings.model, settings.cache, settings.engine),
    )
