"""Fixtures of the journeys: a real Chromium, and pages that report what must not happen."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000  # ms; an analysis on a busy machine
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def launch():
    """`launch(*arguments)` starts a browser: CHROMIUM, else the system's, else Playwright's own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    path = os.environ.get("CHROMIUM") or found
    with sync_playwright() as playwright:
        yield lambda *more: playwright.chromium.launch(
            executable_path=path, args=[*ARGUMENTS, *more]
        )


@pytest.fixture(scope="session")
def chromium(launch):
    """The browser of all journeys that need no other."""
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture
def open_page(chromium, live_server):
    """`open_page(path, **context options)` opens a page of the server, or of that at `base_url`.

    Violations of the Content-Security-Policy and script errors are collected in `page.faults`,
    and the test fails at its end when there are any.
    """
    contexts, pages = [], []

    def open_(path: str = "/", **options):
        context = chromium.new_context(**{"base_url": live_server.url} | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(f"script: {error}"))
        page.on("console", lambda message: _note(page, message))
        page.asked = False
        page.on("dialog", lambda dialog: _answer(page, dialog))
        if path:
            page.goto(path)
        pages.append(page)
        return page

    yield open_
    faults = [fault for page in pages for fault in page.faults]
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def idle_server(make_server):
    """One that begins no job before it has a worker: what is open by then was never done."""
    return make_server(DEEPFAKE_SERVE_JOBS="false")


def _note(page, message) -> None:
    if "Content Security Policy" in message.text:
        page.faults.append(message.text)


def _answer(page, dialog) -> None:
    """Leave a page that asks whether to; any other dialog is a fault."""
    if dialog.type == "beforeunload":
        page.asked = True
        dialog.accept()
    else:
        page.faults.append("alert")
        dialog.dismiss()
