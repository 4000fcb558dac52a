"""The wheel, installed outside of any checkout: its commands, and the client against its server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from backend.settings import ROOT, __version__
from deepfake_detector.client import (
    AnalysisFailed,
    APIError,
    AsyncClient,
    Client,
    NoAnswer,
    ServerBusy,
)
from tests.conftest import LiveServer

KEY = "a key"


class InstalledServer(LiveServer):
    """The server of the wheel below `folder`, with its folders where the package puts them."""

    def _python(self, *arguments, **options):
        environment = installed(self.folder) | self.changes | {"DEEPFAKE_PORT": str(self.port)}
        _, _, *command = arguments
        program = [sys.executable, self.folder / "site/bin/deepfake-detector", *command]
        return subprocess.Popen(
            program, cwd=self.folder / "empty", env=environment, start_new_session=True, **options
        )


def installed(folder):
    """The environment of somebody whose home is `folder`, and who has the wheel and no checkout."""
    others = {name: os.environ[name] for name in os.environ if not name.startswith("DEEPFAKE_")}
    others.pop("CI", None)  # there, OpenVINO would not even try to report its use
    return others | {"HOME": str(folder), "PYTHONPATH": str(folder / "site")}


def command(folder, *arguments):
    program = [sys.executable, folder / "site/bin/deepfake-detector", *arguments]
    return subprocess.run(
        program, cwd=folder / "empty", env=installed(folder), capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def home(tmp_path_factory, wheel, pipeline):
    """A home in which the wheel is installed, over the packages of this environment.

    `pipeline` has converted the model before; that is not done again.
    """
    folder = tmp_path_factory.mktemp("home")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(folder / "site"), str(wheel)], check=True)
    (folder / "empty").mkdir()
    (folder / ".cache").mkdir()
    (folder / ".cache" / "deepfake-detector").symlink_to(ROOT / ".cache")
    return folder


@pytest.fixture(scope="module")
def server(home):
    server = InstalledServer(
        home, {"DEEPFAKE_API_KEYS": json.dumps([KEY]), "DEEPFAKE_RATE_LIMIT": "3 per second"}
    ).start()
    yield server
    server.kill()


@pytest.fixture
def detector(server):
    with Client(server.url, KEY) as client:
        yield client


def test_the_wheel_holds_what_serving_reads_and_nothing_of_a_user(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "templates", "static", "models", "docs", "temp_model.*"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    shipped = {name for name in names if name.startswith("backend/shipped/")}
    assert shipped == {f"backend/shipped/{name}" for name in tracked}
    assert "deepfake_detector/py.typed" in names and f"-{__version__}-" in wheel.name
    assert {name.split("/")[0] for name in names} == {
        "backend", "deepfake_detector", f"deepfake_detector-{__version__}.dist-info"
    }  # fmt: skip


def test_files_are_judged_outside_of_a_checkout(home, portrait):
    ran = command(home, "predict", str(portrait), "--format", "jsonl")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["judged"]
    table = command(home, "settings").stdout
    assert f"`{home}/.local/share/deepfake-detector/uploads`" in table
    assert f"`{home}/.cache/deepfake-detector`" in table
    assert not list((home / "empty").iterdir())
    assert not (home / "intel").exists()  # where OpenVINO keeps an id to report each start by


def test_what_a_client_sends_is_answered_saved_and_deleted(server, detector, portrait, tmp_path):
    seen = []
    report = detector.analyse(portrait, on_status=seen.append)
    assert report["file"]["name"] == portrait.name and report["judged"]
    assert {status["id"] for status in seen} <= {report["id"]}
    kept = server.folder / ".local/share/deepfake-detector/static/results" / report["id"]
    detector.download(report["frames"][0], tmp_path / "frame.jpg")
    assert (tmp_path / "frame.jpg").read_bytes() in {p.read_bytes() for p in kept.glob("*.jpg")}
    assert detector.read(report["id"]) == detector.wait(report["id"]) == report
    assert detector.health()["ready"]
    detector.delete(report["id"])
    assert not kept.exists()
    with pytest.raises(APIError) as gone:
        detector.wait(report["id"])
    assert (gone.value.status, gone.value.code) == (410, "gone")
    with pytest.raises(APIError, match="deleted"):
        detector.download(report["frames"][0], tmp_path / "gone.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["frame.jpg"]


def test_many_files_are_answered_in_their_order_also_by_a_busy_server(server, portrait, tmp_path):
    """Three requests a second are let in, so that some are sent more than once."""
    page = tmp_path / "page.jpg"
    page.write_text("<!doctype html>")
    files = [portrait, page, tmp_path / "missing.jpg", page, portrait]
    with Client(server.url, KEY) as client:
        outcomes = list(client.analyse_many(files, parallel=3))

    async def ask():
        async with AsyncClient(server.url, KEY) as client:
            return [outcome async for outcome in client.analyse_many(iter(files), parallel=3)]

    with ThreadPoolExecutor(1) as apart:  # a browser's loop may run in this thread
        later = apart.submit(asyncio.run, ask()).result()
    for each in (outcomes, later):
        assert [outcome.file for outcome in each] == files
        assert [bool(outcome.report) for outcome in each] == [True, False, False, False, True]
        assert [getattr(outcome.error, "code", None) for outcome in each][1::2] == [
            "type_mismatch", "type_mismatch"
        ]  # fmt: skip
        assert isinstance(each[2].error, FileNotFoundError)


def test_a_large_file_is_never_in_memory(detector, tmp_path):
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(90_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(APIError) as refused:
            detector.analyse(tmp_path / "large.mp4")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert refused.value.status == 415


def test_a_wrong_key_and_a_server_that_is_not_there_are_told_apart(server, portrait):
    with Client(server.url, "wrong") as client, pytest.raises(APIError, match="key") as refused:
        client.analyse(portrait)
    assert refused.value.code == "unauthorized"
    with Client("http://127.0.0.1:1") as client, pytest.raises(NoAnswer):
        client.health()


class Proxy(BaseHTTPRequestHandler):
    """Answers as proxies do: one after the other of `said`; None hangs up."""

    said: list = []

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.said.pop(0)
        if answer is None:
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_a_busy_server_and_a_proxy_in_between_are_outlasted(portrait):
    waiting = {"id": "x", "state": "queued"}
    accepted = json.dumps({"analyses": [waiting]}).encode()
    failed = {"state": "failed", "error": {"code": "too_slow", "message": "It took too long."}}
    busy = {"status": "error", "error": {"code": "busy", "message": "All places are taken."}}
    Proxy.said = [
        (503, {"Retry-After": "5"}, json.dumps(busy).encode()),
        (503, {"Retry-After": formatdate(time.time() + 1, usegmt=True)}, b"<h1>Away</h1>"),
        (202, {}, accepted),
        None,
        (202, {"Retry-After": "0"}, json.dumps(waiting).encode()),
        (200, {}, json.dumps(failed).encode()),
        (502, {}, b"<h1>Bad gateway</h1>"),
        (200, {}, b"<h1>Another page</h1>"),
    ]
    proxy = HTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=proxy.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{proxy.server_port}"
    with Client(address, patience=0) as client, pytest.raises(ServerBusy, match="All pl") as error:
        client.submit(portrait)
    assert (error.value.status, error.value.code, error.value.retry_after) == (503, "busy", 5)
    with Client(address) as client:
        with pytest.raises(AnalysisFailed, match="It took too long") as error:
            client.analyse(portrait)
        assert error.value.code == "too_slow"
        with pytest.raises(APIError, match="502 Bad Gateway"):
            client.submit(portrait)
        with pytest.raises(NoAnswer, match="not answer as a deepfake detector"):
            client.submit(portrait)
    proxy.shutdown()
    proxy.server_close()
    assert not Proxy.said


def test_the_types_of_the_client_are_those_of_the_answers():
    """`make answers` writes them."""
    schema = subprocess.run(
        [sys.executable, "-m", "backend", "schema"], cwd=ROOT, capture_output=True, check=True
    )
    made = subprocess.run(
        [sys.executable, "-m", "datamodel_code_generator"],
        cwd=ROOT, input=schema.stdout, capture_output=True, check=True,
    )  # fmt: skip
    written = ROOT / "deepfake_detector" / "client" / "answers.py"
    assert written.read_bytes() == made.stdout, "run `make answers`"
