"""Which seconds of a recording are pointed at, and when a change of the voice is told."""

from __future__ import annotations

import numpy as np
import pytest

from backend.audio.voice_change import find_change, read_one_speaker
from backend.evidence.people import find_people
from backend.evidence.verdict import decide
from backend.evidence.voice_segments import segments
from backend.evidence.voice_signals import voice_change
from backend.records.results import ModelCard
from backend.records.sound import RATE, Speech, VoiceWindow
from tests import made_sound
from tests.made_observations import CARD as PICTURED
from tests.made_observations import calibrate, observed

CARD = ModelCard("voice", "0" * 64, 0.1, 0.9)


def windows(*probabilities):
    logits = [float(np.log(p / (1 - p))) for p in probabilities]
    return [
        VoiceWindow(float(n), n + 4.0, logit, p)
        for n, (logit, p) in enumerate(zip(logits, probabilities, strict=True))
    ]


@pytest.mark.parametrize(
    ("probabilities", "told"),
    [
        ((0.2, 0.3, 0.2, 0.95, 0.95, 0.1), ["Seconds 3 to 8 sound synthetic."]),
        ((0.95, *[0.1] * 6, 0.99), ["Seconds 0 to 4 sound synthetic.",
                                    "Seconds 7 to 11 sound synthetic."]),
        ((0.2, 0.6, 0.1), ["Seconds 1 to 5 score highest."]),
        ((*[0.1] * 130, 0.95), ["Minutes 2:10 to 2:14 sound synthetic."]),
        ((), []),
    ],
)  # fmt: skip
def test_the_seconds_that_decide_are_told_in_words(probabilities, told):
    assert [each.text for each in segments(windows(*probabilities), CARD)] == told


def test_another_voice_in_the_middle_is_told_and_one_voice_is_not():
    one = made_sound.speech(12)
    # The same through a telephone, and higher: what another speaker in another place changes too.
    other = np.interp(np.arange(0, len(one), 1.25), np.arange(len(one)), one).astype(np.float32)
    known = read_one_speaker()
    value, _ = find_change(one, [Speech(0, 12)], known)
    sound = np.concatenate([one, other])
    changed, time = find_change(sound, [Speech(0, len(sound) / RATE)], known)
    assert changed > known.highest and changed > 1.5 * value
    assert time == pytest.approx(12, abs=1)
    sign = voice_change(changed, time, known.highest, [])
    assert sign.unusual and "0:1" in sign.text
    assert find_change(one[:RATE], [Speech(0, 1)], known) is None


def test_a_change_is_told_only_where_the_picture_shows_none():
    def people(*seen):
        observations = [each for own in seen for each in own]
        verdict = decide(observations, PICTURED, calibrate)
        return find_people(observations, 40, verdict, PICTURED, calibrate)

    stays, leaves = observed([-3.0] * 40), observed([-3.0] * 20)
    sign = voice_change(30.0, 2.0, 16.0, people(stays))
    assert sign.unusual and "The picture shows the same people before and after." in sign.text
    assert voice_change(30.0, 2.0, 16.0, people(leaves, observed([-3.0] * 20, 1, start=20))) is None
    usual = voice_change(10.0, 2.0, 16.0, people(stays))
    assert not usual.unusual and "The picture" not in usual.text
