"""Trains the voice network on rounds of voices: a recipe in, the averaged weights out."""

from __future__ import annotations

import copy
import csv
import math
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from torch.nn import functional as F

from backend.errors import SetupError
from backend.training.data.voice_cache import Voices
from backend.training.networks.voice import VoiceNetwork

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid"))
class VoiceRecipe:
    """The fields of `recipes/voice.toml`, which says what each does."""

    name: str
    rounds: Count
    vocoder_steps: Annotated[int, Field(ge=0)]
    steps: Count
    batch: Count
    made: Annotated[float, Field(ge=0, le=1)]
    warmup: Annotated[int, Field(ge=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Share
    ema: Share
    dropout: Share
    hidden: Count
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


def weights(voices: Voices, chosen: np.ndarray, made: float) -> np.ndarray:
    """How much each window counts: both labels the same, sources and methods by their root.

    Args:
        chosen: int (K,), windows that count.
        made: share of the fakes' weight that those made here have.

    Returns:
        float32 (K,), of mean 1.

    Raises:
        SetupError: one of the labels is missing.
    """
    table = [voices.table[index] for index in chosen]
    kinds = np.array(["real" if not row["fake"] else
                      "given" if row["way"] == "given" else "made" for row in table])  # fmt: skip
    names = [f"{row['source']}" if not row["fake"] else f"{row['method']} {row['way']}"
             for row in table]  # fmt: skip
    counts = Counter(zip(kinds, names, strict=True))
    even = np.array([counts[pair] ** -0.5 for pair in zip(kinds, names, strict=True)])
    there = set(kinds)
    if "real" not in there or len(there) == 1:
        raise SetupError("The voices need real and fake ones in the split train.")
    share = made if there > {"real", "made"} else float("made" in there)
    for kind, part in (("real", 1.0), ("given", 1 - share), ("made", share)):
        own = kinds == kind
        if own.any():
            even[own] *= part / even[own].sum()
    return (even / even.mean()).astype(np.float32)


def fit(
    recipe: VoiceRecipe, voices: Voices, chosen: list[int], log: Path | None = None
) -> VoiceNetwork:
    """Train one network.

    Args:
        voices: of all rounds.
        chosen: indices of what it may learn from.
        log: a .csv of the losses.

    Returns:
        The averaged network, in evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    chosen = np.asarray(chosen)
    odds = torch.from_numpy(weights(voices, chosen, recipe.made))
    values = torch.from_numpy(voices.values[chosen])
    labels = torch.tensor([float(voices.table[index]["fake"]) for index in chosen])
    deviation, mean = torch.std_mean(values, 0)
    network = VoiceNetwork(mean, deviation, recipe.hidden, recipe.dropout)
    average = copy.deepcopy(network)
    steps = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    losses = []
    for step in range(recipe.steps):
        rate = min(1.0, (step + 1) / max(1, recipe.warmup))
        rate *= 0.505 + 0.495 * math.cos(math.pi * step / recipe.steps)
        for group in steps.param_groups:
            group["lr"] = rate * recipe.learning_rate
        drawn = torch.multinomial(odds, recipe.batch, replacement=True)
        target = labels[drawn] * (1 - recipe.label_smoothing) + recipe.label_smoothing / 2
        loss = F.binary_cross_entropy_with_logits(network(values[drawn]), target)
        steps.zero_grad()
        loss.backward()
        steps.step()
        decay = min(recipe.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            pairs = zip(average.parameters(), network.parameters(), strict=True)
            for kept, now in pairs:
                kept.lerp_(now, 1 - decay)
        losses.append(loss.item())
        if log and (step + 1) % 20 == 0:
            _note(log, step + 1, float(np.mean(losses[-20:])))
    return average.eval()


def _note(log: Path, step: int, loss: float) -> None:
    new = step == 20
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w" if new else "a", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        if new:
            table.writerow(["step", "loss"])
        table.writerow([step, f"{loss:.4f}"])


def logits(network: VoiceNetwork, values: np.ndarray) -> np.ndarray:
    """Logits of windows: features, float32 (W, VALUES) in, float64 (W,) out."""
    with torch.inference_mode():
        return network(torch.from_numpy(values)).numpy().astype(np.float64)
