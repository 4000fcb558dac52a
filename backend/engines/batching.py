"""Lets analyses that run side by side share the passes of one engine."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from backend.engines import Engine, Inferred

MOST = 32  # crops in a shared pass; more need memory and are no faster


@dataclass(slots=True)
class _Wanted:
    """Crops that one caller waits for, and what became of them."""

    crops: np.ndarray
    result: Inferred | None = None
    failure: Exception | None = None


class SharedEngine:
    """An engine that several threads call: who comes during a pass shares the next one.

    Nobody waits for company: a caller who is alone has a pass at once. The engine underneath runs
    one pass at a time and keeps one set of buffers, however many threads there are.

    Args:
        engine: need not be safe to share between threads.
    """

    def __init__(self, engine: Engine):
        self.name, self.precision = engine.name, engine.precision
        self.columns = engine.columns
        self._engine = engine
        self._passing = threading.Lock()
        self._waiting: deque[_Wanted] = deque()  # appended to by all, emptied by who holds the lock

    def infer(self, crops: np.ndarray) -> Inferred:
        """See `Engine.infer`."""
        mine = _Wanted(crops)
        self._waiting.append(mine)
        with self._passing:
            while mine.result is None and mine.failure is None:
                self._pass(self._take())
        if mine.failure is not None:
            raise mine.failure
        return mine.result

    def _take(self) -> list[_Wanted]:
        """The longest waiting, as many as fit into one pass."""
        taken = [self._waiting.popleft()]
        crops = len(taken[0].crops)
        while self._waiting:
            crops += len(self._waiting[0].crops)
            if crops > MOST:
                break
            taken.append(self._waiting.popleft())
        return taken

    def _pass(self, taken: list[_Wanted]) -> None:
        try:
            crops = np.concatenate([one.crops for one in taken])
            found = self._engine.infer(crops)
        except Exception as failure:  # noqa: BLE001 - each waiting caller raises it
            for one in taken:
                one.failure = failure
            return
        ends = np.cumsum([len(one.crops) for one in taken])
        for one, end in zip(taken, ends, strict=True):
            one.result = found.part(slice(end - len(one.crops), end))
