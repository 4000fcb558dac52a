"""Draws the face of a picture anew with the autoencoder, for the blends of training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from backend.errors import SetupError
from backend.training.augment.autoencoder import LATENT, WEIGHTS, Autoencoder, align, aligner
from backend.training.networks.state_file import read_state

SMALLEST, LARGEST = 224, 448  # px, shorter side at which a whole picture is drawn


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

    def whole(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a whole picture anew, as those do who drive a portrait: nothing of it is left.

        Training on real pictures beside their own reconstruction is after Rajan et al., "Aligned
        Datasets Improve Detection of Latent Diffusion-Generated Images", ICLR 2025.

        Args:
            image: uint8 RGB, shape (H, W, 3).
            rng: seeded generator.

        Returns:
            (the picture as it was, at the size it is drawn at and as sharp; the drawn one), uint8
            RGB, shape (H, W, 3) both: neither size nor blur tells them apart.
        """
        height, width = image.shape[:2]
        shorter = min(height, width)
        scale = min(1.0, rng.uniform(SMALLEST, LARGEST) / shorter)
        size = [max(8, int(side * scale) // 8 * 8) for side in (width, height)]
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        with torch.inference_mode():
            drawn = self._network(
                torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1,
                int(rng.integers(len(self._network.decoders))),
                torch.tensor([LATENT]),
            )
        drawn = (drawn[0].permute(1, 2, 0).numpy() + 1) * 127.5
        # Colours are the picture's own; of the detail a part, since others draw better.
        drawn += cv2.GaussianBlur(small - drawn, (0, 0), 4)
        drawn = small + rng.uniform(0.4, 1.0) * (drawn - small)
        drawn = _as_sharp(drawn, small)
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[rng.integers(3)]
        return tuple(
            cv2.resize(each, (width, height), interpolation=how) for each in (small, drawn)
        )


def _as_sharp(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Sharpen a picture (float RGB) until its fine detail is as strong as another's."""
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    detail = image - soft
    wanted = (like - cv2.GaussianBlur(like, (0, 0), 1.0).astype(np.float32)).std()
    gain = min(4.0, wanted / (detail.std() + 1e-3))
    return np.clip(soft + gain * detail + 0.5, 0, 255).astype(np.uint8)
