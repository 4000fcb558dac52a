"""How well people keep their names, in sequences made of real clips: crossing, leaving, slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment
from skimage import data as pictures_of

from backend.errors import SetupError
from backend.faces.descriptor import describe
from backend.faces.detector import FaceDetector
from backend.faces.tracker import Tracker, without_glimpses
from backend.faces.video_detector import Follower
from backend.records.observations import FaceObservation
from backend.training.data.index import Row
from backend.training.measure.face_scenes import hits
from backend.training.measure.face_sequences import MOMENTS
from backend.training.measure.originals import pictures
from backend.training.measure.walks import FACE, KINDS, SIZE, Walk

SPLITS = ("val", "dev-a")
CLIPS, COUNT = 9, 4  # people, and sequences of each kind
SEEN = 0.9  # share of a clip's moments in which its one face must be found
SMALLEST = 60.0  # px of that face
ROOM = 2.0  # sides of a face that are cut out
HIDDEN = 0.3  # share of a face from which on it is not asked for, where a nearer one covers it

PAGE = """<!-- How well `backend.faces.tracker` follows people. -->
# Who is who

Printed by `python -m backend measure tracking DATA`. The heads of {people} real clips are cut out
and moved over a plain ground, {moments} moments a sequence; the nearer covers the other. IDF1 is
the share of faces with the right name, over the best pairing of people and names (Ristani et al.,
2016). A switch is a person whose name changes; a mixture is a name that two people had.

