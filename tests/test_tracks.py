"""People stay who they are from frame to frame."""

import numpy as np

from backend.records import Face
from backend.vision.tracks import MANY, PATIENCE, Tracker, without_glimpses


def face(x, y=100.0, size=80.0):
    return Face((x, y, x + size, y + size), 0.9, np.zeros((6, 2), np.float32))


def test_two_people_stay_two_tracks():
    tracker = Tracker()
    assert tracker.assign(0, [face(0), face(400)]) == [0, 1]
    assert tracker.assign(1, [face(390), face(30)]) == [1, 0]


def test_a_face_that_comes_back_soon_keeps_its_track_and_a_later_one_does_not():
    tracker = Tracker()
    tracker.assign(0, [face(0)])
    assert tracker.assign(PATIENCE, [face(10)]) == [0]
    assert tracker.assign(2 * PATIENCE + 1, [face(10)]) == [1]


def test_a_face_of_another_size_is_another_person():
    tracker = Tracker()
    tracker.assign(0, [face(0, size=40)])
    assert tracker.assign(1, [face(0, size=200)]) == [1]


def test_an_unsure_glimpse_in_a_clip_is_no_person():
    person = face(0)
    pattern = Face((300, 100, 380, 180), 0.62, np.zeros((6, 2), np.float32))
    clip = [[(person, 1)] for _ in range(MANY)]
    clip[3] = [(pattern, 0), (person, 1)]
    assert without_glimpses(clip) == [[(person, 0)]] * MANY
    still = [[(pattern, 0)]]
    assert without_glimpses(still) == still
