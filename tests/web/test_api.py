"""The HTTP API: the contract's answers, refusals, origins, keys, limits, headers."""

import errno
import re
import shutil
import threading
from io import BytesIO

import pytest

from backend.report.schema import Report
from backend.web.schema import ErrorAnswer, Health

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def send(client, path, name=None, **options):
    data = {"file": (BytesIO(path.read_bytes()), name or path.name)}
    return client.post("/predict", data=data, **options)


def files_of(folder):
    """All files but those that hold only ids and times: the queue, and what was deleted when."""
    kept = (".queue", ".deleted")
    return [path for path in folder.rglob("*") if path.is_file() and path.parent.name not in kept]


@pytest.fixture
def answer(client, portrait):
    response = send(client, portrait)
    assert response.status_code == 200, response.text
    return response.json


def refused(response, status, code):
    assert response.status_code == status, response.text
    assert ErrorAnswer.model_validate(response.json).error.code == code
    return True


def test_an_image_is_answered_as_the_contract_says(client, answer, tmp_path):
    report = Report.model_validate(answer)
    assert list(answer)[:5] == ["status", "prediction", "confidence", "frames", "anomalies"]
    assert report.faces_detected == 1
    assert 0 <= report.probability_fake <= 1
    if report.prediction != "Inconclusive":
        fake = report.prediction == "Fake"
        expected = report.probability_fake if fake else 1 - report.probability_fake
        assert report.confidence == pytest.approx(expected, abs=1e-3)
    picture = client.get(report.frames[0])
    beyond = client.get(report.frames[0], headers={"Range": "bytes=99999999-"})
    assert refused(beyond, 416, "wrong_range")
    assert beyond.headers["Content-Range"] == f"bytes */{len(picture.data)}"
    assert picture.data.startswith(b"\xff\xd8")
    assert picture.headers["Cache-Control"] == "no-store"
    assert client.get(f"/api/v1/analyses/{report.id}").json == answer
    assert files_of(tmp_path / "uploads") == []


def test_delete_now(client, answer, tmp_path):
    address = f"/api/v1/analyses/{answer['id']}"
    assert client.delete(address).status_code == 204
    assert refused(client.get(address), 410, "gone")
    assert refused(client.delete(address), 410, "gone")
    assert refused(client.get(answer["frames"][0]), 410, "gone")
    assert files_of(tmp_path / "results") == []


def test_the_plain_form_leads_to_the_page_and_its_delete_button_home(client, portrait):
    response = send(client, portrait, headers=HTML)
    assert response.status_code == 303
    page = client.get(response.location, headers=HTML)
    assert page.status_code == 200 and page.mimetype == "text/html"
    gone = client.post(response.location + "/delete", headers=HTML)
    assert (gone.status_code, gone.location) == (303, "/?deleted=1")
    assert client.get(response.location, headers=HTML).status_code == 410


def test_a_result_past_its_hour_is_gone(make_app, portrait):
    now = [1_800_000_000.0]
    client = make_app(clock=lambda: now[0]).test_client()
    id = send(client, portrait).json["id"]
    now[0] += 3600
    assert refused(client.get(f"/api/v1/analyses/{id}"), 410, "gone")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({}, 400, "no_file"),
        ({"file": (BytesIO(b""), "")}, 400, "no_file"),
        ({"other": (BytesIO(b"x"), "x.jpg")}, 400, "no_file"),
        ({"file": (BytesIO(b""), "empty.jpg")}, 422, "empty_file"),
        ({"file": (BytesIO(b"<html>"), "page.jpg")}, 415, "type_mismatch"),
        ({"file": (BytesIO(b"hello"), "note.txt")}, 415, "unsupported_type"),
        ({"file": [(BytesIO(b"1"), "a.jpg"), (BytesIO(b"2"), "b.jpg")]}, 400, "bad_request"),
    ],
)
def test_refusals_leave_nothing(client, tmp_path, data, status, code):
    response = client.post("/predict", data=data, content_type="multipart/form-data")
    assert refused(response, status, code)
    assert files_of(tmp_path) == []


def test_a_form_that_cannot_be_read_is_not_called_empty(client, tmp_path, portrait):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f\xe4lschung.jpg"'
    body = head + b"\r\n\r\n" + portrait.read_bytes() + b"\r\n--x--\r\n"
    response = client.post("/predict", data=body, content_type="multipart/form-data; boundary=x")
    assert refused(response, 400, "bad_request")
    assert "UTF-8" in response.json["error"]["message"]
    assert files_of(tmp_path) == []


def test_folders_that_somebody_took_away_are_made_again(client, settings, portrait):
    shutil.rmtree(settings.uploads)
    assert client.get("/health").status_code == 200
    shutil.rmtree(settings.uploads)
    assert send(client, portrait).status_code == 200


