"""Requests as clients send them: other spellings of addresses, wrong methods, unknown paths."""

from __future__ import annotations

import io
from collections.abc import Iterator

from backend import create_app
from backend.analysis.pipeline import Pipeline
from backend.settings import Settings
from backend.training.measure.files.media import astronaut

PAGE = {"Origin": "http://localhost:3000"}  # a page on another port, as React's
UNKNOWN = 32 * "0"
ASKED = (  # method, address, status, what the error's sentence must hold
    ("POST", "/predict", 200, ""), ("POST", "/predict/", 200, ""),
    ("POST", "/predict//", 200, ""), ("OPTIONS", "/predict/", 200, ""),
    ("POST", "/api/v1/analyses/", 202, ""), ("GET", "/openapi.json/", 200, ""),
    ("GET", "/health/", 200, ""), ("HEAD", "/health//", 200, ""),
    ("POST", "/PREDICT", 404, "address"), ("GET", "/nothing", 404, "address"),
    ("GET", "/api/nothing", 404, "address"), ("GET", "/static/nothing.css", 404, "address"),
    ("GET", f"/results/{UNKNOWN}", 404, "Results are deleted"),
    ("GET", f"/api/v1/analyses/{UNKNOWN}", 404, "Results are deleted"),
    ("GET", "/predict", 405, "kind of request"), ("PUT", "/predict", 405, "kind of request"),
    ("POST", "/health", 405, "kind of request"),
    ("GET", "/socket.io/?EIO=4&transport=polling", 400, "WebSocket"),
)  # fmt: skip


def requests(settings: Settings, pipeline: Pipeline) -> Iterator[tuple[str, bool]]:
    """What was asked by a script of an allowed page, and whether that page could use the answer."""
    client = create_app(settings, pipeline).test_client()
    photo = io.BytesIO()
    astronaut(256).save(photo, "JPEG")
    for method, path, status, words in ASKED:
        form = {"file": (io.BytesIO(photo.getvalue()), "a.jpg")} if method == "POST" else None
        leave = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
        answer = client.open(path, method=method, data=form, headers=PAGE | leave)
        shared = answer.headers.get("Access-Control-Allow-Origin") == PAGE["Origin"]
        message = answer.json["error"]["message"] if status >= 400 and answer.is_json else ""
        told = words in message and ("deleted" in message) is ("deleted" in words)
        yield f"small/{method} {path}", answer.status_code == status and shared and told
