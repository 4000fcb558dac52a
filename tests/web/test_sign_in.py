"""People sign in where keys are set: who comes in, what the cookie may do, how many tries."""

import re
from io import BytesIO

import pytest

from backend.web.sign_in import TRIES
from tests.web.test_api import HTML, refused

KEYS = {"api_keys": ["a key"], "password": "a password"}


@pytest.fixture
def client(make_app, tmp_path):
    return make_app(**KEYS, cache=tmp_path / "cache").test_client()


def sign_in(client, key="a password", after="/", headers=None, **options):
    headers = {**HTML, **(headers or {})}
    data = {"key": key, "after": after}
    return client.post("/sign-in", data=data, headers=headers, **options)


@pytest.mark.parametrize("key", ["a key", "a password"])
def test_pages_pictures_and_answers_open_to_who_signed_in(client, portrait, key):
    asked = client.get("/camera?x=1", headers=HTML)
    assert asked.status_code == 401 and asked.headers["Cache-Control"] == "no-store"
    after = re.search(r'name="after" value="([^"]*)"', asked.text)[1]
    answer = sign_in(client, key, after)
    assert (answer.status_code, answer.location) == (303, "/camera?x=1")
    assert "Sign out" in client.get(answer.location, headers=HTML).text
    data = {"file": (BytesIO(portrait.read_bytes()), portrait.name)}
    report = client.post("/predict", data=data, headers={"Origin": "http://localhost"}).json
    for path in (report["url"], report["frames"][0], f"/api/v1/analyses/{report['id']}", "/model/"):
        assert client.get(path, headers=HTML).status_code == 200
    assert client.post("/sign-out", headers=HTML).location == "/sign-in"
    assert client.get(report["url"], headers=HTML).status_code == 401
    assert refused(client.get(report["frames"][0]), 401, "unauthorized")


@pytest.mark.parametrize(
    ("headers", "base", "secure"),
    [
        ({}, "http://localhost", False),
        ({}, "https://detector.example", True),
        ({"Origin": "https://detector.example"}, "http://detector.example", True),  # behind a proxy
    ],
)
def test_the_cookie_is_for_our_pages_alone(client, headers, base, secure):
    cookie = sign_in(client, headers=headers, base_url=base).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert ("Secure" in cookie) == secure
    assert "a password" not in cookie and "a key" not in cookie


def test_other_pages_cannot_use_a_session_nor_begin_one(client):
    foreign, friend = {"Origin": "https://evil.example"}, {"Origin": "http://localhost:3000"}
    assert sign_in(client, headers=foreign).status_code == 403
    sign_in(client)
    assert client.post("/predict").status_code == 400  # there is no file in it, but we are in
    assert refused(client.post("/predict", headers=foreign), 403, "forbidden")
    assert refused(client.post("/predict", headers=friend), 401, "unauthorized")
    assert refused(client.get("/camera", headers=friend), 401, "unauthorized")
    key = {"X-API-Key": "a key"}
    assert client.post("/predict", headers=friend | key).status_code == 400


@pytest.mark.parametrize(
    "after", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "x"]
)
def test_signing_in_leads_to_no_other_server(client, after):
    assert sign_in(client, after=after).location == "/"


def test_wrong_keys_are_refused_and_soon_not_even_tried(client):
    most = int(TRIES.split()[0])
    for wrong in ["", "a password ", "\ud800", *["?"] * (most - 3)]:
        answer = sign_in(client, wrong.encode("utf-8", "surrogatepass"))
        assert answer.status_code == 401 and "not a key or a password" in answer.text
        assert "Set-Cookie" not in answer.headers
    limited = sign_in(client)
    assert limited.status_code == 429 and int(limited.headers["Retry-After"]) > 0
    assert client.get("/camera", headers={"X-API-Key": "a key"}).status_code == 200


def test_the_password_is_no_api_key_and_a_large_form_is_not_read(client):
    assert refused(client.get("/camera", headers={"X-API-Key": "a password"}), 401, "unauthorized")
    assert sign_in(client, "x" * 100_000).status_code == 413


def test_servers_share_sessions_and_a_key_that_is_gone_ends_them(make_app, tmp_path):
    shared = {**KEYS, "cache": tmp_path / "cache"}
    first, second = (make_app(**shared).test_client() for _ in range(2))
    sign_in(first)
    [secret] = shared["cache"].glob("session*")
    assert len(secret.read_bytes()) == 32 and secret.stat().st_mode & 0o77 == 0
    others = {
        200: second,
        401: make_app(**shared | {"password": "another"}).test_client(),
        403: make_app(**shared | {"secret": "another secret of ours"}).test_client(),
    }
    cookie = first.get_cookie("deepfake-session").value
    seen = {}
    for name, client in others.items():
        client.set_cookie("deepfake-session", cookie)
        seen[name] = client.get("/camera").status_code
    assert seen == {200: 200, 401: 401, 403: 401}


def test_without_keys_there_is_no_such_page(make_app):
    client = make_app().test_client()
    assert client.get("/sign-in", headers=HTML).status_code == 404
    page = client.get("/", headers=HTML)
    assert page.status_code == 200 and "Sign out" not in page.text
    assert "Set-Cookie" not in page.headers
