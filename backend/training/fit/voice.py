"""Trains the voice network on rounds of voices: a recipe in, the averaged weights out."""

from __future__ import annotations

import copy
import csv
import math
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from torch.nn import functional as F

from backend.audio.windows import BANDS, FRAMES
from backend.errors import SetupError
from backend.training.data.voice_cache import VOCODED, Voices, Windows
from backend.training.fit.step import follow
from backend.training.networks.voice import VoiceNetwork

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Part = Annotated[float, Field(ge=0, le=0.5)]  # of two, which may be all together
PIECE = FRAMES // 2  # frames of a window that a step sees
WIDEST = 13  # bands of a strip that is silenced
LARGEST = 2.0  # norm of the gradient
MORE = 8  # times as many windows teach what judges the heard ones: these cost little
EPSILON = 1e-3  # added to the deviation of what is heard


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class VoiceRecipe:
    """The fields of `recipes/voice.toml`, which says what each does."""

    name: str
    start: Literal["committed", "whisper"]
    rounds: Count
    steps: Count
    batch: Count
    vocoded: Part
    made: Part
    warmup: Annotated[int, Field(ge=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Share
    ema: Share
    dropout: Share
    seed: Annotated[int, Field(ge=0, lt=2**32)]


def read_voice_recipe(path: Path) -> VoiceRecipe:
    """Read a recipe.

    Raises:
        SetupError: it is missing, is not TOML, or has a missing, an unknown or a wrong field.
    """
    try:
        return VoiceRecipe(**tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, TypeError) as error:
        why = str(error)
    raise SetupError(f"The training recipe {path.name} cannot be used: {why}.")


def weights(voices: Voices, chosen: np.ndarray, recipe: VoiceRecipe) -> np.ndarray:
    """How much each window counts: both labels the same, sources and methods by their root.

    Args:
        chosen: int (K,), windows that count.
        recipe: whose `vocoded` and `made` are shares of the fakes; the rest are the given ones.

    Returns:
        float32 (K,), of mean 1.

    Raises:
        SetupError: one of the labels is missing.
    """
    shares = {
        "given": 1 - recipe.vocoded - recipe.made,
        "made": recipe.made,
        **dict.fromkeys(VOCODED, recipe.vocoded / len(VOCODED)),
    }
    pools = [_pool(voices.table[index]) for index in chosen]
    counts = Counter(pools)
    even = np.array([counts[pool] ** -0.5 for pool in pools])
    kinds = np.array([kind for kind, _ in pools])
    whole = sum(share for kind, share in shares.items() if kind in set(kinds))
    if "real" not in kinds or not whole:
        raise SetupError("The voices need real and fake ones in the split train.")
    for kind, share in {"real": whole, **shares}.items():
        own = kinds == kind
        if own.any():
            even[own] *= share / even[own].sum()
    return (even / even.mean()).astype(np.float32)


def _pool(row: dict) -> tuple[str, str]:
    """Of what kind a window is, and the source, the method or the way that it counts for."""
    if not row["fake"]:
        return "real", row["source"]
    if row["way"] == "given":
        return "given", row["method"]
    if row["way"] in VOCODED:
        return row["way"], row["source"]
    return "made", row["way"]


def fit(
    recipe: VoiceRecipe, voices: Voices, chosen: list[int], log: Path | None = None
) -> VoiceNetwork:
    """Train one network.

    Args:
        voices: of all rounds.
        chosen: indices of what it may learn from.
        log: a .csv of the losses.

    Returns:
        The averaged network, in evaluation mode; its listener is for the caller to fill.
    """
    torch.manual_seed(recipe.seed)
    chosen, rng = np.asarray(chosen), np.random.default_rng(recipe.seed)
    odds = torch.from_numpy(weights(voices, chosen, recipe))
    labels = torch.tensor([float(voices.table[index]["fake"]) for index in chosen])
    network = VoiceNetwork(recipe.dropout)
    average = copy.deepcopy(network).requires_grad_(False)
    learning = [weight for part in network.parts for weight in part]
    steps = torch.optim.AdamW(learning, recipe.learning_rate, weight_decay=recipe.weight_decay)
    heard = voices.windows.heard[chosen].astype(np.float32)
    mean, deviation = heard.mean(0), heard.std(0) + EPSILON
    heard = (heard - mean) / deviation
    losses = []
    for step in range(recipe.steps):
        rate = min(1.0, (step + 1) / max(1, recipe.warmup))
        rate *= 0.505 + 0.495 * math.cos(math.pi * step / recipe.steps)
        for group in steps.param_groups:
            group["lr"] = rate * recipe.learning_rate
        drawn = torch.multinomial(odds, MORE * recipe.batch, replacement=True)
        target = labels[drawn] * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
        few = drawn[: recipe.batch]
        seen = [varied(bands, rng) for bands in voices.windows.values[chosen[few]]]
        logits = (
            network.of_bands(torch.from_numpy(np.stack(seen))),
            network.of_heard(torch.from_numpy(heard[drawn])),
        )
        loss = sum(
            F.binary_cross_entropy_with_logits(each, target[: len(each)]) for each in logits
        )
        steps.zero_grad()
        loss.backward()
        for part in network.parts:
            torch.nn.utils.clip_grad_norm_(part, LARGEST)
        steps.step()
        follow(average, network, min(recipe.ema, (1 + step) / (10 + step)))
        losses.append(loss.item())
        if log and (step + 1) % 20 == 0:
            _note(log, step + 1, float(np.mean(losses[-20:])))
    average.rescale(torch.from_numpy(mean), torch.from_numpy(deviation))
    return average.eval()


def varied(bands: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A piece of a spectrogram, perhaps with a strip of bands silenced or another contrast.

    Strips are those of Park et al., "SpecAugment", 2019.

    Args:
        bands: float16 (FRAMES, BANDS).

    Returns:
        float32 (PIECE, BANDS), each band about its mean.
    """
    start = int(rng.integers(FRAMES - PIECE + 1))
    piece = bands[start : start + PIECE].astype(np.float32)
    piece -= piece.mean(0)
    if rng.random() < 0.5:
        wide = int(rng.integers(1, WIDEST + 1))
        low = int(rng.integers(BANDS - wide))
        piece[:, low : low + wide] = 0
    if rng.random() < 0.3:
        piece *= rng.uniform(0.8, 1.25)
    return piece


def _note(log: Path, step: int, loss: float) -> None:
    new = step == 20
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w" if new else "a", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        if new:
            table.writerow(["step", "loss"])
        table.writerow([step, f"{loss:.4f}"])


def logits(network: VoiceNetwork, windows: Windows) -> np.ndarray:
    """Logits of W windows, float64 (W,)."""
    values, heard = (torch.from_numpy(part).float() for part in windows)
    with torch.inference_mode():
        return (network.of_bands(values) + network.of_heard(heard)).numpy().astype(np.float64)
