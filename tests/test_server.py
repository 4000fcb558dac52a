"""The server between the clients and the application: nobody waits for the slow."""

import socket
import urllib.request
from contextlib import ExitStack

from backend.settings import ROOT

LARGE = "static/vendor/swagger-ui/swagger-ui-bundle.js"


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
    head = f"GET /{LARGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999\r\n\r\n"
    with connect(live_server, head + "x" * 50_000) as line, line.makefile("rb") as answer:
        assert len(answer.read()) > (ROOT / LARGE).stat().st_size
