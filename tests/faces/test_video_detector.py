"""Followed faces: in the frames of a clip all are found, and little is searched twice."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from backend.faces.detector import FaceDetector
from backend.faces.video_detector import Follower

STEP = 0.3  # s between frames


class Counting(FaceDetector):
    """Counts the windows of the searches."""

    def __init__(self):
        super().__init__()
        self.windows = 0

    def propose(self, reduced, tiles, close):
        self.windows += 1 + len(tiles)
        return super().propose(reduced, tiles, close)


@pytest.fixture
def detector() -> Counting:
    return Counting()


def frame(*heads, ground=data.gravel, shift=0) -> np.ndarray:
    """A 1080p frame with heads of (face px, x, y)."""
    texture = np.roll(cv2.resize(ground(), (1920, 1080)), shift, axis=1)
    canvas = texture if texture.ndim == 3 else np.repeat(texture[..., None], 3, axis=2)
    canvas = canvas.copy()
    for face_px, x, y in heads:
        scale = face_px / 101
        head = cv2.resize(
            data.astronaut()[:256, 96:352], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        canvas[y : y + head.shape[0], x : x + head.shape[1]] = head
    return canvas


def found(follower, frames) -> list[list[tuple[float, float]]]:
    """For each frame the middles of the faces, left to right."""
    return [
        sorted(tuple(np.array(f.box).reshape(2, 2).mean(0)) for f in follower.find(image, n * STEP))
        for n, image in enumerate(frames)
    ]


def expected(face_px: float, x: int, y: int) -> np.ndarray:
    return np.array((x, y)) + np.array((128.5, 123.5)) * face_px / 101


def test_a_small_face_is_followed_where_it_goes_without_searching_all_again(detector):
    ways = [(45, 1200 + 12 * n, 600 + 5 * n) for n in range(8)]
    frames = found(Follower(detector), [frame(way) for way in ways])
    for faces, way in zip(frames, ways, strict=True):
        assert len(faces) == 1 and np.abs(faces[0] - expected(*way)).max() < 10
    first = 9  # the whole and eight tiles
    assert detector.windows <= first + 3 * 2  # of the other seven frames every second is searched


def test_who_comes_and_goes_is_noticed(detector):
    here, there = (60, 300, 200), (50, 1500, 700)
    scenes = [(here,)] * 3 + [(here, there)] * 2 + [(there,)] * 2 + [()]
    counts = [len(faces) for faces in found(Follower(detector), [frame(*s) for s in scenes])]
    assert counts == [len(scene) for scene in scenes]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_newcomer_beside_a_known_face_waits_two_frames_at_most(detector, first):
    here, there = (60, 300, 200), (90, 1500, 700)
    frames = [frame(*([here, there] if n >= first else [here])) for n in range(6)]
    counts = [len(faces) for faces in found(Follower(detector), frames)]
    assert counts[:first] == [1] * first and counts[first + 2 :] == [2] * (4 - first)


def test_after_a_cut_everything_is_searched(detector):
    dark = lambda: data.gravel() // 4  # noqa: E731
    frames = [frame(), frame(), frame((45, 200, 800), (45, 1500, 100), ground=dark)]
    assert [len(faces) for faces in found(Follower(detector), frames)] == [0, 0, 2]


def test_frames_far_apart_and_of_another_size_are_new(detector):
    follower = Follower(detector)
    assert len(follower.find(frame((45, 200, 800)), 0.0)) == 1
    assert len(follower.find(frame((45, 1500, 100)), 20.0)) == 1
    assert len(follower.find(data.astronaut(), 20.1)) == 1
    assert len(follower.find(np.full((9, 7, 3), 90, np.uint8), 20.2)) == 0


def test_after_a_long_time_all_that_changed_is_searched_and_no_more(detector):
    follower = Follower(detector)
    here, newcomers = (60, 300, 200), [(50, 1500, 100), (50, 1500, 800), (50, 300, 800)]
    assert len(follower.find(frame(here), 0.0)) == 1
    first = detector.windows
    for number in range(1, 4):
        assert len(follower.find(frame(here), 20.0 * number)) == 1
    assert detector.windows == first + 3  # the whole
    # More of them than the tiles that a frame of a close sequence has searched.
    assert len(follower.find(frame(here, *newcomers), 80.0)) == 4


def test_a_moving_camera_finds_a_small_newcomer_in_turn(detector):
    frames = [frame(*[(50, 900, 500)] * (n > 1), shift=40 * n) for n in range(12)]
    counts = [len(faces) for faces in found(Follower(detector), frames)]
    assert counts[:2] == [0, 0] and counts[-1] == 1
    assert detector.windows < 9 * 12 / 2


def test_pictures_of_two_sizes_may_follow_each_other(detector):
    """These two are compared in as many cells, but only the second is cut into tiles."""
    follower = Follower(detector)
    picture = cv2.resize(data.astronaut(), (416, 234))
    assert len(follower.find(picture, 0.0)) == 1
    assert len(follower.find(cv2.resize(picture, (1280, 720)), 0.1)) == 1
    assert len(follower.find(picture, 0.2)) == 1
