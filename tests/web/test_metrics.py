"""What Prometheus reads of a server and of a worker beside it, by its own parser."""

import json
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.settings import ROOT
from tests.storage.test_sweep import wait_for
from tests.web.test_api import HTML

KEY = "only for the watch"


def scrape(address, key=KEY):
    """The text, and each sample's value by its name and labels."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples[sample.name, *sorted(sample.labels.items())] = sample.value
    return text, samples


def post(server, path, file, name):
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    request = urllib.request.Request(
        server.url + path,
        head.encode() + file + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_server_and_its_worker_tell_what_each_did(make_server, portrait):
    port = free_port()
    server = make_server(
        DEEPFAKE_METRICS_KEY=KEY, DEEPFAKE_METRICS_PORT=str(port), DEEPFAKE_SERVE_JOBS="false"
    )
    address = server.url + "/metrics"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        scrape(address, "another")
    _, before = scrape(address)
    picture = portrait.read_bytes()
    report = post(server, "/predict", picture, "secret-name.jpg")
    failed = post(server, "/predict", picture[:600], "secret-name.jpg")
    [job] = post(server, "/api/v1/analyses", picture, "secret-name.jpg")["analyses"]
    post(server, "/secret-name", picture, "secret-name.jpg")
    text, after = scrape(address)
    assert "secret-name" not in text and job["id"] not in text

    def more(name, **labels):
        sample = name, *sorted(labels.items())
        return after[sample] - before.get(sample, 0)

    verdict = report["prediction"].lower()
    assert more("deepfake_analyses_total", kind="image", verdict=verdict) == 1
    assert more("deepfake_analysis_seconds_count", kind="image") == 1
    seconds = more("deepfake_analysis_seconds_sum", kind="image")
    assert seconds == pytest.approx(report["processing_time"], abs=1e-3)
    assert more("deepfake_failures_total", reason=failed["error"]["code"]) == 1
    predict = {"route": "/predict", "method": "POST"}
    assert more("deepfake_http_requests_total", status="200", **predict) == 1
    assert more("deepfake_http_requests_total", status="422", **predict) == 1
    assert more("deepfake_http_requests_total", status="404", route="other", method="POST") == 1
    assert more("deepfake_http_request_seconds_count", **predict) == 2
    assert after["deepfake_queue_waiting",] == 1 and after["deepfake_queue_running",] == 0
    wait_for(lambda: scrape(address)[1]["deepfake_queue_oldest_seconds",] > 1)
    assert after["process_resident_memory_bytes",] > 1e8
    about = next(dict(labels) for name, *labels in after if name == "deepfake_info")
    assert about["sha256"] == report["model"]["sha256"]

    server.start_worker()
    wait_for(lambda: scrape(address)[1]["deepfake_queue_waiting",] == 0)
    done = "deepfake_analyses_total", ("kind", "image"), ("verdict", verdict)
    wait_for(lambda: scrape(f"http://127.0.0.1:{port}/metrics")[1].get(done) == 1)
    text, last = scrape(address)
    assert last[done] == after[done]  # each counts its own
    assert last["deepfake_queue_oldest_seconds",] == 0
    told = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for family in text_string_to_metric_families(text):
        assert family.name in told or family.name.startswith("process_"), family.name


def test_who_may_read_the_metrics(make_app):
    def status(client, **headers):
        return client.get("/metrics", headers=headers).status_code

    for keys, metrics_key, opens, closed in (
        ([], "", [None, "any"], []),
        (["key"], "", ["key"], [None, "any"]),
        (["key"], "watch", ["key", "watch"], [None, "any"]),
    ):
        client = make_app(api_keys=keys, metrics_key=metrics_key).test_client()
        for given in [*opens, *closed]:
            headers = {"Authorization": f"Bearer {given}"} if given else {}
            assert status(client, **headers) == (200 if given in opens else 401)
    page = make_app(metrics_key="watch").test_client().get("/metrics", headers=HTML)
    assert page.status_code == 401 and "/sign-in" not in page.text  # nobody signs in there
    # What opens the metrics opens nothing else.
    for headers in ({"X-API-Key": "watch"}, {"Authorization": "Bearer watch"}):
        assert client.get("/api/v1/analyses/x", headers=headers).status_code == 401
    assert client.get("/metrics", headers={"X-API-Key": "key"}).status_code == 200
