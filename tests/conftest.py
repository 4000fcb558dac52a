"""Fixtures: settings with folders of their own, the application, a client, a live server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from backend import create_app
from backend.analysis.pipeline import build_pipeline
from backend.faces.detector import FaceDetector
from backend.faces.mesh import FaceMesh
from backend.settings import ROOT, load_settings
from backend.training.data.face_cache import face_cache
from backend.training.data.index import read_index
from tests import made_media, measurements, redis_server, training_data

START_TIMEOUT = 120  # s; the first start converts the model


@pytest.fixture
def make_settings(tmp_path):
    """Settings that read no `.env` and write below `tmp_path`."""

    def make(**changes):
        folders = {"uploads": tmp_path / "uploads", "results": tmp_path / "results"}
        return load_settings(**{"_env_file": None, **folders, **changes})

    return make


@pytest.fixture
def settings(make_settings):
    return make_settings()


@pytest.fixture(scope="session")
def face():
    """A picture of one face and its landmarks."""
    image = made_media.astronaut()[:300, 80:380].copy()
    found = FaceDetector().detect(image)[0]
    return image, FaceMesh().landmarks(image, found)[0]


def pytest_collection_modifyitems(items):
    """Begin with the file that takes longest, so that no process is left alone with it."""
    items.sort(key=lambda item: item.path.name != "test_train.py")


@pytest.fixture(scope="session")
def data(tmp_path_factory, face):
    """A data folder to train on."""
    return training_data.make_folder(tmp_path_factory.mktemp("data"), *face)


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """What training and measuring keep, such as the faces they found."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def faces(data, runs):
    """The faces of `data`."""
    return face_cache(data, read_index(data), runs / "cache")


@pytest.fixture(scope="session")
def pipeline():
    """The real pipeline with the real model, loaded once."""
    return build_pipeline(load_settings(_env_file=None))


@pytest.fixture
def measured(pipeline, tmp_path, monkeypatch):
    """What the applications made from now on know of their model's errors; it can be changed."""
    document = measurements.document(pipeline.faces.classifier.facts)
    path = tmp_path / "docs" / "measurements" / "evaluate.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    monkeypatch.setattr("backend.web.app.MEASURED", path)
    return document


@pytest.fixture
def make_app(make_settings, pipeline):
    apps = []

    def make(clock=time.time, pipeline=pipeline, **changes):
        app = create_app(make_settings(**changes), pipeline, clock)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.extensions["cleanup"].shutdown()
        app.extensions["jobs"].stop()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def portrait(tmp_path_factory) -> Path:
    """A JPEG with one face."""
    return made_media.astronaut_jpeg(tmp_path_factory.mktemp("media") / "portrait.jpg")


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """A short MP4 with one face."""
    return made_media.astronaut_clip(tmp_path_factory.mktemp("media") / "clip.mp4")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    with redis_server.serving(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request):
    """The setting of each kind of queue, empty at first."""
    if request.param == "sqlite":
        return ""
    url = request.getfixturevalue("redis_url")
    redis.Redis.from_url(url).flushall()
    return url


@dataclass
class LiveServer:
    """A real `python -m backend serve` on a port of its own."""

    folder: Path
    changes: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None
    port: int = 0
    workers: list[subprocess.Popen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> LiveServer:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = self._python("-m", "backend", "serve")
        end = time.monotonic() + START_TIMEOUT
        while True:
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=START_TIMEOUT):
                    return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.kill()
                    raise
                time.sleep(0.1)

    def start_worker(self, *program: str, **options) -> subprocess.Popen:
        """Have a `python -m backend worker`, or another program, do the jobs of this server."""
        worker = self._python(*(program or ("-m", "backend", "worker")), **options)
        self.workers.append(worker)
        return worker

    def kill(self) -> None:
        """Kill the server, its workers and all their processes at once, as a power cut would."""
        for process in filter(None, [self.process, *self.workers]):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        self.workers.clear()

    def _python(self, *arguments: str, **options) -> subprocess.Popen:
        environment = os.environ | {
            "DEEPFAKE_PORT": str(self.port),
            "DEEPFAKE_UPLOADS": str(self.folder / "uploads"),
            "DEEPFAKE_RESULTS": str(self.folder / "results"),
            **self.changes,
        }
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            **options,
        )


@pytest.fixture
def make_server(tmp_path):
    servers = []

    def make(**changes: str) -> LiveServer:
        server = LiveServer(tmp_path, changes)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def live_server(tmp_path_factory):
    """One server for all tests that only send it requests."""
    server = LiveServer(tmp_path_factory.mktemp("server")).start()
    yield server
    server.kill()
