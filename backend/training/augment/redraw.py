"""Draws the face of a picture anew with the autoencoder, for the blends of training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from backend.errors import SetupError
from backend.training.augment.autoencoder import LATENT, WEIGHTS, Autoencoder, align, aligner
from backend.training.networks.state_file import read_state


class Redrawer:
    """Draws the face of a picture anew.

    Args:
        weights: what `train` wrote.

    Raises:
        SetupError: it is missing or of another network.
    """

    def __init__(self, weights: Path = WEIGHTS):
        torch.set_num_threads(1)  # of a process that makes batches, one for each core
        self._network = Autoencoder()
        try:
            self._network.load_state_dict(read_state(weights))
        except (RuntimeError, ValueError):
            raise SetupError(
                f"What draws faces anew, {weights.name}, is missing or damaged. Make it with: "
                "python -m backend measure autoencoder DATA"
            ) from None
        self._network.eval()

    def __call__(
        self, image: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw it at a side of 64 to 192 px, but not far above its own, and lay it back in place.

        Args:
            image: uint8 RGB, shape (H, W, 3).
            landmarks: float32, shape (468, 2), px.
            rng: seeded generator.

        Returns:
            uint8 RGB, shape (H, W, 3); around the aligned face the picture is as it was.
        """
        own = 1 / np.sqrt(abs(np.linalg.det(aligner(landmarks, 1)[:, :2])))
        sides = [side for side in range(64, 193, 16) if side <= max(64, 1.25 * own)]
        side = sides[rng.integers(len(sides))]
        face = align(image, landmarks, side)
        channels = int(rng.integers(LATENT // 3, LATENT + 1))
        with torch.inference_mode():
            drawn = self._network(
                torch.from_numpy(face).permute(2, 0, 1)[None].float() / 127.5 - 1,
                int(rng.integers(len(self._network.decoders))),
                torch.tensor([channels]),
            )
        drawn = ((drawn[0].permute(1, 2, 0).numpy() + 1) * 127.5 + 0.5).clip(0, 255)
        out = image.copy()
        # The outermost pixels are drawn without surroundings, and left out.
        inside = np.zeros((side, side), np.uint8)
        inside[2:-2, 2:-2] = 1
        size, back = image.shape[1::-1], cv2.WARP_INVERSE_MAP
        matrix = aligner(landmarks, side)
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        laid = cv2.warpAffine(drawn.astype(np.uint8), matrix, size, flags=how | back)
        inside = cv2.warpAffine(inside, matrix, size, flags=cv2.INTER_NEAREST | back)
        out[inside > 0] = laid[inside > 0]
        return out
