"""A journey to each of the six answers: what a stranger reads of it, on a desk and on a phone."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from werkzeug.serving import make_server

from backend.analysis.pipeline import Pipeline
from backend.media import intake
from backend.models.calibration import Profiles, Thresholds
from backend.settings import load_settings
from backend.wording import ANSWERS, TONES
from tests.journeys.test_results import assert_fits, upload, violations

# Of each answer: factors of the model's own score for the portrait, at which the thresholds of Real
# and Fake are set, and the odds that are told; what the page says first, and how sure it is.
TOLD = {
    "fake": ((0.1, 0.3), 1.0, "Fake", "manipulated or generated", "Of 100 files"),
    "leans-fake": ((0.5, 1.5), 7.0, "Leans fake", "by about 7 to 1", "So it was in our tests"),
    "unsure": ((0.5, 1.5), 1.0, "Undecided", "too close to call", "too often wrong"),
    "leans-real": ((0.5, 1.5), 1 / 7, "Leans real", "by about 7 to 1", "So it was in our tests"),
    "real": ((2.5, 3.0), 1.0, "No manipulation found", "looks real", "Of 100 files"),
    "none": ((0.5, 1.5), 1.0, "Cannot be judged", "no score", "No face was found"),
}


@pytest.fixture
def serve(make_app, pipeline, settings, measured, tmp_path):
    """`serve(kind, p)` is the address of a server whose thresholds give `p` this answer."""
    running = []

    def serve_(kind: str, p: float) -> str:
        (real, fake), odds, *_ = TOLD[kind]
        own = Thresholds(real=round(min(real * p, 0.98), 4), fake=round(min(fake * p, 0.99), 4))
        profiles = Profiles(strict=own, balanced=own, sensitive=own)
        classifier = copy.copy(pipeline.faces.classifier)
        change = {"thresholds": profiles, "odds": ((0.0, odds),)}
        readings = classifier.config.readings
        kinds = {name: each and each.model_copy(update=change) for name, each in readings}
        readings = readings.model_copy(update=kinds)
        classifier.config = replace(classifier.config, readings=readings)
        measured["model"] = dict(classifier.facts)
        path = tmp_path / "docs" / "measurements" / "evaluate.json"
        path.write_text(json.dumps(measured))
        faces = replace(pipeline.faces, classifier=classifier.of("image"))
        app = make_app(pipeline=Pipeline(settings, faces.decoder, faces, pipeline.voice))
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield serve_
    for server in running:
        server.shutdown()


@pytest.fixture(scope="module")
def score(pipeline, portrait):
    """What the model says of the portrait."""
    checked = intake.check(portrait, portrait.name, load_settings(_env_file=None))
    return pipeline.analyse(checked, None).verdict.probability_fake


@pytest.mark.parametrize("kind", TOLD)
def test_the_answer_its_doubt_and_the_face_are_seen_at_once(
    serve, open_page, portrait, score, tmp_path, kind
):
    path = portrait
    if kind == "none":
        path = tmp_path / "grey.png"
        Image.fromarray(np.full((300, 400, 3), 120, np.uint8)).save(path)
    page = open_page(base_url=serve(kind, score), viewport={"width": 1280, "height": 800})
    report = upload(page, path)
    _, _, title, headline, doubt = TOLD[kind]
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator(".meaning")).to_contain_text(headline)
    expect(page.locator(".sure")).to_contain_text(doubt)
    # One number at most beside the answer: a count, a range or odds; the score is folded away.
    assert "%" not in page.locator(".answer").inner_text()
    expect(page.locator("section:has(#steps)")).to_contain_text("TinEye")
    if kind == "none":
        expect(page.locator(".scale, .behind")).to_have_count(0)
    else:
        expect(page.locator(".band.is-here")).to_have_text(ANSWERS[kind])
        tone = "rgb({}, {}, {})".format(*bytes.fromhex(TONES[kind][1:]))
        for part, colour in (("h1", "color"), (".decisive .frame-link", "borderTopColor")):
            found = page.locator(part).evaluate(f"(each) => getComputedStyle(each).{colour}")
            assert found == tone, part
        assert report["closeup"]["frame"] == 0 and report["closeup"]["url"] in page.content()
        page.get_by_text("How often each answer was wrong").click()
        row = page.locator(".behind tr.is-here")
        expect(row).to_contain_text(ANSWERS[kind])
        page.get_by_text("How the models voted").click()
        models = page.get_by_role("region", name="How the models voted")
        for vote in report["models"]:
            row = models.get_by_role("row", name=vote["name"])
            expect(row).to_contain_text(vote["prediction"])
    for width, height in ((1280, 800), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        assert_fits(page)
        if width > 320:
            for part in ("h1", ".sure", ".decisive img:not(.heat)"):
                box = page.locator(part).bounding_box()
                assert box["y"] + box["height"] <= height, (part, width)
    assert violations(page) == []