| sequence | sequences | faces | IDF1 | switches a sequence | mixtures a sequence |
|---|---|---|---|---|---|
{lines}
"""

Box = np.ndarray  # float, shape (4,): left top right bottom, px


@dataclass(frozen=True)
class Head:
    """Somebody cut out of a clip.

    Attributes:
        views: of each moment: uint8 RGB, shape (side, side, 3).
        boxes: of the face in each, px.
    """

    views: list[np.ndarray]
    boxes: list[Box]


def measure(data: Path, rows: Sequence[Row]) -> str:
    """The page in Markdown.

    Args:
        data: folder that the rows are of.
        rows: of the index; real clips of held-out splits are used.

    Raises:
        SetupError: there are fewer than three usable clips.
    """
    detector = FaceDetector()
    people = heads(data, rows, detector)
    if len(people) < 3:
        raise SetupError("Following needs three real clips of one face in val and dev-a.")
    lines = []
    for name, (walks, step) in KINDS.items():
        rng, total = np.random.default_rng(0), np.zeros(5)
        for _ in range(COUNT):
            cast = [people[i] for i in rng.choice(len(people), 3, replace=False)]
            frames, truth = staged(cast, walks(rng))
            total += score(truth, follow(frames, step, detector))
        faces, found, right, switches, mixtures = total
        lines.append(
            f"| {name} | {COUNT} | {faces:.0f} | {2 * right / max(1, faces + found):.3f} "
            f"| {switches / COUNT:.2f} | {mixtures / COUNT:.2f} |"
        )
    return PAGE.format(people=len(people), moments=MOMENTS, lines="\n".join(lines))


def heads(data: Path, rows: Sequence[Row], detector: FaceDetector) -> list[Head]:
    """One of each source in turn, of clips in which one face is seen nearly all the time."""
    of_source: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row.split in SPLITS and row.kind == "video" and not row.fake:
            of_source[row.source].setdefault(row.group, row)
    queues = [list(own.values()) for _, own in sorted(of_source.items())]
    found: list[Head] = []
    while any(queues) and len(found) < CLIPS:
        for queue in queues:
            if queue and len(found) < CLIPS:
                try:
                    head = _head(pictures(data, queue.pop(), MOMENTS), detector)
                except SetupError:
                    continue
                found += [head] if head else []
    return found


def _head(frames: Sequence[np.ndarray], detector: FaceDetector) -> Head | None:
    views, boxes = [], []
    for image in frames:
        faces = detector.detect(image)
        if len(faces) != 1 or faces[0].size < SMALLEST:
            continue
        face = faces[0]
        box, side = np.array(face.box), face.size * ROOM
        corner = box.reshape(2, 2).mean(axis=0) - side / 2
        scale = FACE / face.size
        matrix = np.column_stack([np.eye(2) * scale, -corner * scale])
        edge = round(FACE * ROOM)
        views.append(cv2.warpAffine(image, matrix, (edge, edge), borderMode=cv2.BORDER_REPLICATE))
        boxes.append((box - np.tile(corner, 2)) * scale)
    return Head(views, boxes) if len(views) >= SEEN * len(frames) else None


def staged(
    cast: Sequence[Head], walks: Sequence[Walk]
) -> tuple[list[np.ndarray], list[dict[int, tuple[Box, bool]]]]:
    """The frames, and of each: person -> the box of the face, and whether it is to be found.

    Args:
        cast: the nearest last.
        walks: of each.
    """
    ground = cv2.resize(pictures_of.gravel(), SIZE)[..., None].repeat(3, axis=2) // 2 + 60
    side = len(cast[0].views[0])
    middle = (side - 1) / 2
    y, x = np.mgrid[:side, :side]
    mask = np.hypot((x - middle) / (0.40 * side), (y - middle) / (0.48 * side)) < 1
    frames, truth = [], []
    for number in range(MOMENTS):
        canvas = np.pad(ground, ((side, side), (side, side), (0, 0)), mode="edge")
        seen: dict[int, tuple[Box, bool]] = {}
        for person, (head, walk) in enumerate(zip(cast, walks, strict=False)):
            place = walk(number)
            if place is None:
                continue
            left, top = (round(float(v - side / 2)) for v in place)
            left, top = (
                int(np.clip(v, -side, most)) for v, most in zip((left, top), SIZE, strict=True)
            )
            view = number % len(head.views)
            part = canvas[top + side : top + 2 * side, left + side : left + 2 * side]
            part[mask] = head.views[view][mask]
            box = head.boxes[view] + (left, top, left, top)
            seen = {p: (b, ok and _covered(b, box) < HIDDEN) for p, (b, ok) in seen.items()}
            seen[person] = box, _covered(box, np.array((0, 0, *SIZE), float)) > 1 - HIDDEN
        frames.append(np.ascontiguousarray(canvas[side:-side, side:-side]).astype(np.uint8))
        truth.append(seen)
    return frames, truth


def _covered(box: Box, by: Box) -> float:
    """Share of a box that lies in another."""
    width, height = np.maximum(np.minimum(box[2:], by[2:]) - np.maximum(box[:2], by[:2]), 0)
    return float(width * height / np.prod(box[2:] - box[:2]))


def follow(
    frames: Sequence[np.ndarray], step: float, detector: FaceDetector
) -> list[tuple[FaceObservation, ...]]:
    """The faces of each frame with their tracks, as serving follows them; `step` in s."""
    follower, tracker, found = Follower(detector), Tracker(), []
    for number, image in enumerate(frames):
        faces = follower.find(image, number * step)
        described = [describe(image, face) for face in faces]
        tracks = tracker.assign(number, faces, described, follower.cut, step)
        found.append(
            tuple(
                FaceObservation(place, number, number * step, face, track)
                for place, (face, track) in enumerate(zip(faces, tracks, strict=True))
            )
        )
    return without_glimpses(tracker.rejoin(found))


def score(
    truth: Sequence[dict[int, tuple[Box, bool]]], found: Sequence[Sequence[FaceObservation]]
) -> np.ndarray:
    """Of one sequence: faces to find, faces found, those with the right name, switches, mixtures.

    Found faces of people who are hidden do not count.
    """
    together: dict[tuple[int, int], int] = defaultdict(int)
    names: dict[int, list[int]] = defaultdict(list)
    faces = detected = 0
    for people, seen in zip(truth, found, strict=True):
        faces += sum(asked for _, asked in people.values())
        for each in seen:
            box = np.array(each.face.box)
            of = [p for p, (b, _) in people.items() if hits(box, b)]
            nearest = min(of, key=lambda p: np.abs(people[p][0] - box).max(), default=None)
            if nearest is not None and not people[nearest][1]:
                continue
            detected += 1
            if nearest is not None:
                together[nearest, each.track] += 1
                names[nearest].append(each.track)
    switches = sum(a != b for own in names.values() for a, b in zip(own[:-1], own[1:], strict=True))
    tracks = sorted({track for _, track in together})
    table = np.array([[together[p, t] for t in tracks] for p in sorted(names)])
    right = table[linear_sum_assignment(-table)].sum() if table.size else 0
    mixtures = (np.count_nonzero(table, axis=0) > 1).sum() if table.size else 0
    return np.array([faces, detected, right, switches, mixtures], float)
