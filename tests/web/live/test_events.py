"""The live connections: progress, uploads in pieces, the camera, and what must not get through."""

from __future__ import annotations

import http.client
import json
import queue
import signal
import socket
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import psutil
import pytest
import requests
import socketio
import websocket
from PIL import Image

from backend.web.live import events
from backend.wording import ANSWERS
from tests import made_media

PATIENCE = 120  # s; an analysis on a busy machine
MALFORMED = [
    ("start_analysis", None),
    ("start_analysis", 7),
    ("start_analysis", {"id": ["x"]}),
    ("start_analysis", {"id": "x" * 1000}),
    ("start_analysis", {"id": "x", "more": 1}),
    ("upload_begin", {"name": "a.jpg", "size": "10"}),
    ("upload_begin", {"name": "a.jpg", "size": -1}),
    ("upload_begin", {"name": "", "size": 1}),
    ("upload_chunk", {"id": "x", "index": 0, "data": b"x"}),
    ("upload_end", {"id": "x"}),
    ("camera_frame", b"x"),
    ("camera_frame", "text"),
    ("no_such_event", {"id": "x"}),
]


class Client:
    """A Socket.IO client that keeps what it is told."""

    def __init__(self, url: str, **options):
        self.news: queue.Queue = queue.Queue()
        self.refusal = None
        self._socket = socketio.Client(reconnection=False)
        self._socket.on("*", lambda event, data: self.news.put((event, data)))
        self._socket.on("connect_error", lambda data: setattr(self, "refusal", data))
        self._socket.connect(url, transports=["websocket"], wait_timeout=PATIENCE, **options)
        self.ask, self.close = self._socket.call, self._socket.disconnect

    def wait_for(self, *events: str) -> dict:
        while True:
            event, data = self.news.get(timeout=PATIENCE)
            if event in events:
                return data


