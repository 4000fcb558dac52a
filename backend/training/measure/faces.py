"""Measures face detectors: recall, false faces and milliseconds. Run it with `--help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from backend.cli.exit_codes import answered
from backend.engines.openvino import has_bf16
from backend.faces.blazeface import BlazeFace, Window, merge
from backend.faces.detector import FaceDetector
from backend.faces.tflite_files import FULL_RANGE, SHORT_RANGE, tflite_file
from backend.training.measure.centerface import CenterFace
from backend.training.measure.face_scenes import (
    Scene,
    crowd,
    dark,
    faceless,
    hits,
    read_clips,
    read_photographs,
    turned,
    with_truth,
)
from backend.training.measure.face_sequences import compare

Detect = Callable[[np.ndarray], np.ndarray]
HEAD = """# Which face detector

Printed by `python -m backend.training.measure.faces DATA --out docs/measurements/faces.md`
(options: --count {count} --threads {threads}),
where DATA holds `faces/` and `clips/`. Chosen: **{chosen}**.

Each cell is the share of the faces found; `+n` counts boxes that are no face of the scene.
A box counts when its middle lies in the true box and its area is 1/3 to 3 times the true one.
Milliseconds are the fastest of 15 calls on a 1920x1080 and on a small picture, {threads} CPU
thread(s), all in one run: compare them with each other, not with those of other machines.
{note}

- stills, timit: photographs of one face. clips: frames of six whole clips with one person each,
  one of them nearly black. The true boxes of these three come from the chosen detector where
  CenterFace agrees ({agreed} of {read} stills), so its 1.00 there is by construction, and the
  stills of the other columns are faces it can find large. Read those for the differences.
- N px: a still pasted on gravel so that its box has N px, in 1280x720 or 1920x1080.
- crowd: eight stills of 40 to 200 px in 1920x1080.
- turned: stills rotated in the picture plane. dark: 15 % brightness with sensor noise.
- no face: {plain} pictures without people, half of them stretched to 1920x1080; only `+n`
  matters.

"""

FOLLOWING = """
## Following from frame to frame

What `backend/faces/video_detector.py` finds in {few} made sequences of each kind and in the real
clips, beside the search of each frame anew, at the 32 moments of ten seconds. Half of the people
in the made ones come later or leave early. Processor time is a ratio within this run.

"""


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with faces/ and clips/")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown file to write")
    parser.add_argument("--count", type=int, default=40, help="pictures a condition")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--note", default="", help="a sentence about this run for the page")
    options = parser.parse_args(arguments)

    detectors = build_detectors(options.threads)
    chosen = next(reversed(detectors))
    stills = read_photographs(options.data, "stills.tar", 4 * options.count, seed=1)
    material = with_truth(stills, detectors[chosen], detectors["CenterFace 320x192"])
    scenes = build_scenes(options.data, material, detectors, options.count)
    lines = [["detector", *scenes, "ms 1080p", "ms small"]]
    for name, detect in detectors.items():
        cells = [score(detect, group) for group in scenes.values()]
        times = [milliseconds(detect, scenes[key][0].image) for key in ("40 px 1080p", "stills")]
        lines.append([name, *cells, *(f"{value:.1f}" for value in times)])
        print(*lines[-1], sep=" | ", flush=True)
    lines.insert(1, ["---"] * len(lines[0]))
    head = HEAD.format(
        chosen=chosen,
        threads=options.threads,
        note=options.note,
        count=options.count,
        agreed=len(material),
        read=len(stills),
        plain=len(scenes["no face"]),
    )
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    few = max(1, options.count // 6)
    followed = compare(options.data / "clips", material, few, FaceDetector(options.threads))
    print(followed)
    page = f"{head}{table}\n{FOLLOWING.format(few=few)}{followed}\n"
    options.out.write_text(page, encoding="utf-8")


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
    data: Path, material: list[Scene], detectors: dict[str, Detect], count: int
) -> dict[str, list[Scene]]:
    """Name -> scenes with known faces."""
    chosen, other = detectors[next(reversed(detectors))], detectors["CenterFace 320x192"]
    finer = detectors["CenterFace 960x544"]
    timit = read_photographs(data, "timit.tar", count, seed=2)
    rng = np.random.default_rng(3)

    def alone(size: float, width: int, height: int) -> list[Scene]:
        return [crowd(material, [size], width, height, rng) for _ in range(count)]

    scenes = {
        "stills": material[:count],
        "timit": with_truth(timit, chosen, other),
        "clips": with_truth(read_clips(data / "clips", 6), chosen, finer),
        "40 px 720p": alone(40, 1280, 720),
        "32 px 1080p": alone(32, 1920, 1080),
        "40 px 1080p": alone(40, 1920, 1080),
        "60 px 1080p": alone(60, 1920, 1080),
        "crowd": [
            crowd(material, list(rng.uniform(40, 200, 8)), 1920, 1080, rng)
            for _ in range(count // 3)
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


if __name__ == "__main__":
    sys.exit(answered(main))
