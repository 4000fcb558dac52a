"""The page of the API in a real browser, without scripts: its calls, its objects, the way back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.test_results import violations


@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_the_api_page_lists_calls_and_objects_and_breaks_no_rule(open_page, scheme):
    page = open_page("/docs", color_scheme=scheme)
    expect(page.get_by_text("Analyse one file.")).to_be_visible()
    assert violations(page) == []
    spec = page.request.get("/openapi.json").json()
    for path, methods in spec["paths"].items():
        for method in methods:
            expect(
                page.get_by_role("heading", name=f"{method.upper()} {path}", exact=True)
            ).to_be_visible()
    for name in spec["components"]["schemas"]:
        expect(page.locator(f"h3[id='{name}']")).to_have_text(name)
    broken = "links => links.filter(a => !document.getElementById(decodeURI(a.hash.slice(1))))"
    assert page.locator("main a[href^='#']").evaluate_all(f"{broken}.length") == 0
    page.get_by_role("link", name="New check").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url.endswith("/")


def test_the_api_page_needs_no_script(open_page):
    page = open_page("/docs", java_script_enabled=False)
    page.get_by_role("link", name="POST /predict", exact=True).click()
    table = page.locator("#post-predict ~ .wide").first
    expect(table.get_by_role("row", name="file file")).to_contain_text("pictures")
