"""The JSON API: predict, read and delete an analysis, health."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import ExitStack

from apiflask import APIBlueprint
from flask import g, jsonify, redirect

from backend.analysis.pipeline import Pipeline
from backend.errors import AppError, StorageFull
from backend.jobs import Jobs
from backend.jobs.schema import Accepted, Refused, Status
from backend.report.schema import Report
from backend.settings import Settings
from backend.storage.store import Storage
from backend.web.errors import wants_html
from backend.web.health import health_report
from backend.web.links import Links, sent_fields
from backend.web.openapi import failures, response
from backend.web.schema import Health
from backend.web.uploads import Received


def build(
    settings: Settings,
    storage: Storage,
    jobs: Jobs,
    pipeline: Pipeline,
    links: Links,
    limit: Callable[[Callable], Callable],
) -> APIBlueprint:
    """The routes.

    Args:
        links: fetches files from links.
        limit: decorates what costs something.
    """
    api = APIBlueprint("api", __name__, tag="Analyses")

    @api.post("/predict")
    @api.output(Report)
    @api.doc(
        operation_id="predict", responses=failures(400, 401, 403, 408, 413, 415, 422, 429, 503, 504)
    )
    @limit
    def predict():
        """Analyse one file.

        Send it as the field `file` of a multipart form, or send a link to it as `media_url`, in a
        form or in JSON. A client that asks for HTML is redirected to the results page.
        """
        report = analyse(storage, jobs, links)
        if wants_html():
            return redirect(report.url, 303)
        return report

    @api.post("/api/v1/analyses")
    @api.output(Accepted, status_code=202)
    @api.doc(
        operation_id="queue_files", responses=failures(400, 401, 403, 408, 413, 415, 422, 429, 503)
    )
    @limit
    def submit():
        """Queue one or many files and answer at once.

        Send them as fields `file` of one multipart form; the answers come in their order. A file
        that is refused at sight, or for which there is no place, has its error in the list and
        does not stop the others; when no file could be accepted, the answer is the error of the
        first one. Ask each `status_url` for the result, or send an address as `webhook`, to be
        told. Instead of files you may send one link, as `media_url`.
        """
        with ExitStack() as places:

            def admit() -> None:
                storage.check_space()
                places.enter_context(jobs.place(g.sender))

            admit()  # before the body is read
            files = links.receive_files(admit, settings.concurrency + settings.queue)
            webhook = sent_fields().get("webhook")
            if webhook:
                jobs.check_webhook(webhook)
            answers = [_submit(jobs, file, webhook) for file in files]
        if all(isinstance(answer, AppError) for answer in answers):
            raise answers[0]
        return Accepted(
            status="success",
            analyses=[
                _refusal(file, answer) if isinstance(answer, AppError) else answer
                for file, answer in zip(files, answers, strict=True)
            ],
        )

    @api.get("/api/v1/analyses/<id>")
    @api.output(Report)
    @api.doc(
        operation_id="read_analysis",
        responses={202: response("It waits or runs.", Status), **failures(401, 404, 410)},
    )
    def read(id: str):
        """Read an analysis: its status while it waits or runs, then its report.

        An analysis that failed is answered by its status too, with 200: `state` is `failed` and
        `error` says why.
        """
        status = jobs.status(id)
        if status["state"] == "done":
            return storage.report(id), 200, {"Cache-Control": "no-store"}
        answer = jsonify(status)
        answer.headers["Cache-Control"] = "no-store"
        if status["state"] != "failed":
            answer.status_code = 202
            answer.headers["Retry-After"] = "1"
        return answer

    @api.delete("/api/v1/analyses/<id>")
    @api.output({}, status_code=204)
    @api.doc(operation_id="delete_analysis", responses=failures(401, 403, 404, 410))
    def delete(id: str):
        """Delete an analysis and all its files now; one that waits or runs is cancelled."""
        jobs.cancel(id)
        return ""

    @api.get("/health")
    @api.output(Health)
    @api.doc(
        operation_id="read_health",
        tags=["Server"],
        responses={503: response("Not ready; the same body with `ready` false.", Health)},
    )
    def health():
        """Say whether there is disk space for a file, and what the server is made of."""
        answer = health_report(storage, jobs, pipeline)
        return answer, 200 if answer.ready else 503, {"Cache-Control": "no-store"}

    return api


def analyse(storage: Storage, jobs: Jobs, links: Links, *fields: str) -> Report:
    """Receive the one file of this request and analyse it.

    Args:
        fields: those of a form that may hold it; by default `file`.

    Raises:
        AppError: it is refused, or could not be analysed.
    """
    storage.check_space()
    with jobs.place(g.sender):  # before the body is read
        return jobs.analyse(*links.receive(*fields))


def _submit(jobs: Jobs, file: Received, webhook: str | None) -> dict | AppError:
    try:
        if file.error is not None:
            raise file.error
        return jobs.submit(file.path, file.label, g.sender, webhook)
    except AppError as error:
        return error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return StorageFull()


def _refusal(file: Received, error: AppError) -> Refused:
    return Refused(
        status="error",
        file={"name": file.label, "size": file.size},
        error=error.detail,
        retry_after=error.retry_after,
    )
