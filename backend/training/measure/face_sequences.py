"""Clips with known faces for measuring how well faces are followed: real ones, and made ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import chain

import cv2
import numpy as np
from skimage import data

from backend.faces.detector import FaceDetector
from backend.faces.video_detector import Follower
from backend.records.observations import Face
from backend.training.measure.face_scenes import Scene, hits

MOMENTS = 32
SIZE = 1920, 1080
STEP = 10 / 32  # s between the moments of a ten-second clip
PEOPLE = 6


def made(
    material: list[Scene], camera: str, smallest: float, count: int, rng: np.random.Generator
) -> list[Scene]:
    """Photographs that walk over a textured 1080p canvas; half of them come later or leave early.

    Args:
        material: photographs with one face each; drawn from at random.
        camera: "still", "pan" (the canvas moves under them) or "cut" (all changes in the middle).
        smallest: px of the smallest face box; the largest is three times that.
        count: frames, `STEP` seconds apart.
        rng: chooses photographs, sizes, ways and times.
    """
    if camera == "cut":
        half = count // 2
        return made(material, "still", smallest, half, rng) + made(
            material, "still", smallest, count - half, rng
        )
    width, height = SIZE
    texture = cv2.resize(data.gravel()[::2, ::2], (2 * width, height))
    texture = np.repeat((texture * rng.uniform(0.5, 1))[..., None], 3, axis=2).astype(np.uint8)
    people = [_person(material, smallest, count, lane, rng) for lane in range(PEOPLE)]
    frames = []
    for number in range(count):
        shift = 12 * number if camera == "pan" else 0
        canvas = texture[:, shift : shift + width].copy()
        boxes = [person(canvas, number) for person in people]
        boxes = [box for box in boxes if box is not None]
        grain = rng.normal(0, 2, (height, width, 1)).astype(np.float32)
        image = np.clip(canvas + grain, 0, 255).astype(np.uint8)
        frames.append(Scene(image, np.array(boxes, np.float32).reshape(-1, 4)))
    return frames


def _person(material: list[Scene], smallest: float, count: int, lane: int, rng):
    """A function that draws one person on a frame and returns the face's box, None where absent."""
    scene = material[rng.integers(len(material))]
    left, top, right, bottom = scene.boxes[0]
    size = smallest * rng.uniform(1, 3)
    scale = size / max(right - left, bottom - top)
    lane_width = SIZE[0] // PEOPLE
    photograph = cv2.resize(
        scene.image, None, fx=scale, fy=scale,
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
    )[:, : lane_width - 1]  # fmt: skip
    high, wide = photograph.shape[:2]
    begin, end = 0, count
    if lane % 2:
        begin, end = (int(rng.integers(1, count)), count) if lane % 4 == 1 else (
            0, int(rng.integers(2, count)))  # fmt: skip
    speed, phase = rng.uniform(0.02, 0.1, 2), rng.uniform(0, 6, 2)

    def draw(canvas: np.ndarray, number: int) -> np.ndarray | None:
        if not begin <= number < end:
            return None
        along = (np.sin(phase + speed * number) + 1) / 2
        x = lane * lane_width + int(along[0] * (lane_width - wide))
        y = int(along[1] * max(0, SIZE[1] - high))
        part = canvas[y : y + high, x : x + wide]
        part[:] = photograph[: part.shape[0]]
        return scene.boxes[0] * scale + (x, y, x, y)

    return draw


def compare(
    clips: Sequence[Sequence[np.ndarray]],
    material: list[Scene],
    count: int,
    detector: FaceDetector,
) -> str:
    """Measure what following costs and finds beside searching each frame anew.

    Args:
        clips: frames of real clips, uint8 RGB.
        material: photographs with one face each.
        count: made sequences of each kind.
        detector: looks at frames.

    Returns:
        A Markdown table. For real clips, whose faces nobody marked, the truth is what the search
        of each frame finds.
    """
    lines = [
        "| sequence | faces | each frame anew | followed | processor time |",
        "| --- " * 5 + "|",
    ]
    for camera in ("still", "pan", "cut"):
        for smallest in (40, 80):
            ways = [
                made(material, camera, smallest, MOMENTS, np.random.default_rng(seed))
                for seed in range(count)
            ]
            lines.append(_line(f"made, {camera}, from {smallest} px", ways, detector))
    searched = [
        [Scene(image, _boxes(detector.detect(image))) for image in frames] for frames in clips
    ]
    lines.append(_line(f"{len(clips)} real clips", searched, detector))
    return "\n".join(lines)


def _line(name: str, sequences: list[list[Scene]], detector: FaceDetector) -> str:
    cells, costs = [], []
    for followed in (False, True):
        faces = hit = wrong = 0
        began = time.process_time()
        found = [
            [
                _boxes(follower.find(scene.image, number * STEP) if followed
                       else detector.detect(scene.image))
                for number, scene in enumerate(scenes)
            ]
            for scenes in sequences
            for follower in [Follower(detector)]
        ]  # fmt: skip
        costs.append(time.process_time() - began)
        for scene, boxes in zip(chain(*sequences), chain(*found), strict=True):
            faces += len(scene.boxes)
            hit += sum(any(hits(box, truth) for box in boxes) for truth in scene.boxes)
            wrong += sum(not any(hits(box, truth) for truth in scene.boxes) for box in boxes)
        cells.append(f"{hit / max(1, faces):.3f}" + (f" +{wrong}" if wrong else ""))
    return f"| {name} | {faces} | {' | '.join(cells)} | 1 / {costs[0] / costs[1]:.1f} |"


def _boxes(faces: list[Face]) -> np.ndarray:
    return np.array([face.box for face in faces], np.float32).reshape(-1, 4)
