"""Batches made by processes of their own: in order, a few ahead, and without them no waiting."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Protocol

import cv2

from backend.errors import SetupError

WORKERS = min(8, len(os.sched_getaffinity(0)))  # a process for each core, since a GPU waits for it
AHEAD = max(8, 2 * WORKERS)  # batches made before they are needed


class Sampler(Protocol):
    """Makes batches of pairs, see `backend.training.data.pair_sampler.PairSampler`."""

    def batch(self, step: int, pairs: int) -> tuple:
        """Make the batch of a step."""
        ...


_sampler: Sampler | None = None  # each worker process makes its own when it starts


def batches(
    make_sampler: Callable[[], Sampler], steps: range, pairs: int, workers: int = WORKERS
) -> Iterator[tuple]:
    """Make the batch of each step; close it to end the processes.

    Args:
        make_sampler: called in each process, so that none is copied: the pixels of all are one
            file in memory.
        steps: those of the batches.
        pairs: of each batch.
        workers: how many processes.

    Yields:
        What `Sampler.batch` returns.

    Raises:
        SetupError: a process died.
    """
    # Spawned and not forked: threads of OpenVINO and OpenCV do not survive a fork, their locks do.
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _start_worker, (make_sampler,)
    )
    coming = (_submit(pool, step, pairs) for step in steps)
    try:
        waiting = deque(islice(coming, AHEAD))
        while waiting:
            batch = waiting.popleft().result()
            waiting.extend(islice(coming, 1))
            yield batch
    except (BrokenProcessPool, BrokenPipeError):
        raise SetupError(
            "A process that makes batches died, perhaps for want of memory; the same command goes "
            "on from the last checkpoint, with fewer of them under `taskset --cpu-list 0,1`."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, step: int, pairs: int):
    """Ask for a batch, which starts a process where one more may run.

    That inherits what is blocked: Ctrl-C goes to all processes of a terminal, and is this one's.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(_make, step, pairs)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(make_sampler: Callable[[], Sampler]) -> None:
    global _sampler
    cv2.setNumThreads(1)  # one process a core already; OpenCV's own threads would only collide
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _sampler = make_sampler()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()  # killed, it cannot tell its workers to end
    os._exit(1)


def _make(step: int, pairs: int) -> tuple:
    return _sampler.batch(step, pairs)
