"""What the classic signals of a voice are worth, and their usual ranges, which serving reads."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import av
import numpy as np
from sklearn.metrics import roc_auc_score

from backend.audio.signals import UsualRange, VoiceRanges
from backend.audio.signals import measure as signals_of
from backend.audio.speech import SpeechDetector
from backend.training.augment.sound_losses import decode
from backend.training.data.index import Row

COMMAND = "python -m backend measure voice_signals DATA"
LEAST = 0.60  # AUC from which on a signal is told
FEW = 3  # files of each label that a page needs
LONG = 2.0  # s of speech that a file needs


def measure(data: Path, rows: list[Row], ranges: Path) -> str:
    """Measure all signals, write the ranges of those that separate, and give the page.

    A signal is judged within each page that has both real and synthetic voices, so that it is the
    voice that differs and not the microphone; the mean over the pages counts.

    Args:
        data: folder of the files.
        rows: of kind "audio".
        ranges: where serving reads them.
    """
    detector, pages, real = SpeechDetector(), defaultdict(list), defaultdict(list)
    for row in rows:
        try:
            wave = decode(str(data / row.file))
        except (av.FFmpegError, OSError):
            continue
        speech = detector.find(wave)
        if sum(each.end - each.start for each in speech) < LONG:
            continue
        for name, value in signals_of(wave, speech).items():
            pages[name, row.source].append((row.fake, value))
            if not row.fake:
                real[name].append((row.source, value))
    found, lines = {}, [
        "# Signals of voices",
        "",
        f"Printed by `{COMMAND}`. Usual: between what nine real files in ten lie, every source "
        "weighing the same. AUC: the mean over pages with real and synthetic voices; a signal is "
        f"told in answers from {LEAST:.2f} on.",
        "",
        "| signal | usual | synthetic | AUC | pages that agree | told |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in real:
        aucs = [_auc(values) for (own, _), values in pages.items() if own == name]
        aucs = [auc for auc in aucs if auc is not None]
        if not aucs:
            continue
        mean = float(np.mean(aucs))
        side = "above" if mean > 0.5 else "below"
        agree = np.mean([(auc > 0.5) == (mean > 0.5) for auc in aucs])
        low, high = _even_quantiles(real[name])
        auc = max(mean, 1 - mean)
        if auc >= LEAST:
            found[name] = UsualRange(
                low=round(low, 3), high=round(high, 3), auc=round(auc, 3), synthetic=side
            )
        lines.append(f"| {name} | {low:.4g} to {high:.4g} | {side} | {auc:.2f} | {agree:.0%} of "
                     f"{len(aucs)} | {'yes' if name in found else 'no'} |")  # fmt: skip
    told = VoiceRanges(command=COMMAND, ranges=found)
    ranges.write_text(told.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return "\n".join(lines) + "\n"


def _auc(values: list[tuple[bool, float]]) -> float | None:
    fake = np.array([label for label, _ in values])
    if min(fake.sum(), (~fake).sum()) < FEW:
        return None
    return roc_auc_score(fake, [value for _, value in values])


def _even_quantiles(values: list[tuple[str, float]]) -> tuple[float, float]:
    """The 5th and the 95th percentile, each source as heavy as every other."""
    names = [name for name, _ in values]
    order = np.argsort([value for _, value in values])
    weights = np.array([1 / names.count(name) for name in names])[order]
    places = (np.cumsum(weights) - weights / 2) / weights.sum()
    ranked = np.array([value for _, value in values])[order]
    return tuple(float(np.interp(share, places, ranked)) for share in (0.05, 0.95))
