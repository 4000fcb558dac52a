"""Measures face detectors: recall, false faces and milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from backend.engines.openvino import has_bf16
from backend.errors import SetupError
from backend.faces.blazeface import BlazeFace, Window, merge
from backend.faces.detector import FaceDetector
from backend.faces.tflite_files import FULL_RANGE, SHORT_RANGE, tflite_file
from backend.training.data.face_cache import FaceCache
from backend.training.data.pools import spread
from backend.training.measure.centerface import CenterFace
from backend.training.measure.face_scenes import (
    Scene,
    crowd,
    dark,
    faceless,
    hits,
    turned,
    with_truth,
)
from backend.training.measure.face_sequences import MOMENTS, compare
from backend.training.measure.originals import pictures

Detect = Callable[[np.ndarray], np.ndarray]
SPLITS = ("val", "dev-a")
COUNT = 40  # pictures a condition
THREADS = 2
CLIPS, FRAMES = 8, 6  # real clips, and frames of each
HEAD = """<!-- What face detectors find, and what they cost. -->
# Which face detector

Printed by `python -m backend measure faces DATA`. Chosen: **{chosen}**.

Each cell is the share of the faces found; `+n` counts boxes that are no face of the scene.
A box counts when its middle lies in the true box and its area is 1/3 to 3 times the true one.
Milliseconds are the fastest of 15 calls on a 1920x1080 and on a small picture, {threads} CPU
threads, all in one run: compare them with each other, not with those of other machines.

- stills: real photographs, cut out with room around the face. clips: frames of {clips} real clips.
  The true boxes of both come from the chosen detector where CenterFace agrees ({agreed} of {read}
  stills), so its 1.00 there is by construction, and the stills of the other columns are faces it
  can find large. Read those for the differences.
- N px: a still pasted on gravel so that its box has N px, in 1280x720 or 1920x1080.
- crowd: eight stills of 40 to 200 px in 1920x1080.
- turned: stills rotated in the picture plane. dark: 15 % brightness with sensor noise.
- no face: {plain} pictures without people, half of them stretched to 1920x1080; only `+n`
  matters.

"""

FOLLOWING = """
## Following from frame to frame

What `backend/faces/video_detector.py` finds in {few} made sequences of each kind and in the real
clips, beside the search of each frame anew, at {moments} moments. Half of the people in the made
ones come later or leave early. Processor time is a ratio within this run.

