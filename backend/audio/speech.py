"""Finds where somebody speaks, with Silero's network, which lies in `models/`, on OpenVINO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from backend.engines.openvino_core import new_core
from backend.errors import SetupError
from backend.records.sound import RATE, Speech
from backend.settings import ROOT

NETWORK = ROOT / "models" / "silero_vad_16k_sequence.onnx"
STEP = 512  # samples that one probability is about
_BEFORE = 64  # samples of the step before that it sees as well
_BLOCK = 512  # steps a call, 16 s: more are no faster
# Somebody begins to speak at the first of these probabilities and has ended below the second; both
# are those of its makers, and so are the times.
BEGINS, ENDS = 0.5, 0.35
PAUSE = 0.1  # s that are no end yet
SHORTEST = 0.25  # s of what counts
PAD = 0.03  # s that are added at each end


class SpeechDetector:
    """Tells speech from silence, noise and music. Safe to share between threads.

    Args:
        cache: folder for the compiled network; None compiles it each time.

    Raises:
        SetupError: its file is missing.
    """

    def __init__(self, cache: Path | None = None):
        if not NETWORK.is_file():
            raise SetupError(
                f"The speech network is missing. Put {NETWORK.name} back into {NETWORK.parent}."
            )
        self._network = new_core(cache).compile_model(
            str(NETWORK),
            "CPU",
            {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1},
        )

    def find(self, samples: np.ndarray) -> tuple[Speech, ...]:
        """Where somebody speaks, in order.

        Args:
            samples: float32, shape (n,), mono at 16 kHz, in [-1, 1].
        """
        return stretches(self.probabilities(samples), len(samples) / RATE)

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """How likely somebody speaks in each `STEP` samples, float32, 0 to 1; of the last, begun
        ones too.

        Args:
            samples: as those of `find`.
        """
        request = self._network.create_infer_request()  # another thread's would be in use
        hidden = cell = np.zeros((1, 1, 128), np.float32)
        found = [np.zeros(0, np.float32)]
        for block in _blocks(samples):
            told = request.infer({"input": block, "h": hidden, "c": cell})
            found.append(np.array(told["speech_probs"]).reshape(-1))
            hidden, cell = np.array(told["hn"]), np.array(told["cn"])
        return np.concatenate(found)


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of `_BEFORE` + `STEP` samples; before the file and behind it there is silence."""
    for start in range(0, len(samples), _BLOCK * STEP):
        first = max(0, start - _BEFORE)
        part = samples[first : start + _BLOCK * STEP]
        count = -(-(len(part) - start + first) // STEP)
        line = np.zeros(_BEFORE + count * STEP, np.float32)
        lead = _BEFORE - start + first
        line[lead : lead + len(part)] = part
        rows = np.lib.stride_tricks.sliding_window_view(line, _BEFORE + STEP)
        yield np.ascontiguousarray(rows[::STEP])


def stretches(probabilities: np.ndarray, duration: float) -> tuple[Speech, ...]:
    """Where somebody speaks: stretches in order that do not touch.

    Args:
        probabilities: shape (n,), of each `STEP` samples.
        duration: of the file, seconds.
    """
    second = STEP / RATE
    found: list[Speech] = []
    for first, last in _runs(probabilities):
        if (last - first) * second < SHORTEST:
            continue
        start, end = max(0.0, first * second - PAD), min(duration, last * second + PAD)
        if found and start <= found[-1].end:
            start = found.pop().start
        found.append(Speech(start, end))
    return tuple(found)


def _runs(probabilities: Iterable[float]) -> Iterator[tuple[int, int]]:
    """Steps (first, one behind the last) that belong together."""
    first = quiet = None
    step = -1
    for step, probability in enumerate(probabilities):
        if probability >= BEGINS:
            first, quiet = step if first is None else first, None
        elif first is not None and probability < ENDS:
            quiet = step if quiet is None else quiet
            if (step - quiet) * STEP / RATE >= PAUSE:
                yield first, quiet
                first = quiet = None
    if first is not None:
        yield first, step + 1 if quiet is None else quiet


def seconds_within(speech: Iterable[Speech], start: float, end: float) -> float:
    """For how long somebody speaks between two moments, in seconds."""
    return sum(max(0.0, min(each.end, end) - max(each.start, start)) for each in speech)
