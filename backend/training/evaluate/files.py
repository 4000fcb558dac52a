"""Has the product itself judge the files of a data folder, each as if somebody had sent it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import expit

from backend.analysis.face_analyzer import FaceAnalyzer
from backend.analysis.pipeline import build_pipeline
from backend.analysis.progress import Meter
from backend.errors import AppError
from backend.evidence.verdict import decide
from backend.evidence.votes import as_if
from backend.media.decode import Clip, Decoder
from backend.records.media import Frame, Media, Upload
from backend.records.observations import FaceObservation
from backend.records.results import ModelCard, Verdict
from backend.records.votes import Vote
from backend.settings import Settings
from backend.training.data.face_finder import Lost, upload_of
from backend.training.data.index import Row

THREADS = 2  # files judged side by side
WHOLE = (0.0, 0.0, 1.0, 1.0)
ANY = ModelCard("", "", threshold_real=0.4, threshold_fake=0.6)  # whose answer does not matter
CERTAIN = 5e-5  # a probability is told with four digits; one of 0 or 1 is taken for half a digit


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product says of one file.

    Attributes:
        row: what the index says of it.
        verdict: None where the file was refused.
        problem: the error's code then, or the first reason's code where nothing could be judged.
        votes: of the members of the model.
        faces: every face found, where they are kept, without pictures.
    """

    row: Row
    verdict: Verdict | None
    problem: str | None
    votes: tuple[Vote, ...] = ()
    faces: tuple[FaceObservation, ...] = ()

    @property
    def logit(self) -> float:
        """Of the probability of manipulation; NaN where nothing was judged."""
        if self.problem:
            return float("nan")
        return log_odds(self.verdict.probability_fake)

    def scored_by(self, logit: Callable[[FaceObservation], float]) -> float:
        """The file's logit if its faces had others; NaN where nothing was judged.

        Args:
            logit: of a face that was judged.
        """
        if self.problem:
            return float("nan")
        faces = as_if(logit, self.faces, expit)
        return log_odds(decide(faces, ANY, expit).probability_fake)


def log_odds(probability: float) -> float:
    """The logit of a probability that was told."""
    probability = np.clip(probability, CERTAIN, 1 - CERTAIN)
    return float(np.log(probability / (1 - probability)))


def judge_files(
    settings: Settings, data: Path, rows: Sequence[Row], observed: bool = False
) -> list[Answer]:
    """Judge files by their faces, all the way as served, with a line of progress.

    Args:
        settings: with the model and the profile.
        data: folder that the rows' files are relative to.
        rows: of the index.
        observed: whether the faces are kept.

    Returns:
        One answer a row, in their order.

    Raises:
        SetupError: the model is missing or does not fit.
    """
    faces = build_pipeline(settings, _PartDecoder(settings, rows)).faces
    answers = []
    with ThreadPoolExecutor(THREADS) as pool:
        for answer in pool.map(lambda row: _judge(faces, data, row, observed), rows):
            answers.append(answer)
            if len(answers) % 50 == 0 or len(answers) == len(rows):
                told = f"\rjudging files: {len(answers)} of {len(rows)}"
                print(told, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return answers


def _judge(faces: FaceAnalyzer, data: Path, row: Row, observed: bool) -> Answer:
    try:
        upload = replace(upload_of(data / row.file), label=row.key)
        found = faces.analyse(upload, None, Meter(lambda progress: None))
    except Lost as error:
        return Answer(row, None, str(error))
    except AppError as error:
        return Answer(row, None, error.code)
    except OSError:
        return Answer(row, None, "missing")
    verdict = found.verdict
    problem = verdict.reasons[0].code if verdict.probability_fake is None else None
    seen = (face for frame in found.frames for face in frame.faces) if observed else ()
    kept = tuple(replace(face, heat=None, traits=None) for face in seen)
    return Answer(row, verdict, problem, found.votes, kept)


class _PartDecoder(Decoder):
    """Shows of each file the labelled part alone, such as one panel of a comparison.

    Args:
        settings: limits.
        rows: of the index; an upload's label is the key of its row.
    """

    def __init__(self, settings: Settings, rows: Sequence[Row]):
        super().__init__(settings)
        self._rows = {row.key: row for row in rows}

    @contextmanager
    def open(
        self, upload: Upload, on_wait: Callable[[], None] = lambda: None
    ) -> Iterator[Clip | _PartClip]:
        """See `Decoder.open`."""
        row = self._rows[upload.label]
        with super().open(upload, on_wait) as clip:
            yield clip if row.part == WHOLE else _PartClip(clip, row)


class _PartClip:
    """The labelled part of a `Clip`; all else is the clip's own."""

    def __init__(self, clip: Clip, row: Row):
        self._clip, self._row = clip, row

    def __getattr__(self, name: str):
        return getattr(self._clip, name)

    def __iter__(self) -> Iterator[Frame]:
        return map(self._part, self._clip)

    def finer(self) -> Frame:
        """See `Clip.finer`."""
        return self._part(self._clip.finer())

    @property
    def media(self) -> Media:
        """Of the part."""
        whole = self._clip.media
        width, height = self._size(whole.width, whole.height)
        return replace(whole, width=width, height=height)

    @property
    def finest(self) -> tuple[int, int]:
        """See `Clip.finest`."""
        return self._size(*self._clip.finest)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        height, width = self._row.part_of(np.empty((height, width), bool)).shape
        return width, height

    def _part(self, frame: Frame) -> Frame:
        return replace(frame, image=np.ascontiguousarray(self._row.part_of(frame.image)))
