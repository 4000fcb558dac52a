"""Journeys with many files: a folder, the table that fills, downloads, reload, a busy server."""

from __future__ import annotations

import csv
import json

import pytest
from playwright.sync_api import expect

from tests import made_media
from tests.journeys.test_results import assert_fits, violations

BUSY = '{"status":"error","error":{"code":"busy","message":"All places are taken."}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three photos, one of them without a face, a broken one, and a note that is no picture."""
    folder = tmp_path_factory.mktemp("media") / "holiday"
    folder.mkdir()
    made_media.astronaut_jpeg(folder / "one.jpg", (400, 400))
    made_media.astronaut_jpeg(folder / "two.jpg", (360, 360))
    made_media.Image.new("RGB", (200, 200), "grey").save(folder / "wall.png")
    (folder / "broken.jpg").write_text("<!doctype html>")
    (folder / "notes.txt").write_text("no picture")
    return folder


def rows(page) -> list[str]:
    return page.locator("#files tbody tr td:first-child").all_inner_texts()


def expect_end(page, title: str) -> None:
    expect(page.locator("#batch-title")).to_have_text(title)


def test_a_folder_fills_the_table_which_is_sorted_filtered_and_saved(open_page, folder, tmp_path):
    page = open_page()
    page.set_input_files("#folder", folder)
    page.get_by_role("link", name="one.jpg").focus()
    expect_end(page, "4 of 4 files checked")
    expect(page.get_by_role("link", name="one.jpg")).to_be_focused()
    expect(page.locator("#files")).to_contain_text("Cannot be judged No face was found.")
    assert page.url.endswith("/batch")
    names = [f"holiday/{name}" for name in ("broken.jpg", "one.jpg", "two.jpg", "wall.png")]
    assert rows(page) == names
    expect(page.locator("#skipped")).to_have_text("1 other file left out.")
    page.locator("th[data-sort=file] button").click()
    page.locator("th[data-sort=file] button").click()
    assert rows(page) == names[::-1]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.locator("th[data-sort=probability] button").click()
    assert set(rows(page)[:2]) == set(names[1:3])
    page.locator("th[data-sort=verdict] button").click()
    assert rows(page).index(names[3]) < rows(page).index(names[0])  # a broken file has no answer
    page.get_by_label("Show").select_option("Cannot be judged")
    assert rows(page) == names[3:]
    page.get_by_label("Show").select_option("without an answer")
    assert rows(page) == names[:1]
    page.get_by_label("Show").select_option("all files")
    assert violations(page) == []

    saved = {}
    for kind in ("Save CSV", "Save JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).click()
        saved[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[kind])
    answers = json.loads(saved["Save JSON"].read_text())
    with saved["Save CSV"].open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["path"] for row in answers] == [row["path"] for row in table] == names
    assert answers[0]["error"]["code"] == "type_mismatch"
    assert answers[3]["reasons"] == ["no_face"] and answers[3]["probability_fake"] is None
    assert [row["judged"] for row in answers] == [None, True, True, False]
    assert [row["judged"] for row in table] == ["", "true", "true", "false"]
    assert float(table[1]["probability_fake"]) == answers[1]["probability_fake"]

    with page.expect_popup() as popup:  # a page of its own: the batch may still be at work
        page.get_by_role("link", name="one.jpg").click()
    expect(popup.value.locator(".subject")).to_have_text("one.jpg")
    popup.value.close()
    page.go_back()
    expect(page.get_by_role("heading", name="Was this face or voice faked?")).to_be_visible()
    expect(page.locator("#batch")).not_to_be_visible()


