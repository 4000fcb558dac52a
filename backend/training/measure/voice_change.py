"""How well a change of speaker is told from the voice of one; makes what serving compares with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.audio.speech import SpeechDetector
from backend.audio.voice_change import (
    LEAST,
    REACH,
    OneSpeaker,
    blocks,
    largest_change,
)
from backend.errors import AppError, SetupError
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.media.sound import SoundReader
from backend.settings import Settings
from backend.training.data.index import read_index

COMMAND = "python -m backend measure voice_change DATA"
FOLDS = 4  # of sources; each is judged with what the others gave
JOINED = 3  # other speakers that each is joined with, of the same source
USUAL = 0.99  # of the recordings of one speaker lie below what is called unusual
NEAR = 1  # block, within which a place counts as found

PAGE = """<!-- What lies behind backend/audio/voice_change.json. -->
# Whether another speaker goes on

Printed by `{command}`. The timbre of a voice before and after each
second is compared: means and deviations of {coefficients} cepstral coefficients, over up to
{reach} s each. Real recordings of one speaker, of at least {least} s of voice, are compared with
two of them joined, of different speakers of the same source. Each fold of sources is judged with
what the others gave. Unusual is what lies above {usual:.0%} of those.

| fold | one speaker | joined | AUC | called unusual: one speaker | joined | found within a second |
|---|---|---|---|---|---|---|
{lines}

Two recordings differ in more than their speaker: also in the microphone and the room. So this tells
that the recording changes, and not who speaks.
"""


class Spoken(NamedTuple):
    """One real recording: who speaks, whence it is, and its timbre, see `voice_change.blocks`."""

    speaker: str
    source: str
    timbre: np.ndarray


def measure(settings: Settings, data: Path, ranges: Path) -> str:
    """Write what serving needs to `ranges`; the page in Markdown.

    Raises:
        SetupError: the data holds too few recordings.
    """
    spoken = _spoken(settings, data)
    sources = sorted({each.source for each in spoken})
    if len(sources) < FOLDS:
        raise SetupError(f"Expected real voices of {FOLDS} sources. Received: {len(sources)}.")
    lines = []
    for fold in range(FOLDS):
        asked = set(sources[fold::FOLDS])
        known = _known([each for each in spoken if each.source not in asked])
        lines.append(_line(fold, [each for each in spoken if each.source in asked], known))
    ranges.write_text(_known(spoken).model_dump_json(indent=1) + "\n", encoding="utf-8")
    return PAGE.format(
        command=COMMAND, coefficients=spoken[0].timbre.shape[1] // 2, reach=REACH, least=2 * LEAST,
        usual=USUAL, lines="\n".join(lines),
    )  # fmt: skip


def _spoken(settings: Settings, data: Path) -> list[Spoken]:
    decoder, detector = Decoder(settings), SpeechDetector(settings.cache)
    found = []
    for row in read_index(data):
        if row.kind != "audio" or row.fake:
            continue
        path = data / row.file
        try:
            upload = check(path, path.name, settings)
            sound, _ = SoundReader(upload, decoder, settings).read()
        except AppError:
            continue
        timbre, _ = blocks(sound.samples, detector.find(sound.samples))
        if len(timbre) >= 2 * LEAST:
            found.append(Spoken(row.group, row.source, timbre))
    return found


def _known(spoken: Sequence[Spoken]) -> OneSpeaker:
    """What recordings of one speaker each give."""
    apart = np.concatenate([each.timbre - each.timbre.mean(0) for each in spoken])
    spread = apart.std(0)
    highest = np.quantile([_largest(each.timbre, spread) for each in spoken], USUAL)
    return OneSpeaker(command=COMMAND, spread=tuple(spread.tolist()), highest=float(highest))


def _largest(timbre: np.ndarray, spread: np.ndarray) -> float:
    return largest_change(timbre, spread)[0]


def _line(fold: int, spoken: Sequence[Spoken], known: OneSpeaker) -> str:
    spread, chance = np.array(known.spread), np.random.default_rng(fold)
    one = np.array([_largest(each.timbre, spread) for each in spoken])
    joined, away = [], []
    for each in spoken:
        others = [
            other.timbre
            for other in spoken
            if other.source == each.source and other.speaker != each.speaker
        ]
        for number in chance.permutation(len(others))[:JOINED]:
            half = min(len(each.timbre), len(others[number]), REACH)
            both = np.concatenate([each.timbre[:half], others[number][:half]])
            value, place = largest_change(both, spread)
            joined.append(value)
            away.append(abs(place - half))
    two = np.array(joined)
    above = two > known.highest
    near = (np.array(away)[above] <= NEAR).mean() if above.any() else float("nan")
    scores = np.concatenate([one, two])
    labels = np.concatenate([np.zeros(len(one)), np.ones(len(two))])
    return (
        f"| {fold + 1} | {len(one)} | {len(two)} | {roc_auc_score(labels, scores):.3f} "
        f"| {(one > known.highest).mean():.1%} | {above.mean():.1%} | {near:.0%} |"
    )
