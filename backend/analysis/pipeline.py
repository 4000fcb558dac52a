"""Runs the analyzers of a file in their order, and puts together what they find."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path

import cv2

from backend import memory
from backend.analysis.analyzer import Analyzer
from backend.analysis.face_analyzer import FaceAnalyzer
from backend.analysis.prefetch import Ahead
from backend.analysis.progress import Meter, OnProgress
from backend.evidence.provenance import provenance
from backend.evidence.usual_ranges import read_ranges
from backend.faces.detector import FaceDetector
from backend.media.credentials import OriginReader
from backend.media.decode import Decoder
from backend.models.classifier import Classifier
from backend.records.analysis import Analysis
from backend.records.media import Upload
from backend.settings import Settings

# For the whole process: the stages fill the cores already, and for pictures as small as these
# OpenCV's own threads cost more processor time than they save.
cv2.setNumThreads(1)


class Pipeline:
    """Analyses one file at a time; safe to call from several threads.

    Args:
        settings: limits.
        decoder: reads where files come from.
        faces: judges faces; its answer is the file's.

    Attributes:
        faces: as given.
    """

    def __init__(self, settings: Settings, decoder: Decoder, faces: FaceAnalyzer):
        self._settings, self._decoder = settings, decoder
        self.faces = faces
        # The first one's answer is the file's; those after it add signals and warnings.
        self._analyzers: tuple[Analyzer, ...] = (faces,)

    def analyse(
        self, upload: Upload, into: Path | None, on_progress: OnProgress | None = None
    ) -> Analysis:
        """Judge a file.

        Args:
            upload: passed intake.
            into: folder that gets the pictures; None for no pictures.
            on_progress: told after each step, and a few times a second while the decoder is
                waited for, then from another thread; what it raises stops the analysis and is
                passed on.

        Raises:
            AppError: the file cannot be decoded or passes a limit.
        """
        began = time.monotonic()
        meter = Meter(on_progress or (lambda progress: None))
        meter.again()
        reader = OriginReader(upload, self._decoder, self._settings, meter.again)
        with Ahead(reader, 1, reader.stop) as origins:
            found = [analyzer.analyse(upload, into, meter) for analyzer in self._analyzers]
            (origin,) = origins
        first = found[0]
        return Analysis(
            media=first.media,
            notes=(*upload.notes, *first.facts.notes),
            verdict=first.verdict,
            faces=first.verdict,
            voice=None,
            frames=first.frames,
            people=first.people,
            closeup=first.closeup,
            signals=tuple(chain.from_iterable(each.signals for each in found)),
            warnings=tuple(chain.from_iterable(each.warnings for each in found)),
            provenance=provenance(first.facts, origin),
            model=first.model,
            votes=first.votes,
            settings=first.settings,
            seconds=time.monotonic() - began,
        )


def build_pipeline(settings: Settings, decoder: Decoder | None = None) -> Pipeline:
    """Build the collaborators and the pipeline.

    Args:
        settings: all of them.
        decoder: reads where files come from; None for one with these settings.

    Raises:
        SetupError: the model or the face networks are missing or do not fit.
    """
    memory.settle()
    classifier = classifier_of(settings)
    detector = FaceDetector(cache=settings.cache, precision=classifier.precision)
    decoder = decoder or Decoder(settings)
    faces = FaceAnalyzer(settings, decoder, detector, classifier, read_ranges())
    return Pipeline(settings, decoder, faces)


def classifier_of(settings: Settings) -> Classifier:
    """The members that the settings choose, loaded.

    Raises:
        SetupError: see `Classifier`.
    """
    return Classifier(
        settings.model, settings.cache, settings.engine, settings.profile, settings.ensemble
    )