def test_many_dropped_files_survive_a_reload_and_can_be_chosen_again(open_page, folder):
    page = open_page()
    # The second file is never answered: it is lost with the page that was sending it.
    sent = []

    def stall(route):
        sent.append(route)
        if len(sent) == 1:
            route.continue_()

    page.route("**/api/v1/analyses", stall)
    page.set_input_files("#file", [folder / "one.jpg", folder / "two.jpg"])
    expect(page.get_by_role("link", name="one.jpg")).to_be_visible()
    page.reload()
    assert page.asked  # two.jpg would be lost
    page.unroute("**/api/v1/analyses")
    expect(page.get_by_role("link", name="one.jpg")).to_be_visible()
    expect(page.locator("#files")).to_contain_text("Choose it again")
    expect_end(page, "1 of 2 files checked")
    expect(page.locator("#summary")).to_contain_text("1 not sent")
    page.set_input_files("#file", folder / "two.jpg")
    expect(page.get_by_role("link", name="two.jpg")).to_be_visible()
    assert rows(page) == ["one.jpg", "two.jpg"]


def test_a_folder_with_nothing_to_judge_says_so(open_page, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no picture")
    page = open_page()
    page.set_input_files("#folder", tmp_path / "notes")
    expect(page.locator("#problem")).to_contain_text("None of the 1 files")
    expect(page.locator("#batch")).not_to_be_visible()


def test_a_browser_that_keeps_nothing_still_has_its_batch(open_page, folder):
    page = open_page()
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', "
        "{get() { throw new DOMException('', 'SecurityError'); }});"
    )
    page.reload()
    page.set_input_files("#file", [folder / "one.jpg", folder / "two.jpg"])
    expect_end(page, "2 of 2 files checked")
    expect(page.locator("#skipped")).to_contain_text("not be found again")


def test_a_busy_server_is_asked_again_when_it_said(open_page, folder):
    page = open_page()
    answers = []

    def busy_at_first(route):
        answers.append(route)
        if len(answers) > 2:
            route.continue_()
        else:
            headers = {"Retry-After": "1", "Content-Type": "application/json"}
            route.fulfill(status=503, headers=headers, body=BUSY)

    page.route("**/api/v1/analyses", busy_at_first)
    page.set_input_files("#file", [folder / "one.jpg", folder / "two.jpg"])
    expect(page.locator("#pause")).to_contain_text("going on in")
    expect_end(page, "2 of 2 files checked")
    assert page.locator("#files a").count() == 2 and len(answers) == 4


def test_cancelling_all_deletes_what_was_sent_and_sends_no_more(open_page, make_server, tmp_path):
    server = make_server(DEEPFAKE_SERVE_JOBS="false")  # nothing is done before it is cancelled
    page = open_page(base_url=server.url, viewport={"width": 390, "height": 844})
    clip = made_media.astronaut_clip(tmp_path / "long.mp4", seconds=20, size=(1280, 720), gop=250)
    copies = [clip]
    for name in ("second.mp4", "third.mp4", "fourth.mp4", "fifth.mp4"):
        copies.append(tmp_path / name)
        copies[-1].write_bytes(clip.read_bytes())
    with page.expect_response("**/api/v1/analyses") as accepted:
        page.set_input_files("#file", copies)
    [first] = accepted.value.json()["analyses"]
    assert_fits(page)
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator("#files")).to_contain_text("Cancelled")
    expect(page.locator("#summary")).to_contain_text("cancelled")
    expect(page.locator("#batch-title")).not_to_have_text("5 of 5 files checked")
    expect(page.get_by_role("button", name="New batch")).to_be_visible()
    for _ in range(50):  # the page asks for it and waits for no answer
        if page.request.get(first["status_url"]).status == 410:
            break
        page.wait_for_timeout(100)
    assert page.request.get(first["status_url"]).status == 410
    page.get_by_role("button", name="New batch").click()
    page.wait_for_url("**/")
    expect(page.locator("#batch")).not_to_be_visible()


def test_names_are_text_in_the_table_and_harmless_in_a_spreadsheet(open_page, tmp_path):
    page = open_page()
    names = ["<img src=x onerror=alert(1)>.jpg", "=1+1.jpg"]
    for name in names:
        (tmp_path / name).write_text("<!doctype html>")
    page.set_input_files("#file", [tmp_path / name for name in names])
    expect_end(page, "2 of 2 files checked")
    assert sorted(rows(page)) == sorted(names)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save CSV").click()
    assert '"\'=1+1.jpg"' in download.value.path().read_text()
