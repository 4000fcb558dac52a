"""Webhooks at a real receiver: signed, tried again also by another process, never sent inside."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from backend.jobs.schema import Ended
from tests.jobs.test_service import refused
from tests.storage.test_sweep import wait_for
from tests.web.test_api import files_of

SECRET = "whsec_" + 42 * "A" + "E="
ON = {"webhook_secret": SECRET, "trusted_networks": ["127.0.0.0/8"]}


class Receiver(ThreadingHTTPServer):
    """Notes what it gets, and answers with the next of these statuses; then with 204."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.got = [], []
        self.address = f"http://127.0.0.1:{self.server_port}/hook?secret=swordfish"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


@contextmanager
def receiving():
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def send(client, content, webhook):
    data = {"file": (BytesIO(content), "a.jpg"), "webhook": webhook}
    return client.post("/api/v1/analyses", data=data)


def test_a_webhook_is_told_again_until_it_listens(make_app, portrait, tmp_path, capfd):
    later = [0.0]

    def clock():
        return time.time() + later[0]

    with receiving() as receiver:
        receiver.statuses = [500, 302]
        app = make_app(clock=clock, **ON)
        client = app.test_client()
        [job] = send(client, portrait.read_bytes(), receiver.address).json["analyses"]
        wait_for(lambda: len(receiver.got) == 1)
        app.extensions["jobs"].stop()
        later[0] += 16  # after the 10 seconds of a try and the first wait of 5
        app = make_app(clock=clock, **ON)  # another process goes on
        wait_for(lambda: len(receiver.got) == 2)
        later[0] += 41
        wait_for(lambda: len(receiver.got) == 3)
        report = client.get(job["status_url"]).json
        for headers, body in receiver.got:
            told = Webhook(SECRET).verify(body, headers)
            assert Ended.model_validate(told).report.id == job["id"]
            assert told == {"id": job["id"], "state": "done", "report": report, "error": None}
            assert headers["Webhook-Id"] == job["id"]
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body.replace(b'"done"', b'"Done"'), headers)
        wait_for(lambda: not files_of(tmp_path / "uploads"))
        # A file that fails is told too; one that is deleted meanwhile is not.
        deleted = send(client, portrait.read_bytes(), receiver.address).json["analyses"][0]
        assert client.delete(deleted["status_url"]).status_code == 204
        [job] = send(client, portrait.read_bytes()[:700], receiver.address).json["analyses"]
        wait_for(lambda: len(receiver.got) == 4)
        told = json.loads(receiver.got[3][1])
        assert (told["id"], told["state"], told["report"]) == (job["id"], "failed", None)
        assert told["error"] == client.get(job["status_url"]).json["error"]
        metrics = client.get("/metrics").text
        wait_for(lambda: not list((tmp_path / "uploads" / ".webhooks").iterdir()))
    assert 'deepfake_webhooks_total{outcome="failed"} 1' in metrics
    logged = "".join(capfd.readouterr())
    assert "webhook delivered" in logged
    assert "swordfish" not in logged and SECRET not in logged


def test_where_no_webhook_is_sent(make_app, portrait, tmp_path):
    client = make_app(webhook_secret=SECRET, serve_jobs=False).test_client()
    for webhook, says in (
        ("http://127.0.0.1:5000/", "public address"),
        ("http://localhost/", "public address"),
        ("http://[::ffff:10.0.0.1]/", "public address"),
        ("http://169.254.169.254/latest", "public address"),
        ("ftp://example.com/", "http"),
        ("http://user:password@example.com/", "password"),
        ("https://example.com/" + 2048 * "x", "2048"),
    ):
        answer = refused(send(client, portrait.read_bytes(), webhook), 422, "webhook_refused")
        assert says in answer.json["error"]["message"]
    assert files_of(tmp_path) == []


def test_without_a_secret_there_are_none(client, portrait, tmp_path):
    answer = refused(send(client, portrait.read_bytes(), "https://x.y/"), 422, "webhook_refused")
    assert "DEEPFAKE_WEBHOOK_SECRET" in answer.json["error"]["message"]
    assert files_of(tmp_path) == []
