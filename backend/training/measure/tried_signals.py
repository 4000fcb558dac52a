"""Whether classic signals of older detectors tell real from fake: `measure candidates DATA`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.models.crops import crop_face
from backend.models.members import TrackNetwork
from backend.models.model_file import read_config
from backend.models.registry import open_scorer
from backend.settings import Settings
from backend.training.data.face_cache import CutFace, FaceCache
from backend.training.data.pools import spread
from backend.training.evaluate.heads import head_logits
from backend.training.evaluate.markdown_tables import table
from backend.training.measure import candidates
from backend.training.measure.candidates import PATCH, SIDE
from backend.training.measure.tried_signals_page import FAR, KINDS, SPLITS, page

SECONDS, RATE = 6.0, 12.0  # of the start of a clip, and pictures a second of it
WIDEST = 960  # px
LEAST = 40  # moments with a face that a clip needs
MARGIN = 0.3
MOVING = {  # that only clips have
    "flow_apart", "blink_rate", "eye_changes", "flow_of_moments", "eyes_of_moments",
}  # fmt: skip
SEVERAL = 4  # moments with a mesh


def measure(settings: Settings, data: Path, faces: FaceCache, files: int, clips: int) -> str:
    """The page in Markdown.

    Args:
        settings: with the model.
        data: folder that the faces are of.
        faces: found before.
        files: of each label, kind and split.
        clips: of each label and split that are looked at picture by picture.
    """
    chosen = list(_chosen(faces, files))
    moments: dict[str, list[CutFace]] = defaultdict(list)
    for face in faces.faces:
        moments[face.row.key].append(face)
    values = [_of_face(face) | _of_moments(moments[face.row.key]) for face in chosen]
    moving = [
        face
        for split in SPLITS
        for fake in (False, True)
        for face in [f for f in chosen if _key(f) == (split, "video", fake)][:clips]
    ]
    detector, mesh = FaceDetector(threads=1), FaceMesh()
    known = {face.row.key: own for face, own in zip(chosen, values, strict=True)}
    for number, face in enumerate(moving, 1):
        known[face.row.key].update(_of_clip(data / face.row.file, face, detector, mesh))
        print(f"\rlooking at clips: {number} of {len(moving)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    together = _together(settings, chosen, values)
    return page([face.row for face in chosen], values, files, clips) + together


def _key(face: CutFace) -> tuple[str, str, bool]:
    return face.row.split, face.row.kind, face.row.fake


def _chosen(faces: FaceCache, files: int) -> Iterator[CutFace]:
    for split in SPLITS:
        for kind in KINDS:
            for fake in (False, True):
                own = (face for face in faces.of(split) if _key(face) == (split, kind, fake))
                yield from spread(own, files)


def _of_face(face: CutFace) -> dict[str, float]:
    found = candidates.of_crop(crop_face(face.image(), face.box, MARGIN, SIDE))
    pixels = face.native()
    left, top, right, bottom = face.native_box
    x, y = int((left + right - PATCH) / 2), int((top + bottom - PATCH) / 2)
    height, width = pixels.shape[:2]
    if min(x, y) >= 0 and x + PATCH <= width and y + PATCH <= height:
        found |= candidates.of_pixels(pixels[y : y + PATCH, x : x + PATCH], pixels[:PATCH, :PATCH])
    return found


def _of_moments(faces: Sequence[CutFace]) -> dict[str, float]:
    """What can be had of a few moments of a clip; nothing of a picture.

    Args:
        faces: of one file, in order of time.
    """
    found = {}
    near = [(a, b) for a, b in pairwise(faces) if b.record["time"] - a.record["time"] <= FAR]
    if near:
        flows = [candidates.flow_apart(_grey(a), _grey(b)) for a, b in near]
        found["flow_of_moments"] = float(np.median(flows))
    opened = [candidates.openness(each.landmarks) for each in faces if each.record["meshed"]]
    if len(opened) >= SEVERAL:
        found["eyes_of_moments"] = float(100 * np.std(opened) / np.median(opened))
    return found


def _grey(face: CutFace) -> np.ndarray:
    return cv2.cvtColor(crop_face(face.image(), face.box, MARGIN, SIDE), cv2.COLOR_RGB2GRAY)


def _of_clip(path: Path, face: CutFace, detector: FaceDetector, mesh: FaceMesh) -> dict[str, float]:
    """What needs many pictures a second; nothing where the face is not seen in enough of them."""
    opened, times, flows, before = [], [], [], None
    for grey, image, time in _frames(path, face):
        seen = max(detector.detect(image), key=lambda each: each.size, default=None)
        if seen is None:
            continue
        square = crop_face(np.repeat(grey[0][..., None], 3, 2), seen.box, MARGIN, SIDE)[..., 0]
        if grey[1] is not None:
            before = crop_face(np.repeat(grey[1][..., None], 3, 2), seen.box, MARGIN, SIDE)[..., 0]
            flows.append(candidates.flow_apart(before, square))
        points, presence = mesh.landmarks(image, seen)
        if presence >= 0.5:
            opened.append(candidates.openness(points))
            times.append(time)
    if len(opened) < LEAST:
        return {}
    return {
        **candidates.blinks(opened, times[-1] - times[0]),
        **({"flow_apart": float(np.median(flows))} if flows else {}),
    }


def _frames(path: Path, face: CutFace):
    """(grey of the frame and of the one before it, the frame, seconds), `RATE` a second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        due, before = 0.0, None
        for frame in container.decode(stream):
            if frame.time is None:
                continue
            if frame.time > SECONDS:
                break
            scale = min(1.0, WIDEST / max(frame.width, frame.height))
            size = round(frame.width * scale), round(frame.height * scale)
            frame = frame.reformat(*size, format="rgb24")
            image = np.ascontiguousarray(face.row.part_of(frame.to_ndarray()))
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            if frame.time >= due:
                due = frame.time + 1 / RATE
                yield (grey, before), image, frame.time
            before = grey


