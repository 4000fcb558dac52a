"""The JSON API: predict, read and delete an analysis, health."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version

from apiflask import APIBlueprint
from flask import redirect

from backend import __version__
from backend.jobs import Jobs
from backend.pipeline import Pipeline
from backend.storage import Storage
from backend.web.errors import wants_html
from backend.web.schemas import Health, Report, failures
from backend.web.uploads import receive_file

PACKAGES = ("flask", "werkzeug", "openvino", "av", "pillow", "numpy", "opencv-python-headless")


def build(
    storage: Storage, jobs: Jobs, pipeline: Pipeline, limit: Callable[[Callable], Callable]
) -> APIBlueprint:
    """The routes; `limit` decorates the one that costs something."""
    api = APIBlueprint("api", __name__, tag="API")

    @api.post("/predict")
    @api.output(Report)
    @api.doc(responses=failures(400, 401, 403, 408, 413, 415, 422, 429, 503, 504))
    @limit
    def predict():
        """Analyse one file.

        Send it as the field `file` of a multipart form. A client that asks for HTML is redirected
        to the results page.
        """
        storage.check_space()
        with jobs.place():
            report = jobs.analyse(*receive_file())
        if wants_html():
            return redirect(report["url"], 303)
        return report

    @api.get("/api/v1/analyses/<id>")
    @api.output(Report)
    @api.doc(responses=failures(401, 404, 410))
    def read(id: str):
        """Read a finished analysis again."""
        return storage.report(id), 200, {"Cache-Control": "no-store"}

    @api.delete("/api/v1/analyses/<id>")
    @api.output({}, status_code=204)
    @api.doc(responses=failures(401, 403, 404, 410))
    def delete(id: str):
        """Delete an analysis and all its files now."""
        storage.delete(id)
        return ""

    @api.get("/health")
    @api.output(Health)
    @api.doc(responses={503: "Not ready; the same body with `ready` false."})
    def health():
        """Say whether the server can take a file, and what it is made of."""
        answer = health_report(storage, jobs, pipeline)
        return answer, 200 if answer["ready"] else 503, {"Cache-Control": "no-store"}

    return api


def health_report(storage: Storage, jobs: Jobs, pipeline: Pipeline) -> dict:
    """The health answer. The model is loaded before the server answers at all."""
    ready = storage.has_space()
    return {
        "status": "ok" if ready else "error",
        "ready": ready,
        "model": {"name": pipeline.classifier.card.name, "sha256": pipeline.classifier.card.sha256},
        "engine": pipeline.classifier.engine,
        "precision": pipeline.classifier.precision,
        "versions": {
            "app": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "disk_free_mb": storage.free_mb(),
        "queue": jobs.counts(),
    }
