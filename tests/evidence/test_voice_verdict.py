"""The answer of the voice: by its thresholds, with the windows that speak against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.evidence.voice_verdict import decide_voice, too_little, unheard
from backend.records.results import ModelCard
from backend.records.sound import VoiceWindow

CARD = ModelCard("voice", "0" * 64, 0.1, 0.9, odds=((0.0, 0.1), (0.3, 1.0), (0.6, 5.0)))


def windows(*probabilities: float) -> list[VoiceWindow]:
    return [VoiceWindow(n, n + 4.0, 0.0, each) for n, each in enumerate(probabilities)]


@pytest.mark.parametrize(
    ("probability", "prediction", "confidence", "leaning", "code"),
    [
        (0.1, "Real", 0.9, None, "voice_real"),
        (0.9, "Fake", 0.9, None, "voice_synthetic"),
        (0.11, "Inconclusive", None, "real", "voice_undecided"),
        (0.4, "Inconclusive", None, None, "voice_undecided"),
        (0.89, "Inconclusive", None, "fake", "voice_undecided"),
    ],
)
def test_thresholds_and_leanings(probability, prediction, confidence, leaning, code):
    verdict = decide_voice(windows(0.5), probability, CARD)
    assert (verdict.prediction, verdict.probability_fake) == (prediction, probability)
    assert verdict.confidence == pytest.approx(confidence) if confidence else not verdict.confidence
    assert (verdict.leaning, verdict.reasons[0].code) == (leaning, code)
    assert verdict.track is None and not verdict.anomalies


def test_windows_that_are_synthetic_are_named():
    verdict = decide_voice(windows(0.2, 0.95, 0.97, 0.2), 0.92, CARD)
    assert verdict.anomalies == (
        "The voice scores above the Fake threshold of 90\u00a0% in 2 of 4 windows, "
        "between 1.0 s and 6.0 s.",
    )
    (only,) = decide_voice(windows(0.95), 0.95, CARD).anomalies
    assert only == "The voice scores 95.0\u00a0%, above the Fake threshold of 90\u00a0%."


def test_three_in_a_row_forbid_the_answer_real():
    scores = (0.05, 0.95, 0.95, 0.95, 0.05)
    verdict = decide_voice(windows(*scores), 0.05, CARD)
    assert (verdict.prediction, verdict.reasons[0].code) == ("Inconclusive", "part_of_sound")
    assert "3 windows in a row between 1.0 s and 7.0 s" in verdict.reasons[0].text
    apart = [replace(each, start=9 * n, end=9 * n + 4) for n, each in enumerate(windows(*scores))]
    assert decide_voice(apart, 0.05, CARD).prediction == "Real"
    assert decide_voice(windows(0.95, 0.95, 0.05), 0.05, CARD).prediction == "Real"


def test_a_model_that_calls_nothing_real():
    never = replace(CARD, threshold_real=None)
    verdict = decide_voice(windows(0.05), 0.05, never)
    assert (verdict.prediction, verdict.leaning) == ("Inconclusive", "real")
    assert verdict.reasons[0].code == "never_called_real"


def test_what_was_not_judged():
    for verdict in (unheard("no_speech"), too_little(1.23)):
        assert (verdict.prediction, verdict.probability_fake) == ("Inconclusive", None)
    assert "1.2 s" in too_little(1.23).reasons[0].text
