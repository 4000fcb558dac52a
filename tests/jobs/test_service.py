"""Jobs over HTTP: accepted at once, watched, cancelled, refused, shared fairly, taken up again."""

import errno
import threading
import time
from dataclasses import replace
from io import BytesIO

import pytest

from backend.errors import Gone
from backend.jobs.folders import Folders
from backend.jobs.recovery import Recovery
from backend.jobs.schema import Accepted, Status
from backend.report.schema import Report
from backend.web.schema import ErrorAnswer
from tests import made_media
from tests.redis_server import serving
from tests.storage.test_sweep import wait_for
from tests.web.test_api import files_of

ADDRESS = "/api/v1/analyses"


def send(client, *paths, **options):
    files = [(BytesIO(path.read_bytes()), path.name) for path in paths]
    return client.post(ADDRESS, data={"file": files}, **options)


def submit(client, path, **options):
    """The status of a job that was accepted."""
    response = send(client, path, **options)
    assert response.status_code == 202, response.text
    [status] = response.json["analyses"]
    return status


def state(client, status):
    return client.get(status["status_url"]).json.get("state")


def finished(client, status):
    wait_for(lambda: state(client, status) in ("done", "failed", None))
    return client.get(status["status_url"])


def refused(response, status, code):
    assert response.status_code == status, response.text
    assert ErrorAnswer.model_validate(response.json).error.code == code
    return response


class Held:
    """Analyses up to a moment and goes on when told to; notes the names in their order."""

    def __init__(self, pipeline, moment=5):
        self._pipeline, self._moment = pipeline, moment
        self.leave = threading.Event()
        self.order, self.inside = [], 0

    def __getattr__(self, name):
        return getattr(self._pipeline, name)

    def analyse(self, upload, into, on_progress):
        def hold(progress):
            on_progress(progress)
            while progress.frames_done >= self._moment and not self.leave.wait(0.05):
                on_progress(progress)

        self.order.append(upload.label)
        self.inside += 1
        try:
            return self._pipeline.analyse(upload, into, hold)
        finally:
            self.inside -= 1


@pytest.fixture
def held(pipeline):
    held = Held(pipeline)
    yield held
    held.leave.set()


@pytest.fixture
def pictures(tmp_path, portrait):
    """Pictures with a face, by name."""

    def make(*names):
        for name in names:
            (tmp_path / name).write_bytes(portrait.read_bytes())
        return [tmp_path / name for name in names]

    return make


@pytest.fixture(scope="session")
def brief(tmp_path_factory):
    """A clip of six frames."""
    path = tmp_path_factory.mktemp("media") / "brief.mp4"
    return made_media.astronaut_clip(path, seconds=0.24, size=(256, 256))


def test_a_job_is_accepted_at_once_and_answered_like_predict(make_app, queue_url, brief, tmp_path):
    client = make_app(queue_url=queue_url).test_client()
    response = send(client, brief)
    assert response.status_code == 202
    [status] = Accepted.model_validate(response.json).analyses
    assert (status.state, status.file.name, status.error) == ("queued", brief.name, None)
    done = finished(client, response.json["analyses"][0])
    report = Report.model_validate(done.json)
    assert (done.status_code, report.id, report.percent) == (200, status.id, 100)
    assert client.get(report.frames[0]).data.startswith(b"\xff\xd8")
    at_once = client.post("/predict", data={"file": (BytesIO(brief.read_bytes()), brief.name)}).json
    for key in ("prediction", "probability_fake", "reasons", "faces_detected", "media", "file"):
        assert done.json[key] == at_once[key]
    assert list(done.json) == list(at_once)
    assert files_of(tmp_path / "uploads") == []


def test_many_files_and_a_bad_one_among_them(make_app, portrait, brief, tmp_path):
    bad = tmp_path / "page.jpg"
    bad.write_bytes(b"<html>")
    client = make_app(max_upload_mb=1).test_client()
    large = tmp_path / "large.png"
    large.write_bytes(portrait.read_bytes() + bytes(1_000_000))
    answers = send(client, portrait, bad, large, brief).json["analyses"]
    assert [answer["status"] for answer in answers] == ["success", "error", "error", "success"]
    assert [answer["error"]["code"] for answer in answers[1:3]] == ["type_mismatch", "too_large"]
    assert [answer["file"]["name"] for answer in answers][1:3] == ["page.jpg", "large.png"]
    names = [finished(client, answers[at]).json["file"]["name"] for at in (0, 3)]
    assert names == [portrait.name, brief.name]
    assert files_of(tmp_path / "uploads") == []


