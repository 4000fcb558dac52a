"""Draws faces anew, as swaps do.

Most swaps are drawn by an autoencoder whose encoder many people share (Lu's "faceswap" of 2018;
Perov et al., "DeepFaceLab", 2020): a small aligned face goes through a narrow passage, and what
comes out lacks pores, lashes and the gleam of an eye, and has the grain of its upsampling. Here one
encoder and three decoders, which upsample in three ways, learn from the real faces of the `train`
split alone, by `python -m backend measure autoencoder DATA`. `backend.training.augment.blend` lays
what they draw over the face that it was drawn from.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from backend.errors import SetupError
from backend.training.augment.regions import LEFT_EYE, LIPS, RIGHT_EYE
from backend.training.data.face_cache import CutFace
from backend.training.data.pools import spread

SIDES = (64, 96, 128)  # px of the aligned face in training; any multiple of 8 works afterwards
LATENT = 32  # channels of the passage, one place for each 8 x 8 px
NARROWEST = 6  # channels of it that are always open in training; more must be for a likeness
# Where eyes and mouth lie in an aligned face, in its sides: forehead and chin are just inside.
ALIGNED = np.array([(0.33, 0.36), (0.67, 0.36), (0.5, 0.71)], np.float32)
WEIGHTS = Path(__file__).with_suffix(".pt")  # half precision
STEPS, BATCH, RATE, SEED = 1200, 24, 1.5e-3, 70
MOST = 6000  # faces, one a file


def aligner(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The similarity that lays a face's eyes and mouth on `ALIGNED` (Umeyama, TPAMI 1991).

    Args:
        landmarks: float32, shape (468, 2), px.
        side: px of the aligned face.

    Returns:
        float64, shape (2, 3), for `cv2.warpAffine`.
    """
    # In complex numbers a similarity is z -> a z + b.
    parts = (RIGHT_EYE, LEFT_EYE, LIPS)
    have = np.array([complex(*landmarks[part].mean(0)) for part in parts])
    want = ALIGNED[:, 0] * side + 1j * ALIGNED[:, 1] * side
    centred = have - have.mean()
    a = (centred.conj() @ (want - want.mean())) / max((abs(centred) ** 2).sum(), 1e-6)
    b = want.mean() - a * have.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def align(image: np.ndarray, landmarks: np.ndarray, side: int) -> np.ndarray:
    """Cut out the aligned face: uint8 RGB, shape (side, side, 3)."""
    matrix = aligner(landmarks, side)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.75:  # else every second pixel would be skipped, and hair would flicker
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image, matrix = small, matrix / [scale, scale, 1]
    return cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.1, inplace=True))


def _double(inputs: int, outputs: int, how: str) -> nn.Sequential:
    """Twice the side: by pixel shuffle, by repeated pixels, or by transposed convolution."""
    if how == "shuffle":
        return nn.Sequential(_layer(inputs, 4 * outputs), nn.PixelShuffle(2))
    if how == "repeat":
        return nn.Sequential(nn.Upsample(scale_factor=2), _layer(inputs, outputs))
    transposed = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
    return nn.Sequential(transposed, nn.LeakyReLU(0.1, inplace=True))


class Autoencoder(nn.Module):
    """One encoder, and decoders that differ in how they upsample."""

    def __init__(self):
        super().__init__()
        widths = (32, 64, 128)
        self.encoder = nn.Sequential(
            *(_layer(a, b, 2) for a, b in zip((3, *widths), widths, strict=False)),
            nn.Conv2d(widths[-1], LATENT, 1),
        )
        self.decoders = nn.ModuleList(
            nn.Sequential(
                _layer(LATENT, 128),
                _double(128, 64, how),
                _double(64, 48, how),
                _double(48, 32, how),
                nn.Conv2d(32, 3, 3, 1, 1),
            )
            for how in ("shuffle", "repeat", "transposed")
        )

    def forward(self, faces: torch.Tensor, decoder: int, channels: torch.Tensor) -> torch.Tensor:
        """Draw faces anew.

        Args:
            faces: float, RGB -1 to 1, shape (N, 3, S, S).
            decoder: index of the one that draws.
            channels: int, shape (N,): how many of the passage's channels are open, the first ones;
                the fewer, the less of the face gets through (Rippel et al., "Learning Ordered
                Representations with Nested Dropout", ICML 2014).

        Returns:
            float, about -1 to 1, shape (N, 3, S, S).
        """
        latent = self.encoder(faces)
        kept = torch.arange(LATENT, device=channels.device) < channels[:, None]
        return self.decoders[decoder](latent * kept[:, :, None, None])


