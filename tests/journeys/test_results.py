"""Journeys through the results page: reading it, enlarging pictures, deleting, accessibility."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import PATIENCE

AXE = Path(__file__).parent.parent / "vendor" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def analysed(chromium, live_server, clip) -> str:
    """The address of a clip's results, analysed once for the tests that only read them."""
    page = chromium.new_page()
    page.goto(live_server.url)
    page.set_input_files("#file", clip)
    page.wait_for_url("**/results/*", timeout=PATIENCE)
    page.close()
    return urlsplit(page.url).path


@pytest.fixture
def result(open_page, analysed):
    """`result(**context options)` is the results page of a clip."""
    return lambda **options: open_page(analysed, **options)


def report(page) -> dict:
    address = page.get_by_role("link", name="The same answer as JSON").get_attribute("href")
    return page.request.get(address).json()


def test_the_page_says_what_the_report_says(result):
    page = result()
    answer = report(page)
    expect(page.locator("h1")).to_have_text(answer["prediction"])
    for sentence in answer["explanation"]:
        expect(page.locator("main")).to_contain_text(sentence)
    expect(page.locator(".gallery li")).to_have_count(len(answer["frames"]))
    assert page.locator("#expires").get_attribute("datetime") == answer["expires_at"]
    expect(page.locator("#left")).to_contain_text("minutes")
    expect(page.locator("table").last).to_contain_text(answer["model"]["sha256"][:12])
    if answer["probability_fake"] is not None:
        needle = float(page.locator(".needle").get_attribute("x").rstrip("%"))
        assert needle == pytest.approx(100 * answer["probability_fake"])


def test_verdict_and_decisive_picture_are_in_the_first_screen(result):
    page = result(viewport={"width": 1280, "height": 800})
    for part in ("h1", ".decisive img:not(.heat)"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800


def test_pictures_are_enlarged_by_keyboard(result):
    page = result()
    second = page.locator(".gallery a").nth(1)
    second.focus()
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    expect(viewer).to_be_visible()
    expect(page.locator("#viewer-caption")).to_contain_text("(2 of")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-caption")).to_contain_text("(3 of")
    page.keyboard.press("Escape")
    expect(viewer).not_to_be_visible()
    expect(second).to_be_focused()


def test_where_the_model_looked_is_fetched_and_shown_only_when_asked(result):
    page = result()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_load_state("networkidle")
    switch = page.get_by_role("switch", name="Where the model looked")
    layer = page.locator(".decisive .heat")
    assert not switch.is_checked() and not any("heat-" in url for url in asked)
    expect(page.locator("#heat-key")).not_to_be_visible()
    switch.focus()
    page.keyboard.press("Space")
    assert layer.evaluate("async (image) => (await image.decode(), image.naturalWidth)") > 0
    assert layer.bounding_box() == page.locator(".decisive img:not(.heat)").bounding_box()
    expect(page.locator("#heat-key")).to_contain_text("no outline of what was changed")
    assert violations(page) == []
    page.locator(".gallery a").nth(1).click()
    enlarged = page.locator("#viewer-heat")
    frames = report(page)["frame_analysis"]["frames"]
    expect(enlarged).to_have_attribute("src", frames[1]["heat_map"])
    assert enlarged.bounding_box() == page.locator("#viewer-image").bounding_box()
    page.keyboard.press("Escape")
    switch.uncheck()
    expect(layer).not_to_be_visible()


def test_where_the_model_looked_needs_no_javascript(result):
    page = result(java_script_enabled=False)
    page.get_by_role("switch", name="Where the model looked").check()
    expect(page.locator(".decisive .heat")).to_be_visible()


def test_delete_now_asks_and_then_everything_is_gone(open_page, live_server, portrait):
    page = open_page()
    page.set_input_files("#file", portrait)
    page.wait_for_url("**/results/*")
    id, picture = report(page)["id"], report(page)["frames"][0]
    assert kept(live_server.folder, id)
    page.get_by_role("button", name="Delete now").click()
    page.get_by_role("button", name="Keep it").click()
    assert kept(live_server.folder, id)
    page.get_by_role("button", name="Delete now").click()
    page.locator("#sure").get_by_role("button", name="Delete now").click()
    page.wait_for_url("**/?deleted=1")
    expect(page.locator(".notice")).to_contain_text("deleted")
    assert not kept(live_server.folder, id)
    assert page.request.get(picture).status in (404, 410)
    assert page.goto(f"/results/{id}").status in (404, 410)
    expect(page.get_by_role("alert")).not_to_be_empty()


def kept(folder: Path, id: str) -> list[Path]:
    """Whatever on the disk belongs to an analysis."""
    return list(folder.rglob(f"*{id}*"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_rule_is_broken(result, scheme):
    page = result(color_scheme=scheme)
    problems = violations(page)
    for path in ("/", "/results/nothing-here"):
        page.goto(path)
        problems += violations(page)
    assert problems == []


def violations(page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run({ runOnly: tags })", TAGS)
    return [f"{page.url} {v['id']} {v['nodes'][0]['html']}" for v in found["violations"]]


def test_nothing_is_wider_than_a_phone(result):
    page = result(viewport={"width": 390, "height": 844})
    assert_fits(page)
    for path in ("/", "/results/nothing-here"):
        page.goto(path)
        assert_fits(page)


def assert_fits(page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
