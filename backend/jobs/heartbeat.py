"""Tells the folder of a job how far it is, and its worker when it is to stop."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from backend.analysis.progress import Progress
from backend.errors import StorageFull
from backend.jobs.folders import Folders, Job, Vanished
from backend.report.build import to_partial

BEAT = 0.3  # s between two records: a cancelled job ends, and a watched one moves, as promptly


class Stopping(Exception):
    """This process is about to end; the job is another one's."""


class Reporter:
    """Writes the record of a running job from a thread of its own. A context.

    Called with the progress of the analysis it raises what is to stop it: Vanished, Stopping.

    Args:
        folders: where the record is.
        job: as claimed.
        stopping: set when this process is about to end.

    Attributes:
        job: the record as it was written last.
    """

    def __init__(self, folders: Folders, job: Job, stopping: threading.Event):
        self.job = job
        self._folders, self._stopping = folders, stopping
        self._progress: Progress | None = None
        self._reason: Exception | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Reporter:
        self._began = time.monotonic()
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, progress: Progress) -> None:
        if self._progress is None:
            self.check()  # by now there is a staging folder, which a cancellation could have missed
        self._progress = progress
        if self._reason is not None:
            raise self._reason

    def check(self) -> None:
        """Make sure that the job is still there and still this worker's.

        Raises:
            Vanished: it is not.
        """
        if self._folders.attempts(self.job.id) != self.job.attempt:
            raise Vanished

    def _run(self) -> None:
        while self._reason is None and not self._over.wait(BEAT):
            try:
                self.check()
                self._beat()
            except OSError:
                self._reason = StorageFull()
            # Whatever it is: without a beat others would take the job as well.
            except Exception as reason:  # noqa: BLE001
                self._reason = reason
            if self._stopping.is_set():
                self._reason = Stopping()

    def _beat(self) -> None:
        job = replace(self.job, state="running", beat=self.job.beat + 1)
        if self._progress is not None:
            job = replace(job, **_fields(self._progress, time.monotonic() - self._began))
        self._folders.write(job)
        self.job = job


def _fields(progress: Progress, elapsed: float) -> dict:
    share, known = progress.share, progress.known
    return {
        "stage": progress.stage,
        "percent": int(100 * share),
        "frames_done": progress.frames_done,
        "frames_total": progress.frames_total,
        "eta_seconds": round(elapsed * (1 - share) / share, 1) if share else None,
        "partial": to_partial(known.frames, known.probability_fake).model_dump(mode="json"),
    }
