"""The one door to the jobs: submit, status, follow, cancel; and the analyses of /predict."""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

from backend.analysis.pipeline import Pipeline
from backend.errors import QueueDown
from backend.jobs.admission import Places
from backend.jobs.folders import Folders, Job
from backend.jobs.metrics import Metrics
from backend.jobs.queue import Queue
from backend.jobs.recovery import FIRST, Recovery
from backend.jobs.runner import Runner
from backend.jobs.schema import Status
from backend.jobs.webhooks import Webhooks
from backend.jobs.worker_threads import Workers
from backend.media import intake
from backend.report.schema import Report
from backend.settings import Settings
from backend.storage.store import Storage

LOOK = 0.25  # s between two looks at a followed job


class Jobs:
    """See `backend.jobs`. Thread-safe.

    Args:
        settings: limits, and where the queue is.
        storage: where everything is.
        pipeline: does the work.

    Attributes:
        metrics: of this process.
    """

    def __init__(self, settings: Settings, storage: Storage, pipeline: Pipeline):
        self._settings, self._storage = settings, storage
        self._folders = Folders(storage)
        self._places = Places(settings, self._folders)
        self.metrics = Metrics(self._places, storage)
        self._runner = Runner(
            settings,
            storage,
            self._folders,
            pipeline,
            self._requeue,
            self._places.note,
            self.metrics,
        )
        file = settings.uploads / ".queue" / "jobs.db"
        self._queue = Queue(settings.queue_url, file, self._runner.run)
        recovery = Recovery(
            storage, self._folders, self._queue, settings.worker_timeout, self.metrics
        )
        self._webhooks = Webhooks(settings, storage, self.status, self.metrics)
        self._workers = Workers(
            self._queue, self._places, recovery, self._webhooks, self._runner.stopping
        )

    def start(self, work: bool = True) -> None:
        """Let this process look after all jobs, and do some itself, until it ends."""
        self._workers.start(self._settings.concurrency if work else 0)
        atexit.register(self.stop)

    def leave(self) -> None:
        """Begin to stop, as `stop` ends it: for a signal handler, which must not wait."""
        self._runner.stopping.set()

    def stop(self) -> None:
        """Do no more jobs; those that run go back into the queue."""
        atexit.unregister(self.stop)
        self._workers.stop()

    def place(self, client: str) -> AbstractContextManager[None]:
        """Hold a place while a file is received, before `analyse` or `submit`; raises Busy."""
        return self._places.place(client)

    def analyse(self, path: Path, label: str) -> Report:
        """Analyse one incoming file while the caller waits and holds a place.

        Args:
            path: the received bytes; deleted here in every case.
            label: the user's name for the file.

        Returns:
            The report, as published.

        Raises:
            AppError: whatever was wrong with the file or took too long.
        """
        try:
            with self.metrics.failures():
                upload = intake.check(path, label, self._settings)
                with self._places.slot(request=True):
                    return self._runner.analyse(
                        upload, self._storage.stage(), lambda progress: None
                    )
        finally:
            self._storage.discard(path)

    def check_webhook(self, url: object) -> None:
        """Raise WebhookRefused unless an address can be told of jobs."""
        self._webhooks.check(url)

    def submit(self, path: Path, label: str, client: str, webhook: str | None = None) -> dict:
        """Make a job of one incoming file; the caller holds a place.

        Args:
            path: the received bytes; moved, or deleted when this raises.
            label: the user's name for the file.
            client: who sent it: those with few jobs come before those with many.
            webhook: address to be told how it ends, which `check_webhook` let pass.

        Returns:
            Its `Status`, ready for JSON.

        Raises:
            AppError: the file is refused at sight.
            QueueDown: try again later.
        """
        try:
            with self.metrics.failures():
                intake.check(path, label, self._settings)
            waiting = self._places.jobs_of(client)
            job = self._folders.create(path, label, client)
        except BaseException:
            self._storage.discard(path)
            raise
        try:
            if webhook:
                self._webhooks.keep(job.id, webhook)
            self._queue.put(job.id, 1, -waiting)
        except (QueueDown, OSError):
            self._folders.end(job.id)
            raise
        return self._status(job)

    def status(self, id: str) -> dict:
        """How a job stands: a `Status`, ready for JSON.

        Raises:
            NoSuchResult: there never was one with this id, as far as is known.
            Gone: it was cancelled or deleted, or its time is over.
        """
        job = self._folders.read(id)
        return self._status(job) if job else self._done(self._storage.report(id))

    def follow(self, id: str) -> Iterator[dict]:
        """The status now and each time it has changed, until it is "done" or "failed".

        Raises:
            NoSuchResult, Gone: like `status`, also in the middle.
        """
        last = None
        while last is None or last["state"] not in ("done", "failed"):
            if last is not None:
                time.sleep(LOOK)
            status = self.status(id)
            if status != last:
                yield status
            last = status

    def cancel(self, id: str) -> None:
        """Delete an analysis and all its files now; one that runs ends within a second.

        Raises:
            NoSuchResult, Gone: like `status`.
        """
        self._storage.delete(id)

    def counts(self) -> dict[str, int]:
        """How many analyses run, how many files wait, and the most of both."""
        return self._places.counts()

    def _requeue(self, id: str, attempt: int) -> None:
        with suppress(QueueDown):  # then the recovery finds it
            self._queue.put(id, attempt, FIRST)

    def _status(self, job: Job) -> dict:
        created, expires = self._storage.lifetime(job.id)
        return _told(
            job.id,
            job.state,
            stage=job.stage,
            percent=job.percent,
            file={"name": job.label, "size": job.size},
            frames_done=job.frames_done,
            frames_total=job.frames_total,
            eta_seconds=job.eta_seconds,
            partial=job.partial,
            error=job.error,
            created_at=datetime.fromtimestamp(created, UTC),
            expires_at=datetime.fromtimestamp(expires, UTC),
        )

    def _done(self, report: dict) -> dict:
        frames = report["frame_analysis"]["frames_analysed"]
        return _told(
            report["id"],
            "done",
            stage="done",
            percent=100,
            file=report["file"],
            frames_done=frames,
            frames_total=frames,
            eta_seconds=0.0,
            partial=None,
            error=None,
            created_at=report["created_at"],
            expires_at=report["expires_at"],
        )


def _told(id: str, state: str, **fields) -> dict:
    """A `Status`, ready for JSON."""
    status = Status(
        status="error" if state == "failed" else "success",
        id=id,
        state=state,
        url=f"/results/{id}",
        status_url=f"/api/v1/analyses/{id}",
        **fields,
    )
    return status.model_dump(mode="json")
