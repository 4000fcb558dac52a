"""Fills what `backend.report.schema_sound` declares: faces and voice, told apart."""

from __future__ import annotations

from collections.abc import Callable

from backend.records.results import Verdict
from backend.records.sound import Voice


def side(verdict: Verdict) -> dict:
    """The fields of `schema_sound.Side`."""
    return {
        "verdict": verdict.prediction,
        "judged": verdict.probability_fake is not None,
        "probability_fake": verdict.probability_fake,
        "confidence": verdict.confidence,
        "leaning": verdict.leaning,
        "odds": verdict.odds,
        "reasons": [reason.code for reason in verdict.reasons],
        "explanation": [reason.text for reason in verdict.reasons],
    }


def audio(voice: Voice, address: Callable[[str], str]) -> dict | None:
    """The fields of `schema_sound.Audio`; None where the file has no sound.

    Args:
        address: a picture's file name to what the reader can use.
    """
    if any(reason.code == "no_sound" for reason in voice.verdict.reasons):
        return None
    card = voice.model
    return {
        **side(voice.verdict),
        "duration": voice.duration,
        "sample_rate": voice.sample_rate,
        "channels": voice.channels,
        "codec": voice.codec,
        "speech_seconds": voice.speech_seconds,
        "speech": voice.speech,
        "windows": voice.windows,
        "segments": voice.segments,
        "thresholds": card and {"real": card.threshold_real, "fake": card.threshold_fake},
        "bands": card.bands if card else (),
        "model": card,
        "spectrogram": voice.spectrogram and address(voice.spectrogram),
    }
