"""What the server says of itself: readiness, what it is made of, what is left of its machine."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version

import psutil
from apiflask import APIFlask

from backend.analysis.pipeline import Pipeline
from backend.jobs import Jobs
from backend.settings import __version__
from backend.storage.store import Storage
from backend.web.schema import Health, System

PACKAGES = ("flask", "werkzeug", "openvino", "av", "pillow", "numpy", "opencv-python-headless")
VERSIONS = {name: version(name) for name in PACKAGES}
MB = 1_000_000

psutil.cpu_percent()  # tells what was used since it was asked last: from here on


def health_report(storage: Storage, jobs: Jobs, pipeline: Pipeline) -> Health:
    """The health answer. The model is loaded before the server answers at all."""
    ready, classifier = storage.has_space(), pipeline.faces.classifier
    return Health(
        status="ok" if ready else "error",
        ready=ready,
        version=__version__,
        model=classifier.card,
        engine=classifier.engine,
        precision=classifier.precision,
        versions={"app": __version__, "python": platform.python_version(), **VERSIONS},
        dependencies=VERSIONS,
        disk_free_mb=storage.free_mb(),
        queue=jobs.counts(),
        system=_system(),
    )


def endpoints(app: APIFlask) -> dict[str, list[str]]:
    """The methods of each address that the OpenAPI document could name."""
    found: dict[str, list[str]] = {}
    for rule in app.url_map.iter_rules():
        blueprint = app.blueprints.get(rule.endpoint.partition(".")[0])
        if getattr(blueprint, "enable_openapi", False):
            methods = sorted(rule.methods - {"HEAD", "OPTIONS"})
            found[rule.rule] = [*found.get(rule.rule, []), *methods]
    return found


def _system() -> System:
    memory, process = psutil.virtual_memory(), psutil.Process()
    return System(
        cpu_count=os.cpu_count() or 1,
        cpu_percent=psutil.cpu_percent(),
        memory_total_mb=memory.total // MB,
        memory_available_mb=memory.available // MB,
        memory_used_by_server_mb=process.memory_info().rss // MB,
        uptime_seconds=round(time.time() - process.create_time(), 1),
    )
