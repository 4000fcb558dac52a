"""Which windows of a sound are judged."""

from __future__ import annotations

from itertools import pairwise

import pytest

from backend.analysis.voice_analyzer import MOST, SPOKEN, chosen
from backend.audio.speech import seconds_within
from backend.audio.windows import SECONDS
from backend.records.sound import Speech


@pytest.mark.parametrize(
    ("speech", "duration", "places"),
    [
        ([(0.5, 3)], 3, [0]),  # shorter than a window
        ([(2, 4)], 30, [0]),  # one window, which ends with the speech
        ([(20, 29.9)], 30, [20, 21, 22, 23, 24, 25, 25.9]),
        ([(0, 5), (20, 25)], 40, [0, 1, 2, 3, 4, 17, 18, 19, 20, 21]),
        ([(5, 5.3), (20, 20.4), (39, 39.3)], 40, [17]),  # never for long: where it is longest
    ],
)
def test_a_window_each_second_in_which_somebody_speaks(speech, duration, places):
    said = tuple(Speech(*each) for each in speech)
    found = chosen(said, duration)
    assert found == pytest.approx(places)
    assert all(0 <= place <= max(0, duration - SECONDS) for place in found)


def test_of_a_long_sound_some_are_taken_all_over_it():
    said = tuple(Speech(start, start + 20) for start in range(0, 1800, 30))
    found = chosen(said, 1800)
    assert len(found) == MOST and found[0] == 0 and found[-1] == pytest.approx(1786)
    assert max(b - a for a, b in pairwise(found)) < 20
    assert min(seconds_within(said, place, place + SECONDS) for place in found) >= SPOKEN
