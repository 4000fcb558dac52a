"""The application factory: wires settings, storage, pipeline, clean-up and the web together."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from apiflask import APIFlask

    from backend.analysis.pipeline import Pipeline
    from backend.settings import Settings

# OpenVINO reports to Google Analytics whenever it is imported or converts a network, unless this
# package is missing. Nothing of `backend` is imported before this file.
sys.modules["openvino_telemetry"] = None


def create_app(
    settings: Settings | None = None,
    pipeline: Pipeline | None = None,
    clock: Callable[[], float] = time.time,
) -> APIFlask:
    """Build the web application, with its model loaded, its jobs and its clean-up running.

    Args:
        settings: by default read from the environment.
        pipeline: by default built from the settings.
        clock: seconds since the epoch.

    Raises:
        SetupError: one sentence about what is wrong with the installation.
    """
    # Imported here so that the command line, which needs no web, does not load it.
    from backend.analysis.pipeline import build_pipeline
    from backend.jobs import Jobs
    from backend.logs import configure_logs
    from backend.settings import load_settings
    from backend.storage.store import Storage
    from backend.storage.sweep import start_cleanup

    settings = settings or load_settings()
    configure_logs(settings)
    storage = Storage(settings, clock)
    storage.prepare()
    with ThreadPoolExecutor(1) as pool:
        loading = None if pipeline else pool.submit(build_pipeline, settings)
        # Networks are compiled outside of Python's lock; these packages are imported meanwhile.
        from backend.web.access import session_secret
        from backend.web.app import build_web

        pipeline = loading.result() if loading else pipeline
    jobs = Jobs(settings, storage, pipeline)
    secret = session_secret(settings) if settings.api_keys else b""
    app = build_web(settings, storage, jobs, pipeline, secret)
    app.extensions["jobs"] = jobs
    jobs.start(work=settings.serve_jobs)
    app.extensions["cleanup"] = start_cleanup(storage, settings.sweep_interval)
    return app