"""


def measure(data: Path, faces: FaceCache, count: int = COUNT) -> str:
    """The page in Markdown.

    Args:
        data: folder that the faces are of.
        faces: found before; real ones of held-out splits are used.
        count: pictures a condition.

    Raises:
        SetupError: there are no real pictures, or a clip cannot be used.
    """
    real = [face for face in faces.faces if face.row.split in SPLITS and not face.row.fake]
    stills = spread((face for face in real if face.row.kind == "image"), 4 * count, seed=1)
    clips = spread((face for face in real if face.row.kind == "video"), CLIPS)
    detectors = build_detectors(THREADS)
    chosen = next(reversed(detectors))
    images = [np.ascontiguousarray(face.image()) for face in stills]
    material = with_truth(images, detectors[chosen], detectors["CenterFace 320x192"])
    if not material:
        raise SetupError("There are no real pictures in val and dev-a to measure detectors on.")
    moments = [pictures(data, face.row, MOMENTS) for face in clips]
    frames = [frame for each in moments for frame in each[:: max(1, len(each) // FRAMES)]]
    scenes = build_scenes(material, frames, detectors, count)
    lines = [["detector", *scenes, "ms 1080p", "ms small"], ["---"] * (len(scenes) + 3)]
    for name, detect in detectors.items():
        cells = [score(detect, group) for group in scenes.values()]
        times = [milliseconds(detect, scenes[key][0].image) for key in ("40 px 1080p", "stills")]
        lines.append([name, *cells, *(f"{value:.1f}" for value in times)])
    head = HEAD.format(
        chosen=chosen, threads=THREADS, clips=len(clips), agreed=len(material), read=len(stills),
        plain=len(scenes["no face"]),
    )  # fmt: skip
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    few = max(1, count // 6)
    followed = compare(moments, material, few, FaceDetector(THREADS))
    return f"{head}{table}\n{FOLLOWING.format(few=few, moments=MOMENTS)}{followed}\n"


def build_detectors(threads: int) -> dict[str, Detect]:
    """Name -> function from a picture to boxes, float32 (n, 4); the last one is what serves."""
    short = BlazeFace(tflite_file(SHORT_RANGE), threads)
    full = BlazeFace(tflite_file(FULL_RANGE), threads)

    def whole(network: BlazeFace, margin: float) -> Detect:
        return lambda image: look(network, image, [Window.whole(image, margin)])

    def tiled(network: BlazeFace, side: int) -> Detect:
        return lambda image: look(network, image, squares(image, side))

    detectors = {
        "short range, whole picture": whole(short, 1.0),
        "short range, with black margin": whole(short, 1.5),
        "full range, whole picture": whole(full, 1.0),
        "full range, tiles of 800 px": tiled(full, 800),
        "full range, tiles of 590 px": tiled(full, 590),
        "full range, tiles of 400 px": tiled(full, 400),
    }
    for width, height in ((320, 192), (640, 384), (960, 544)):
        detectors[f"CenterFace {width}x{height}"] = CenterFace(width, height, threads).detect

    def boxes(detector: FaceDetector) -> Detect:
        return lambda image: np.array([face.box for face in detector.detect(image)]).reshape(-1, 4)

    last = "full range whole and in tiles, second look by short range, mesh in doubt"
    if has_bf16():
        detectors[f"{last}; full range in bf16"] = boxes(FaceDetector(threads, precision="bf16"))
    detectors[last] = boxes(FaceDetector(threads))
    return detectors


def build_scenes(
    material: list[Scene],
    frames: Sequence[np.ndarray],
    detectors: dict[str, Detect],
    count: int,
) -> dict[str, list[Scene]]:
    """Name -> scenes with known faces; `material` are photographs, `frames` those of clips."""
    chosen, finer = detectors[next(reversed(detectors))], detectors["CenterFace 960x544"]
    rng = np.random.default_rng(3)

    def alone(size: float, width: int, height: int) -> list[Scene]:
        return [crowd(material, [size], width, height, rng) for _ in range(count)]

    scenes = {
        "stills": material[:count],
        "clips": with_truth(frames, chosen, finer),
        "40 px 720p": alone(40, 1280, 720),
        "32 px 1080p": alone(32, 1920, 1080),
        "40 px 1080p": alone(40, 1920, 1080),
        "60 px 1080p": alone(60, 1920, 1080),
        "crowd": [
            crowd(material, list(rng.uniform(40, 200, 8)), 1920, 1080, rng)
            for _ in range(max(1, count // 3))
        ],
        "turned 30": [turned(scene, 30) for scene in material[:count]],
        "turned 60": [turned(scene, 60) for scene in material[:count]],
        "dark": [dark(scene, 0.15) for scene in material[:count]],
    }
    scenes["dark 40 px"] = [dark(scene, 0.15) for scene in scenes["40 px 1080p"]]
    return scenes | {"no face": faceless()}


def look(network: BlazeFace, image: np.ndarray, windows: list[Window]) -> np.ndarray:
    """Boxes of one network alone at MediaPipe's own threshold."""
    points, scores, _ = network.find(image, windows, 0.5)
    return merge(points, scores)[0][:, :2].reshape(-1, 4)


def squares(image: np.ndarray, side: int) -> list[Window]:
    """Windows of `side` px, a sixth overlapping, that cover the picture."""
    starts = [
        np.linspace(0, max(length - side, 0), 1 + max(0, -(-(length - side) * 6 // (side * 5))))
        for length in image.shape[:2]
    ]
    return [Window(x, y, side) for y in starts[0] for x in starts[1]]


def score(detect: Detect, scenes: list[Scene]) -> str:
    """Share of the faces found, and boxes that are none: "0.97 +1"."""
    faces = hit = wrong = 0
    for scene in scenes:
        found = detect(scene.image)
        faces += len(scene.boxes)
        hit += sum(any(hits(box, truth) for box in found) for truth in scene.boxes)
        wrong += sum(not any(hits(box, truth) for truth in scene.boxes) for box in found)
    return (f"{hit / faces:.2f}" if faces else "") + (f" +{wrong}" if wrong or not faces else "")


def milliseconds(detect: Detect, image: np.ndarray, repeats: int = 15) -> float:
    """Wall time of the fastest call: the others also measure what else the machine is doing."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        detect(image)
        times.append(time.perf_counter() - start)
    return min(times) * 1000
