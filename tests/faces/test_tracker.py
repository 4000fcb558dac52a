"""People stay who they are from frame to frame."""

import cv2
import numpy as np
import pytest

from backend.faces.descriptor import describe, unlike
from backend.faces.detector import FaceDetector
from backend.faces.tracker import MANY, PATIENCE, Tracker, without_glimpses
from backend.faces.video_detector import Follower
from backend.records.observations import Face, FaceObservation
from tests import made_media

ANN, BEA = np.eye(512, dtype=np.float32)[:2]  # descriptors of two people


def face(x, y=100.0, size=80.0):
    return Face((x, y, x + size, y + size), 0.9, np.zeros((6, 2), np.float32))


def followed(faces, tracks):
    return tuple(
        FaceObservation(id, 0, 0.0, each, track)
        for id, (each, track) in enumerate(zip(faces, tracks, strict=True))
    )


def test_two_people_stay_two_tracks():
    tracker = Tracker()
    assert tracker.assign(0, [face(0), face(400)], [ANN, BEA]) == [0, 1]
    assert tracker.assign(1, [face(390), face(30)], [BEA, ANN]) == [1, 0]


def test_people_who_change_places_keep_their_names():
    tracker = Tracker()
    tracker.assign(0, [face(0), face(80)], [ANN, BEA])
    assert tracker.assign(1, [face(0), face(80)], [BEA, ANN]) == [1, 0]


def test_a_face_that_comes_back_soon_keeps_its_track_and_later_only_one_that_looks_alike():
    tracker = Tracker()
    tracker.assign(0, [face(0)], [ANN])
    assert tracker.assign(PATIENCE, [face(10)], [BEA]) == [0]
    assert tracker.assign(3 * PATIENCE, [face(900), face(10)], [ANN, np.zeros(512)]) == [0, 1]


@pytest.mark.parametrize(("pause", "own", "track"), [(0.3, ANN, 1), (1, ANN, 0), (1, BEA, 1)])
def test_who_is_filmed_once_a_second_may_come_farther_but_no_stranger(pause, own, track):
    tracker = Tracker()
    tracker.assign(0, [face(0)], [ANN])
    assert tracker.assign(1, [face(160)], [own], pause=pause) == [track]


def test_a_face_of_another_size_is_another_person():
    tracker = Tracker()
    tracker.assign(0, [face(0, size=40)], [ANN])
    assert tracker.assign(1, [face(0, size=200)], [ANN]) == [1]


def test_in_another_scene_who_looks_unlike_is_somebody_else():
    tracker = Tracker()
    tracker.assign(0, [face(0)], [ANN])
    assert tracker.assign(1, [face(10)], [BEA]) == [0]  # a swap, or a hand before the face
    assert tracker.assign(2, [face(10)], [ANN + BEA], cut=True) == [1]
    assert tracker.assign(3, [face(10)], [ANN], cut=True) == [0]


def test_who_is_never_seen_beside_a_person_alike_is_that_person():
    """As where a head turns and turns back, and a stranger stands beside it."""
    tracker, frames = Tracker(), []
    for number, (faces, descriptors) in enumerate(
        (
            ([face(0), face(400)], [ANN, BEA]),
            ([face(0), face(400)], [ANN + BEA, BEA]),
            ([face(0), face(400)], [ANN, BEA]),
        )
    ):
        tracks = tracker.assign(number, faces, descriptors, cut=True)
        frames.append(followed(faces, tracks))
    assert [[each.track for each in faces] for faces in frames] == [[0, 1], [2, 1], [0, 1]]
    tracker._described[2][0] = ANN  # what it looked like for the rest of its track
    joined = [[each.track for each in faces] for faces in tracker.rejoin(frames)]
    assert joined == [[0, 1]] * 3


@pytest.mark.parametrize("cut", [False, True])
def test_a_face_at_the_place_of_another_after_a_cut_is_another_person(cut):
    first = made_media.astronaut()
    second = made_media.second_face() if cut else np.roll(first, 60, axis=1)  # or a moving camera
    follower, tracker, ids = Follower(FaceDetector()), Tracker(), []
    for number, picture in enumerate((first, second)):
        faces = follower.find(picture, number / 3)[:1]
        descriptors = [describe(picture, each) for each in faces]
        ids += tracker.assign(number, faces, descriptors, follower.cut)
    assert follower.cut is cut and ids == ([0, 1] if cut else [0, 0])


def test_one_face_looks_alike_in_other_light_and_another_face_does_not():
    detector, picture = FaceDetector(), made_media.astronaut()
    described = []
    for image in (picture, cv2.GaussianBlur(picture, (0, 0), 1) // 2, made_media.second_face()):
        described.append(describe(image, detector.detect(image)[0]))
    alike, other = unlike(described[0], np.stack(described[1:]))
    assert alike < 0.3 < 0.45 < other


@pytest.mark.parametrize("step", [16, 40, 80])
@pytest.mark.parametrize("in_front", [0, 1])
def test_two_people_who_cross_stay_two_tracks(step, in_front):
    """One walks to the right and one to the left, at `step` px a frame; one hides the other."""
    follower, tracker = Follower(FaceDetector()), Tracker()
    heads = made_media.astronaut()[:256, 96:352], made_media.second_face()[:256, 96:352]
    frames, apart = [], []
    for number in range(round(640 / step) + 1):
        places = 20 + number * step, 680 - number * step
        picture = np.full((360, 960, 3), 150, np.uint8)
        for person in (1 - in_front, in_front):
            picture[50:306, places[person] : places[person] + 256] = heads[person]
        faces = follower.find(picture, number / 3)
        tracks = tracker.assign(number, faces, [describe(picture, face) for face in faces])
        frames.append(followed(faces, tracks))
        apart.append((places, abs(places[1] - places[0]) > 200))
    assert {each.track for faces in tracker.rejoin(frames) for each in faces} == {0, 1}
    tracks_of = {0: set(), 1: set()}
    for (places, clear), faces in zip(apart, tracker.rejoin(frames), strict=True):
        for found in faces if clear else []:
            middle = (found.face.box[0] + found.face.box[2]) / 2
            person = int(np.argmin([abs(place + 128 - middle) for place in places]))
            tracks_of[person].add(found.track)
    assert sorted(map(sorted, tracks_of.values())) == [[0], [1]]


def test_an_unsure_glimpse_in_a_clip_is_no_person():
    person = face(0)
    pattern = Face((300, 100, 380, 180), 0.62, np.zeros((6, 2), np.float32))
    clip = [followed([person], [1])] * MANY
    clip[3] = followed([pattern, person], [0, 1])
    kept = without_glimpses(clip)
    assert [[(each.face, each.track) for each in faces] for faces in kept] == [[(person, 0)]] * MANY
    still = [followed([pattern], [0])]
    assert without_glimpses(still) == still