def unlikeness(drawn: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """Mean absolute error, plus half of one less the structural similarity (Wang et al., 2004)."""

    def mean(x):
        return F.avg_pool2d(x, 7, 1)

    a, b = mean(drawn), mean(faces)
    spread = mean(drawn * drawn) - a * a + mean(faces * faces) - b * b
    both = mean(drawn * faces) - a * b
    likeness = ((2 * a * b + 4e-4) * (2 * both + 3.6e-3)) / (
        (a * a + b * b + 4e-4) * (spread + 3.6e-3)
    )
    return F.l1_loss(drawn, faces) + 0.5 * (1 - likeness.mean())


def train(faces: Sequence[CutFace], weights: Path, steps: int = STEPS) -> None:
    """Train, with a line of progress.

    The encoder sees each face bent at random and the decoder draws it unbent, as swaps are
    trained: what is drawn is a guess, and a little wrong.

    Args:
        faces: of the split "train"; the real ones are learned from.
        weights: where the state of the network goes, in half precision.
        steps: of `BATCH` faces.

    Raises:
        SetupError: there is no real face.
    """
    real = spread((f for f in faces if not f.row.fake and f.record["meshed"]), MOST)
    if not real:
        raise SetupError("The training data has no real faces to learn from.")
    aligned = np.stack([align(face.image(), face.landmarks, SIDES[-1]) for face in real])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    network = Autoencoder().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.05)
    begun, shown = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        chosen = torch.from_numpy(aligned[rng.integers(0, len(aligned), BATCH)]).to(device)
        side = SIDES[rng.integers(len(SIDES))]
        goal = F.interpolate(
            chosen.permute(0, 3, 1, 2).float() / 127.5 - 1, (side, side), mode="area"
        )
        if rng.random() < 0.5:
            goal = goal.flip(3)
        bent = _bend(goal, torch.randn(BATCH, 2, 5, 5).to(device) * 0.03)
        channels = torch.exp(torch.empty(BATCH).uniform_(np.log(NARROWEST), np.log(LATENT + 1)))
        decoder = int(rng.integers(len(network.decoders)))
        loss = unlikeness(network(bent, decoder, channels.int().to(device)), goal)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        shown = loss.item() if step == 1 else 0.98 * shown + 0.02 * loss.item()
        if step % 20 == 0 or step == steps:
            rate = step / (time.monotonic() - begun)
            line = f"\rstep {step}/{steps}  loss {shown:.3f}  {rate * BATCH:.0f} faces/s  "
            line += f"{(steps - step) / rate / 60:.0f} min left "
            print(line, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    part = weights.with_name(f".{weights.name}.part")
    torch.save(network.cpu().half().state_dict(), part)
    os.replace(part, weights)


def _bend(faces: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
    """Move what is in the pictures by a coarse field, (N, 2, 5, 5) in half sides."""
    field = F.interpolate(coarse, faces.shape[2:], mode="bicubic").permute(0, 2, 3, 1)
    straight = F.affine_grid(torch.eye(2, 3).repeat(len(faces), 1, 1), faces.shape, False)
    grid = straight.to(faces.device) + field
    return F.grid_sample(faces, grid, padding_mode="border", align_corners=False)
