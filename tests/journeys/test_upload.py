"""Journeys through the upload page: every way in, every way it can end."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from playwright.sync_api import expect

from backend.wording import ANSWERS

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


def transfer(page, path: Path, name: str, type_: str):
    """A real DataTransfer holding the file, as the browser makes it when a person drags."""
    content = base64.b64encode(path.read_bytes()).decode()
    return page.evaluate_handle(
        """async ([content, name, type]) => {
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type }));
            return transfer;
        }""",
        [content, name, type_],
    )


def drop(page, path: Path, name: str, type_: str) -> None:
    carried = transfer(page, path, name, type_)
    for event in ("dragenter", "dragover"):
        page.dispatch_event(".zone", event, {"dataTransfer": carried})
    expect(page.locator("body")).to_have_class("dragging")
    page.dispatch_event(".zone", "drop", {"dataTransfer": carried})
    expect(page.locator("body")).not_to_have_class("dragging")


def expect_answer(page, name: str) -> None:
    page.wait_for_url("**/results/*")
    page.wait_for_selector("#verdict")  # the page of an analysis that runs becomes it
    assert page.locator("h1").inner_text().strip() in ANSWERS.values()
    expect(page.locator(".subject")).to_have_text(name)
    picture = page.locator(".decisive img:not(.heat)")
    assert picture.evaluate("async (image) => (await image.decode(), image.naturalWidth)") > 0


def test_an_image_is_dropped(open_page, portrait):
    page = open_page()
    drop(page, portrait, "portrait.jpg", "image/jpeg")
    expect_answer(page, "portrait.jpg")


def test_a_clip_is_dropped_and_its_moments_are_shown(open_page, clip):
    page = open_page()
    drop(page, clip, "clip.mp4", "video/mp4")
    expect_answer(page, "clip.mp4")
    assert page.locator(".gallery img").count() > 1
    expect(page.locator(".timeline canvas")).to_be_visible()


def test_a_file_is_chosen_by_keyboard(open_page, portrait):
    page = open_page()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "file":
            break
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    for _ in range(30):  # Chromium on a busy machine now and then swallows a key, or is late
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        if choosers:
            break
    choosers[0].set_files(portrait)
    expect_answer(page, "portrait.jpg")


def test_an_image_is_pasted(open_page, portrait):
    page = open_page()
    carried = transfer(page, portrait, "image.jpg", "image/jpeg")
    page.evaluate(
        """(clipboardData) => document.body.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData, bubbles: true }))""",
        carried,
    )
    expect_answer(page, "image.jpg")


# Notes each new text of the stage line in the session, which outlives the change of page.
WATCH = """new MutationObserver(() => {
    const text = document.getElementById("stage")?.textContent;
    const seen = JSON.parse(sessionStorage.seen ?? "[]");
    if (text && text !== seen.at(-1)) sessionStorage.seen = JSON.stringify([...seen, text]);
}).observe(document, { childList: true, subtree: true, characterData: true });"""

# A worker that stays in each stage of its one job until it is sent a line.
STEPS = """
import time
from backend.analysis.pipeline import build_pipeline
from backend.analysis.progress import Progress
from backend.jobs import Jobs
from backend.settings import load_settings
from backend.storage.store import Storage

class Steps:
    def analyse(self, upload, into, on_progress):
        for number, stage in enumerate(("faces", "scores", "pictures")):
            on_progress(Progress(stage, number / 3))
            input()
        return pipeline.analyse(upload, into)