def test_refusals_leave_nothing(make_app, tmp_path):
    client = make_app().test_client()
    (tmp_path / "note.txt").write_text("hello")
    refused(send(client, tmp_path / "note.txt"), 415, "unsupported_type")
    refused(client.post(ADDRESS), 400, "no_file")
    refused(client.get(ADDRESS + "/" + "0" * 30), 404, "not_found")
    refused(client.delete(ADDRESS + "/" + "0" * 30), 404, "not_found")
    assert files_of(tmp_path / "uploads") == []


def test_a_damaged_file_fails_with_its_reason(make_app, portrait, tmp_path):
    client = make_app().test_client()
    answer = finished(client, submit(client, made_media.cut(portrait, 0.4, tmp_path / "cut.jpg")))
    status = Status.model_validate(answer.json)
    assert (answer.status_code, status.state, status.status) == (200, "failed", "error")
    assert status.error.code == "cannot_decode"
    assert {path.name for path in files_of(tmp_path / "uploads")} == {"job.json", "claim-1"}
    assert client.delete(status.status_url).status_code == 204
    refused(client.get(status.status_url), 410, "gone")
    assert files_of(tmp_path / "uploads") == files_of(tmp_path / "results") == []


def test_a_running_job_says_how_far_it_is(make_app, held, brief):
    app = make_app(pipeline=held)
    client = app.test_client()
    id = submit(client, brief)["id"]
    states = app.extensions["jobs"].follow(id)
    seen = [next(status for status in states if status["frames_done"] == 5)]
    assert client.get("/health").json["queue"]["running"] == 1
    running = client.get(seen[0]["status_url"])
    assert running.status_code == 202 and running.headers["Retry-After"]
    status = Status.model_validate(running.json)
    assert (status.state, status.stage, status.frames_total) == ("running", "faces", 6)
    assert status.percent == 66 and status.eta_seconds > 0
    assert [frame.index for frame in status.partial.frames] == [0, 1, 2, 3, 4]
    assert status.partial.frames[4].faces[0].probability is None  # not a full batch yet
    held.leave.set()
    seen += states
    percents = [status["percent"] for status in seen]
    assert percents == sorted(percents) and seen[-1]["state"] == "done"


def test_cancelling_a_running_job_stops_it_and_removes_everything(
    make_app, queue_url, held, brief, tmp_path
):
    before = made_media.decoders()
    client = make_app(pipeline=held, queue_url=queue_url).test_client()
    status = submit(client, brief)
    wait_for(lambda: client.get(status["status_url"]).json["frames_done"] == 5)
    assert client.delete(status["status_url"]).status_code == 204
    assert "deleted on" in refused(client.get(status["status_url"]), 410, "gone").text
    assert files_of(tmp_path / "uploads") == files_of(tmp_path / "results") == []
    wait_for(lambda: not held.inside)
    assert made_media.decoders() == before
    assert client.get("/health").json["queue"]["running"] == 0
    assert files_of(tmp_path / "uploads") == files_of(tmp_path / "results") == []


def test_a_queued_job_is_cancelled_and_never_begun(make_app, held, brief, pictures):
    client = make_app(pipeline=held, concurrency=1).test_client()
    first = submit(client, brief)
    wait_for(lambda: state(client, first) == "running")
    second, third = (submit(client, path) for path in pictures("second.jpg", "third.jpg"))
    assert client.delete(second["status_url"]).status_code == 204
    held.leave.set()
    assert finished(client, third).json["state"] == finished(client, first).json["state"] == "done"
    assert held.order == [brief.name, "third.jpg"]
    refused(client.get(second["status_url"]), 410, "gone")


class Unread(BytesIO):
    """A body that must not be touched."""

    def read(self, *_):
        raise AssertionError("the body was read")

    readinto = readline = read


