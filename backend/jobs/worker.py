"""Does queued jobs without serving anything: as many of these as wanted, over shared storage."""

from __future__ import annotations

import signal
import sys
import threading

from prometheus_client import start_http_server

from backend.analysis.pipeline import build_pipeline
from backend.errors import SetupError
from backend.jobs import Jobs
from backend.jobs.metrics import Metrics
from backend.logs import configure_logs
from backend.settings import Settings
from backend.storage.store import Storage
from backend.storage.sweep import start_cleanup


def work(settings: Settings) -> None:
    """Work until told to stop; what runs then goes back into the queue.

    Raises:
        SetupError: one sentence about what is wrong with the installation.
    """
    configure_logs(settings)
    storage = Storage(settings)
    storage.prepare()
    print("Loading the model ...", file=sys.stderr, flush=True)
    pipeline = build_pipeline(settings)
    jobs = Jobs(settings, storage, pipeline)
    jobs.metrics.describe(pipeline)
    _show(jobs.metrics, settings)
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    jobs.start()
    start_cleanup(storage, settings.sweep_interval)
    print("Ready for jobs (Ctrl-C stops).", file=sys.stderr, flush=True)
    told.wait()
    jobs.stop()


def _show(metrics: Metrics, settings: Settings) -> None:
    """Let Prometheus read what this worker does, where a port is set for that."""
    if settings.metrics_port:
        try:
            start_http_server(settings.metrics_port, settings.host, metrics.registry)
        except OSError as error:
            raise SetupError(
                f"Cannot listen on port {settings.metrics_port}: {error.strerror}. "
                "Choose another one with DEEPFAKE_METRICS_PORT."
            ) from None
