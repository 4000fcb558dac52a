"""Journeys through the results page: reading, choosing moments, playing, deleting, access."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from backend.wording import ANSWERS, answer_kind, band_of, kind_of, labelled
from tests import made_media
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
    page.wait_for_selector("#verdict", timeout=PATIENCE)
    page.close()
    return urlsplit(page.url).path


@pytest.fixture
def result(open_page, analysed):
    """`result(**context options)` is the results page of a clip."""
    return lambda **options: open_page(analysed, **options)


def report(page) -> dict:
    address = page.get_by_role("link", name="Everything (JSON)").get_attribute("href")
    return page.request.get(address).json()


def test_the_page_says_what_the_report_says(result):
    page = result()
    answer = report(page)
    expect(page.locator("h1")).to_have_text(ANSWERS[answer_kind(answer)])
    for sentence in answer["explanation"]:
        expect(page.locator("main")).to_contain_text(sentence)
    expect(page.locator(".gallery li")).to_have_count(len(answer["frames"]))
    assert page.locator("#expires").get_attribute("datetime") == answer["expires_at"]
    expect(page.locator("#left")).to_contain_text("minutes")
    expect(page.locator("#analysed ~ table")).to_contain_text(answer["model"]["sha256"])
    expect(page.locator("#origin ~ table")).to_contain_text(answer["provenance"]["sha256"])
    expect(page.locator(".person")).to_have_count(len(answer["tracks"]))
    for sign in answer["signals"]:
        expect(page.locator("main")).to_contain_text(" ".join(sign["text"].split()))
    if answer["probability_fake"] is not None:
        band = band_of(answer["probability_fake"], answer["bands"])
        place = float(page.locator(".needle").get_attribute("x").rstrip("%")) / 100
        assert int(place * len(answer["bands"])) == answer["bands"].index(band)
        expect(page.locator(".band.is-here")).to_have_text(ANSWERS[band["kind"]])


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_verdict_doubt_and_decisive_picture_are_in_the_first_screen(result, width, height):
    page = result(viewport={"width": width, "height": height})
    for part in ("h1", ".sure", ".decisive img:not(.heat)"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= height


def test_pictures_are_enlarged_by_keyboard(result):
    page = result()
    picture = page.locator(".decisive a")
    picture.focus()
    page.keyboard.press("Enter")
    viewer, caption = page.locator("#viewer"), page.locator("#viewer-caption")
    expect(viewer).to_be_visible()
    first = caption.inner_text()
    page.keyboard.press("ArrowRight")
    expect(caption).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(viewer).not_to_be_visible()
    expect(picture).to_be_focused()


def shown(page) -> str:
    """The address of the picture of the chosen moment."""
    return page.locator("#moment-image").get_attribute("src")


def test_a_moment_is_chosen_by_key_mouse_and_finger(result):
    page = result(has_touch=True)
    frames = report(page)["frames"]
    slider = page.get_by_role("slider", name="Moment of the clip")
    slider.focus()
    page.keyboard.press("Home")
    assert shown(page).endswith(frames[0])
    page.keyboard.press("ArrowRight")
    assert shown(page).endswith(frames[1])
    assert slider.get_attribute("aria-valuenow") == "2"
    assert "Person 1" in slider.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    assert shown(page).endswith(frames[-1])
    expect(page.locator("#later")).to_be_disabled()
    field = page.locator(".u-over")
    box = field.bounding_box()
    field.click(position={"x": 2, "y": 20})
    assert shown(page).endswith(frames[0])
    field.tap(position={"x": box["width"] - 2, "y": 20})
    assert shown(page).endswith(frames[-1])
    page.get_by_role("button", name="Earlier").click()
    assert shown(page).endswith(frames[-2])
    page.locator(".gallery a").nth(2).click()
    assert shown(page).endswith(frames[2])
    expect(page.locator(".gallery a[aria-current]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    assert shown(page).endswith(frames[1])


def test_a_persons_picture_leads_to_its_moment(result):
    page = result()
    first = report(page)["tracks"][0]["pictures"][-1]
    page.locator(".faces a").last.click()
    assert shown(page).endswith(f"frame-{first['frame']:03}.jpg")
    expect(page.locator("#chart")).to_be_focused()


def test_the_table_has_the_numbers_of_the_drawing(result):
    page = result()
    page.get_by_text("The same as a table").click()
    rows = page.locator(".numbers tbody tr")
    expect(rows).to_have_count(len(report(page)["frames"]))
    expect(rows.first).to_contain_text("%")


def test_the_readers_own_file_plays_with_marked_faces_and_is_not_sent(result, clip, portrait):
    page = result()
    sent = []
    page.on("request", lambda request: request.method != "GET" and sent.append(request.url))
    choose, note = page.locator("#own-file"), page.locator("#player-note")
    choose.set_input_files(portrait)
    expect(note).to_contain_text("not the file that was analysed")
    expect(page.locator("#video")).not_to_be_visible()
    choose.set_input_files(clip)
    expect(note).to_contain_text("SHA-256")
    expect(page.locator("#video")).to_be_visible()
    page.locator("#chart").focus()
    page.keyboard.press("End")
    last = report(page)["frame_analysis"]["frames"][-1]
    page.wait_for_function("(time) => Math.abs(video.currentTime - time) < 0.1", arg=last["time"])
    expect(page.locator("#boxes rect")).to_have_count(len(last["faces"]))
    assert float(page.locator("#boxes rect").first.get_attribute("x")) == last["faces"][0]["box"][0]
    p = last["faces"][0]["probability"]
    said = labelled("Person 1", kind_of(p, report(page)["bands"]), p)  # as on the pictures
    expect(page.locator("#boxes text").first).to_have_text(said)
    assert sent == []


def test_another_file_of_the_same_size_is_not_played(result, clip, tmp_path):
    page = result()
    other = tmp_path / "clip.mp4"
    other.write_bytes(bytes(clip.stat().st_size))
    choose, note = page.locator("#own-file"), page.locator("#player-note")
    choose.set_input_files(other)
    expect(note).to_contain_text("not the file that was analysed")
    # As on plain http to another machine, where browsers offer no SHA-256.
    page.evaluate("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    choose.set_input_files(other)
    expect(note).to_contain_text("cannot play this kind of file")


def test_without_javascript_everything_can_be_read(result):
    page = result(java_script_enabled=False)
    expect(page.locator(".timeline .still")).to_be_visible()
    expect(page.locator("#chart, #moment, #player")).to_have_count(3)
    for unusable in ("#chart", "#moment", "#player"):
        expect(page.locator(unusable)).not_to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.locator(".numbers table")).to_be_visible()


def test_the_page_is_light_and_loads_nothing_from_outside(result, live_server):
    page = result()
    loaded, weights = [], []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("requestfinished", lambda request: weights.append(
        0 if request.resource_type == "image" else request.sizes()["responseBodySize"]
    ))  # fmt: skip
    page.reload()
    page.wait_for_load_state("networkidle")
    assert all(url.startswith(live_server.url) for url in loaded)
    assert 50_000 < sum(weights) < 300_000


def test_on_paper_nothing_is_folded_away_or_left_to_click(result):
    page = result()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator(".timeline .still")).to_be_visible()
    expect(page.locator(".numbers table")).to_be_visible()
    for useless in ("#chart", "#player", "#delete", ".saving", ".switch"):
        expect(page.locator(useless)).not_to_be_visible()
    sheets = [sheet.extract_text().split() for sheet in PdfReader(BytesIO(page.pdf())).pages]
    assert "Undecided" in sheets[0] and min(map(len, sheets)) > 10  # none is empty


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
    expect(page.locator("#heat-key")).to_contain_text("looks manipulated")
    assert violations(page) == []
    page.locator(".gallery a").nth(1).click()
    page.locator("#moment-link").click()
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
    """Whatever on the disk belongs to an analysis, but the note that it was deleted and when."""
    return [path for path in folder.rglob(f"*{id}*") if path.parent.name != ".deleted"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_rule_is_broken(result, scheme):
    page = result(color_scheme=scheme)
    problems = violations(page)
    for path in ("/", "/docs", "/model/", "/model/WEIGHTS_LICENSE.md", "/results/nothing-here"):
        page.goto(path)
        problems += violations(page)
    assert problems == []


def violations(page) -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("(tags) => axe.run({ runOnly: tags })", TAGS)
    return [f"{page.url} {v['id']} {v['nodes'][0]['html']}" for v in found["violations"]]


def test_nothing_is_wider_than_a_phone(result):
    page = result(viewport={"width": 320, "height": 640})
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert_fits(page)
    for path in ("/", "/camera", "/model/", "/docs", "/results/nothing-here"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert_fits(page)


def assert_fits(page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.viewport_size["width"], page.url


def upload(page, path: Path) -> dict:
    """Send a file through the page; its report, once its results are open."""
    page.set_input_files("#file", path)
    page.wait_for_url("**/results/*")
    page.wait_for_selector("#verdict")
    return report(page)


def test_of_two_people_the_verdict_names_the_one_who_decided(open_page, tmp_path):
    page = open_page()
    answer = upload(page, made_media.crossing(tmp_path / "two.mp4"))
    people = page.locator(".person h3")
    assert people.all_inner_texts() == [track["name"] for track in answer["tracks"]]
    expect(page.locator(".person").first).to_contain_text("decides the answer")
    if answer["prediction"] != "Real":
        expect(page.locator(".meaning")).to_contain_text(answer["tracks"][0]["name"])
    expect(page.locator(".chart-key li")).to_have_text(people.all_inner_texts())
    page.locator("#chart").focus()
    page.keyboard.press("Home")
    spoken = page.locator("#chart").get_attribute("aria-valuetext")
    assert "Person 1" in spoken and "Person 2" in spoken
    assert violations(page) == []
    assert_fits(open_page(urlsplit(page.url).path, viewport={"width": 390, "height": 844}))


def test_a_face_in_half_of_a_clip_is_a_line_that_ends(open_page, tmp_path):
    face, empty = made_media.astronaut(256, 256), np.full((256, 256, 3), 90, np.uint8)
    path = made_media.clip_of(tmp_path / "half.mp4", [face] * 25 + [empty] * 25)
    page = open_page()
    answer = upload(page, path)
    assert answer["tracks"][0]["share"] == pytest.approx(0.5, abs=0.1)
    expect(page.locator(".person")).to_contain_text("of the moments looked at")
    page.locator("#chart").focus()
    page.keyboard.press("End")
    expect(page.locator("#chart")).to_have_attribute(
        "aria-valuetext", re.compile("nobody could be judged")
    )
    expect(page.locator("#moment-caption")).to_contain_text("no face found")


def test_a_clip_without_a_face_says_so_and_still_shows_its_moments(open_page, tmp_path):
    empty = [np.full((240, 320, 3), level, np.uint8) for level in range(60, 160, 4)]
    page = open_page()
    answer = upload(page, made_media.clip_of(tmp_path / "empty.mp4", empty))
    assert answer["reasons"] == ["no_face"]
    expect(page.locator(".meaning")).to_contain_text("could be judged, so there is no score")
    for absent in ("#chart", ".person", ".scale"):
        expect(page.locator(absent)).to_have_count(0)
    page.get_by_role("button", name="Later").click()
    assert shown(page).endswith(answer["frames"][1])
    assert violations(page) == []


def test_a_clip_of_one_frame_is_shown_like_a_picture(open_page, tmp_path):
    page = open_page()
    answer = upload(
        page, made_media.clip_of(tmp_path / "one.mp4", [made_media.astronaut(256, 256)])
    )
    assert len(answer["frames"]) == 1
    expect(page.locator(".decisive img:not(.heat)")).to_be_visible()
    expect(page.locator(".moments, #chart")).to_have_count(0)