def test_a_full_queue_is_busy_before_the_body_is_read(make_app, held, brief, pictures, tmp_path):
    client = make_app(pipeline=held, concurrency=1, queue=2).test_client()
    jobs = [submit(client, brief), *(submit(client, path) for path in pictures("a.jpg", "b.jpg"))]
    kept = files_of(tmp_path / "uploads")
    for address in (ADDRESS, "/predict"):
        answer = client.post(
            address, input_stream=Unread(), content_type="multipart/form-data; boundary=x"
        )
        assert int(refused(answer, 503, "busy").headers["Retry-After"]) > 0
    assert len(files_of(tmp_path / "uploads")) == len(kept)
    assert client.delete(jobs[1]["status_url"]).status_code == 204
    answers = send(client, *pictures("c.jpg", "d.jpg")).json["analyses"]
    assert answers[0]["state"] == "queued"
    assert answers[1]["error"]["code"] == "busy" and answers[1]["retry_after"] > 0
    held.leave.set()
    for job in (jobs[0], jobs[2], answers[0]):
        assert finished(client, job).json["state"] == "done"
    assert held.order == [brief.name, "b.jpg", "c.jpg"]


def test_one_client_cannot_starve_the_others(make_app, queue_url, held, brief, pictures):
    client = make_app(
        pipeline=held, queue_url=queue_url, concurrency=1, queue=4
    ).test_client()  # fmt: skip
    other = {"environ_base": {"REMOTE_ADDR": "10.0.0.2"}}
    greedy = [submit(client, brief)]
    wait_for(lambda: state(client, greedy[0]) == "running")
    greedy += [submit(client, path) for path in pictures("1.jpg", "2.jpg", "3.jpg", "4.jpg")]
    refused(send(client, brief), 503, "busy")
    late = submit(client, *pictures("late.jpg"), **other)
    refused(send(client, brief, **other), 503, "busy")
    held.leave.set()
    for job in (*greedy, late):
        assert finished(client, job).json["state"] == "done"
    assert held.order.index("late.jpg") <= 2
    assert held.order[-3:] == ["2.jpg", "3.jpg", "4.jpg"]


def test_a_server_that_stops_hands_its_jobs_on(make_app, queue_url, held, pipeline, brief):
    first = make_app(pipeline=held, queue_url=queue_url)
    status = submit(first.test_client(), brief)
    wait_for(lambda: state(first.test_client(), status) == "running")
    first.extensions["jobs"].stop()
    assert state(first.test_client(), status) == "queued"
    second = make_app(queue_url=queue_url).test_client()
    assert finished(second, status).json["state"] == "done"


def test_an_expired_job_is_gone(make_app, held, brief, tmp_path):
    now = [1_800_000_000.0]
    app = make_app(clock=lambda: now[0], pipeline=held)
    client = app.test_client()
    status = submit(client, brief)
    wait_for(lambda: state(client, status) == "running")
    now[0] += 3600
    refused(client.get(status["status_url"]), 410, "gone")
    assert client.get("/health").status_code == 200
    app.extensions["storage"].sweep()
    refused(client.get(status["status_url"]), 410, "gone")
    wait_for(lambda: not held.inside)
    assert files_of(tmp_path / "uploads") == files_of(tmp_path / "results") == []


def test_two_workers_never_do_the_same_job(make_app, queue_url, pipeline, pictures):
    """Every message is sent three times, to workers of two processes."""
    held = Held(pipeline)
    held.leave.set()
    apps = [make_app(pipeline=held, queue_url=queue_url, serve_jobs=False) for _ in range(2)]
    client = apps[0].test_client()
    names = [f"{number}.jpg" for number in range(6)]
    jobs = [submit(client, path) for path in pictures(*names)]
    for app in apps:
        for job in jobs:
            app.extensions["jobs"]._requeue(job["id"], 1)
    workers = [make_app(pipeline=held, queue_url=queue_url) for _ in range(2)]
    for job in jobs:
        assert finished(client, job).json["state"] == "done"
    assert sorted(held.order) == names and len(workers) == 2


