"""What Prometheus is told of the analyses of this process, and of the queue that all share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.samples import Sample

from backend.analysis.pipeline import Pipeline
from backend.errors import AppError
from backend.jobs.admission import Places
from backend.report.schema import Report
from backend.settings import __version__
from backend.storage.store import Storage

SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120)  # upper ends of the buckets
NOT_JUDGED = "not_judged"
disable_created_metrics()  # a second series for each, which nobody reads


class Metrics:
    """Counts since this process began; thread-safe. No label holds anything of a user's.

    Args:
        places, storage: read at each scrape.

    Attributes:
        registry: of this process alone: each server and each worker is a target of its own.
    """

    def __init__(self, places: Places, storage: Storage):
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Shared(places, storage))
        self._answers = Counter(
            "deepfake_analyses",
            "Files analysed, by kind (image, video, audio) and verdict.",
            ["kind", "verdict"],
            registry=self.registry,
        )
        self._failures = Counter(
            "deepfake_failures",
            "Files that got no answer, by the code of their error.",
            ["reason"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "deepfake_analysis_seconds",
            "Seconds that an analysis took, without its wait.",
            ["kind"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._webhooks = Counter(
            "deepfake_webhooks",
            "Tries to tell a webhook, by outcome: delivered, failed (to be tried again), given_up.",
            ["outcome"],
            registry=self.registry,
        )

    def describe(self, pipeline: Pipeline) -> None:
        """Add what the process answers with."""
        classifier = pipeline.faces.classifier
        about = {"version": __version__, "engine": classifier.engine}
        about |= {"precision": classifier.precision, "profile": classifier.profile}
        about |= {"model": classifier.card.name, "sha256": classifier.card.sha256}
        Info("deepfake", "What answers.", registry=self.registry).info(about)

    def answered(self, report: Report) -> None:
        """Count an answer."""
        kind = report.media.type
        verdict = report.prediction.lower() if report.judged else NOT_JUDGED
        self._answers.labels(kind, verdict).inc()
        self._seconds.labels(kind).observe(report.processing_time)

    def failed(self, error: AppError) -> None:
        """Count a file without an answer."""
        self._failures.labels(error.code).inc()

    def usage(self) -> dict[str, int]:
        """How many files were answered, by verdict in small letters, and how many "failed"."""
        verdicts = ((one.labels["verdict"], one.value) for one in _samples(self._answers))
        failed = (("failed", one.value) for one in _samples(self._failures))
        counts: dict[str, int] = {}
        for name, value in (*verdicts, *failed):
            counts[name] = counts.get(name, 0) + int(value)
        return counts

    def webhook(self, outcome: str) -> None:
        """Count a try: "delivered", "failed" or "given_up"."""
        self._webhooks.labels(outcome).inc()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Count the file that the block is about if it raises."""
        try:
            yield
        except AppError as error:
            self.failed(error)
            raise
        except Exception:
            self.failed(AppError())
            raise


def _samples(counter: Counter) -> list[Sample]:
    return [sample for metric in counter.collect() for sample in metric.samples]


class _Shared:
    """The queue and the disk, which are the same whichever server or worker is asked."""

    def __init__(self, places: Places, storage: Storage):
        self._places, self._storage = places, storage

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What prometheus_client asks for at each scrape."""
        counts = self._places.counts()
        for name, about, value in (
            ("deepfake_queue_running", "Analyses that run.", counts["running"]),
            ("deepfake_queue_waiting", "Files that wait.", counts["waiting"]),
            ("deepfake_queue_capacity", "Most of both.", counts["capacity"]),
            (
                "deepfake_queue_oldest_seconds",
                "Seconds that the oldest queued file has waited; 0 where none waits.",
                self._places.longest_wait(),
            ),
            (
                "deepfake_disk_free_bytes",
                "Free disk space, of the fuller of the two places.",
                self._storage.free_mb() * 1_000_000,
            ),
        ):
            yield GaugeMetricFamily(name, about, value)