def test_too_large_is_refused_by_the_length_and_by_the_file(make_app, tmp_path):
    client = make_app(max_upload_mb=1).test_client()
    for size in (1_000_001, 2_000_000):
        data = {"file": (BytesIO(b"\xff\xd8\xff" + bytes(size)), "big.jpg")}
        assert refused(client.post("/predict", data=data), 413, "too_large")
    assert files_of(tmp_path) == []


def test_a_full_house_is_busy(make_app, portrait, pipeline):
    entered, leave = threading.Event(), threading.Event()

    class Held:
        faces, voice = pipeline.faces, pipeline.voice

        def analyse(self, upload, into, on_progress):
            entered.set()
            leave.wait(30)
            return pipeline.analyse(upload, into, on_progress)

    app = make_app(pipeline=Held(), concurrency=1, queue=0)
    answers = []
    first = threading.Thread(target=lambda: answers.append(send(app.test_client(), portrait)))
    first.start()
    assert entered.wait(30)
    second = send(app.test_client(), portrait)
    queue = app.test_client().get("/health").json["queue"]
    leave.set()
    first.join()
    assert refused(second, 503, "busy") and second.headers["Retry-After"]
    assert queue == {"running": 1, "waiting": 0, "capacity": 1}
    assert answers[0].status_code == 200


def test_too_slow_leaves_nothing(make_app, portrait, tmp_path):
    client = make_app(analysis_timeout=1e-6).test_client()
    assert refused(send(client, portrait), 504, "too_slow")
    assert files_of(tmp_path) == []


def test_nothing_of_the_inside_is_shown(make_app, portrait, pipeline, tmp_path):
    class Broken:
        faces, voice = pipeline.faces, pipeline.voice

        def analyse(self, upload, into, on_progress):
            (into / "frame-000.jpg").write_bytes(b"half")
            raise RuntimeError("secret path")

    response = send(make_app(pipeline=Broken()).test_client(), portrait)
    assert refused(response, 500, "internal_error")
    assert "secret" not in response.text
    assert files_of(tmp_path) == []


def test_a_disk_that_fills_up_meanwhile_is_no_fault(make_app, portrait, pipeline, tmp_path):
    class Full:
        faces, voice = pipeline.faces, pipeline.voice

        def analyse(self, upload, into, on_progress):
            (into / "frame-000.jpg").write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    response = send(make_app(pipeline=Full()).test_client(), portrait)
    assert refused(response, 503, "storage_full") and response.headers["Retry-After"]
    assert files_of(tmp_path) == []


def test_too_little_disk_is_refused_and_not_ready(make_app, portrait):
    client = make_app(min_free_mb=10**9).test_client()
    assert refused(send(client, portrait), 503, "storage_full")
    health = client.get("/health")
    assert health.status_code == 503 and health.json["ready"] is False


def test_health(client):
    for path in ("/", "/health"):
        response = client.get(path)
        assert response.status_code == 200
        health = Health.model_validate(response.json)
        assert health.ready and health.version == health.versions["app"]
        assert health.dependencies["flask"] and health.system.memory_total_mb > 100
    client.post("/predict", data={"file": (BytesIO(b""), "empty.jpg")})
    start = client.get("/").json
    assert start["endpoints"]["/predict"] == ["POST"]
    assert start["usage"]["failed"] == 1 and start["usage"]["real"] == 0
    assert client.get("/", headers=HTML).mimetype == "text/html"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("GET", "/api/v1/analyses/x", 404, "not_found"),
        ("GET", "/static/results/x/report.json", 404, "not_found"),
        ("GET", "/static/vendor/../results/x/report.json", 404, "not_found"),
        ("GET", "/static/results/.tmp-x/frame-000.jpg", 404, "not_found"),
    ],
)
def test_errors_are_json_for_programs_and_pages_for_browsers(client, method, path, status, code):
    assert refused(client.open(path, method=method), status, code)
    page = client.open(path, method=method, headers=HTML)
    assert page.status_code == status and page.mimetype == "text/html"


def test_what_is_unknown_is_not_called_deleted(client):
    for path in ("/nothing", "/api/nothing", "/static/nothing.css", "/PREDICT", "/resultsx/1"):
        answer = client.get(path)
        assert refused(answer, 404, "not_found") and "deleted" not in answer.text
        assert "deleted" not in client.get(path, headers=HTML).get_data(as_text=True)
    for path in ("/results/", "/api/v1/analyses/"):
        assert "Results are deleted after" in client.get(path + 32 * "0").text


