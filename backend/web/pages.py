"""The pages a browser shows, and the files they are made of."""

from __future__ import annotations

from pathlib import PurePosixPath

from apiflask import APIBlueprint
from flask import (
    Response,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    send_from_directory,
)

from backend import wording
from backend.analysis.pipeline import Pipeline
from backend.errors import NotFound, failure
from backend.jobs import Jobs
from backend.media.formats import AUDIO, IMAGE, NAMED, VIDEO, accept, titles
from backend.outbound.addresses import LONGEST
from backend.report import notices
from backend.report.error_rates import Measured
from backend.report.model_errors import Errors
from backend.report.page_text import Reading
from backend.report.votes_in_words import votes_in_words
from backend.settings import ROOT, Settings
from backend.storage.store import Storage
from backend.web.api_reference import calls, objects, written
from backend.web.errors import wants_html
from backend.web.health import endpoints, health_report
from backend.web.links import FIELD
from backend.web.schema import Start
from backend.web.security import HEADERS

WRITTEN = (
    wording.percent, wording.exact, wording.rate, wording.clock, wording.measure, wording.plural,
    wording.kind_of, wording.band_of, wording.stretched, wording.plain, wording.usual,
    wording.answer_kind,
)  # fmt: skip
CAMERA_POLICY = HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)")
SOUND_TYPES = {  # `Media.format` -> what browsers call it
    "wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "aac": "audio/aac",
    "ogg": "audio/ogg", "opus": "audio/ogg", "m4a": "audio/mp4", "amr": "audio/amr",
    "wma": "audio/x-ms-wma", "mp4": "audio/mp4", "webm": "audio/webm", "ogv": "audio/ogg",
}  # fmt: skip
DELETED = "The result and all its files have been deleted."


def build(
    settings: Settings,
    storage: Storage,
    jobs: Jobs,
    pipeline: Pipeline,
    measured: Measured,
    errors: Errors,
) -> APIBlueprint:
    """The routes of the pages; they are no part of the OpenAPI document."""
    pages = APIBlueprint("pages", __name__, enable_openapi=False)
    for write in WRITTEN:
        pages.add_app_template_filter(write)
    pages.add_app_template_global(wording.ANSWERS, "answers")
    limits = {
        "max_mb": settings.max_upload_mb,
        "photos": titles(IMAGE),
        "clips": titles(VIDEO),
        "sounds": titles(AUDIO),
        "accept": accept(IMAGE, VIDEO, AUDIO),
        "max_minutes": round(settings.max_duration / 60, 1),
        "retention_minutes": round(settings.retention / 60),
        "link_length": LONGEST if settings.links else 0,
    }

    def upload_page() -> str:
        notice = DELETED if "deleted" in request.args else None
        link = request.args.get(FIELD, "")[:LONGEST]
        return render_template("index.html", limits=limits, notice=notice, error=None, link=link)

    @pages.get("/batch")
    def batch():
        return _unstored(make_response(upload_page()))

    @pages.get("/")
    def index():
        if wants_html():
            response = make_response(upload_page())
        else:
            health = health_report(storage, jobs, pipeline)
            usage = jobs.metrics.usage()
            start = Start(**dict(health), usage=usage, endpoints=endpoints(current_app))
            response = jsonify(start.model_dump())
        response.vary.add("Accept")
        return _unstored(response)

    @pages.get("/results/<id>")
    def results(id: str):
        status = jobs.status(id)
        if status["state"] == "failed":
            raise failure(**status["error"])
        if status["state"] != "done":
            return _unstored(make_response(render_template("waiting.html", status=status)))
        report = storage.report(id)
        page = render_template(
            "results.html",
            report=report,
            reading=Reading(report, measured),
            sentences=notices,
            votes=votes_in_words(report, errors),
            clips=accept(VIDEO) if NAMED[report["media"]["format"]].kind == VIDEO else None,
        )
        return _unstored(make_response(page))

    @pages.post("/results/<id>/delete")
    def delete(id: str):
        storage.delete(id)
        return redirect("/?deleted=1", 303)

    @pages.get("/static/results/<id>/<name>")
    def picture(id: str, name: str):
        return _unstored(send_file(storage.picture(id, name)))

    @pages.get("/results/<id>/recording")
    def recording(id: str):
        """The sound file itself, in parts where the browser asks for a part."""
        path = storage.recording(id)
        type_ = SOUND_TYPES.get(storage.report(id)["media"]["format"], "application/octet-stream")
        return _unstored(send_file(path, mimetype=type_, conditional=True))

    @pages.get("/camera")
    def camera():
        card = pipeline.faces.classifier.of("video").card
        bands = [band._asdict() for band in card.bands]
        response = make_response(render_template("camera.html", bands=bands))
        response.headers["Permissions-Policy"] = CAMERA_POLICY
        return _unstored(response)

    @pages.get("/docs")
    def docs():
        spec = current_app.spec
        return render_template(
            "docs.html",
            description=written(spec["info"]),
            calls=list(calls(spec)),
            objects=objects(spec),
            keys=bool(settings.api_keys),
        )

    return pages


def static(filename: str) -> Response:
    """Serve the pages' own files; results have a route that knows when they are gone."""
    parts = PurePosixPath(filename).parts
    if "results" in parts or any(part.startswith(".") for part in parts):
        raise NotFound()
    return send_from_directory(ROOT / "static", filename)


def _unstored(response: Response) -> Response:
    """Keep the browser from storing what is to be deleted."""
    response.headers["Cache-Control"] = "no-store"
    return response
