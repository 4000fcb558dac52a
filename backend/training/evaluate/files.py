"""Has the product itself judge the files of a data folder, each as if somebody had sent it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.analysis.pipeline import Pipeline, build_pipeline
from backend.errors import AppError
from backend.media.decode import Clip, Decoder
from backend.media.formats import IMAGES
from backend.media.intake import sniff
from backend.records.media import Frame, Media, Upload
from backend.records.results import Verdict
from backend.settings import Settings
from backend.training.data.index import Row

THREADS = 2  # files judged side by side
CERTAIN = 5e-5  # a probability is told with four digits; one of 0 or 1 is taken for half a digit


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product says of one file.

    Attributes:
        row: what the index says of it.
        verdict: None where the file was refused.
        problem: the error's code then, or the first reason's code where nothing could be judged.
    """

    row: Row
    verdict: Verdict | None
    problem: str | None

    @property
    def logit(self) -> float:
        """Of the probability of manipulation; NaN where nothing was judged."""
        if self.problem:
            return float("nan")
        probability = np.clip(self.verdict.probability_fake, CERTAIN, 1 - CERTAIN)
        return float(np.log(probability / (1 - probability)))


def judge_files(settings: Settings, data: Path, rows: Sequence[Row]) -> list[Answer]:
    """Judge files through the whole pipeline, with a line of progress.

    Args:
        settings: with the model and the profile.
        data: folder that the rows' files are relative to.
        rows: of the index.

    Returns:
        One answer a row, in their order.

    Raises:
        SetupError: the model is missing or does not fit.
    """
    pipeline = build_pipeline(settings)
    answers = []
    with ThreadPoolExecutor(THREADS) as pool:
        for answer in pool.map(lambda row: _judge(pipeline, data, row), rows):
            answers.append(answer)
            if len(answers) % 50 == 0 or len(answers) == len(rows):
                told = f"\rjudging files: {len(answers)} of {len(rows)}"
                print(told, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return answers


def _judge(pipeline: Pipeline, data: Path, row: Row) -> Answer:
    path = data / row.file
    try:
        with path.open("rb") as file:
            found = sniff(file.read(4096))
        if found is None:
            return Answer(row, None, "unsupported_type")
        kind = "image" if found in IMAGES else "video"
        upload = Upload(path, path.name, found, kind, path.stat().st_size)
        seen = pipeline if row.part == (0, 0, 1, 1) else pipeline.with_decoder(
            lambda decoder: _PartDecoder(decoder, row)
        )  # fmt: skip
        verdict = seen.analyse(upload, None).verdict
    except AppError as error:
        return Answer(row, None, error.code)
    except OSError:
        return Answer(row, None, "missing")
    unjudged = verdict.probability_fake is None
    return Answer(row, verdict, verdict.reasons[0].code if unjudged else None)


class _PartDecoder:
    """A decoder that shows the labelled part of a file alone, as one panel of a comparison."""

    def __init__(self, decoder: Decoder, row: Row):
        self._decoder, self._row = decoder, row

    def __getattr__(self, name: str):
        return getattr(self._decoder, name)

    @contextmanager
    def open(self, *args, **options) -> Iterator[_PartClip]:
        """See `Decoder.open`."""
        with self._decoder.open(*args, **options) as clip:
            yield _PartClip(clip, self._row)


class _PartClip:
    """See `Clip`."""

    def __init__(self, clip: Clip, row: Row):
        self._clip, self._row = clip, row

    def __getattr__(self, name: str):
        return getattr(self._clip, name)

    def __iter__(self) -> Iterator[Frame]:
        return map(self._part, self._clip)

    def finer(self) -> Frame:
        return self._part(self._clip.finer())

    @property
    def media(self) -> Media:
        whole = self._clip.media
        height, width = self._row.part_of(np.empty((whole.height, whole.width))).shape
        return replace(whole, width=width, height=height)

    def _part(self, frame: Frame) -> Frame:
        return replace(frame, image=np.ascontiguousarray(self._row.part_of(frame.image)))
