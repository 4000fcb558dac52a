"""Files behind links, from servers that mean no good."""

import ssl
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from backend.errors import LinkFailed, LinkRefused, LinkSlow, TooLarge
from backend.outbound.links import fetch
from tests import link_server

HERE = [ip_network("127.0.0.1/32")]
INNER = ["http://127.0.0.2:{port}/a", "http://[::1]:{port}/a", "http://169.254.169.254/latest",
         "http://10.0.0.1/a", "http://127.0.0.1:22/",
         "file:///etc/passwd", "http://user:word@127.0.0.1:{port}/a"]  # fmt: skip


@pytest.fixture
def server():
    with link_server.serving() as server:
        server.content = b"the file " * 10_000
        yield server


def get(url, seconds=20.0, megabytes=1, **options):
    into = BytesIO()
    name = fetch(url, into, megabytes, seconds, **{"trusted": HERE, **options})
    return name, into.getvalue()


def test_a_file_is_fetched_as_it_is(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert get(server.address("/clips/my%20clip.mp4?id=1")) == ("my clip.mp4", server.content)
    assert get(server.address("/"))[0] == "127.0.0.1"
    assert server.heads[0]["Accept-Encoding"] == "identity"
    assert "Authorization" not in server.heads[0]


def test_three_redirects_are_followed_and_no_more(server):
    server.moves = {f"/{n}": f"/{n - 1}" for n in (4, 3, 2, 1)}
    assert get(server.address("/3")) == ("3", server.content)
    with pytest.raises(LinkFailed, match="3 times"):
        get(server.address("/4"))


@pytest.mark.parametrize("target", INNER)
def test_no_redirect_leads_inside(server, target):
    server.moves = {"/door": target.format(port=server.server_port)}
    with pytest.raises(LinkRefused):
        get(server.address("/door"))
    assert server.asked == ["/door"]


def test_without_a_trusted_network_nothing_is_reached_here(server):
    for host in ("127.0.0.1", "localhost", "127.1", "0.0.0.0"):
        with pytest.raises(LinkRefused):
            get(server.address("/a", host), trusted=())
    assert server.asked == []


def test_a_host_is_looked_up_once_and_what_was_checked_is_reached(server):
    """A name that is rebound: first to an address that may be reached, then to another one."""
    told = []

    def resolve(host, port):
        told.append(host)
        return ["127.0.0.1"] if len(told) == 1 else ["127.0.0.2"]

    assert get(server.address("/a", "files.example"), resolve=resolve)[1] == server.content
    assert told == ["files.example"]
    assert server.heads[0]["Host"] == f"files.example:{server.server_port}"
    server.moves = {"/door": server.address("/b", "files.example")}
    told.clear()
    with pytest.raises(LinkRefused):
        get(server.address("/door", "files.example"), resolve=resolve)
    assert server.asked == ["/a", "/door"]


def test_the_next_address_of_a_host_is_tried(server):
    def resolve(host, port):
        return ["127.0.0.3", "127.0.0.1"]  # nobody listens at the first

    trusted = [ip_network("127.0.0.0/29")]
    url = server.address("/a", "files.example")
    assert get(url, resolve=resolve, trusted=trusted)[1] == server.content


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/missing", LinkFailed),
        ("/announces-too-much", TooLarge),
        ("/announces-more-than-it-sends", LinkFailed),
        ("/announces-nothing-and-never-ends", TooLarge),
        ("/is-compressed", LinkFailed),
        ("/is-no-http", LinkFailed),
    ],
)
def test_servers_that_lie_are_found_out(server, path, error):
    with pytest.raises(error):
        get(server.address(path))


@pytest.mark.parametrize("path", ["/says-nothing", "/drips-its-head", "/drips-its-body"])
def test_servers_that_stall_are_left_in_time(server, path):
    began = time.monotonic()
    with pytest.raises(LinkSlow):
        get(server.address(path), seconds=0.8)
    assert time.monotonic() - began < 3


def test_nobody_listens(server):
    with pytest.raises(LinkFailed, match="could not be fetched"):
        get("http://127.0.0.1:1025/a")


def test_over_https_the_host_is_asked_for_by_name_and_must_prove_it(server, tmp_path):
    asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate("files.example", tmp_path / "cert.pem"))
    context.sni_callback = lambda line, name, _: asked.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.address("/a", "files.example").replace("http:", "https:")
    with pytest.raises(LinkFailed):  # nobody whom we trust says that it is
        get(url, resolve=lambda *_: ["127.0.0.1"])
    assert asked == ["files.example"] and server.asked == []


def certificate(name: str, path: Path) -> Path:
    """A key, and a certificate that it signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path
