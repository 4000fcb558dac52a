"""Jobs outlive kill -9 of the server and of workers, and a crowd of clients loses none."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from tests import made_media
from tests.storage.test_sweep import wait_for

ADDRESS = "/api/v1/analyses"
PATIENCE = {"DEEPFAKE_WORKER_TIMEOUT": "4", "DEEPFAKE_LOG_LEVEL": "ERROR"}

# A worker that takes a job and never ends it.
STUCK = """
import threading, time
from backend.jobs import Jobs
from backend.settings import load_settings
from backend.storage.store import Storage

class Stuck:
    def analyse(self, upload, into, on_progress):
        print("begun", flush=True)
        time.sleep(600)

settings = load_settings()
Jobs(settings, Storage(settings), Stuck()).start()
time.sleep(600)
"""


def ask(server, path, method="GET", data=None, headers=None):
    """(status, headers, JSON) of one request."""
    request = urllib.request.Request(server.url + path, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def send(server, path, name=None):
    head = (
        '--cut\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{name or path.name}"\r\n\r\n'
    )
    body = head.encode() + path.read_bytes() + b"\r\n--cut--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    return ask(server, ADDRESS, "POST", body, headers)


def submit(server, path):
    status, _, answer = send(server, path)
    assert status == 202, answer
    return answer["analyses"][0]["status_url"]


def finished(server, address):
    wait_for(lambda: ask(server, address)[2]["state"] in ("done", "failed"), seconds=120)
    return ask(server, address)[2]


def test_a_killed_server_takes_its_jobs_up_again(make_server, queue_url, tmp_path, portrait):
    clip = made_media.astronaut_clip(tmp_path / "long.mp4", seconds=8, size=(1280, 720))
    changes = {"DEEPFAKE_QUEUE_URL": queue_url, "DEEPFAKE_MOMENTS": "64"}  # it takes a while
    server = make_server(**changes, DEEPFAKE_CONCURRENCY="1", **PATIENCE)
    jobs = [submit(server, path) for path in (clip, portrait)]
    wait_for(lambda: ask(server, jobs[0])[2].get("frames_done", "it has ended"))
    server.kill()
    server.start()
    for answer in [finished(server, job) for job in jobs]:
        assert answer["state"] == "done", answer["error"]
    wait_for(lambda: not list((tmp_path / "uploads" / ".jobs").iterdir()))
    assert not list((tmp_path / "results").glob(".deleting-*"))


def test_what_kills_its_worker_twice_fails_and_what_loses_one_is_done(
    make_server, queue_url, portrait
):
    server = make_server(DEEPFAKE_QUEUE_URL=queue_url, DEEPFAKE_SERVE_JOBS="false", **PATIENCE)
    deadly = submit(server, portrait)

    def lose_a_worker():
        worker = server.start_worker("-c", STUCK, stdout=subprocess.PIPE)
        assert b"begun\n" in iter(worker.stdout.readline, b"")  # its log is there too
        worker.kill()

    lose_a_worker()
    lose_a_worker()
    harmless = submit(server, portrait)
    answer = finished(server, deadly)
    assert (answer["state"], answer["error"]["code"]) == ("failed", "worker_died")
    assert ask(server, harmless)[2]["state"] == "queued"
    lose_a_worker()
    last = server.start_worker()
    assert finished(server, harmless)["state"] == "done"
    last.send_signal(signal.SIGTERM)
    assert last.wait(30) == 0


def test_a_crowd_that_comes_again_when_told_to_loses_nothing(make_server, tmp_path):
    """50 clients at once against a queue of 8."""
    server = make_server(DEEPFAKE_LOG_LEVEL="ERROR")
    refusals, answers, sizes, peaks = [], {}, {}, []

    def client(number):
        size = (160 + 2 * number, 200)
        picture = made_media.astronaut_jpeg(tmp_path / f"{number}.jpg", size)
        while True:
            status, headers, answer = send(server, picture)
            if status == 202:
                break
            assert (status, answer["error"]["code"]) == (503, "busy")
            refusals.append(number)
            time.sleep(int(headers["Retry-After"]))
        answers[number] = finished(server, answer["analyses"][0]["status_url"])
        sizes[number] = size
        peaks.append(resident(server))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(50)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert refusals
    assert {n: (a["file"]["name"], a["media"]["width"]) for n, a in answers.items()} == {
        number: (f"{number}.jpg", sizes[number][0]) for number in range(50)
    }
    assert len({answer["id"] for answer in answers.values()}) == 50
    assert max(peaks[25:]) < 1.2 * max(peaks[:25])


def resident(server):
    """MB that the serving process and its master take."""
    pages = 0
    for pid in [server.process.pid, *children(server.process.pid)]:
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def children(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