def test_recovery_waits_for_the_worker_then_sends_once_then_gives_up(make_app, brief):
    app = make_app(serve_jobs=False)
    client, storage = app.test_client(), app.extensions["storage"]
    status = submit(client, brief)
    folders, sent, now = Folders(storage), [], [0.0]

    class Noting:
        def put(self, id, attempt, priority):
            sent.append((id, attempt))

        def waiting(self):
            return set(sent)

    metrics = app.extensions["jobs"].metrics
    recovery = Recovery(storage, folders, Noting(), 10, metrics, clock=lambda: now[0])

    def later(seconds):
        recovery.check()
        now[0] += seconds
        recovery.check()

    later(11)
    assert sent == [(status["id"], 1)]  # the message was lost
    assert folders.claim(status["id"], 1) and not folders.claim(status["id"], 1)
    later(9)
    folders.write(replace(folders.read(status["id"]), attempt=1, beat=1))  # a sign of life
    later(9)
    assert len(sent) == 1
    later(2)
    later(11)
    assert sent[1:] == [(status["id"], 2)]
    assert folders.claim(status["id"], 2)
    later(11)
    answer = client.get(status["status_url"]).json
    assert (answer["state"], answer["error"]["code"]) == ("failed", "worker_died")


def test_a_torn_record_stops_nobody(make_app, tmp_path, pictures):
    app = make_app(serve_jobs=False)
    client = app.test_client()
    torn, whole = (submit(client, path) for path in pictures("torn.jpg", "whole.jpg"))
    (tmp_path / "uploads" / ".jobs" / torn["id"] / "job.json").write_text('{"id": "')
    refused(client.get(torn["status_url"]), 404, "not_found")
    assert finished(make_app().test_client(), whole).json["state"] == "done"


def test_without_its_queue_the_server_says_so_and_keeps_nothing(make_app, tmp_path, portrait):
    (tmp_path / "redis").mkdir()
    with serving(tmp_path / "redis") as url:
        client = make_app(queue_url=url).test_client()
    answer = send(client, portrait)
    assert refused(answer, 503, "queue_down").headers["Retry-After"]
    assert files_of(tmp_path / "uploads") == []


def test_a_disk_that_is_full_keeps_nothing(make_app, tmp_path, portrait, monkeypatch):
    def full(folder, job):
        raise OSError(errno.ENOSPC, "No space left on device")

    client = make_app().test_client()
    monkeypatch.setattr("backend.jobs.folders._write", full)
    refused(send(client, portrait), 503, "storage_full")
    assert files_of(tmp_path / "uploads") == []


class Trickle(BytesIO):
    """A body whose bytes come a few at a time."""

    def read(self, size=-1):
        time.sleep(0.05)
        return super().read(min(size, 4096))

    def readinto(self, room):
        data = self.read(len(room))
        room[: len(data)] = data
        return len(data)


def trickled(client, address, body):
    """The answer to a form that comes slowly."""
    return client.post(
        address,
        input_stream=Trickle(body),
        content_length=len(body),
        content_type="multipart/form-data; boundary=x",
    )


@pytest.mark.parametrize("address", [ADDRESS, "/predict"])
def test_an_upload_that_takes_too_long_is_given_up(make_app, clip, tmp_path, address):
    client = make_app(upload_timeout=0.1).test_client()
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    body = head + clip.read_bytes() + b"\r\n--x--\r\n"
    refused(trickled(client, address, body), 408, "upload_stalled")
    assert files_of(tmp_path / "uploads") == []


def test_many_files_that_take_too_long_together_are_given_up(make_app, portrait, tmp_path):
    """Each comes in time, but the first would be swept away before the last is there."""
    client = make_app(upload_timeout=1, retention=120, analysis_timeout=119.5).test_client()
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="{}.jpg"\r\n\r\n'
    one = portrait.read_bytes() + b"\r\n"
    assert 0.3 < 0.05 * len(one) / 4096 < 0.8  # s: a part of what each may take
    body = b"".join(head.format(number).encode() + one for number in range(4)) + b"--x--\r\n"
    refused(trickled(client, ADDRESS, body), 408, "upload_stalled")
    assert files_of(tmp_path / "uploads") == []


def test_following_a_job_ends_when_it_is_cancelled(make_app, held, brief):
    app = make_app(pipeline=held)
    jobs = app.extensions["jobs"]
    states = jobs.follow(submit(app.test_client(), brief)["id"])
    jobs.cancel(next(states)["id"])
    with pytest.raises(Gone):
        list(states)
