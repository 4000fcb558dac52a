"""Fills what `backend.report.schema_faces` declares: faces, frames, people."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backend.models.calibration import probabilities
from backend.records.observations import FaceObservation
from backend.records.results import AnalysedFrame, Closeup, Person, Portrait
from backend.report.schema_faces import Face, Frame

Address = Callable[[str], str]  # a picture's file name to what the reader can use


def people_in(frames: Iterable[Iterable[FaceObservation]]) -> int:
    """How many different people were followed through the frames."""
    return len({face.track for faces in frames for face in faces})


def face_fields(observation: FaceObservation) -> dict:
    """The fields of `schema_faces.PartialFace`."""
    return {
        "box": observation.face.box,
        "track": observation.track,
        "probability": observation.probability,
        "concern": observation.rejection,
    }


def to_frame(frame: AnalysedFrame, address: Address) -> Frame:
    """What is told of a frame."""
    return Frame(
        index=frame.index,
        time=frame.time,
        url=frame.picture and address(frame.picture),
        heat_map=frame.heat and address(frame.heat),
        faces=[
            Face(**face_fields(face), score=face.face.score, models=_models(face))
            for face in frame.faces
        ],
    )


def _models(face: FaceObservation) -> dict[str, float]:
    return {name: float(probabilities(logit)) for name, logit in face.votes.items()}


def person_fields(person: Person) -> dict:
    """The fields of `schema_faces.Track` that a camera's people have too."""
    return {
        "name": person.name,
        "decisive": person.decisive,
        "prediction": person.prediction,
        "probability_fake": person.probability,
        "leaning": person.leaning,
        "odds": person.odds,
    }


def track_fields(person: Person, address: Address) -> dict:
    """The fields of `schema_faces.Track`."""
    return {
        **person_fields(person),
        "id": person.track,
        "share": person.share,
        "start": person.observations[0].time,
        "end": person.observations[-1].time,
        "moments": len(person.observations),
        "judged": sum(each.logit is not None for each in person.observations),
        "concerns": person.rejections,
        "brief": person.brief,
        "pictures": [_portrait(portrait, address) for portrait in person.portraits],
        "scores": person.observations,
    }


def _portrait(portrait: Portrait, address: Address) -> dict:
    return {
        "url": address(portrait.picture),
        "frame": portrait.frame,
        "time": portrait.time,
        "probability": portrait.probability,
    }


def closeup_fields(closeup: Closeup, address: Address) -> dict:
    """The fields of `schema_faces.Closeup`."""
    return {
        **_portrait(closeup, address),
        "track": closeup.track,
        "heat_map": closeup.heat and address(closeup.heat),
        "marked": closeup.marked,
    }
