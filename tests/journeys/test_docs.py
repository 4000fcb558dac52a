"""The browsable API page in a real browser: what it lists, its colours, the way back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("scheme", ("light", "dark"))
def test_the_api_page_lists_the_calls_in_the_colours_of_the_system(open_page, scheme):
    page = open_page("/docs", color_scheme=scheme)
    call = page.get_by_text("Analyse one file.")
    expect(call).to_be_visible()
    light = "el => getComputedStyle(el).color.match(/[0-9]+/g).slice(0, 3).every(c => c > 128)"
    assert call.evaluate(light) == (scheme == "dark")
    page.get_by_role("link", name="New check").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.url.endswith("/")
