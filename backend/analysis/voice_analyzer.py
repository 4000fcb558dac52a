"""Judges the voice in a file: decode, find speech, score a window each second, decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.analysis.findings import Findings
from backend.analysis.progress import Meter, Progress
from backend.audio import windows
from backend.audio.classifier import VoiceClassifier
from backend.audio.signals import VoiceRanges, measure
from backend.audio.speech import SpeechDetector, seconds_within
from backend.audio.voice_change import OneSpeaker, find_change
from backend.errors import CannotDecode
from backend.evidence.voice_segments import segments
from backend.evidence.voice_signals import voice_signals
from backend.evidence.voice_verdict import LEAST, decide_voice, too_little, unheard
from backend.media.decode import Decoder
from backend.media.sound import SoundReader
from backend.records.media import Media, Upload
from backend.records.results import Ends
from backend.records.sound import RATE, Speech, Voice, VoiceWindow, Waveform
from backend.report.pictures import write_spectrogram
from backend.settings import Settings

SILENT = 1e-3  # loudest sample up to which nothing can be heard: -60 dB
SPOKEN = 1.0  # s of speech in a window that is judged
MOST = 256  # windows that are judged; of a longer sound those that lie evenly in it
BATCH = 16  # windows a call


@dataclass(frozen=True)
class VoiceAnalyzer:
    """Judges files by the voice in them. Safe to share between threads.

    Attributes:
        settings: limits.
        decoder, speech, classifier: the collaborators.
        speaker: what the voice of one speaker is compared with.
        ranges: what the signals of a voice are compared with.
    """

    settings: Settings
    decoder: Decoder
    speech: SpeechDetector
    classifier: VoiceClassifier
    speaker: OneSpeaker
    ranges: VoiceRanges

    def of(self, upload: Upload, into: Path | None, meter: Meter) -> Listening:
        """What judges one file beside its pictures; see `backend.analysis.prefetch.Ahead`.

        Args:
            upload: passed intake.
            into: folder that gets the pictures; None for no pictures.
            meter: told of the progress of a sound file, and asked while the decoder is waited for;
                what it raises stops the analysis and is passed on.
        """
        return Listening(self, upload, into, meter)


class Listening:
    """The analysis of one file's voice: iterate it once for its `Findings`. For one thread.

    Any thread may stop it. Raises as `SoundReader.read`.
    """

    def __init__(self, analyzer: VoiceAnalyzer, upload: Upload, into: Path | None, meter: Meter):
        self._own, self._upload, self._into, self._meter = analyzer, upload, into, meter
        self._reader = SoundReader(upload, analyzer.decoder, analyzer.settings, meter.again)

    def __iter__(self) -> Iterator[Findings]:
        self._tell("sound", 0.0)
        sound, facts = self._reader.read()
        voice = self.judge(sound)
        picture = write_spectrogram(self._into, sound, voice.segments)
        change, measured = None, {}
        if voice.windows:
            change = find_change(sound.samples, voice.speech, self._own.speaker)
            measured = measure(sound.samples, voice.speech)
        yield Findings(
            media=Media(
                "audio", self._upload.format, sound.codec, None, None, sound.duration, None, None
            ),
            facts=facts,
            verdict=voice.verdict,
            model=self._own.classifier.card,
            settings={
                "engine": self._own.classifier.engine,
                "precision": self._own.classifier.precision,
            },
            signals=voice_signals(measured, _typical(self._own.ranges)),
            voice=replace(voice, spectrogram=picture),
            voice_change=change,
        )

    def stop(self) -> None:
        """End it early, from any thread."""
        self._reader.stop()

    def _tell(self, stage: str, share: float) -> None:
        """The progress of a clip is that of its faces."""
        if self._upload.kind == "audio":
            self._meter(Progress(stage, share))

    def judge(self, sound: Waveform) -> Voice:
        """What the voice in a sound says."""
        silent = max(sound.samples.max(), -sound.samples.min()) <= SILENT
        speech = () if silent else self._own.speech.find(sound.samples)
        voice = Voice(
            duration=sound.duration,
            sample_rate=sound.sample_rate,
            channels=sound.channels,
            codec=sound.codec,
            speech=speech,
            windows=(),
            verdict=unheard("silent" if silent else "no_speech"),
        )
        if not speech:
            return voice
        if voice.speech_seconds < LEAST:
            return replace(voice, verdict=too_little(voice.speech_seconds))
        found = self._windows(sound.samples, speech)
        classifier = self._own.classifier
        score = np.array([classifier.pooled([each.logit for each in found])])
        probability = float(classifier.probabilities(score)[0])
        card = classifier.card
        return replace(
            voice,
            windows=found,
            verdict=decide_voice(found, probability, card),
            model=card,
            segments=segments(found, card),
        )

    def _windows(self, samples: np.ndarray, speech: tuple[Speech, ...]) -> tuple[VoiceWindow, ...]:
        places = chosen(speech, len(samples) / RATE)
        logits = []
        for start in range(0, len(places), BATCH):
            if self._reader.stopped:
                raise CannotDecode  # nobody will know
            self._tell("voice", 0.2 + 0.8 * start / len(places))
            cuts = [_cut(samples, place) for place in places[start : start + BATCH]]
            logits.append(self._own.classifier.logits(np.stack(cuts)))
        scores = np.concatenate(logits)
        return tuple(
            VoiceWindow(place, min(place + windows.SECONDS, len(samples) / RATE), *scored)
            for place, *scored in zip(
                places, scores.tolist(), self._own.classifier.probabilities(scores).tolist(),
                strict=True,
            )
        )  # fmt: skip


def _typical(ranges: VoiceRanges) -> dict[str, tuple[float, float, Ends]]:
    """Signal -> its range, and the end of it beyond which synthetic voices lie."""
    return {
        name: (own.low, own.high, "high" if own.synthetic == "above" else "low")
        for name, own in ranges.ranges.items()
    }


def chosen(speech: tuple[Speech, ...], duration: float) -> list[float]:
    """Where the windows begin that are judged, in seconds: one each second in which enough is said.

    Where nobody speaks for long enough in any window, it is the one with most speech.

    Args:
        speech: at least one stretch.
        duration: of the file.
    """
    first, last = speech[0].start, speech[-1].end
    latest = max(0.0, min(last, duration) - windows.SECONDS)
    places = [*np.arange(first, latest, windows.STEP).tolist(), latest]
    spoken = [seconds_within(speech, place, place + windows.SECONDS) for place in places]
    most = places[int(np.argmax(spoken))]
    places = [place for place, own in zip(places, spoken, strict=True) if own >= SPOKEN] or [most]
    if len(places) <= MOST:
        return places
    return [places[round(n * (len(places) - 1) / (MOST - 1))] for n in range(MOST)]


def _cut(samples: np.ndarray, start: float) -> np.ndarray:
    """A window; a sound that is shorter is repeated to fill it."""
    begin = int(start * RATE)
    found = samples[begin : begin + windows.SAMPLES]
    return found if len(found) == windows.SAMPLES else np.resize(found, windows.SAMPLES)
