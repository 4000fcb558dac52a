"""Journeys through the page of a sound file, and of a clip with sound."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from backend.wording import ANSWERS, answer_kind
from tests import made_sound
from tests.journeys.test_results import assert_fits, upload, violations


@pytest.fixture(scope="module")
def heard(chromium, live_server) -> str:
    """The address of the results of a recording."""
    page = chromium.new_page(base_url=live_server.url)
    page.goto("/")
    answer = upload(page, made_sound.SPEECH)
    page.close()
    return answer["url"]


def test_a_recording_is_read_heard_and_sought_in(open_page, heard):
    page = open_page(heard)
    title = page.locator("h1").inner_text()
    assert title in (*ANSWERS.values(), "No manipulation found")
    for part in ("h1", ".sure", ".is-sound", "#recording"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= page.viewport_size["height"] + 120, part
    player = page.locator("#recording")
    assert player.evaluate(
        "async (audio) => { audio.muted = true; await audio.play(); return audio.duration }"
    ) == pytest.approx(8.6, abs=0.2)
    expect(page.locator(".playhead")).to_be_visible()
    drawing = page.locator(".voice-drawings")
    box = drawing.bounding_box()
    player.evaluate("(audio) => audio.pause()")
    drawing.click(position={"x": 56 + (box["width"] - 78) / 2, "y": 40})
    assert player.evaluate("(audio) => audio.currentTime") == pytest.approx(4.3, abs=0.3)
    page.get_by_text("The voice as a table").click()
    expect(page.locator("#voice ~ details tbody tr")).not_to_have_count(0)
    expect(page.get_by_role("link", name="Voice (CSV)")).to_be_visible()
    expect(page.get_by_role("link", name="Frames (CSV)")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_recording_fits_a_phone_and_breaks_no_rule(open_page, heard, scheme):
    page = open_page(heard, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert_fits(page)
    assert violations(page) == []


def test_a_recording_needs_no_javascript_and_prints(open_page, heard):
    page = open_page(heard, java_script_enabled=False)
    for part in (".voice-scores", ".spectrogram", "#recording"):
        expect(page.locator(part)).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".voice-scores")).to_be_visible()
    expect(page.locator("#recording")).not_to_be_visible()


def test_a_clip_with_sound_tells_face_and_voice_apart_over_one_axis(open_page, clip, tmp_path):
    page = open_page()
    path = made_sound.clip_with(tmp_path / "talks.mp4", clip, made_sound.speech(4))
    answer = upload(page, path)
    apart = page.locator(".apart li")
    expect(apart).to_have_count(2)
    assert {text.split(":")[0] for text in apart.all_inner_texts()} == {"The voice", "The face"}
    expect(page.locator("h1")).to_contain_text(
        "No manipulation found" if answer["prediction"] == "Real" else ANSWERS[answer_kind(answer)]
    )
    voice = page.locator(".timeline .voice-scores .field").bounding_box()
    faces = page.locator(".timeline .u-over").bounding_box()
    assert voice["x"] == pytest.approx(faces["x"], abs=3)
    assert voice["width"] == pytest.approx(faces["width"], abs=6)
    marked = page.locator(".timeline .playhead")
    before = marked.bounding_box()["x"]
    page.get_by_role("slider", name="Moment of the clip").focus()
    page.keyboard.press("End")
    assert marked.bounding_box()["x"] > before
    page.locator(".timeline .voice-drawings").click(position={"x": 60, "y": 60})
    expect(page.locator("#chart")).to_have_attribute("aria-valuenow", "1")
    assert violations(page) == []
    assert_fits(open_page(urlsplit(page.url).path, viewport={"width": 390, "height": 844}))
