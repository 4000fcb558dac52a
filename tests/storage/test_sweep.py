"""Clean-up after the worst: kill -9 in the middle of an upload or an analysis, and two servers."""

import socket
import threading
import time

from backend.settings import load_settings
from backend.storage.store import Storage
from tests import made_media


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def left(folder):
    return [
        path
        for part in (folder / "uploads" / ".incoming", folder / "results")
        for path in part.iterdir()
    ]


def storage_later(folder, seconds):
    settings = load_settings(_env_file=None, uploads=folder / "uploads", results=folder / "results")
    return Storage(settings, clock=lambda: time.time() + seconds)


def upload_part(server, body, length):
    """Send the beginning of an upload and keep the connection open."""
    head = (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: multipart/form-data; boundary=cut\r\n"
        f"Content-Length: {length}\r\n\r\n"
        '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    )
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(head.encode() + body)
    return connection


def test_killed_in_an_upload(make_server):
    server = make_server()
    connection = upload_part(server, bytes(300_000), 50_000_000)
    wait_for(lambda: left(server.folder))
    server.kill()
    connection.close()
    assert len(left(server.folder)) == 1
    assert storage_later(server.folder, 3500).sweep() == 0
    assert storage_later(server.folder, 3600).sweep() == 1
    assert left(server.folder) == []


def test_killed_in_an_analysis_and_cleaned_by_the_restart(make_server, tmp_path):
    clip = made_media.astronaut_clip(tmp_path / "long.mp4", seconds=8, size=(1280, 720))
    server = make_server(DEEPFAKE_MOMENTS="64")  # it takes a while
    body = clip.read_bytes() + b"\r\n--cut--\r\n"
    head = len('--cut\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n')
    connection = upload_part(server, body, head + len(body))
    wait_for(lambda: any(path.name.startswith(".tmp-") for path in left(server.folder)))
    server.kill()
    connection.close()
    remains = left(server.folder)
    assert len(remains) == 2  # the upload and the staging folder
    for path in remains:  # as if they had been made two hours ago: their names say when
        start = ".tmp-" if path.name.startswith(".tmp-") else ""
        id = path.name.removeprefix(start)
        path.rename(path.with_name(f"{start}{int(id[:8], 16) - 7200:08x}{id[8:]}"))
    server.start()
    wait_for(lambda: not left(server.folder))


def test_a_client_that_leaves_leaves_nothing(make_server):
    server = make_server()
    connection = upload_part(server, bytes(300_000), 50_000_000)
    wait_for(lambda: left(server.folder))
    connection.close()
    wait_for(lambda: not left(server.folder))


def test_two_servers_on_the_same_folders(make_server):
    first, second = make_server(), make_server()
    old = storage_later(first.folder, -7200)
    for _ in range(20):
        old.stage()
    sweepers = [threading.Thread(target=storage_later(first.folder, 0).sweep) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()
    assert left(first.folder) == []
    assert first.process.poll() is None and second.process.poll() is None


def test_the_schedule_sweeps_by_itself(make_server):
    server = make_server(DEEPFAKE_SWEEP_INTERVAL="1")
    storage_later(server.folder, -7200).stage()
    wait_for(lambda: not left(server.folder))


def test_who_sends_a_byte_now_and_then_is_hung_up_on(make_server):
    """Both in the head of a request and in its body; one thread of the server each."""
    server = make_server(DEEPFAKE_UPLOAD_TIMEOUT="1")
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
    body = head + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 99999\r\n\r\n"
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
    for line, start in zip(lines, (head, body), strict=True):
        line.sendall(start)

    def ended():
        for line in list(lines):
            try:
                line.sendall(b"-")
            except OSError:
                lines.remove(line)
        return not lines

    wait_for(ended)