@pytest.fixture
def connect(live_server):
    clients = []

    def connect(url=live_server.url, **options) -> Client:
        clients.append(Client(url, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def send(client: Client, path: Path, name: str | None = None) -> dict:
    """Upload a file in pieces."""
    content = path.read_bytes()
    begun = client.ask("upload_begin", {"name": name or path.name, "size": len(content)})
    size = begun["chunk_bytes"]
    for index, start in enumerate(range(0, len(content), size)):
        piece = {"id": begun["id"], "index": index, "data": content[start : start + size]}
        assert "error" not in client.ask("upload_chunk", piece)
    return client.ask("upload_end", {"id": begun["id"]})


def get(url: str) -> dict:
    with urllib.request.urlopen(url) as response:
        return json.load(response)


def incoming(server) -> list[Path]:
    return list((server.folder / "uploads" / ".incoming").iterdir())


def eventually(true) -> bool:
    end = time.monotonic() + 30
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


@contextmanager
def refused(status: int, code: str):
    with pytest.raises(urllib.error.HTTPError) as caught:
        yield caught
    assert caught.value.code == status
    assert json.load(caught.value)["error"]["code"] == code


def test_a_file_sent_in_pieces_is_followed_to_its_report(connect, live_server, clip):
    client = connect()
    assert client.wait_for("connection_status") == {"models_ready": True}
    status = send(client, clip)
    assert status["file"] == {"name": "clip.mp4", "size": clip.stat().st_size}
    progress, frames = [], []
    while True:
        event, news = client.news.get(timeout=PATIENCE)
        assert event != "analysis_error", news
        assert news["id"] == status["id"]
        if event == "analysis_complete":
            break
        (progress if event == "progress_update" else frames).append(news)
    report = get(f"{live_server.url}/api/v1/analyses/{status['id']}")
    assert report["url"] == news["url"]
    done = [news["progress"] for news in progress]
    assert done == sorted(done) and done[-1] == 100
    assert {"state", "stage", "eta_seconds", "frames_done", "frames_total"} <= set(progress[0])
    scores = {f["index"]: f["faces"][0]["probability"] for f in report["frame_analysis"]["frames"]}
    moves = {
        round(scores[frame["index"]] - frame["faces"][0]["probability"], 1) for frame in frames
    }
    assert moves <= {0.0}  # but for the vote on the clip as a whole, which comes at the end
    assert eventually(lambda: not incoming(live_server))


def test_who_comes_back_is_told_how_things_stand(connect, clip):
    first = connect()
    id = send(first, clip)["id"]
    first.close()
    second = connect()
    second.ask("start_analysis", {"id": id})
    assert second.wait_for("progress_update")["id"] == id
    assert second.wait_for("analysis_complete")["id"] == id
    second.ask("start_analysis", {"id": id})  # one that is done is told at once
    assert second.wait_for("analysis_complete")["id"] == id


def test_any_web_process_tells_how_the_work_of_another_stands(
    make_server, connect, redis_url, clip
):
    front = make_server(DEEPFAKE_QUEUE_URL=redis_url, DEEPFAKE_SERVE_JOBS="false")
    first = connect(front.url)
    id = send(first, clip)["id"]
    assert get(f"{front.url}/api/v1/analyses/{id}")["state"] == "queued"
    second = make_server(DEEPFAKE_QUEUE_URL=redis_url)
    other = connect(second.url)
    other.ask("start_analysis", {"id": id})
    for client in (first, other):
        assert client.wait_for("analysis_complete")["id"] == id
    reports = [get(f"{server.url}/api/v1/analyses/{id}") for server in (front, second)]
    assert reports[0] == reports[1]
    front.kill()
    other.ask("start_analysis", {"id": id})
    assert other.wait_for("analysis_complete")["id"] == id


def test_a_file_that_cannot_be_judged_is_an_error_event(connect, tmp_path):
    client = connect()
    cut = made_media.cut(made_media.astronaut_jpeg(tmp_path / "a.jpg"), 0.5)
    id = send(client, cut)["id"]
    error = client.wait_for("analysis_error")
    assert (error["id"], error["code"]) == (id, "cannot_decode")
    page = tmp_path / "b.jpg"
    page.write_text("<!doctype html>")
    assert send(client, page)["error"]["code"] == "type_mismatch"
    assert client.ask("start_analysis", {"id": "nothing"})["error"]["code"] == "not_found"


@pytest.mark.parametrize(("event", "data"), MALFORMED)
def test_a_malformed_event_is_answered_and_harms_nobody(connect, event, data):
    client, other = connect(), connect()
    answer = client.ask(event, data)
    error = client.wait_for("analysis_error")
    assert answer["error"]["code"] == error["code"] == "bad_request"
    assert client.ask("camera_stop") == other.ask("camera_stop") == {}
    assert [event for event, _ in other.news.queue] == ["connection_status"]


@pytest.mark.parametrize("wrong", ["order", "again", "too much", "missing", "large piece"])
def test_a_wrong_piece_ends_the_upload_and_leaves_nothing(connect, live_server, wrong):
    client = connect()
    assert eventually(lambda: not incoming(live_server))
    begun = client.ask("upload_begin", {"name": "a.jpg", "size": 300_000})
    piece = {"id": begun["id"], "index": 0, "data": bytes(1000)}
    assert client.ask("upload_chunk", piece)["received"] == 1000
    assert len(incoming(live_server)) == 1
    if wrong == "missing":
        answer = client.ask("upload_end", {"id": begun["id"]})
    else:
        changes = {
            "order": {"index": 2},
            "again": {"index": 0},
            "too much": {"index": 1, "data": bytes(begun["chunk_bytes"])},
            "large piece": {"index": 1, "data": bytes(begun["chunk_bytes"] + 1)},
        }
        if wrong == "too much":
            client.ask("upload_chunk", piece | {"index": 1, "data": bytes(100_000)})
            changes["too much"]["index"] = 2
        answer = client.ask("upload_chunk", piece | changes[wrong])
    assert answer["error"]["code"] == "bad_request"
    assert not incoming(live_server)
    assert client.ask("upload_chunk", piece)["error"]["code"] == "bad_request"
    assert "id" in client.ask("upload_begin", {"name": "a.jpg", "size": 10})


def test_an_upload_over_the_limit_or_left_alone_leaves_nothing(connect, live_server):
    client = connect()
    large = client.ask("upload_begin", {"name": "a.mp4", "size": 100_000_001})
    assert large["error"]["code"] == "too_large"
    client.ask("upload_begin", {"name": "a.mp4", "size": 1000})
    assert (
        client.ask("upload_begin", {"name": "b.mp4", "size": 9})["error"]["code"] == "bad_request"
    )
    assert incoming(live_server)
    client.close()
    assert eventually(lambda: not incoming(live_server))


def test_a_camera_is_judged_and_nothing_of_it_is_stored(connect, make_server):
    buffer = BytesIO()
    Image.fromarray(made_media.astronaut(640, 480)).save(buffer, "JPEG")
    server = make_server()  # of its own: on the other, what a test before it sent may still run
    before = sorted(server.folder.rglob("*"))
    client = connect(server.url)
    assert client.ask("camera_start") == {"long_side": 640}
    scores = []
    for _ in range(3):
        answer = client.ask("camera_frame", buffer.getvalue())
        assert sorted(server.folder.rglob("*")) == before
        [face] = answer["faces"]
        scores.append(face["probability"])
    assert min(scores) <= answer["probability_fake"] <= max(scores)
    assert answer["judged"] and answer["kind"] != "none"
    assert answer["title"] == (ANSWERS | {"real": "No manipulation found"})[answer["kind"]]
    assert answer["headline"] and answer["doubt"]
    assert client.ask("camera_frame", b"junk")["error"]["code"] == "cannot_decode"
    assert client.ask("camera_frame", buffer.getvalue())["faces"]
    assert client.ask("camera_stop") == {}
    assert client.ask("camera_frame", buffer.getvalue())["error"]["code"] == "bad_request"


def test_camera_places_are_few_and_come_free_again(connect):
    clients = [connect() for _ in range(3)]
    answers = [client.ask("camera_start") for client in clients]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, None, "busy"]
    clients[0].close()
    assert eventually(lambda: "long_side" in clients[2].ask("camera_start"))


def test_what_a_silent_client_holds_is_taken_back(make_app, monkeypatch, tmp_path):
    monkeypatch.setattr(events, "WATCH", 0.1)
    app = make_app(upload_timeout=0.3, cameras=1)
    silent, other = (app.extensions["socketio"].test_client(app) for _ in range(2))
    held = silent.emit("upload_begin", {"name": "a.jpg", "size": 9}, callback=True)
    assert silent.emit("camera_start", callback=True) == {"long_side": 640}
    assert other.emit("camera_start", callback=True)["error"]["code"] == "busy"
    monkeypatch.setattr(events, "CAMERA_REST", 0.0)
    assert eventually(lambda: "long_side" in other.emit("camera_start", callback=True))
    assert eventually(lambda: not list((tmp_path / "uploads" / ".incoming").iterdir()))
    late = silent.emit("upload_chunk", {"id": held["id"], "index": 0, "data": b"x"}, callback=True)
    assert late["error"]["code"] == "bad_request"


def raw(server, **options) -> websocket.WebSocket:
    """A connection that is let in and then does whatever the test wants."""
    address = server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    line = websocket.create_connection(address, timeout=60, **options)
    line.recv()
    line.send("40")
    while not line.recv().startswith("40"):
        continue
    return line


def answers(line: websocket.WebSocket) -> bool:
    """Whether the server still listens; False where it has hung up."""
    try:
        line.send('420["camera_stop"]')
        while not (message := line.recv()).startswith("430"):
            if not message:
                return False
    except (websocket.WebSocketException, OSError):
        return False
    return True


def test_who_never_reads_is_hung_up_on_and_holds_no_memory(live_server, connect):
    other, process = connect(), psutil.Process(live_server.process.pid)

    def memory() -> int:
        return sum(each.memory_info().rss for each in process.children(recursive=True))

    before = memory()
    line = raw(live_server, sockopt=((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),))
    question = '420["' + "x" * 1000 + '"]'
    with pytest.raises((OSError, websocket.WebSocketException)):
        until = time.monotonic() + 30
        while time.monotonic() < until:  # each gets two answers
            line.send(question)
    assert memory() - before < 50_000_000
    assert other.ask("camera_stop") == {}
    line.shutdown()


@pytest.mark.parametrize(
    ("message", "survives"),
    [
        ("2" * 600_000, False),
        ("nonsense", False),
        ("42{", True),
        ('42["a"', True),
        ('451000-["a",{"_placeholder":true,"num":0}]', True),
    ],
)
def test_what_is_no_socket_io_harms_nobody_else(live_server, connect, message, survives):
    other, line = connect(), raw(live_server)
    line.send(message)
    assert answers(line) == survives
    line.shutdown()
    assert other.ask("camera_stop") == {}


def test_a_plain_request_and_a_foreign_page_stay_outside(live_server):
    address = live_server.url + "/socket.io/?EIO=4&transport=websocket"
    with refused(400, "bad_request"):
        urllib.request.urlopen(address)
    for origin in ("http://evil.example", "http://["):
        with refused(403, "forbidden"):
            request = urllib.request.Request(address, headers={"Origin": origin})
            urllib.request.urlopen(request)


def test_polling_is_told_to_use_websocket(make_app):
    page = {"Origin": "http://localhost:3000"}
    client = make_app(compat=False).test_client()
    answer = client.get("/socket.io/?EIO=4&transport=polling", headers=page)
    assert answer.status_code == 400
    assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
    assert 'transports: ["websocket"]' in answer.json["error"]["message"]


class Poller:
    """A client that polls as browsers do, of a page at http://localhost:3000."""

    PAGE = {"Origin": "http://localhost:3000"}

    def __init__(self, server):
        self._address = f"{server.url}/socket.io/?EIO=4&transport=polling"
        opened = self.poll()
        assert opened.headers["Access-Control-Allow-Origin"] == self.PAGE["Origin"]
        self.sid = json.loads(opened.text.removeprefix("0"))["sid"]
        self._address += f"&sid={self.sid}"

    def poll(self):
        return requests.get(self._address, headers=self.PAGE, timeout=60)

    def send(self, text: str):
        return requests.post(self._address, text, headers=self.PAGE, timeout=60)


def test_who_begins_by_polling_goes_on_over_a_websocket(live_server):
    poller = Poller(live_server)
    assert poller.send("40").text == "OK"
    told = poller.poll().text
    assert "models_ready" in told and '40{"sid":' in told
    line = websocket.create_connection(
        f"ws://127.0.0.1:{live_server.port}/socket.io/?EIO=4&transport=websocket&sid={poller.sid}"
    )
    line.send("2probe")
    assert line.recv() == "3probe"
    line.send("5")
    line.send('421["camera_stop"]')
    assert "431[{}]" in (line.recv(), line.recv())  # the other one is an empty message
    line.close()


def test_who_polls_on_is_left_in_time(live_server):
    poller = Poller(live_server)
    poller.send("40")
    began = time.monotonic()
    while poller.poll().ok:
        assert time.monotonic() - began < 30
    assert poller.send("41").status_code == 400


def test_nobody_is_held_by_what_is_no_polling(live_server):
    poller = Poller(live_server)
    assert poller.send("9").status_code == 400  # nobody polls, who could be waited for
    assert Poller(live_server).send("2" * 600_000).status_code == 400
    jsonp = f"{live_server.url}/socket.io/?EIO=4&transport=polling&j=0"
    assert requests.get(jsonp, timeout=60).status_code == 400
    foreign = {"Origin": "http://evil.example"}
    address = jsonp.removesuffix("&j=0")
    assert requests.get(address, headers=foreign, timeout=60).status_code == 403
    asked = Poller.PAGE | {"Access-Control-Request-Headers": "x-api-key"}
    leave = requests.options(address, headers=asked, timeout=60)
    assert leave.status_code == 204 and "X-API-Key" in leave.headers["Access-Control-Allow-Headers"]


HANDSHAKE = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 101),
        ({"Connection": "keep-alive"}, 400),
        ({"Upgrade": "h2c"}, 400),
        ({"Sec-WebSocket-Version": "8"}, 400),
        ({"Sec-WebSocket-Version": None}, 400),
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Sec-WebSocket-Protocol": "\xe9"}, 400),
        ({"Host": "\xe9"}, 400),
        ({"query": "EIO=4&transport=polling", "Origin": "http://localhost:3000"}, 200),
        ({"query": "EIO=4"}, 400),
        ({"query": "EIO=4&transport=other"}, 400),
    ],
)
def test_a_wrong_handshake_is_a_bad_request(live_server, change, status):
    fields = {name: value for name, value in (HANDSHAKE | change).items() if value}
    query = fields.pop("query", "EIO=4&transport=websocket")
    line = http.client.HTTPConnection("127.0.0.1", live_server.port, timeout=60)
    line.request("GET", f"/socket.io/?{query}", headers=fields)
    answer = line.getresponse()
    assert answer.status == status
    if status == 400:
        assert json.load(answer)["error"]["code"] == "bad_request"
    line.close()


