"""Places for live cameras, and what is answered to each of their pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from backend.analysis.live_camera import Camera, LiveAnswer
from backend.errors import Busy
from backend.records.results import ModelCard
from backend.report.error_rates import Row
from backend.report.page_text import Reading


class Cameras:
    """The cameras in use: at most so many that each still gets its pictures judged in time.

    Args:
        make: makes a camera.
        most: at the same time.
    """

    def __init__(self, make: Callable[[], Camera], most: int):
        self._make = make
        self._free = threading.BoundedSemaphore(most)

    def take(self) -> Camera:
        """A camera of one's own, to be given back; raises Busy when all places are taken."""
        if not self._free.acquire(blocking=False):
            raise Busy("All places for live cameras are taken at the moment.")
        try:
            return self._make()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, camera: Camera) -> None:
        """Close a camera and free its place."""
        try:
            camera.close()
        finally:
            self._free.release()


def answer(seen: LiveAnswer, card: ModelCard, measured: Sequence[Row]) -> dict:
    """What a client is told of a picture: boxes in px of it, and the verdict of the last seconds.

    Every probability is calibrated, and null where nothing could be judged. The words are those
    of the results page.
    """
    verdict = seen.verdict
    reading = Reading(
        {
            "prediction": verdict.prediction,
            "probability_fake": verdict.probability_fake,
            "reasons": [reason.code for reason in verdict.reasons],
            "thresholds": {"real": card.threshold_real, "fake": card.threshold_fake},
            "tracks": [
                {
                    "name": person.name,
                    "decisive": person.decisive,
                    "prediction": person.prediction,
                    "probability_fake": person.probability,
                }
                for person in seen.people
            ],
            "media": {"type": "video"},  # its pictures are judged as the frames of a clip are
            "explanation": [reason.text for reason in verdict.reasons],
        },
        measured,
        live=True,
    )
    return {
        "width": seen.width,
        "height": seen.height,
        "faces": [
            {
                "box": [round(float(edge), 1) for edge in observation.face.box],
                "track": observation.track,
                "name": observation.name,
                "probability": observation.probability,
                "concern": observation.rejection,
            }
            for observation in seen.faces
        ],
        "prediction": verdict.prediction,
        "probability_fake": verdict.probability_fake,
        "confidence": verdict.confidence,
        "reasons": [reason.code for reason in verdict.reasons],
        "kind": reading.kind,
        "headline": reading.headline,
        "doubt": reading.doubt,
    }