def _together(
    settings: Settings, chosen: Sequence[CutFace], values: Sequence[dict[str, float]]
) -> str:
    """Whether a regression over all signals, fitted on `val`, adds to the networks on `dev-a`."""
    config = read_config(settings.model, settings.ensemble)
    folder = settings.model.parent
    scorers = {
        member.name: open_scorer(member, folder, settings.cache, settings.engine)
        for member in config.members
        if not isinstance(member, TrackNetwork)  # single faces are judged
    }
    lines = [
        "## Together",
        "",
        "A logistic regression over the signals of single faces, fitted on `val`: alone, and with",
        "the model's own logit. AUC on `dev-a`.",
        "",
    ]
    rows = []
    for kind, word in KINDS.items():
        own = [i for i, face in enumerate(chosen) if face.row.kind == kind]
        logits = config.logits(kind, head_logits(scorers, [chosen[i] for i in own]).heads)
        names = sorted(set.union(*(set(values[i]) for i in own)) - MOVING)
        measured = np.array([[values[i].get(name, np.nan) for name in names] for i in own])
        known = ~np.isnan(measured).any(axis=1) & ~np.isnan(logits)
        measured, logits = measured[known], logits[known]
        fake = np.array([chosen[i].row.fake for i in own])[known]
        val = np.array([chosen[i].row.split == "val" for i in own])[known]
        if len(set(fake[val])) < 2 or len(set(fake[~val])) < 2:
            continue
        both = np.column_stack([measured, logits])
        areas = [roc_auc_score(fake[~val], logits[~val])]
        for columns in (measured, both):
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
            model.fit(columns[val], fake[val])
            areas.append(roc_auc_score(fake[~val], model.decision_function(columns[~val])))
        rows.append((word, int((~val).sum()), *(f"{area:.3f}" for area in areas)))
    head = ("files", "of `dev-a`", "model alone", "signals alone", "both")
    return "\n".join(lines) + "\n" + table(head, rows) + "\n"
