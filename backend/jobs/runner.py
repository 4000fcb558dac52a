"""Runs one analysis: of a job in a worker, or of a request that waits for the answer."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from backend import memory
from backend.analysis.pipeline import Pipeline
from backend.analysis.progress import OnProgress, Progress, deadline
from backend.errors import AppError, Gone, StorageFull
from backend.jobs.folders import Folders, Job
from backend.jobs.heartbeat import Reporter, Stopping
from backend.jobs.metrics import Metrics
from backend.media import intake
from backend.records.media import Upload
from backend.report.build import to_report
from backend.report.schema import Report
from backend.settings import Settings
from backend.storage.store import Stage, Storage

log = structlog.get_logger()


class Runner:
    """Checks, analyses and publishes; whatever happens, nothing of the file is left behind.

    Args:
        settings: limits.
        storage: where pictures and reports go.
        folders: the jobs.
        pipeline: does the work.
        requeue: called with the id and attempt of a job that this process has to leave.
        note: called with the seconds that an analysis took.
        metrics: counts what comes of files.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        folders: Folders,
        pipeline: Pipeline,
        requeue: Callable[[str, int], None],
        note: Callable[[float], None],
        metrics: Metrics,
    ):
        self._settings, self._storage, self._folders = settings, storage, folders
        self._pipeline = pipeline
        self._requeue, self._note, self._metrics = requeue, note, metrics
        self.stopping = threading.Event()

    def analyse(self, upload: Upload, stage: Stage, check: OnProgress) -> Report:
        """Publish the report of one file.

        Args:
            upload: passed intake.
            stage: discarded when anything is raised.
            check: told of the progress; what it raises ends the analysis.

        Raises:
            AppError: whatever was wrong with the file or took too long.
        """
        in_time = deadline(self._settings.analysis_timeout)

        def on_progress(progress: Progress) -> None:
            in_time(progress)
            check(progress)

        try:
            analysis = self._pipeline.analyse(upload, into=stage.folder, on_progress=on_progress)
            report = to_report(analysis, upload, stage.id, stage.created, stage.expires)
            if report.recording:
                self._storage.keep(stage, upload.path)
            self._storage.publish(stage, report.model_dump(mode="json"))
            self._note(analysis.seconds)
            self._metrics.answered(report)
            return report
        except BaseException as error:
            self._storage.discard(stage.folder)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise StorageFull() from None
            raise
        finally:
            memory.give_back(memory.SPARE)

    def run(self, id: str, attempt: int) -> None:
        """Do a job, unless somebody else has taken it or it is no more."""
        if not self._folders.claim(id, attempt):
            return
        with suppress(Gone):
            job = self._folders.read(id)
            if job is not None:
                self._run(replace(job, attempt=attempt))

    def _run(self, job: Job) -> None:
        try:
            with Reporter(self._folders, job, self.stopping) as reporter:
                path = self._folders.upload(job.id)
                upload = intake.check(path, job.label, self._settings)
                self.analyse(upload, self._storage.stage(job.id, job.attempt), reporter)
            self._folders.end(job.id)
        except Stopping:
            self._folders.give_back(job)
            self._requeue(job.id, job.attempt)
        except Exception as error:
            if self._folders.attempts(job.id) != job.attempt:
                return  # it was cancelled: the error only tells that its files are missing
            if not isinstance(error, AppError):
                log.error("internal error", kind=type(error).__name__, exc_info=error)
                error = AppError()
            self._folders.fail(job, error)
            self._metrics.failed(error)
