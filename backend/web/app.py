"""Builds the Flask application: configuration, request class, guards, errors, routes."""

from __future__ import annotations

import math
import time
from functools import partial

from apiflask import APIFlask
from flask_cors import CORS
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse

from backend.analysis.pipeline import Pipeline
from backend.errors import RateLimited
from backend.jobs import Jobs
from backend.report import model_errors
from backend.report.error_rates import load
from backend.settings import ROOT, Settings, __version__
from backend.storage.store import Storage
from backend.web import (
    api,
    card,
    compat,
    downloads,
    errors,
    live,
    metrics,
    models,
    openapi,
    pages,
    security,
    sign_in,
)
from backend.web.access import Access, sign_sessions
from backend.web.addresses import one_spelling
from backend.web.links import Links
from backend.web.uploads import FORM_OVERHEAD, FORM_PARTS, UploadLimits, UploadRequest

MEASURED = ROOT / "docs" / "measurements" / "evaluate.json"
DESCRIPTION = (
    "Tells whether the faces and voices in an image, a video or a sound file were faked, shows "
    "where and when, and says how sure it is. Everything sent is deleted after the time in "
    "`expires_at`."
)


def build_web(
    settings: Settings, storage: Storage, jobs: Jobs, pipeline: Pipeline, secret: bytes
) -> APIFlask:
    """The application around its collaborators; it starts no thread and touches no file.

    Args:
        secret: what sessions are signed with, where people sign in.
    """
    app = APIFlask(
        "backend",
        title="Deepfake Detector",
        version=__version__,
        json_errors=False,
        docs_path=None,
        static_folder=None,
        template_folder=str(ROOT / "templates"),
    )
    app.description = DESCRIPTION
    app.servers = openapi.SERVERS
    app.request_class = UploadRequest
    app.json.sort_keys = False
    app.json.ensure_ascii = False
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_upload_mb * 1_000_000 + FORM_OVERHEAD,
        MAX_FORM_MEMORY_SIZE=4 * FORM_OVERHEAD,  # also bounds the buffer of the file part
        MAX_FORM_PARTS=FORM_PARTS,
        TRUSTED_HOSTS=settings.trusted_hosts or None,
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
    )
    app.extensions["storage"] = storage
    app.extensions["upload_limits"] = UploadLimits(
        storage.receive,
        settings.upload_timeout,
        settings.max_upload_mb,
        together=max(settings.upload_timeout, settings.retention - settings.analysis_timeout),
    )

    access = Access(settings, secret)
    jobs.metrics.describe(pipeline)
    security.guard(app, settings, access, metrics.Requests(jobs.metrics.registry))
    CORS(  # of every address: a script that mistypes one is to read what is wrong
        app,
        origins=settings.cors_origins,
        allow_headers=["Content-Type", "X-API-Key"],
        expose_headers=["Retry-After", "X-Request-ID"],
        methods=["GET", "POST", "DELETE"],
    )
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri="memory://",
        headers_enabled=False,  # they would overwrite every other `Retry-After`
    )
    app.extensions["rate_limiter"] = limiter  # its own decorators hold it only weakly
    errors.register(app, compat.SHAPES)
    limit = limiter.limit(settings.rate_limit) if settings.rate_limit else lambda view: view
    links = Links(settings, storage)
    app.register_blueprint(api.build(settings, storage, jobs, pipeline, links, limit))
    classifier = pipeline.faces.classifier
    voices = load(MEASURED.with_name("voices.json"), pipeline.voice.classifier.facts)
    measured = load(MEASURED, classifier.facts) | voices
    errors_of_models = model_errors.load(
        MEASURED.with_name("models.json"), classifier.facts_of_members
    )
    weights = classifier.card.sha256
    app.register_blueprint(
        pages.build(settings, storage, jobs, pipeline, measured, errors_of_models)
    )
    app.register_blueprint(downloads.build(storage, measured, errors_of_models))
    there = models.models_there(settings, classifier, errors_of_models)
    app.register_blueprint(models.build(there))
    of_clips = measured.of(weights, "video")
    app.register_blueprint(card.build(MEASURED.parents[1], of_clips is not None))
    if access.is_asked_for:
        sign_sessions(app, secret)
        tries = limiter.limit(sign_in.TRIES, deduct_when=sign_in.was_wrong)
        app.register_blueprint(sign_in.build(access, tries))
    app.add_url_rule("/static/<path:filename>", "static", pages.static)
    bodies, refusals = dict(openapi.BODIES), ()
    if settings.compat:
        for contract in compat.build(settings, storage, jobs, pipeline, there, links, limit):
            app.register_blueprint(contract)
        bodies, refusals = bodies | compat.BODIES, compat.REFUSALS
    app.spec_processor(partial(openapi.complete_spec, bodies=bodies, refusals=refusals))

    def admit() -> None:
        """Count an upload over a live connection, where no route is there to be decorated."""
        if settings.rate_limit:
            rate, key = parse(settings.rate_limit), ("live", get_remote_address())
            if not limiter.limiter.hit(rate, *key):
                reset = limiter.limiter.get_window_stats(rate, *key).reset_time
                raise RateLimited(retry_after=max(1, math.ceil(reset - time.time())))

    app.wsgi_app = one_spelling(app.wsgi_app)
    app.extensions["live"] = live.build(
        app,
        settings,
        storage,
        jobs,
        pipeline,
        access,
        links,
        of_clips,
        admit,
        partial(compat.live_result, storage) if settings.compat else lambda id: {},
    )
    count = app.extensions["live"].count
    app.register_blueprint(metrics.build(jobs.metrics.registry, access, count))
    return app
