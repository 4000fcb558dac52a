"""The page where people sign in with a key or the password, and the way out again."""

from __future__ import annotations

import re
from collections.abc import Callable

from apiflask import APIBlueprint
from flask import Response, make_response, redirect, render_template, request, session

from backend.errors import Unauthorized
from backend.web.access import LASTS, Access
from backend.web.hang_up import hang_up_after

TRIES = "10 per minute"  # wrong ones of one address
WRONG = "That is not a key or a password of this server."
NOTHING_DONE = "You are not signed in, so nothing was done."
LARGEST = 4096  # bytes of the form
SLOWEST = 15.0  # s that it may take to arrive
# A path on this server, in the eyes of every browser: those read \ as / and pass over control
# characters, and what begins with // is another server.
PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


def build(access: Access, limit: Callable[[Callable], Callable]) -> APIBlueprint:
    """The routes; they are no part of the OpenAPI document.

    Args:
        access: lets people in.
        limit: decorates what can be tried.
    """
    pages = APIBlueprint("sign_in", __name__, enable_openapi=False)

    @pages.get("/sign-in")
    def page():
        return _unstored(make_response(render("/")))

    @pages.post("/sign-in")
    @limit
    def enter():
        request.max_content_length = LARGEST
        with hang_up_after(request.environ.get("gunicorn.socket"), SLOWEST):
            given = request.form.get("key", "")
        if not access.sign_in(given):
            raise Unauthorized(WRONG)
        return _unstored(redirect(_wanted(), 303))

    @pages.post("/sign-out")
    def leave():
        session.clear()
        return _unstored(redirect("/sign-in", 303))

    return pages


def was_wrong(response: Response) -> bool:
    """Whether an answer counts as a try."""
    return response.status_code == Unauthorized.status


def in_place_of_a_page(error: Unauthorized) -> str:
    """The page that a browser shows instead of one that is not open to everybody."""
    if request.endpoint == "sign_in.enter":
        return render(_wanted(), str(error))
    if request.method != "GET":
        return render("/", NOTHING_DONE)
    return render(_ours(request.full_path.rstrip("?")))


def render(after: str, message: str | None = None) -> str:
    """The page.

    Args:
        after: path of the page that follows.
        message: what went wrong.
    """
    hours = round(LASTS.total_seconds() / 3600)
    return render_template("sign_in.html", after=after, message=message, hours=hours)


def _wanted() -> str:
    return _ours(request.form.get("after", ""))


def _ours(path: str) -> str:
    return path if PATH.fullmatch(path) else "/"


def _unstored(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
