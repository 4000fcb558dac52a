"""An answer about a picture must hold at half its size and as a JPEG; real model, other limits."""

import copy
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from backend.analysis.pipeline import Pipeline
from backend.evidence.stability import held
from backend.evidence.verdict import decide
from backend.media.decode import Decoder
from backend.models.calibration import Profiles, Thresholds
from tests import made_media
from tests.made_observations import CARD, calibrate, observed
from tests.web.test_api import HTML


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A picture, and the same at half its size."""
    folder, whole = tmp_path_factory.mktemp("pictures"), made_media.astronaut()
    Image.fromarray(whole).save(folder / "whole.png")
    Image.fromarray(whole).reduce(2).save(folder / "half.png")
    return folder / "whole.png", folder / "half.png"


def limited(pipeline, real: float, fake: float) -> Pipeline:
    """The same networks with other thresholds for pictures."""
    classifier = copy.copy(pipeline.faces.classifier)
    limits = dict.fromkeys(("strict", "balanced", "sensitive"), Thresholds(real=real, fake=fake))
    image = classifier.config.readings.image.model_copy(
        update={"thresholds": Profiles.model_validate(limits)}
    )
    readings = classifier.config.readings.model_copy(update={"image": image})
    classifier.config = replace(classifier.config, readings=readings)
    faces = replace(pipeline.faces, classifier=classifier)
    return Pipeline(faces.settings, Decoder(faces.settings), faces, pipeline.voice)


def sent(app, path) -> dict:
    data = {"file": (BytesIO(path.read_bytes()), path.name)}
    return app.test_client().post("/predict", data=data).get_json()


def test_no_side_is_taken_that_half_the_size_gives_up(make_app, pipeline, pictures):
    whole, half = (sent(make_app(), path)["probability_fake"] for path in pictures)
    assert abs(whole - half) > 0.01
    # The score as it is lies just beyond a threshold, that of the smaller picture does not.
    ends = (1e-4, whole) if half < whole else (whole, 0.9999)
    app = make_app(pipeline=limited(pipeline, *ends))
    answer = sent(app, pictures[0])
    assert answer["prediction"] == answer["tracks"][0]["prediction"] == "Inconclusive"
    assert answer["reasons"] == ["unstable"] and answer["judged"]
    assert answer["probability_fake"] == whole
    assert answer["confidence"] is answer["leaning"] is answer["odds"] is None
    assert "half its size" in answer["explanation"][0] or "JPEG" in answer["explanation"][0]
    page = app.test_client().get(answer["url"], headers=HTML).text
    assert "does not hold" in page and answer["explanation"][0] in page


@pytest.mark.parametrize(("ends", "said"), [((0.9998, 0.9999), "Real"), ((1e-4, 2e-4), "Fake")])
def test_an_answer_far_from_the_thresholds_holds(make_app, pipeline, pictures, ends, said):
    answer = sent(make_app(pipeline=limited(pipeline, *ends)), pictures[0])
    assert answer["prediction"] == said and "unstable" not in answer["reasons"]


def test_of_two_changes_that_matter_the_one_that_moved_farther_is_told():
    before, *after = (decide(observed([logit]), CARD, calibrate) for logit in (4.0, 1.0, 0.0, 5.0))
    told = held(before, dict(zip(["a", "b", "c"], after, strict=True)))
    assert told.prediction == "Inconclusive" and "b, it scores 50" in told.reasons[0].text
    assert held(before, {"c": after[2]}) is before
