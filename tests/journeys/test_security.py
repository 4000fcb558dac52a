"""What the browser must refuse: foreign scripts in our pages, foreign pages at our API."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PAGES = ["/", "/?deleted=1", "/batch", "/camera", "/docs", "/results/nothing-here"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_breaks_its_own_policy(open_page, path):
    page = open_page(None)
    page.add_init_script(
        "window.broken = [];"
        "addEventListener('securitypolicyviolation', (e) => broken.push(e.violatedDirective));"
    )
    response = page.goto(path)
    page.wait_for_load_state("networkidle")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert page.evaluate("broken") == []


def test_an_injected_inline_script_does_not_run(open_page):
    page = open_page()
    violated = page.evaluate(
        """() => new Promise((resolve) => {
            addEventListener("securitypolicyviolation", (e) => resolve(e.violatedDirective));
            const script = document.createElement("script");
            script.textContent = "window.injected = true";
            document.body.append(script);
        })"""
    )
    assert violated.startswith("script-src")
    assert page.evaluate("window.injected") is None
    page.faults.clear()  # the violation was meant


@pytest.fixture(scope="module")
def neighbour():
    """`neighbour(port)` serves an empty page of another origin on localhost."""
    servers = []

    def serve(port: int) -> str:
        server = ThreadingHTTPServer(("localhost", port), _EmptyPage)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://localhost:{port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another origin</title>")

    def log_message(self, *_args):
        pass


# Posting an empty form reaches the API and needs no analysis: 400 no_file, if CORS lets it be read.
ASK = """async (server) => {
    const ask = async (path, options) => {
        try { return (await fetch(server + path, options)).status; } catch { return "blocked"; }
    };
    return [await ask("/health"), await ask("/predict", { method: "POST", body: new FormData() })];
}"""


@pytest.mark.parametrize(("port", "expected"), [(3000, [200, 400]), (3001, ["blocked", "blocked"])])
def test_only_the_configured_origin_may_call_the_api(
    open_page, live_server, neighbour, port, expected
):
    page = open_page(None)
    page.goto(neighbour(port))
    assert page.evaluate(ASK, live_server.url) == expected
