"""Runs the analyzers of a file in their order, and puts together what they find."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2

from backend import memory
from backend.analysis.face_analyzer import FaceAnalyzer
from backend.analysis.findings import Findings
from backend.analysis.prefetch import Ahead
from backend.analysis.progress import Meter, OnProgress
from backend.analysis.voice_analyzer import VoiceAnalyzer
from backend.audio.classifier import VoiceClassifier
from backend.audio.signals import read_voice_ranges
from backend.audio.speech import SpeechDetector
from backend.audio.voice_change import read_one_speaker
from backend.errors import (
    CannotDecode,
    NoSound,
    NoVideo,
    TooLong,
    TooSlow,
    TypeMismatch,
    UnsupportedCodec,
)
from backend.evidence.one_answer import together
from backend.evidence.provenance import provenance
from backend.evidence.usual_ranges import read_ranges
from backend.evidence.voice_signals import voice_change
from backend.evidence.voice_verdict import unheard
from backend.faces.detector import FaceDetector
from backend.media.credentials import OriginReader
from backend.media.decode import Decoder
from backend.models.classifier import Classifier
from backend.records.analysis import Analysis
from backend.records.media import Upload
from backend.records.results import ModelCard, Person, Signal
from backend.records.sound import Voice
from backend.settings import ROOT, Settings

# For the whole process: the stages fill the cores already, and for pictures as small as these
# OpenCV's own threads cost more processor time than they save.
cv2.setNumThreads(1)


VOICE = ROOT / "models" / "voice.h5"
# Why the sound of a clip was not judged, though its pictures were.
WHY = {
    NoSound: "no_sound",
    CannotDecode: "sound_damaged",
    TypeMismatch: "sound_damaged",
    UnsupportedCodec: "sound_codec",
    TooLong: "sound_too_long",
    TooSlow: "sound_too_slow",
}


class Pipeline:
    """Analyses one file at a time; safe to call from several threads.

    Args:
        settings: limits.
        decoder: reads where files come from.
        faces, voice: judge one side of a file each.

    Attributes:
        faces, voice: as given.
    """

    def __init__(
        self, settings: Settings, decoder: Decoder, faces: FaceAnalyzer, voice: VoiceAnalyzer
    ):
        self._settings, self._decoder = settings, decoder
        self.faces, self.voice = faces, voice

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The facts of the models that an answer may rest on."""
        return self.faces.classifier.card, self.voice.classifier.card

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
            if upload.kind == "image":
                faces, sound, voice = self.faces.analyse(upload, into, meter), None, None
            else:
                faces, sound, voice = self._with_sound(upload, into, meter)
            (origin,) = origins
        sides = [each for each in (faces, sound) if each]
        first = sides[0]
        return Analysis(
            media=first.media,
            notes=(*upload.notes, *first.facts.notes),
            verdict=together(faces and faces.verdict, voice and voice.verdict),
            faces=faces and faces.verdict,
            voice=voice,
            frames=first.frames,
            people=first.people,
            closeup=first.closeup,
            signals=(
                *chain.from_iterable(each.signals for each in sides),
                *self._change(sound, first.people),
            ),
            warnings=first.warnings,
            provenance=provenance(first.facts, origin),
            model=first.model,
            votes=first.votes,
            settings=first.settings,
            seconds=time.monotonic() - began,
        )

    def _with_sound(
        self, upload: Upload, into: Path | None, meter: Meter
    ) -> tuple[Findings | None, Findings | None, Voice]:
        """Both sides of a file at the same time: what its pictures gave, what its sound gave, one
        of which may be missing, and its voice."""
        listening = self.voice.of(upload, into, meter)
        with Ahead(listening, 1, listening.stop) as heard:
            try:
                faces = self.faces.analyse(upload, into, meter)
            except NoVideo:
                faces = None
            try:
                (sound,) = heard
            except tuple(WHY) as error:
                if faces is None:
                    raise NoVideo() if isinstance(error, NoSound) else error from None
                return faces, None, Voice.unread(unheard(WHY[type(error)]))
        return faces, sound, sound.voice

    def _change(self, sound: Findings | None, people: Sequence[Person]) -> Iterator[Signal]:
        """The change of the voice, where the picture shows none."""
        if sound and sound.voice_change:
            highest = self.voice.speaker.highest
            signal = voice_change(*sound.voice_change, highest, people)
            if signal:
                yield signal


def build_pipeline(settings: Settings, decoder: Decoder | None = None) -> Pipeline:
    """Build the collaborators and the pipeline.

    Args:
        settings: all of them.
        decoder: reads where files come from; None for one with these settings.

    Raises:
        SetupError: the model or the face networks are missing or do not fit.
    """
    memory.settle()
    classifier = Classifier(
        settings.model, settings.cache, settings.engine, settings.profile, settings.ensemble
    )
    detector = FaceDetector(cache=settings.cache, precision=classifier.precision)
    decoder = decoder or Decoder(settings)
    faces = FaceAnalyzer(settings, decoder, detector, classifier, read_ranges())
    voice = VoiceAnalyzer(
        settings,
        decoder,
        SpeechDetector(settings.cache),
        VoiceClassifier(VOICE, settings.cache, settings.engine, settings.profile),
        read_one_speaker(),
        read_voice_ranges(),
    )
    return Pipeline(settings, decoder, faces, voice)
