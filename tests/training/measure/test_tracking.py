"""What the measurement of names calls a switch and a mixture, and that its people walk."""

import numpy as np

from backend.faces.detector import FaceDetector
from backend.records.observations import Face, FaceObservation
from backend.training.measure.tracking import ROOM, Head, follow, score, staged
from backend.training.measure.walks import FACE, KINDS
from tests import made_media

LEFT, RIGHT = np.array((0, 0, 80, 80.0)), np.array((400, 0, 480, 80.0))


def found(number, *tracks):
    return [
        FaceObservation(0, number, 0.0, Face(tuple(box), 0.9, np.zeros((6, 2))), track)
        for box, track in zip((LEFT, RIGHT), tracks, strict=False)
    ]


def test_names_that_change_are_switches_and_names_of_two_are_mixtures():
    truth = [{0: (LEFT, True), 1: (RIGHT, True)}] * 4
    kept = score(truth, [found(n, 0, 1) for n in range(4)])
    assert kept.tolist() == [8, 8, 8, 0, 0]
    changed = score(truth, [found(n, *((0, 1) if n < 2 else (1, 0))) for n in range(4)])
    assert changed.tolist() == [8, 8, 4, 2, 2]
    new = score(truth, [found(n, 0, 1 if n < 3 else 2) for n in range(4)])
    assert new.tolist() == [8, 8, 7, 1, 0]
    hidden = [{0: (LEFT, True), 1: (RIGHT, False)}] * 4
    assert score(hidden, [found(n, 0, n) for n in range(4)]).tolist() == [4, 4, 4, 0, 0]


def test_two_people_side_by_side_keep_their_names():
    detector = FaceDetector()
    heads = []
    for picture in (made_media.astronaut(), made_media.second_face()):
        face = detector.detect(picture)[0]
        side = round(FACE * ROOM)
        x, y = np.array(face.box).reshape(2, 2).mean(axis=0).astype(int)
        view = np.pad(picture, ((side, side), (side, side), (0, 0)), mode="edge")
        view = view[y + side // 2 : y + 3 * side // 2, x + side // 2 : x + 3 * side // 2]
        corner = np.array((x - side // 2, y - side // 2) * 2)
        heads.append(Head([view], [np.array(face.box) - corner]))
    walks, step = KINDS["side by side"]
    frames, truth = staged(heads, walks(np.random.default_rng(0)))
    faces, detected, right, switches, mixtures = score(
        truth[:8], follow(frames[:8], step, detector)
    )
    assert faces == 16 and detected == right == 16 and not switches and not mixtures
