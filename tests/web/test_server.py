"""The server between the clients and the application: nobody waits for the slow."""

import http.client
import socket
import time
import urllib.request
from contextlib import ExitStack, suppress

from backend.settings import ROOT, load_settings
from backend.web.server import PIECE, SEND_TIMEOUT, in_pieces
from tests.web.live.test_events import answers, raw

LARGE = ROOT / "docs" / "contact_sheet.jpg"
ADDRESS = f"/model/{LARGE.name}"


def connect(server, request: str) -> socket.socket:
    """A connection that has sent a request, and whose end takes little at a time."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(60)
    line.connect(("127.0.0.1", server.port))
    line.sendall(request.encode())
    return line


def is_served(server) -> bool:
    with urllib.request.urlopen(server.url + "/health", timeout=30) as answer:
        return answer.status == 200


def test_nobody_waits_for_clients_that_do_not_hang_up_after_their_answer(live_server):
    with ExitStack() as lines:
        for _ in range(40):
            lines.enter_context(connect(live_server, "GET /health HTTP/1.0\r\n\r\n"))
        assert is_served(live_server)


def test_a_client_whose_sending_nobody_reads_gets_its_answer_to_the_end(live_server):
    head = (
        f"GET {ADDRESS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999\r\n\r\n"
    )
    with connect(live_server, head + "x" * 50_000) as line, line.makefile("rb") as answer:
        assert len(answer.read()) > LARGE.stat().st_size


def test_clients_that_do_not_read_hold_no_threads(live_server):
    """Nor do those that read a little now and then; others may be slow, or have nothing to read."""
    request = f"GET {ADDRESS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    settings = load_settings(_env_file=None)
    threads = settings.threads + settings.concurrency + settings.queue + settings.sockets
    size = LARGE.stat().st_size
    with ExitStack() as lines:
        silent = raw(live_server)
        lines.callback(silent.shutdown)
        slow = lines.enter_context(connect(live_server, request)).makefile("rb")
        stuck = [lines.enter_context(connect(live_server, request)) for _ in range(threads - 2)]
        received = 0
        for _ in range(12 * SEND_TIMEOUT):
            received += len(slow.read(size // (12 * SEND_TIMEOUT)))
            for line in stuck[::2]:
                with suppress(OSError):  # it is hung up on
                    line.recv(16)
            time.sleep(0.1)
        assert received + len(slow.read()) > size
        assert is_served(live_server)
        assert answers(silent)


def test_an_address_that_begins_with_two_slashes_is_that_with_one(live_server):
    line = http.client.HTTPConnection("127.0.0.1", live_server.port, timeout=60)
    line.request("GET", "//health")
    assert line.getresponse().status == 200
    line.close()


def test_an_answer_goes_in_pieces_and_is_closed():
    class Answer(list):
        closed = False

        def close(self):
            self.closed = True

    answer = Answer([b"a", bytes(3 * PIECE), b"", b"b"])
    pieces = list(in_pieces(lambda *_: answer)({}, None))
    assert b"".join(pieces) == b"".join(answer) and answer.closed
    assert max(map(len, pieces)) == PIECE
