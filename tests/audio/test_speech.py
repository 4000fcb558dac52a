"""Where somebody speaks: in a recording of speech, and in nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from backend.audio.speech import STEP, SpeechDetector, seconds_within, stretches
from backend.records.sound import RATE, Speech
from tests.made_sound import music, noise, silence, sine, speech


@pytest.fixture(scope="module")
def detector():
    return SpeechDetector()


def test_speech_between_silence_and_noise(detector):
    found = detector.find(np.concatenate([silence(3), speech(8), 0.1 * noise(3)]))
    assert found[0].start == pytest.approx(3, abs=0.2)
    assert found[-1].end == pytest.approx(11, abs=0.6)
    assert 6.5 < sum(each.end - each.start for each in found) < 8.5


@pytest.mark.parametrize("what", [silence, sine, noise, music])
def test_what_is_no_speech(detector, what):
    assert detector.find(what(12)) == ()


def test_quiet_speech_and_speech_over_music(detector):
    for sound in (0.02 * speech(6), speech(6) + 0.3 * music(6)):
        assert sum(each.end - each.start for each in detector.find(sound)) > 4


def test_blocks_make_no_difference(detector):
    long = np.concatenate([silence(15.9), speech(8), silence(2)])
    early = detector.probabilities(long[: len(long) // STEP // 2 * STEP])
    assert np.abs(detector.probabilities(long)[: len(early)] - early).max() < 1e-3


@pytest.mark.parametrize("samples", [0, 1, STEP, STEP + 1])
def test_sounds_of_any_length(detector, samples):
    assert len(detector.probabilities(np.zeros(samples, np.float32))) == -(-samples // STEP)
    assert detector.find(np.zeros(samples, np.float32)) == ()


def test_short_pauses_belong_to_speech_and_short_sounds_do_not():
    second = RATE // STEP
    said = np.zeros(4 * second)
    said[second : 2 * second] = 0.9
    said[second + 5 : second + 8] = 0.2  # 0.1 s
    said[3 * second : 3 * second + 5] = 0.9  # 0.16 s
    (found,) = stretches(said, 4.0)
    assert (found.start, found.end) == pytest.approx((1, 2), abs=0.1)


def test_seconds_within():
    said = (Speech(1, 3), Speech(5, 6))
    assert seconds_within(said, 2, 5.5) == pytest.approx(1.5)
    assert seconds_within(said, 3, 5) == 0
