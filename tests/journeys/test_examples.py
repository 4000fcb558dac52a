"""The examples in JavaScript: React's, built, served, of another origin; and that of Node.js."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import expect

from backend.settings import ROOT
from tests.journeys.conftest import PATIENCE
from tests.journeys.test_results import violations

EXAMPLE = ROOT / "examples" / "react"
REPORT = re.compile("/api/v1/analyses/.+")
PORT = 3000  # the origin that is allowed by default
IN_CI = bool(os.environ.get("CI"))


def npm() -> str:
    """The program, from Debian's package where there is none and this may install it."""
    if not shutil.which("npm") and os.getuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "npm"]
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(install, check=False, stdout=subprocess.DEVNULL)
    found = shutil.which("npm")
    if found is None:
        unavailable("npm is not installed and could not be")
    return found


def unavailable(reason: str) -> None:
    """Skip, but not where all of it must run."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def built(tmp_path_factory, live_server):
    """The folder of the example, built for the live server, in a copy."""
    folder = tmp_path_factory.mktemp("react") / "react"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    install = [npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        unavailable(f"npm could not install what the example needs: {done.stderr[-300:]}")
    environment = os.environ | {"VITE_DETECTOR": live_server.url}
    subprocess.run([npm(), "run", "build"], cwd=folder, env=environment, check=True)
    return folder


@pytest.fixture
def example(built, chromium):
    """The page in a browser."""
    server = subprocess.Popen([npm(), "run", "preview"], cwd=built, start_new_session=True)
    address = f"http://localhost:{PORT}/"
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(address).close()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < end
            time.sleep(0.1)
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    yield page
    context.close()
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


def test_it_shows_the_verdict_its_doubt_and_the_frames(example, clip, tmp_path):
    with (
        example.expect_websocket() as line,  # tells that it is done
        example.expect_response(lambda each: REPORT.search(each.url) and each.ok) as answer,
    ):
        example.set_input_files("input[type=file]", clip)
    assert "/socket.io/" in line.value.url
    report = answer.value.json()
    expect(example.locator("h2")).to_have_text(report["prediction"])
    expect(example.locator("article")).to_contain_text("undecided between")
    for sentence in report["explanation"]:
        expect(example.locator("article")).to_contain_text(sentence)
    pictures = example.locator(".frames img")
    expect(pictures).to_have_count(len(report["frames"]))
    assert pictures.first.evaluate("async (image) => (await image.decode(), image.naturalWidth)")
    assert violations(example) == []
    wrong = tmp_path / "page.jpg"
    wrong.write_text("<!doctype html>")
    example.set_input_files("input[type=file]", wrong)
    expect(example.get_by_role("alert")).to_contain_text("web page")


def test_node_sends_pieces_and_prints_each_step(built, live_server, clip, tmp_path):
    program = shutil.copy(EXAMPLE.parent / "node" / "live.js", built)  # beside its package

    def run(path):
        command = ["node", program, path, live_server.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    code, lines, _ = run(clip)
    prediction, probability = lines[-1].split()
    assert (
        code == 0 and prediction in ("Real", "Fake", "Inconclusive") and 0 < float(probability) < 1
    )
    assert any(re.fullmatch(r"\w+ \d+ %", line) for line in lines[:-1])
    wrong = tmp_path / "page.jpg"
    wrong.write_text("<!doctype html>")
    code, lines, message = run(wrong)
    assert (code, lines) == (3, []) and "web page" in message


def test_the_bookmark_opens_the_detector_with_the_largest_picture(chromium, live_server):
    context = chromium.new_context()
    page = context.new_page()
    page.goto((EXAMPLE.parent / "bookmarklet.html").as_uri())
    page.get_by_label("Your detector").fill(f"{live_server.url}/")
    code = unquote(page.get_by_role("link").get_attribute("href")).removeprefix("javascript:")
    page.goto(f"{live_server.url}/model")
    largest = page.evaluate(
        "[...document.images].sort((a, b) => b.width * b.height - a.width * a.height)[0].src"
    )
    with context.expect_page() as opened:
        page.evaluate(code)
    assert opened.value.url == f"{live_server.url}/?media_url={quote(largest, safe='')}"
    context.close()
