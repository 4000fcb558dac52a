"""The contracts of other systems, each asked as its clients ask: curl, requests, Socket.IO."""

from __future__ import annotations

import json
import subprocess
import threading
from datetime import datetime
from functools import partial
from types import SimpleNamespace

import pytest
import requests
import socketio
from PIL import Image

from backend.report.schema import Report
from backend.web.compat.detect import detected
from backend.web.compat.verdict import verdict
from tests import link_server, made_media, made_sound
from tests.conftest import LiveServer

KEY = {"X-API-Key": "the key"}
BESIDE = {"inconclusive", "judged", "reasons", "id", "url"}  # what all contracts get


@pytest.fixture(scope="module")
def media():
    """Where files lie that links lead to."""
    with link_server.serving() as server:
        yield server


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """A server that fetches links, and asks for a key."""
    changes = {
        "DEEPFAKE_LINKS": "true",
        "DEEPFAKE_TRUSTED_NETWORKS": '["127.0.0.1/32"]',
        "DEEPFAKE_API_KEYS": '["the key"]',
        "DEEPFAKE_LINK_TIMEOUT": "2",
    }
    server = LiveServer(tmp_path_factory.mktemp("linked"), changes).start()
    yield server
    server.kill()


def curl(*arguments: str):
    command = ["curl", "--silent", "--show-error", *arguments]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return json.loads(done.stdout)


def report_of(server, answer: dict, **options) -> dict:
    return requests.get(
        f"{server.url}/api/v1/analyses/{answer['id']}", timeout=60, **options
    ).json()


def agrees(word_is_fake: bool | None, confidence: float | None, report: dict, scale=1) -> bool:
    """Whether a contract tells what the report says, by the one rule."""
    p = report["probability_fake"]
    expected = {"Fake": True, "Real": False}.get(report["prediction"])
    sure = max(p, 1 - p) if expected is None else report["confidence"]
    return word_is_fake is expected and confidence == pytest.approx(scale * sure, abs=scale * 1e-3)