settings = load_settings()
pipeline = build_pipeline(settings)
Jobs(settings, Storage(settings), Steps()).start()
time.sleep(600)
"""


def test_every_stage_is_shown(open_page, idle_server, portrait):
    page = open_page(None, base_url=idle_server.url)
    page.add_init_script(WATCH)
    page.goto("/")
    page.set_input_files("#file", portrait)
    expect(page.locator("#stage")).to_have_text("Waiting for a free place")
    worker = idle_server.start_worker("-c", STEPS, stdin=subprocess.PIPE, text=True)
    stages = ["Looking for faces", "Judging the faces", "Drawing the pictures"]
    for stage in stages:
        expect(page.locator("#stage")).to_have_text(stage)
        print(file=worker.stdin, flush=True)
    expect_answer(page, "portrait.jpg")
    seen = page.evaluate("JSON.parse(sessionStorage.seen)")
    assert seen == ["Uploading", "Uploaded", "Waiting for a free place", *stages, "Done"]


def test_an_upload_is_cancelled_and_the_next_one_works(open_page, portrait):
    page = open_page()
    page.route("**/api/v1/analyses", lambda route: None)  # never arrives
    page.set_input_files("#file", portrait)
    expect(page.locator("#cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".zone")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Cancelled.")
    page.unroute("**/api/v1/analyses")
    page.set_input_files("#file", portrait)
    expect_answer(page, "portrait.jpg")


def test_a_refused_file_shows_the_servers_sentence_and_the_next_one_works(
    open_page, portrait, tmp_path
):
    page = open_page()
    wrong = tmp_path / "page.jpg"
    wrong.write_text("<!doctype html><title>not a picture</title>")
    with page.expect_response("**/api/v1/analyses") as answer:
        page.set_input_files("#file", wrong)
    problem = page.locator("#problem")
    expect(problem).to_be_focused()
    expect(problem).to_have_role("alert")
    assert answer.value.status == 415
    expect(problem).to_contain_text(answer.value.json()["error"]["message"])
    page.set_input_files("#file", portrait)
    expect_answer(page, "portrait.jpg")


def test_a_file_over_the_limit_is_refused_before_it_is_sent(open_page, tmp_path):
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    big = tmp_path / "big.jpg"
    with big.open("wb") as file:
        file.truncate(101_000_000)
    page.set_input_files("#file", big)
    expect(page.locator("#problem")).to_contain_text("larger than the limit")
    assert not any(url.endswith("/analyses") for url in sent)


def test_a_busy_server_offers_to_try_again_when_it_said(open_page, portrait):
    page = open_page()
    body = '{"status":"error","error":{"code":"busy","message":"All places are taken."}}'
    headers = {"Retry-After": "2", "Content-Type": "application/json"}
    busy = {"status": 503, "headers": headers, "body": body}
    page.route("**/api/v1/analyses", lambda route: route.fulfill(**busy))
    page.set_input_files("#file", portrait)
    expect(page.locator("#problem")).to_contain_text("All places are taken.")
    retry = page.locator("#retry")
    expect(retry).to_be_disabled()
    page.unroute("**/api/v1/analyses")
    expect(retry).to_be_enabled()
    retry.click()
    expect_answer(page, "portrait.jpg")


def test_a_hostile_file_name_is_shown_as_text(open_page, portrait):
    page = open_page()
    drop(page, portrait, HOSTILE, "image/jpeg")
    expect_answer(page, HOSTILE)
    assert page.locator('img[src="x"]').count() == 0


def test_the_form_works_without_javascript(open_page, portrait):
    page = open_page(java_script_enabled=False)
    page.set_input_files("#file", portrait)
    page.click("button[type=submit]")
    page.wait_for_url("**/results/*")
    expect(page.locator(".subject")).to_have_text("portrait.jpg")
    page.click("#delete button")
    page.wait_for_url("**/?deleted=1")
    expect(page.get_by_role("status").first).to_contain_text("deleted")


def test_a_refused_file_without_javascript_gets_a_page_with_the_sentence(open_page, tmp_path):
    page = open_page(java_script_enabled=False)
    wrong = tmp_path / "page.jpg"
    wrong.write_text("<!doctype html>")
    page.set_input_files("#file", wrong)
    with page.expect_response("**/predict") as answer:
        page.click("button[type=submit]")
    assert answer.value.status == 415
    expect(page.get_by_role("alert")).to_contain_text(".jpg")
    page.get_by_role("link", name="Check another file").click()
    expect(page.locator("#file")).to_be_visible()


# The answer of the server is heard of late.
SLOW_ANSWER = """Object.defineProperty(XMLHttpRequest.prototype, "onload", {
    set(heard) { this.addEventListener("load", () => setTimeout(() => heard.call(this), 3000)); }
});"""


def test_what_is_cancelled_after_it_has_arrived_is_deleted(open_page, portrait):
    page = open_page(None)
    page.add_init_script(SLOW_ANSWER)
    page.goto("/")
    with page.expect_request(lambda request: request.method == "DELETE") as deleting:
        with page.expect_response("**/api/v1/analyses"):
            page.set_input_files("#file", portrait)
        page.locator("#cancel").click()
        expect(page.locator("#upload")).to_be_visible()
    assert deleting.value.response().status == 204
    assert page.request.get(deleting.value.url).status == 410
