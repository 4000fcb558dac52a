"""Journeys of a pasted link: to its answer, with and without script, and to a sentence."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests import link_server
from tests.conftest import LiveServer
from tests.journeys.test_results import violations
from tests.journeys.test_upload import expect_answer


@pytest.fixture(scope="module")
def media(portrait):
    with link_server.serving() as server:
        server.content = portrait.read_bytes()
        yield server


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    changes = {"DEEPFAKE_LINKS": "true", "DEEPFAKE_TRUSTED_NETWORKS": '["127.0.0.1/32"]'}
    server = LiveServer(tmp_path_factory.mktemp("linked"), changes).start()
    yield server
    server.kill()


def test_a_link_is_pasted(open_page, linked, media):
    page = open_page(base_url=linked.url)
    assert violations(page) == []
    field = page.get_by_label("paste a link")
    field.fill(media.address("/missing"))
    page.get_by_role("button", name="Check this link").click()
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("This link could not be checked")
    expect(problem).to_contain_text("answered with status 404")
    field.fill(media.address("/portrait.jpg"))
    field.press("Enter")
    expect_answer(page, "portrait.jpg")


def test_a_link_needs_no_script(open_page, linked, media):
    address = f"/?media_url={media.address('/portrait.jpg')}"
    page = open_page(address, base_url=linked.url, java_script_enabled=False)
    page.get_by_role("button", name="Check this link").click()
    expect_answer(page, "portrait.jpg")


def test_there_is_no_field_where_links_are_not_fetched(open_page):
    page = open_page("/?media_url=http://a.example/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("#media_url").count() == 0
