"""How bright and how sharp the real faces of a data folder are, beside the limits in use."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from backend.models import quality
from backend.models.crops import crop_face
from backend.training.data.face_cache import FaceCache
from backend.training.data.pools import spread

POINTS = (1, 5, 50, 95)  # per cent of the faces that lie below
MOST, LEAST = 6000, 100  # faces in all, and of a source that has a line of its own
MARGIN = 0.3  # of the crops that are measured, as where faces are found for training
OTHERS = "all smaller sources"
LIMITS = {"brightness": quality.DARKEST, "sharpness": quality.SOFTEST}

HEAD = """<!-- What lies behind the limits in backend/models/quality.py. -->
# How bright and how sharp real faces are

Printed by `python -m backend measure quality DATA`. The table shows percentiles over the real
faces of each source, one face a file. Brightness is the mean grey level. Sharpness is the share of
the finest detail in the coarser, in %, measured on the face after brightening. The limits in use
are brightness {darkest:g} and sharpness {softest:g}. Faces below them are left out.

| measured | source | faces | {points} |
|---|---|---|{lines}
"""


def measure(faces: FaceCache) -> str:
    """The page in Markdown: a line for each source, for brightness and for sharpness."""
    real = spread((face for face in faces.faces if not face.row.fake), MOST)
    crops = defaultdict(list)
    for face in real:
        crop = crop_face(face.image(), face.box, MARGIN, quality.SIDE)
        left, top, right, bottom = face.native_box
        sharp = quality.sharpness(crop, max(right - left, bottom - top))
        crops[face.row.source].append((quality.brightness(crop), sharp))
    large = {source for source, own in crops.items() if len(own) >= LEAST}
    lines = []
    for column, (name, least) in enumerate(LIMITS.items()):
        values = defaultdict(list)
        for source, own in crops.items():
            group = source if source in large else OTHERS
            values[group] += [each[column] for each in own if each[column] >= least]
        for group in sorted(values, key=lambda each: (each == OTHERS, each)):
            if own := values[group]:
                cells = " | ".join(f"{value:.1f}" for value in np.percentile(own, POINTS))
                lines.append(f"| {name} | {group} | {len(own)} | {cells} |")
    head = HEAD.format(
        darkest=quality.DARKEST, softest=quality.SOFTEST,
        points=" | ".join(f"{point} %" for point in POINTS), lines="---|" * len(POINTS),
    )  # fmt: skip
    return head + "\n".join(lines) + "\n"
