"""Marks a network during training, on faces that it does not learn from: the best is kept."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.models.crops import crop_face
from backend.models.windows import windows
from backend.training.data.face_cache import CutFace, FaceCache
from backend.training.data.pools import spread
from backend.training.recipe import Recipe

MOST = 250  # faces of one label of a set
CHUNK = 32


class Judge:
    """Says how well a network tells the faces of `val` and `dev-a`, by the area under the curve.

    Clips and pictures are ranked apart, each by the head that serves them; the mark is the mean of
    all sets, and unseen methods (`dev-a`) count twice.

    Args:
        recipe: of the network.
        faces: of all splits.
        log: CSV, one row a mark.
        device: that the network is on.
    """

    def __init__(self, recipe: Recipe, faces: FaceCache, log: Path, device: str):
        self.recipe, self.log, self.device = recipe, log, device
        kinds = ("image",) if recipe.sampler == "windows" else ("image", "video")
        self._sets = {
            f"{split} {kind}": drawn
            for split in ("val", "dev-a")
            for kind in kinds
            if (drawn := _draw([f for f in faces.of(split) if f.row.kind == kind]))
        }

    def mark(self, network, step: int) -> float:
        """Judge the sets and write a row.

        Returns:
            The mark, 0 to 1; 0 where no set has both labels.
        """
        was = network.training
        network.eval()
        found = {}
        for name, faces in self._sets.items():
            logits, fake = self._logits(network, faces)
            heads = {"video": [0], "image": list(range(logits.shape[1]))}[name.split()[1]]
            found[name] = float(roc_auc_score(fake, logits[:, heads].max(axis=1)))
        network.train(was)
        weights = [2 if name.startswith("dev") else 1 for name in found]
        mark = float(np.average(list(found.values()), weights=weights)) if found else 0.0
        fresh = not self.log.is_file()
        with self.log.open("a", newline="") as file:
            table = csv.writer(file)
            if fresh:
                table.writerow(["step", *found, "mark"])
            table.writerow([step, *(f"{auc:.4f}" for auc in found.values()), f"{mark:.4f}"])
        return mark

    def _logits(self, network, faces: Sequence[CutFace]) -> tuple[np.ndarray, np.ndarray]:
        """Logits (N, heads) and labels of the faces that the network can see."""
        import torch

        found, fake = [], []
        for face in faces:
            views = self._views(face)
            if len(views):
                found.append(views)
                fake.append(face.row.fake)
        flat, logits = np.concatenate(found), []
        with torch.inference_mode():
            for start in range(0, len(flat), CHUNK):
                part = torch.from_numpy(flat[start : start + CHUNK]).to(self.device)
                logits.append(network(part.permute(0, 3, 1, 2))[0].float().cpu().numpy())
        ends = np.cumsum([len(views) for views in found])[:-1]
        each = np.split(np.concatenate(logits), ends)
        return np.stack([views.mean(axis=0) for views in each]), np.array(fake)

    def _views(self, face: CutFace) -> np.ndarray:
        size = self.recipe.size
        if self.recipe.sampler == "windows":
            return windows(face.native(), face.native_box, size)
        return crop_face(face.image(), face.box, self.recipe.margin, size)[None]


def _draw(faces: Sequence[CutFace]) -> list[CutFace]:
    """At most `MOST` of each label, see `spread`; nothing where a label is missing."""
    labels = [spread((f for f in faces if f.row.fake == fake), MOST) for fake in (False, True)]
    return sum(labels, []) if all(labels) else []
