"""Turns an Analysis into the JSON answer: the report of the API, the pages and the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from backend.records.media import Upload
from backend.records.results import AnalysedFrame, Analysis, ModelCard
from backend.report.evidence_json import evidence, rounded


def to_report(
    analysis: Analysis, upload: Upload, id: str, created_at: float, expires_at: float
) -> dict:
    """The answer of `POST /predict`, ready for JSON; URLs are relative to the server's root.

    Args:
        created_at, expires_at: seconds since the epoch.
    """
    verdict, media, model = analysis.verdict, analysis.media, analysis.model
    frames = [_frame(frame, id) for frame in analysis.frames]
    return {
        "status": "success",
        "prediction": verdict.prediction,
        "confidence": rounded(verdict.confidence),
        "frames": [frame["url"] for frame in frames if frame["url"]],
        "anomalies": analysis.anomalies,
        "id": id,
        "url": f"/results/{id}",
        "probability_fake": rounded(verdict.probability_fake),
        "reasons": [reason.code for reason in verdict.reasons],
        "explanation": [reason.text for reason in verdict.reasons],
        "faces_detected": people(analysis),
        "media": {
            "type": media.type,
            "format": media.format,
            "codec": media.codec,
            "width": media.width,
            "height": media.height,
            "duration": rounded(media.duration, 3),
            "fps": rounded(media.fps, 3),
            "frames": media.frames,
        },
        "file": {"name": upload.label, "size": upload.size},
        "frame_analysis": {
            "frames_analysed": len(frames),
            "frames_with_faces": sum(bool(frame["faces"]) for frame in frames),
            "frames_above_threshold": _above(analysis),
            "frames": frames,
        },
        **evidence(analysis, lambda name: _url(id, name)),
        "thresholds": {"real": model.threshold_real, "fake": model.threshold_fake},
        "settings": dict(analysis.settings),
        "processing_time": round(analysis.seconds, 3),
        "model": _model(model),
        "created_at": _iso(created_at),
        "expires_at": _iso(expires_at),
    }


def to_row(path: str, analysis: Analysis) -> dict:
    """The answer of the command line for one file: one JSON object a line."""
    verdict = analysis.verdict
    return {
        "path": path,
        "status": "success",
        "prediction": verdict.prediction,
        "confidence": rounded(verdict.confidence),
        "probability_fake": rounded(verdict.probability_fake),
        "reasons": [reason.code for reason in verdict.reasons],
        "explanation": [reason.text for reason in verdict.reasons],
        "anomalies": analysis.anomalies,
        "faces": people(analysis),
        "frames_analysed": len(analysis.frames),
        **evidence(analysis, str),
        "seconds": round(analysis.seconds, 3),
        "model": _model(analysis.model),
    }


def to_error_row(path: str, code: str, message: str, seconds: float, model: ModelCard) -> dict:
    """The row of a file that got no answer: the same keys, and what went wrong."""
    return {
        "path": path,
        "status": "error",
        "prediction": None,
        "confidence": None,
        "probability_fake": None,
        "reasons": [],
        "explanation": [],
        "anomalies": [],
        "faces": None,
        "frames_analysed": None,
        "tracks": [],
        "signals": [],
        "quality": [],
        "provenance": None,
        "seconds": round(seconds, 3),
        "model": _model(model),
        "error": {"code": code, "message": message},
    }


def people(analysis: Analysis) -> int:
    """How many different people were followed through the frames."""
    return len({face.track for frame in analysis.frames for face in frame.faces})


def _frame(frame: AnalysedFrame, id: str) -> dict:
    return {
        "index": frame.index,
        "time": round(frame.time, 3),
        "url": _url(id, frame.picture),
        "heat_map": _url(id, frame.heat),
        "faces": [
            {
                "box": [round(float(edge), 1) for edge in observation.face.box],
                "score": round(float(observation.face.score), 4),
                "track": observation.track,
                "probability": rounded(observation.probability),
                "concern": observation.rejection,
            }
            for observation in frame.faces
        ],
    }


def _url(id: str, name: str | None) -> str | None:
    return f"/static/results/{id}/{name}" if name else None


def _above(analysis: Analysis) -> int:
    """Frames with at least one face at or above the threshold for Fake."""
    limit = analysis.model.threshold_fake
    return sum(
        any(face.probability is not None and face.probability >= limit for face in frame.faces)
        for frame in analysis.frames
    )


def _model(model: ModelCard) -> dict:
    return {"name": model.name, "sha256": model.sha256}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