@pytest.mark.parametrize("path", ["/predict/", "/predict//"])
def test_slashes_that_say_nothing_lose_no_file(client, portrait, path):
    headers = {"Origin": "http://localhost:3000"}
    asked = headers | {"Access-Control-Request-Method": "POST"}
    for answer in (
        client.options(path, headers=asked),
        client.post(
            path, data={"file": (BytesIO(portrait.read_bytes()), "a.jpg")}, headers=headers
        ),
        client.get(path, headers=headers),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert answer.status_code == (405 if answer.request.method == "GET" else 200)


def test_report_and_staging_are_not_served_as_files(client, answer, app):
    assert refused(client.get(f"/static/results/{answer['id']}/report.json"), 404, "not_found")
    stage = app.extensions["storage"].stage()
    (stage.folder / "frame-000.jpg").write_bytes(b"half")
    path = f"/static/results/.tmp-{stage.id}/frame-000.jpg"
    assert refused(client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/predict", "/api/v1/analyses"])
def test_a_body_of_another_kind_is_not_read(client, path):
    """Werkzeug has no limit for the fields of this one but the length of the body."""
    body = BytesIO(b"a&" * 50_000)
    kind = "application/x-www-form-urlencoded"
    answer = client.post(path, input_stream=body, content_length=100_000, content_type=kind)
    assert refused(answer, 400, "no_file")
    assert body.tell() == 0


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3001", "http://["]
)
def test_foreign_pages_cannot_change_anything(client, answer, portrait, origin):
    headers = {"Origin": origin}
    asked = headers | {"Access-Control-Request-Method": "POST"}
    sent = send(client, portrait, headers=headers)
    for answered in (sent, client.options("/predict", headers=asked)):
        assert refused(answered, 403, "forbidden")
        assert "DEEPFAKE_CORS_ORIGINS" in answered.json["error"]["message"]
    path = f"/results/{answer['id']}/delete"
    assert refused(client.post(path, headers=headers), 403, "forbidden")
    assert client.get(answer["url"]).status_code == 200


@pytest.mark.parametrize("origin", ["http://localhost", "http://localhost:3000"])
def test_own_pages_and_configured_origins_may(client, portrait, origin):
    assert send(client, portrait, headers={"Origin": origin}).status_code == 200


def test_cors_only_for_configured_origins(client):
    for path in ("/", "/health", "/predict", "/api/v1/analyses/x", "/static/words.js", "/nothing"):
        allowed = client.get(path, headers={"Origin": "http://localhost:3000"})
        assert allowed.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        other = client.get(path, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


def test_keys(make_app, portrait):
    client = make_app(api_keys=["one", "two"]).test_client()
    assert refused(send(client, portrait), 401, "unauthorized")
    assert refused(send(client, portrait, headers={"X-API-Key": "onetwo"}), 401, "unauthorized")
    answer = send(client, portrait, headers={"X-API-Key": "two"})
    assert answer.status_code == 200
    assert refused(client.get(answer.json["frames"][0]), 401, "unauthorized")
    assert client.get("/", headers=HTML).status_code == 401
    for path in ("/", "/health", "/docs", "/openapi.json", "/static/words.js"):
        assert client.get(path).status_code == 200


def test_rate_limit_is_on_analyses_alone(make_app):
    client = make_app(rate_limit="1 per hour").test_client()
    first = client.post("/predict")
    assert refused(first, 400, "no_file") and "Retry-After" not in first.headers
    limited = client.post("/predict")
    assert refused(limited, 429, "rate_limited")
    assert 3500 < int(limited.headers["Retry-After"]) <= 3602
    assert client.get("/health").status_code == 200


def test_trusted_hosts(make_app):
    client = make_app(trusted_hosts=["detector.example"]).test_client()
    assert refused(client.get("/health"), 400, "bad_request")
    assert client.get("/health", base_url="http://detector.example").status_code == 200


def test_every_answer_carries_the_security_headers(client):
    for path in ("/", "/health", "/nothing", "/docs", "/static/words.js"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Request-ID"]


def test_the_openapi_document_describes_the_upload(client):
    answer = client.get("/openapi.json")
    spec = answer.json
    for reference in set(re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', answer.text)):
        assert reference in spec["components"]["schemas"]
    post = spec["paths"]["/predict"]["post"]
    assert "multipart/form-data" in post["requestBody"]["content"]
    assert {"200", "400", "413", "415", "422", "429", "503", "504"} <= set(post["responses"])
    analyses, one = (spec["paths"][f"/api/v1/analyses{end}"] for end in ("", "/{id}"))
    assert "multipart/form-data" in analyses["post"]["requestBody"]["content"]
    assert {"202", "400", "413", "415", "429", "503"} <= set(analyses["post"]["responses"])
    assert {"200", "202", "404", "410"} <= set(one["get"]["responses"])
    read = one["get"]["responses"]["200"]["content"]["application/json"]["schema"]["oneOf"]
    assert [each["$ref"].rsplit("/", 1)[-1] for each in read] == ["Report", "Status"]
    page = client.get("/docs").text
    assert "http://" not in page and "https://" not in page


def test_names_in_any_script_and_with_paths_are_only_labels(client, portrait):
    answer = send(client, portrait, "../../目录/照片.jpg")
    assert answer.json["file"]["name"] == "照片.jpg"
