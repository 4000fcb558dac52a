"""What one analysis spends where: each stage alone, and all of them overlapping."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.analysis.face_analyzer import WIDEST, FaceAnalyzer
from backend.analysis.face_scores import BATCH, views_of_each
from backend.analysis.pipeline import Pipeline, build_pipeline
from backend.analysis.progress import Meter
from backend.analysis.voice_analyzer import VoiceAnalyzer
from backend.bench.table import markdown, spread
from backend.errors import NoSound
from backend.evidence.usual_ranges import read_ranges
from backend.faces.detector import FaceDetector
from backend.faces.video_detector import Follower
from backend.media import intake
from backend.media.decode import Decoder
from backend.media.sound import SoundReader
from backend.models.classifier import Classifier
from backend.records.media import Upload
from backend.records.observations import FaceObservation
from backend.report.annotate import annotate, shrink
from backend.report.pictures import jpeg
from backend.settings import Settings

STAGES = ("decode", "faces", "classify", "annotate", "sound", "voice")


@dataclass(frozen=True)
class Parts:
    """The collaborators of a pipeline, for measuring each alone."""

    settings: Settings
    decoder: Decoder
    detector: FaceDetector
    classifier: Classifier
    voice: VoiceAnalyzer

    @classmethod
    def of(cls, settings: Settings) -> Parts:
        """Those of the pipeline that is served."""
        whole = build_pipeline(settings)
        faces = whole.faces
        return cls(settings, faces.decoder, faces.detector, faces.classifier, whole.voice)

    @property
    def pipeline(self) -> Pipeline:
        """All of them together."""
        faces = FaceAnalyzer(
            self.settings, self.decoder, self.detector, self.classifier, read_ranges()
        )
        return Pipeline(self.settings, self.decoder, faces, self.voice)


def measure(parts: Parts, clips: dict[str, Path], repeats: int) -> str:
    """Markdown: milliseconds of each stage alone and of the whole, one row a clip."""
    rows = []
    for name, path in clips.items():
        stages = [alone(parts, path) for _ in range(repeats)]
        whole = [together(parts, path) for _ in range(repeats + 1)][1:]
        frames, faces = stages[0]["frames"], stages[0]["found"]
        cells = [f"{np.median([stage[key] for stage in stages]):.0f}" for key in STAGES]
        rows.append((name, frames, faces, *cells, *spread(whole, 0)))
    head = ("clip", "moments", "faces", *(f"{stage} ms" for stage in STAGES))
    return markdown((*head, "whole: minimum ms", "median", "maximum"), rows)


def together(parts: Parts, path: Path) -> float:
    """Milliseconds of one analysis with its pictures."""
    upload = intake.check(path, path.name, parts.settings)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        parts.pipeline.analyse(upload, Path(folder))
        return (time.perf_counter() - began) * 1000


def alone(
    parts: Parts, path: Path, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Milliseconds of each stage when nothing else runs, and the number of frames and faces."""
    upload = intake.check(path, path.name, parts.settings)
    laps = _Laps(clock)
    _listen(parts, upload, laps)
    if upload.kind == "audio":
        return laps.times | {"frames": 0, "found": 0}
    with parts.decoder.open(upload) as clip:
        for _ in clip:
            pass
    laps.lap("decode")
    follower, cuts, frames = Follower(parts.detector), [], 0
    with parts.decoder.open(upload) as clip:
        kind = clip.media.type
        classifier = parts.classifier.of_file(kind, *clip.finest)
        for frame in clip:
            laps.skip()
            frames += 1
            faces = follower.find(frame.image, frame.time)
            cuts += [classifier.cut(frame.image, face.box) for face in faces]
            laps.lap("faces")
            observations = [
                FaceObservation(number, frame.index, frame.time, face, number, None, 0.0, 0.5)
                for number, face in enumerate(faces)
            ]
            picture = annotate(
                *shrink(frame.image, WIDEST[kind]), observations, parts.classifier.card
            )
            jpeg(picture)
            laps.lap("annotate")
    laps.skip()
    for start in range(0, len(cuts), BATCH):
        classifier.judge(cuts[start : start + BATCH], views_of_each(frames))
    laps.lap("classify")
    return laps.times | {"frames": frames, "found": len(cuts)}


def _listen(parts: Parts, upload: Upload, laps: _Laps) -> None:
    if upload.kind == "image":
        return
    try:
        sound, _ = SoundReader(upload, parts.decoder, parts.settings).read()
    except NoSound:
        laps.skip()
        return
    laps.lap("sound")
    parts.voice.of(upload, None, Meter(lambda progress: None)).judge(sound)
    laps.lap("voice")


class _Laps:
    def __init__(self, clock: Callable[[], float]):
        self.times = dict.fromkeys(STAGES, 0.0)
        self._clock = clock
        self._began = clock()

    def skip(self) -> None:
        self._began = self._clock()

    def lap(self, stage: str) -> None:
        self.times[stage] += (self._clock() - self._began) * 1000
        self._began = self._clock()
