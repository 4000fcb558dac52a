"""A small neural vocoder trained here: what it draws anew bears the marks of a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from backend.audio.windows import filterbank
from backend.records.sound import RATE

SIZE, HOP, MELS = 1024, 256, 80
PIECE = 8192  # samples that a step sees
SCALES = (256, 512, 1024, 2048)


def mel(wave: torch.Tensor) -> torch.Tensor:
    """Log-mel spectra of a vocoder, (N, MELS, T / HOP), of float32 (N, T)."""
    window = torch.hann_window(SIZE)
    found = torch.stft(wave, SIZE, HOP, window=window, return_complex=True).abs()
    bank = torch.from_numpy(filterbank(MELS, SIZE, 0, RATE / 2))
    return torch.log(torch.clamp(bank @ found, 1e-5))[..., : wave.shape[-1] // HOP]


class Fourier(nn.Module):
    """Magnitudes and phases for an inverse transform, in the manner of Vocos (Siuzdak, 2023)."""

    def __init__(self, width: int = 192, layers: int = 4):
        super().__init__()
        self.enter = nn.Conv1d(MELS, width, 7, padding=3)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, 7, padding=3, groups=width), nn.GroupNorm(1, width),
                nn.Conv1d(width, 2 * width, 1), nn.GELU(), nn.Conv1d(2 * width, width, 1),
            ) for _ in range(layers)
        )  # fmt: skip
        self.leave = nn.Conv1d(width, SIZE + 2, 1)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        x = self.enter(mels)
        for block in self.blocks:
            x = x + block(x)
        loud, phase = self.leave(x).chunk(2, 1)
        spectra = torch.exp(loud.clamp(max=5)) * torch.exp(1j * phase)
        window = torch.hann_window(SIZE)
        spectra = F.pad(spectra, (0, 1), mode="replicate")
        return torch.istft(spectra, SIZE, HOP, window=window, length=mels.shape[-1] * HOP)


def spectral_loss(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Distance of spectra at several resolutions (Yamamoto et al., "Parallel WaveGAN", 2020)."""
    total = made.new_zeros(())
    for size in SCALES:
        window = torch.hann_window(size)
        one, two = (
            torch.stft(w, size, size // 4, window=window, return_complex=True).abs() + 1e-5
            for w in (made, true)
        )
        total = total + (one.log() - two.log()).abs().mean()
        total = total + torch.linalg.norm(one - two) / torch.linalg.norm(two)
    return total / len(SCALES)


def train(waves: list[np.ndarray], steps: int, out: Path, seed: int = 0) -> None:
    """Train the vocoder on real voices and write its state.

    Args:
        waves: float32 at `RATE`.
        out: of the state.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Fourier()
    change = torch.optim.AdamW(network.parameters(), 6e-4, (0.8, 0.99))
    long = [wave for wave in waves if len(wave) > PIECE]
    for _ in range(steps):
        pieces = []
        for number in rng.integers(0, len(long), 12):
            start = rng.integers(0, len(long[number]) - PIECE)
            piece = long[number][start : start + PIECE]
            pieces.append(piece / (np.abs(piece).max() + 1e-3) * rng.uniform(0.3, 0.95))
        true = torch.from_numpy(np.stack(pieces).astype(np.float32))
        loss = spectral_loss(network(mel(true)), true)
        change.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        change.step()
    torch.save(network.state_dict(), out)


@cache
def load(path: Path) -> nn.Module:
    """The vocoder that `train` wrote."""
    network = Fourier()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def redraw(network: nn.Module, wave: np.ndarray) -> np.ndarray:
    """A voice drawn anew, float32 of about the same length."""
    loudest = np.abs(wave).max() + 1e-6
    with torch.inference_mode():
        whole = wave[: len(wave) // HOP * HOP] / loudest * 0.9
        made = network(mel(torch.from_numpy(whole.astype(np.float32))[None]))[0].numpy()
    return made * loudest / 0.9
