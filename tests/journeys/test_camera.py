"""Journeys through the live camera page, with a fake camera that shows a real face."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from backend.wording import ANSWERS
from tests import made_media
from tests.journeys.conftest import PATIENCE
from tests.journeys.test_results import assert_fits, violations


@pytest.fixture(scope="module")
def camera_browser(launch, tmp_path_factory):
    film = made_media.face_mjpeg(tmp_path_factory.mktemp("camera") / "face.mjpeg")
    browser = launch(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    yield browser
    browser.close()


@pytest.fixture
def camera(camera_browser, live_server):
    """`camera(url, **context options)` is the page, with what must not happen in `page.faults`."""
    contexts = []

    def open_(url=live_server.url, **options):
        context = camera_browser.new_context(base_url=url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto("/camera")
        return page

    yield open_
    for context in contexts:
        context.close()


def start(page) -> None:
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#answer")).to_be_visible(timeout=PATIENCE)


def test_a_face_is_boxed_and_judged_and_nothing_is_stored(camera, make_server):
    server = make_server()  # of its own: on the other, what a test before it sent may still run
    before = sorted(server.folder.rglob("*"))
    page = camera(server.url)
    assert "camera=(self)" in page.request.get("/camera").headers["permissions-policy"]
    start(page)
    expect(page.locator("#rate")).to_contain_text("a second")
    assert page.locator("#prediction").inner_text() in ANSWERS.values()
    assert page.locator("#headline").inner_text() and page.locator("#doubt").inner_text()
    assert 0 <= float(page.locator(".needle").get_attribute("x").rstrip("%")) <= 100
    drawn = page.locator("#boxes").evaluate(
        """(canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            let [left, right, top, bottom] = [width, 0, height, 0];
            for (let i = 3; i < data.length; i += 4) {
                if (!data[i]) continue;
                const [x, y] = [((i - 3) / 4) % width, Math.floor((i - 3) / 4 / width)];
                [left, right] = [Math.min(left, x), Math.max(right, x)];
                [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
            }
            return [left, top, right, bottom];
        }"""
    )
    # The astronaut's face, in px of the picture as it is shown: mirrored.
    assert drawn[0] < 350 and drawn[2] > 300 and drawn[1] < 110 and 130 < drawn[3] < 240
    assert sorted(server.folder.rglob("*")) == before
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start the camera")).to_be_focused()
    expect(page.locator("#answer")).not_to_be_visible()
    assert page.faults == []


def test_the_camera_goes_on_after_a_lost_connection(camera):
    page = camera()
    start(page)
    page.context.set_offline(True)
    page.evaluate("document.getElementById('prediction').textContent = ''")
    expect(page.locator("#problem")).to_contain_text("no connection")
    page.evaluate("document.getElementById('prediction').textContent = ''")
    page.context.set_offline(False)
    expect(page.locator("#prediction")).not_to_be_empty()
    expect(page.locator("#problem")).not_to_be_visible()


def test_a_third_camera_is_told_that_the_places_are_taken(camera):
    pages = [camera() for _ in range(3)]
    start(pages[0])
    start(pages[1])
    pages[2].get_by_role("button", name="Start the camera").click()
    expect(pages[2].locator("#problem")).to_contain_text("places for live cameras are taken")


def test_a_camera_that_is_not_allowed_is_explained(open_page):
    page = open_page("/camera")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("camera")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_breaks_no_accessibility_rule_and_fits_a_phone(camera, scheme):
    page = camera(color_scheme=scheme, viewport={"width": 390, "height": 844})
    found = violations(page)
    start(page)
    assert found + violations(page) == []
    assert_fits(page)


def test_it_says_what_it_needs_without_javascript(open_page):
    page = open_page("/camera", java_script_enabled=False)
    expect(page.get_by_text("needs JavaScript")).to_be_visible()
