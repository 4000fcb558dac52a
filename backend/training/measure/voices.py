"""The page of the voice network: what it is worth on what it has not seen, and what costs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from backend.audio.classifier import HEAD, VoiceClassifier
from backend.models.calibration import probabilities
from backend.training.augment import sound_losses as losses
from backend.training.data.index import Row
from backend.training.evaluate.left_out import Judged, left_out, windows_of
from backend.training.evaluate.metrics import Estimate, Scored, auc_drop, share
from backend.training.evaluate.metrics import measure as numbers
from backend.training.fit.voice import read_voice_recipe
from backend.training.measure.voice_shortcuts import shortcuts
from backend.training.recipe import RECIPES
from backend.training.train_voice import FEW, listener_of, read_voices

PROFILES = ("strict", "balanced", "sensitive")
CONDITIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "MP3 64": losses.codec("libmp3lame", 64),
    "AAC 64": losses.codec("aac", 64),
    "Opus 24": losses.codec("libopus", 24),
    "AMR 12.2": losses.codec("libopencore_amrnb", 12.2),
    "phone band, µ-law": losses.codec("pcm_mulaw"),
    "noise, 20 dB": lambda wave: losses.noise(wave, 20, np.random.default_rng(0)),
    "music, 15 dB": lambda wave: losses.music(wave, 15, np.random.default_rng(0)),
    "a room, 0.5 s": lambda wave: losses.reverberated(wave, 0.5, 0.6, np.random.default_rng(0)),
}
MOST = 60  # files of each label that are judged under each condition


def measure(classifier: VoiceClassifier, data: Path, runs: Path, recipes: Path = RECIPES) -> str:
    """The page, in Markdown.

    Args:
        classifier: the shipped model.
        data: folder with an `index.csv`.
        runs: folder of the rounds, and of the scores of trainings that left something out.
    """
    recipe = read_voice_recipe(recipes / "voice.toml")
    rows, files, voices = read_voices(data, runs, recipe, listener_of(recipe))
    judged = left_out(recipe, voices, files, rows, runs / "voice")
    val = [row for row in rows if row.split == "val"]
    parts = [
        "# Voices",
        "",
        "Printed by `python -m backend measure voices DATA`.",
        "",
        *_headline(classifier, judged),
        *_sources(classifier, judged),
        *_synthesisers(classifier, judged),
        *_conditions(classifier, data, val),
        *shortcuts(data, rows, voices),
    ]
    return "\n".join(parts) + "\n"


def _scored(classifier: VoiceClassifier, judged: list[Judged]) -> Scored:
    reading = classifier.config.reading
    logits = reading.logits({HEAD: np.array([one.logit for one in judged])})
    ends = reading.thresholds.balanced
    return Scored(
        np.array([one.row.fake for one in judged]), logits, probabilities(logits),
        [one.row.group for one in judged], ends.fake, 0.0 if ends.real is None else ends.real,
    )  # fmt: skip


def _headline(classifier: VoiceClassifier, judged: list[Judged]) -> list[str]:
    lines = [
        "## Synthesisers and speakers left out of training",
        "",
        "Each line is a training of its own, without the family and without a third of the real "
        "sources. It is judged on these, and on the real voices of `val`.",
        "",
        "| without | files | AUC | EER | ECE | fakes called Fake | real called Fake |",
        "|---|---|---|---|---|---|---|",
    ]
    aucs = []
    for family in dict.fromkeys(one.without for one in judged):
        scored = _scored(classifier, [one for one in judged if one.without == family])
        found = numbers(scored)
        aucs.append(found["auc"].value)
        called = [scored.called_fake[scored.fake == fake].mean() for fake in (True, False)]
        lines.append(
            f"| {family} | {len(scored)} | {_told(found['auc'])} | {_told(found['eer'])} | "
            f"{_told(found['ece'])} | {called[0]:.0%} | {called[1]:.1%} |"
        )
    return [*lines, "", f"Mean AUC: {np.mean(aucs):.3f}.", ""]


def _sources(classifier: VoiceClassifier, judged: list[Judged]) -> list[str]:
    lines = [
        "## Real voices called Fake, by source",
        "",
        "By trainings that have not seen the source; the thresholds were set on these scores. Real "
        "files of `val` are judged by all three. The interval is Wilson's.",
        "",
        "| source | files | strict | balanced | sensitive | called Real, balanced |",
        "|---|---|---|---|---|---|",
    ]
    real = [one for one in judged if not one.row.fake]
    counts = Counter(one.row.source for one in real)
    large = [name for name, count in counts.most_common() if count >= FEW]
    pools = {name: [one for one in real if one.row.source == name] for name in large}
    pools[f"{len(counts) - len(large)} smaller ones"] = [
        one for one in real if one.row.source not in large
    ]
    for name, own in (pools | {"all": real}).items():
        scored = _scored(classifier, own)
        ends = classifier.config.reading.thresholds
        rates = [
            _told(share(scored.probability >= getattr(ends, p).fake, _files(own)), percent=True)
            for p in PROFILES
        ]
        lines.append(f"| {name} | {len(own)} | {' | '.join(rates)} | "
                     f"{scored.called_real.mean():.0%} |")  # fmt: skip
    return [*lines, ""]


def _files(judged: list[Judged]) -> list[str]:
    return [one.row.file for one in judged]


def _synthesisers(classifier: VoiceClassifier, judged: list[Judged]) -> list[str]:
    lines = [
        "## Fakes by synthesiser",
        "",
        "By the training that left its family out. The AUC is against all real voices of that "
        "training.",
        "",
        "| synthesiser | family | files | AUC | called Fake | called Real |",
        "|---|---|---|---|---|---|",
    ]
    fakes = [one for one in judged if one.row.fake]
    for method, family in sorted({(one.row.method, one.without) for one in fakes},
                                 key=lambda pair: (pair[1], pair[0])):  # fmt: skip
        own = [one for one in judged if one.without == family
               and (not one.row.fake or one.row.method == method)]  # fmt: skip
        scored = _scored(classifier, own)
        fake = scored.fake
        lines.append(
            f"| {method} | {family} | {fake.sum()} | {_told(numbers(scored)['auc'])} | "
            f"{scored.called_fake[fake].mean():.0%} | {scored.called_real[fake].mean():.0%} |"
        )
    return [*lines, ""]


def _conditions(classifier: VoiceClassifier, data: Path, val: list[Row]) -> list[str]:
    lines = [
        "## What losses cost",
        "",
        f"The shipped network on one window of up to {MOST} files of each label of `val`, whose "
        "speakers training has not seen.",
        "",
        "| condition | AUC | drop |",
        "|---|---|---|",
    ]
    order = sorted(val, key=lambda row: sha256(row.file.encode()).digest())
    val = [row for fake in (False, True) for row in [r for r in order if r.fake == fake][:MOST]]
    files = [(row, windows[len(windows) // 2 :][:1]) for row in val
             if len(windows := windows_of(data, row))]  # fmt: skip
    untouched = _of_files(classifier, files, lambda wave: wave)
    lines.append(f"| none | {_told(numbers(untouched)['auc'])} | |")
    for name, change in CONDITIONS.items():
        after = _of_files(classifier, files, change)
        lines.append(f"| {name} | {_told(numbers(after)['auc'])} | "
                     f"{_told(auc_drop(untouched, after))} |")  # fmt: skip
    return [*lines, ""]


def _of_files(classifier: VoiceClassifier, files, change) -> Scored:
    logits = []
    for _, windows in files:
        lost = np.stack([change(window) for window in windows])
        logits.append(classifier.pooled(classifier.logits(lost)))
    logits = np.array(logits)
    return Scored(
        np.array([row.fake for row, _ in files]), logits, probabilities(logits),
        [row.group for row, _ in files],
    )  # fmt: skip


def _told(found: Estimate | None, percent: bool = False) -> str:
    if found is None:
        return ""
    if percent:
        return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