@pytest.mark.parametrize(
    "options", [{"origin": "http://localhost:3000"}, {"suppress_origin": True}]
)
def test_the_configured_origin_and_programs_come_in(live_server, options):
    raw(live_server, **options).shutdown()


def test_keys_and_the_number_of_places_guard_the_door(make_server, connect):
    server = make_server(
        DEEPFAKE_API_KEYS='["right"]', DEEPFAKE_SOCKETS="2", DEEPFAKE_RATE_LIMIT="1 per hour"
    )
    for options in (
        {},
        {"auth": {"key": "wrong"}},
        {"auth": {"key": "\ud800"}},
        {"headers": {"X-API-Key": "wrong"}},
    ):
        with pytest.raises(socketio.exceptions.ConnectionError):
            connect(server.url, **options)
        # Who was not let in holds its place no longer than it stays.
        assert eventually(lambda: _is_free(server))
    client = connect(server.url, auth={"key": "right"})
    id = client.ask("upload_begin", {"name": "a.jpg", "size": 9})["id"]
    client.ask("upload_end", {"id": id})
    client.ask("upload_chunk", {"id": id, "index": 1, "data": b"x"})
    second = client.ask("upload_begin", {"name": "a.jpg", "size": 9})
    assert second["error"]["code"] == "rate_limited"
    connect(server.url, headers={"X-API-Key": "right"})
    with refused(503, "busy") as caught:
        urllib.request.urlopen(server.url + "/socket.io/")
    assert int(caught.value.headers["Retry-After"]) > 0
    assert get(server.url + "/health")["ready"]
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=60)  # open connections do not hold it


def _is_free(server) -> bool:
    try:
        urllib.request.urlopen(server.url + "/socket.io/")
    except urllib.error.HTTPError as error:
        return error.code == 400
