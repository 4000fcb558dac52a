"""Answers every failure in one format: JSON for programs, a page for browsers, never the inside."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import structlog
from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    RequestedRangeNotSatisfiable,
)

from backend.errors import (
    AppError,
    BadRequest,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    UploadStalled,
    WrongRange,
)
from backend.web.sign_in import in_place_of_a_page

Shape = Callable[[AppError], dict]
BY_STATUS = {error.status: error for error in (NotFound, MethodNotAllowed, TooLarge)}

log = structlog.get_logger()


def wants_html() -> bool:
    """True for a browser that shows pages; a client that takes anything gets JSON."""
    best = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return best == "text/html"


def register(app: Flask, shapes: Mapping[str, Shape]) -> None:
    """Install the handlers.

    Args:
        shapes: the JSON of a failure, by the name of a blueprint whose clients know another one.
    """
    app.extensions["error_shapes"] = shapes
    app.register_error_handler(AppError, _answer)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unknown)


def _answer(error: AppError) -> Response:
    fields = {"status": error.status, "code": error.code, "message": str(error)}
    can_sign_in = "sign_in" in current_app.blueprints
    if wants_html() and can_sign_in and isinstance(error, Unauthorized):
        response = make_response(in_place_of_a_page(error))
    elif wants_html():
        response = make_response(render_template("error.html", **fields))
    else:
        shape = current_app.extensions["error_shapes"].get(request.blueprint, _shape)
        response = jsonify(shape(error))
    response.status_code = error.status
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _shape(error: AppError) -> dict:
    return {"status": "error", "error": error.detail}


def _http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # a redirect
        return error.get_response()
    if isinstance(error, RequestedRangeNotSatisfiable):
        response = _answer(WrongRange())
        response.headers["Content-Range"] = f"{error.units} */{error.length}"
        return response
    if isinstance(error, ClientDisconnected):
        return _answer(UploadStalled())
    if error.code == RateLimited.status:
        limit = current_app.extensions["rate_limiter"].current_limit
        return _answer(RateLimited(retry_after=max(1, math.ceil(limit.reset_at - time.time()))))
    response = _answer(BY_STATUS.get(error.code, BadRequest if error.code < 500 else AppError)())
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unknown(error: Exception) -> Response:
    # The exception's own text may hold a path or a file name; the traceback says where it was.
    log.error("internal error", kind=type(error).__name__, exc_info=error)
    return _answer(AppError())
