"""Whether a file's rate, bandwidth, loudness, length or silence gives its label away."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from backend.records.sound import RATE
from backend.training.augment.sound_losses import decode
from backend.training.data.index import Row
from backend.training.data.voice_cache import Voices
from backend.training.data.voices import properties

FOLDS = 5


def shortcuts(data: Path, rows: list[Row], voices: Voices) -> list[str]:
    """The section of the page, in Markdown: a small classifier that sees one property alone.

    Args:
        data: folder of the files.
        rows: of kind "audio".
        voices: what the network trains on.
    """
    files = [(row, found) for row in rows if (found := _of_file(data / row.file))]
    fake = np.array([row.fake for row, _ in files])
    groups = np.array([row.group for row, _ in files])
    trained = [entry for entry in voices.table if "bandwidth" in entry]
    labels = np.array([entry["fake"] for entry in trained])
    sources = np.array([entry["group"] for entry in trained])
    lines = [
        "## Shortcuts",
        "",
        "The AUC of a small classifier that sees one property alone, of groups it has not seen: of "
        "the files as they are, and of what the network trains on. 0.5 gives nothing away. What "
        "trains is of one rate and one length.",
        "",
        "| property | files | training |",
        "|---|---|---|",
    ]
    for name in files[0][1]:
        before = _auc(np.array([found[name] for _, found in files]), fake, groups)
        after = ""
        if name in trained[0]:
            values = np.array([float(entry[name]) for entry in trained])
            after = f"{_auc(values, labels, sources):.2f}"
        lines.append(f"| {name} | {before:.2f} | {after} |")
    return [*lines, ""]


def _of_file(path: Path) -> dict[str, float]:
    try:
        with av.open(str(path)) as source:
            rate = source.streams.audio[0].rate
        wave = decode(str(path))
    except (av.FFmpegError, IndexError, OSError):
        return {}
    if len(wave) < RATE // 10:
        return {}
    return properties(wave) | {"length": len(wave) / RATE, "sample rate": rate}


def _auc(values: np.ndarray, fake: np.ndarray, groups: np.ndarray) -> float:
    scores = np.zeros(len(values))
    for learnt, judged in GroupKFold(FOLDS).split(values, fake, groups):
        model = HistGradientBoostingClassifier(max_depth=2, max_iter=40)
        model.fit(values[learnt, None], fake[learnt])
        scores[judged] = model.decision_function(values[judged, None])
    return roc_auc_score(fake, scores)
