"""A journey of somebody in a team: asked to sign in, a wrong key, a picture, the camera, out."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.journeys.test_results import assert_fits, violations


def test_people_sign_in_work_and_sign_out(open_page, make_server, portrait):
    server = make_server(DEEPFAKE_API_KEYS='["a key"]', DEEPFAKE_PASSWORD="for people")
    page = open_page("/batch", base_url=server.url, viewport={"width": 320, "height": 640})
    box, button = page.get_by_label("Key or password"), page.get_by_role("button", name="Sign in")
    expect(box).to_be_focused()
    assert violations(page) == []
    box.fill("wrong")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("not a key or a password")
    assert violations(page) == []
    told = []
    page.on("websocket", lambda line: line.on("framereceived", lambda each: told.append(str(each))))
    box.fill("for people")
    button.click()
    page.wait_for_url("**/batch")
    page.set_input_files("#file", portrait)
    page.wait_for_url("**/results/*")
    picture = page.locator(".decisive img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }")
    assert any("connection_status" in each for each in told)
    assert page.goto("/camera").status == 200
    assert_fits(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
