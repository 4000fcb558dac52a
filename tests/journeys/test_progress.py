"""Journeys through the page of an analysis that is not done yet."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests import made_media
from tests.journeys.test_results import assert_fits, violations


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """One that keeps the server busy for a while."""
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    return made_media.astronaut_clip(path, seconds=20, size=(1280, 720), gop=250)


def submit(page, path) -> str:
    """Queue a file past the page; the address of its results."""
    content = {"name": path.name, "mimeType": "video/mp4", "buffer": path.read_bytes()}
    answer = page.request.post("/api/v1/analyses", multipart={"file": content})
    return answer.json()["analyses"][0]["url"]


NOTE = """new MutationObserver(() => {
    const text = document.getElementById("amount")?.textContent;
    const seen = JSON.parse(sessionStorage.seen ?? "[]");
    if (text && text !== seen.at(-1)) sessionStorage.seen = JSON.stringify([...seen, text]);
}).observe(document, { childList: true, subtree: true, characterData: true });"""


def percents(page) -> list[int]:
    seen = json.loads(page.evaluate("sessionStorage.seen ?? '[]'"))
    return [int(text.split()[0]) for text in seen]


def test_the_page_fills_itself_and_becomes_the_results(open_page, idle_server, long_clip):
    page = open_page(base_url=idle_server.url)
    page.add_init_script(NOTE)
    page.goto(submit(page, long_clip))
    expect(page.locator("#bar")).to_be_visible()
    assert violations(page) == []
    idle_server.start_worker()
    expect(page.locator("#verdict")).to_be_visible()
    seen = percents(page)
    assert len(set(seen)) > 2 and seen == sorted(seen)


def test_it_is_followed_by_polling_where_there_is_no_live_connection(
    open_page, idle_server, long_clip
):
    page = open_page(base_url=idle_server.url)
    page.add_init_script(NOTE)
    page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    page.goto(submit(page, long_clip))
    expect(page.locator("#bar")).to_be_visible()
    idle_server.start_worker()
    expect(page.locator("#verdict")).to_be_visible()
    assert percents(page)


def test_it_is_followed_on_after_a_lost_connection(open_page, idle_server, long_clip):
    page = open_page(base_url=idle_server.url)
    news = []  # for each connection, how many messages of progress came through it

    def relay(line):
        number = len(news)
        news.append(0)

        def pass_on(message):
            line.send(message)
            news[number] += "progress_update" in message
            if number == 0 and news[0]:
                line.close()

        line.connect_to_server().on_message(pass_on)

    page.route_web_socket("**/socket.io/**", relay)
    page.goto(submit(page, long_clip))
    expect(page.locator("#bar")).to_be_visible()
    idle_server.start_worker()
    expect(page.locator("#verdict")).to_be_visible()
    assert news[0] and any(news[1:])


def test_it_refreshes_itself_without_javascript(open_page, idle_server, long_clip):
    page = open_page(base_url=idle_server.url, java_script_enabled=False)
    page.goto(submit(page, long_clip))
    expect(page.locator("#bar")).to_be_visible()
    idle_server.start_worker()
    expect(page.locator("#verdict")).to_be_visible()


def test_it_is_cancelled_and_then_gone(open_page, idle_server, long_clip):
    page = open_page(base_url=idle_server.url, viewport={"width": 390, "height": 844})
    address = submit(page, long_clip)
    page.goto(address)
    assert_fits(page)
    page.get_by_role("button", name="Cancel and delete").click()
    expect(page.locator(".notice")).to_contain_text("deleted")
    assert page.goto(address).status == 410


def test_a_file_that_cannot_be_decoded_says_so_on_its_page(open_page, tmp_path):
    page = open_page()
    broken = made_media.cut(made_media.astronaut_jpeg(tmp_path / "broken.jpg"), 0.5)
    page.set_input_files("#file", broken)
    page.wait_for_url("**/results/*")
    expect(page.get_by_role("alert")).to_contain_text("incomplete")
