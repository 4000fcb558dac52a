"""What every request must pass and every answer carries: access, origins, headers, request log."""

from __future__ import annotations

import time
import uuid

import structlog
from flask import Flask, Response, g, request

from backend.errors import Forbidden
from backend.settings import Settings
from backend.web.access import Access, is_welcome, mark
from backend.web.errors import wants_html
from backend.web.hang_up import hang_up_after
from backend.web.metrics import Requests
from backend.web.uploads import GRACE, forget_uploads

# Served without a key: nothing here shows or does anything of a user's. The metrics ask by
# themselves, for keys of another header.
OPEN_ENDPOINTS = {
    "api.health", "metrics.read", "pages.docs", "openapi.spec", "static", "sign_in.page",
    "sign_in.enter", "sign_in.leave", "compat_analyze.health", "compat_analyze.status",
    "compat_predict_video.info", "compat_predict_video.redoc",
}  # fmt: skip
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
DRAIN_SECONDS = 30.0

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    # A sound file, and the reader's own copy of a clip, which never leaves the browser.
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: that makes browsers send "Origin: null" with our own plain forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

log = structlog.get_logger()


def guard(app: Flask, settings: Settings, access: Access, requests: Requests) -> None:
    """Install the checks before each request, and the headers and counts after it."""
    friends = set(settings.cors_origins)

    @app.before_request
    def begin():
        g.started = time.monotonic()
        g.request_id = uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.before_request
    def check_origin():
        """CORS does not stop a foreign page from submitting a form; this does.

        A page that asks for leave first hears why it gets none, where its browser shows answers.
        """
        asks = "Access-Control-Request-Method" in request.headers
        origin = request.headers.get("Origin")
        if (request.method in CHANGING or asks) and not is_welcome(origin, request.host, friends):
            raise Forbidden()

    @app.before_request
    def check_access():
        g.signed_in = access.is_signed_in
        g.sender = mark(request.remote_addr or "")
        if request.method == "OPTIONS" or request.endpoint in OPEN_ENDPOINTS:
            return
        if request.endpoint == "pages.index" and not wants_html():
            return  # the health answer
        g.sender = access.sender(request.headers.get("X-API-Key"))

    @app.after_request
    def finish(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = g.get("request_id", "")
        if request.method in CHANGING and response.status_code >= 400:
            _drain(response)
        facts = {
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "seconds": round(time.monotonic() - g.get("started", time.monotonic()), 3),
        }
        log.info("request", **facts)
        requests.note(**facts)
        return response

    @app.teardown_request
    def end(error):
        forget_uploads(error)
        structlog.contextvars.unbind_contextvars("request_id")


def _drain(response: Response) -> None:
    """Read what the client still sends, for a while, so that it gets to read our refusal.

    Closing a connection with unread bytes in it resets it, and the client would see a network
    error instead of the sentence.
    """
    response.headers["Connection"] = "close"
    body = request.environ["wsgi.input"]
    if not request.environ.get("wsgi.input_terminated"):
        return  # this server ends no stream for us: reading on could wait for ever
    connection = request.environ.get("gunicorn.socket")
    try:
        # One reading may last for ever, byte by byte; who sends steadily is still answered.
        with hang_up_after(connection, DRAIN_SECONDS + GRACE):
            if connection is not None:
                connection.settimeout(2.0)
            end = time.monotonic() + DRAIN_SECONDS
            while time.monotonic() < end and body.read(1 << 16):
                pass
        if connection is not None:
            connection.settimeout(DRAIN_SECONDS)
    except (OSError, EOFError):
        pass  # the client has gone or stopped sending: there is nothing left to read
