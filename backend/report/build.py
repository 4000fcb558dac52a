"""Fills the answers that `backend.report.schema` declares with what an analysis found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_origin

from backend.records.analysis import Analysis
from backend.records.media import Upload
from backend.records.observations import FaceObservation
from backend.records.results import LiveMoment, ModelCard, Provenance, Verdict
from backend.report import error_rates
from backend.report.build_faces import (
    Address,
    closeup_fields,
    face_fields,
    people_in,
    person_fields,
    to_frame,
    track_fields,
)
from backend.report.build_sound import audio, side
from backend.report.faces_text import FacesText
from backend.report.schema import LiveAnswer, Partial, Report, Row
from backend.report.schema_faces import LiveFace, PartialFace, PartialFrame
from backend.report.schema_parts import Model


def to_report(
    analysis: Analysis, upload: Upload, id: str, created_at: float, expires_at: float
) -> Report:
    """The answer of `POST /predict`; URLs are relative to the server's root.

    Args:
        created_at, expires_at: seconds since the epoch.
    """

    def address(name: str) -> str:
        return f"/static/results/{id}/{name}"

    frames = [to_frame(frame, address) for frame in analysis.frames]
    return Report(
        **_findings(analysis, address),
        status="success",
        frames=[frame.url for frame in frames if frame.url],
        id=id,
        url=f"/results/{id}",
        faces_detected=people_in(frame.faces for frame in analysis.frames),
        media=analysis.media,
        closeup=analysis.closeup and closeup_fields(analysis.closeup, address),
        recording=f"/results/{id}/recording" if analysis.media.type == "audio" else None,
        file={"name": upload.label, "size": upload.size},
        frame_analysis={
            "frames_analysed": len(frames),
            "frames_with_faces": sum(bool(frame.faces) for frame in frames),
            "frames_above_threshold": _above(analysis),
            "frames": frames,
        },
        thresholds=_thresholds(analysis.model),
        bands=analysis.model.bands,
        settings=analysis.settings,
        processing_time=analysis.seconds,
        created_at=datetime.fromtimestamp(created_at, UTC),
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        state="done",
        percent=100,
    )


def to_row(path: str, analysis: Analysis) -> dict:
    """The answer of the command line for one file, ready for JSON."""
    row = Row(
        **_findings(analysis, str),
        path=path,
        status="success",
        faces=people_in(frame.faces for frame in analysis.frames),
        frames_analysed=len(analysis.frames),
        seconds=analysis.seconds,
    )
    return row.model_dump(mode="json", exclude_unset=True)


def to_error_row(path: str, code: str, message: str, seconds: float, model: ModelCard) -> dict:
    """The row of a file that got no answer: the same names, and what went wrong."""
    empty = {
        name: [] if get_origin(field.annotation) is list else None
        for name, field in Row.model_fields.items()
        if field.is_required()
    }
    return {
        "path": path,
        "status": "error",
        **{name: value for name, value in empty.items() if name not in Row.FIRST},
        "seconds": round(seconds, 3),
        "model": Model.model_validate(model).model_dump(),
        "error": {"code": code, "message": message},
    }


def to_partial(
    moments: Sequence[tuple[float, Sequence[FaceObservation]]], probability: float | None
) -> Partial:
    """What an analysis knows so far.

    Args:
        moments: of each moment searched, in order: its time in seconds and its faces.
        probability: see `Partial`.
    """
    return Partial(
        probability_fake=probability,
        faces=people_in(faces for _, faces in moments),
        frames=[
            PartialFrame(
                index=index, time=time, faces=[PartialFace(**face_fields(face)) for face in faces]
            )
            for index, (time, faces) in enumerate(moments)
        ],
    )


def to_live(moment: LiveMoment, card: ModelCard, measured: error_rates.Rates | None) -> LiveAnswer:
    """What a camera is told of a picture; the words are those of the results page.

    Args:
        moment: what was found in it.
        card: of the model that judged.
        measured: errors of the model; None where they are not known.
    """
    people = [person_fields(person) for person in moment.people]
    # Its pictures are judged as the frames of a clip are.
    bands = [band._asdict() for band in card.bands]
    words = FacesText(side(moment.verdict), bands, measured, people, is_clip=True, live=True)
    return LiveAnswer(
        **_answer(moment.verdict),
        width=moment.width,
        height=moment.height,
        faces=[LiveFace(**face_fields(face), name=face.name) for face in moment.faces],
        kind=words.kind,
        title=words.title,
        headline=words.headline,
        doubt=words.doubt,
    )


def _answer(verdict: Verdict) -> dict:
    """The fields of `schema.Answer`."""
    return {
        "prediction": verdict.prediction,
        "judged": verdict.probability_fake is not None,
        "confidence": verdict.confidence,
        "probability_fake": verdict.probability_fake,
        "leaning": verdict.leaning,
        "odds": verdict.odds,
        "reasons": [reason.code for reason in verdict.reasons],
    }


def _findings(analysis: Analysis, address: Address) -> dict:
    """The fields of `schema.Findings`."""
    return {
        **_answer(analysis.verdict),
        "explanation": [reason.text for reason in analysis.verdict.reasons],
        "anomalies": analysis.anomalies,
        "face": analysis.faces and side(analysis.faces),
        "audio": analysis.voice and audio(analysis.voice, address),
        "tracks": [track_fields(person, address) for person in analysis.people],
        "signals": analysis.signals,
        "quality": analysis.warnings,
        "notes": analysis.notes,
        "provenance": _provenance(analysis.provenance),
        "model": analysis.model,
        "models": analysis.votes,
    }


def _provenance(provenance: Provenance) -> dict:
    return {
        "sha256": provenance.sha256,
        "metadata": [{"name": name, "value": value} for name, value in provenance.metadata],
        "container": provenance.container,
        "c2pa": provenance.c2pa,
        "text": provenance.text,
    }


def _above(analysis: Analysis) -> int:
    """Frames with at least one face at or above the threshold for Fake."""
    limit = analysis.model.threshold_fake
    return sum(
        any(face.probability is not None and face.probability >= limit for face in frame.faces)
        for frame in analysis.frames
    )


def _thresholds(model: ModelCard) -> dict:
    return {"real": model.threshold_real, "fake": model.threshold_fake}
