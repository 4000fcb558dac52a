"""Other spellings of an address: `/predict/` and `//predict` are answered as `/predict`."""

from __future__ import annotations

import re
from collections.abc import Callable


def one_spelling(inside: Callable) -> Callable:
    """WSGI middleware that leaves out slashes that say nothing.

    A redirect to the usual spelling would lose the file that was sent, and no browser follows one
    when it asks for leave first, as CORS demands.
    """

    def application(environ, start_response):
        path = re.sub("//+", "/", environ.get("PATH_INFO", ""))
        return inside(environ | {"PATH_INFO": path.rstrip("/") or "/"}, start_response)

    return application