def test_upload(live_server, clip, tmp_path):
    long = made_media.astronaut_clip(tmp_path / "long.mp4", seconds=6, fps=10)
    answer = curl("-F", f"video=@{long}", f"{live_server.url}/upload")
    report = report_of(live_server, answer)
    word = {"deepfake": True, "real": False, "inconclusive": None}[answer["prediction"]]
    assert agrees(word, answer["confidence"], report)
    assert {"faces_detected", "processing_time", "frame_analysis", *BESIDE} <= answer.keys()
    assert float(answer["processing_time"].removesuffix("s")) > 0
    frames = answer["frame_predictions"]
    assert answer["frame_analysis"]["total_frames"] == len(frames) == 32
    thirds = [int(frame["time"] // 2) for frame in frames]
    assert min(thirds.count(third) for third in range(3)) >= 8
    assert answer["performance"]["frames_per_second"] > 0
    with open(clip, "rb") as file:
        again = requests.post(f"{live_server.url}/upload", files={"file": file}, timeout=120)
    assert again.json()["faces_detected"] == 1
    wrong = requests.post(f"{live_server.url}/upload", files={"other": b"x"}, timeout=60)
    assert wrong.status_code == 400 and "'file'" in wrong.json()["error"]


def test_detect(live_server, clip):
    with open(clip, "rb") as file:
        address = f"{live_server.url}/api/detect"
        answer = requests.post(address, files={"video": file}, timeout=120).json()
    report, votes = report_of(live_server, answer), answer["models"]
    assert agrees(answer["is_fake"], answer["confidence"], report)
    assert [each["model"] for each in votes] == [each["name"] for each in report["models"]]
    for own, told in zip(votes, report["models"], strict=True):
        assert own["prediction"] == told["prediction"].upper()
        assert own["probability_fake"] == told["probability_fake"]
    assert sum(answer["vote"].values()) == len(votes) >= 1
    listed = curl(f"{live_server.url}/api/models")
    assert listed == curl(f"{live_server.url}/api/v1/models") and listed["models"]
    page = requests.get(f"{live_server.url}/detect", headers={"Accept": "text/html"}, timeout=60)
    assert page.url == f"{live_server.url}/" and 'id="upload"' in page.text


def test_predict_video(live_server, clip):
    with open(clip, "rb") as file:
        files = {"file": ("clip.mp4", file, "video/mp4")}
        answer = requests.post(f"{live_server.url}/predict_video", files=files, timeout=120).json()
    report, told = report_of(live_server, answer), answer["prediction"]
    assert (answer["filename"], answer["status"]) == ("clip.mp4", "success")
    assert told["raw_score"] == report["probability_fake"]
    assert agrees(told["is_deepfake"], told["confidence"], report)
    words = {True: "DEEPFAKE", False: "REAL", None: "INCONCLUSIVE"}
    assert told["label"] == words[told["is_deepfake"]]
    wrong = curl("-F", "file=@/etc/hostname;filename=a.mp4", f"{live_server.url}/predict_video")
    assert "content" in wrong["detail"] and wrong["code"] == "type_mismatch"
    assert curl(f"{live_server.url}/info")["model"]["sha256"] == report["model"]["sha256"]
    for page in ("/docs", "/redoc"):
        text = requests.get(live_server.url + page, timeout=60).text
        assert "POST /predict_video" in text and "https://" not in text
    assert "/predict_video" in curl(f"{live_server.url}/openapi.json")["paths"]


def test_analyze(linked, media, clip, portrait, tmp_path):
    media.content = clip.read_bytes()
    sent = {"media_url": media.address("/clip.mp4"), "media_type": "video"}
    address = f"{linked.url}/api/analyze"
    answer = requests.post(address, json=sent, headers=KEY, timeout=120).json()
    report = report_of(linked, answer, headers=KEY)
    assert agrees(answer["isDeepfake"], answer["confidence"], report, scale=100)
    assert answer["mediaType"] == "video" and datetime.fromisoformat(answer["timestamp"])
    assert answer["modelUsed"] == report["model"]["name"] and answer["processingTime"] > 0
    assert answer["totalFrames"] == 50 and answer["fps"] == 25
    assert len(answer["frameAnalysis"]) == answer["analyzedFrames"] == 32
    assert 0 <= answer["deepfakeFrameRatio"] <= 1
    assert [each["description"] for each in answer["anomalies"]] == report["anomalies"]
    assert {each["severity"] for each in answer["anomalies"]} <= {"high", "medium", "low"}
    picture = curl("-F", f"file=@{portrait}", "-H", "X-API-Key: the key", address)
    assert picture["mediaType"] == "image" and "frameAnalysis" not in picture
    Image.new("RGB", (64, 64)).save(tmp_path / "empty.png")
    nobody = curl("-F", f"file=@{tmp_path / 'empty.png'}", "-H", "X-API-Key: the key", address)
    assert nobody["isDeepfake"] is nobody["confidence"] is None and nobody["inconclusive"]
    assert nobody["judged"] is False and nobody["reasons"] == ["no_face"]
    refused = requests.post(address, json=sent, timeout=60)
    assert refused.status_code == 401 and "key" in refused.json()["error"]


def test_analyze_sound(linked, tmp_path):
    file = made_sound.save(tmp_path / "a.wav", made_sound.speech(6))
    answer = curl("-F", f"file=@{file}", "-H", "X-API-Key: the key", f"{linked.url}/api/analyze")
    report = report_of(linked, answer, headers=KEY)
    assert agrees(answer["isDeepfake"], answer["confidence"], report, scale=100)
    assert answer["mediaType"] == "audio" and "frameAnalysis" not in answer
    assert answer["duration"] == pytest.approx(6, abs=0.1) and answer["sampleRate"] == 22050
    scores = [window["probability"] for window in report["audio"]["windows"]]
    fake = report["audio"]["thresholds"]["fake"]
    assert len(scores) > 1 and answer["artifactCount"] == sum(p >= fake for p in scores)
    assert 0 <= answer["inconsistencyCount"] < len(scores)
    [vote] = detected(Report.model_validate(report)).models
    assert vote.model == answer["modelUsed"] == report["audio"]["model"]["name"]


def test_batch_analyze(linked, media, portrait):
    media.content = portrait.read_bytes()
    media.moves = {"/moved": "http://127.0.0.2/a.jpg"}
    names = ["/a.jpg", "/missing", "/moved", "/says-nothing"]
    sent = {"media_list": [{"media_url": media.address(name)} for name in names]}
    address = f"{linked.url}/api/batch-analyze"
    answer = curl("-H", "X-API-Key: the key", "--json", json.dumps(sent), address)
    assert (answer["total"], answer["successful"], answer["failed"]) == (4, 1, 3)
    first, *others = answer["results"]
    assert first["mediaType"] == "image" and first.keys() >= BESIDE
    assert [each["code"] for each in others] == ["link_failed", "link_refused", "link_slow"]
    assert not list((linked.folder / "uploads" / ".incoming").iterdir())
    for wrong in ({}, {"media_list": []}, {"media_list": 11 * [{"media_url": "http://a"}]}):
        refused = requests.post(address, json=wrong, headers=KEY, timeout=60)
        assert refused.status_code == 400 and "media_list" in refused.json()["error"]
    for path in ("/api/health", "/api/status"):
        health = curl(linked.url + path)
        assert health["status"] == "healthy" and health["models_ready"] is True


def test_a_link_is_taken_wherever_a_file_is(linked, media, portrait):
    media.content = portrait.read_bytes()
    link = media.address("/people/a%20b.jpg?size=big")
    key = "X-API-Key: the key"
    for sent in (["-d", f"media_url={link}"], ["-F", f"media_url={link}"],
                 ["--json", json.dumps({"media_url": link})]):  # fmt: skip
        answer = curl("-H", key, *sent, f"{linked.url}/predict")
        assert answer["file"]["name"] == "a b.jpg" and answer["faces_detected"] == 1
    [queued] = curl("-H", key, "-F", f"media_url={link}", f"{linked.url}/api/v1/analyses")[
        "analyses"
    ]
    assert queued["file"]["size"] == len(media.content)
    media.content = b"<!doctype html><title>A page about the picture</title>"
    refused = curl("-H", key, "-d", f"media_url={link}", f"{linked.url}/predict")
    assert refused["error"]["code"] == "type_mismatch"
    assert "web page" in refused["error"]["message"]


def test_links_are_off_unless_somebody_turns_them_on(live_server):
    for path, sent in (
        ("/predict", {"media_url": "http://127.0.0.1/"}),
        ("/api/v1/analyses", {"media_url": "http://127.0.0.1/"}),
        ("/api/analyze", {"media_url": "http://127.0.0.1/"}),
        ("/api/batch-analyze", {"media_list": [{"media_url": "http://127.0.0.1/"}]}),
    ):
        answer = requests.post(live_server.url + path, json=sent, timeout=60)
        assert answer.status_code == 403 and "DEEPFAKE_LINKS=true" in answer.text


def test_contracts_can_be_switched_off(make_app):
    client = make_app(compat=False).test_client()
    for path in ("/upload", "/predict_video", "/api/analyze", "/api/detect"):
        assert client.post(path).status_code == 404
    assert "/upload" not in client.get("/openapi.json").json["paths"]
    assert client.post("/predict").status_code == 400


@pytest.mark.parametrize(
    ("prediction", "probability", "expected"),
    [
        ("Fake", 0.9, (True, 0.9)),
        ("Real", 0.1, (False, 0.9)),
        ("Inconclusive", 0.7, (None, 0.7)),
        ("Inconclusive", 0.3, (None, 0.7)),
        ("Inconclusive", None, (None, None)),
    ],
)
def test_the_one_rule(prediction, probability, expected):
    sure = None if prediction == "Inconclusive" else expected[1]
    answer = SimpleNamespace(prediction=prediction, probability_fake=probability, confidence=sure)
    found = verdict(answer)
    assert (found.is_fake, found.confidence) == expected


def test_live_events(linked, media, clip):
    media.content = clip.read_bytes()
    client, told, ended = socketio.Client(reconnection=False), [], threading.Event()
    news = ("connection_status", "progress_update", "analysis_complete", "analysis_error")

    def hear(event, data):
        told.append((event, data))
        if event.startswith("analysis"):
            ended.set()

    for event in news:
        client.on(event, partial(hear, event))
    client.connect(linked.url, headers=KEY)  # by polling first, as all clients do by default
    assert client.transport() == "websocket"
    sent = {"media_url": media.address("/clip.mp4"), "media_type": "video"}
    client.emit("start_analysis", sent)
    assert ended.wait(120)
    assert told[0] == ("connection_status", {"models_ready": True})
    done = [data["progress"] for event, data in told if event == "progress_update"]
    assert done == sorted(done) and done[-1] == 100
    event, result = told[-1]
    assert event == "analysis_complete" and result["analyzedFrames"] == 32
    report = report_of(linked, result, headers=KEY)
    assert agrees(result["isDeepfake"], result["confidence"], report, scale=100)
    for wrong, code in (
        ({"media_url": media.address("/missing")}, "link_failed"),
        ({"media_url": "http://10.0.0.1/"}, "link_refused"),
        ({"id": "x", "media_url": "http://a"}, "bad_request"),
    ):
        ended.clear()
        client.emit("start_analysis", wrong)
        assert ended.wait(60) and told[-1][1]["code"] == code
    ended.clear()
    client.emit("start_analysis", {"id": result["id"], "media_type": "video"})
    assert ended.wait(60) and told[-1][1]["isDeepfake"] == result["isDeepfake"]
    client.disconnect()
