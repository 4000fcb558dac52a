"""The evidence of an Analysis as JSON, for the report of the API and the command line's rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from backend.records.results import Analysis, Person, Provenance, Signal

Address = Callable[[str], str]  # a picture's file name to what the reader can use


def evidence(analysis: Analysis, address: Address) -> dict:
    """The fields `tracks`, `signals`, `quality` and `provenance`; `backend.report.schema` says what
    they mean.

    Args:
        address: what stands for a picture's file name.
    """
    return {
        "tracks": [_track(person, address) for person in analysis.people],
        "signals": [_signal(signal) for signal in analysis.signals],
        "quality": [
            asdict(warning) | {"value": rounded(warning.value)} for warning in analysis.warnings
        ],
        "provenance": _provenance(analysis.provenance),
    }


def _track(person: Person, address: Address) -> dict:
    return {
        "id": person.track,
        "name": person.name,
        "decisive": person.decisive,
        "prediction": person.prediction,
        "probability_fake": rounded(person.probability),
        "share": rounded(person.share),
        "start": rounded(person.observations[0].time, 3),
        "end": rounded(person.observations[-1].time, 3),
        "moments": len(person.observations),
        "judged": sum(each.logit is not None for each in person.observations),
        "concerns": person.rejections,
        "brief": person.brief,
        "pictures": [
            {
                "url": address(portrait.picture),
                "frame": portrait.frame,
                "time": rounded(portrait.time, 3),
                "probability": rounded(portrait.probability),
            }
            for portrait in person.portraits
        ],
        "scores": [
            {
                "frame": each.frame,
                "time": rounded(each.time, 3),
                "probability": rounded(each.probability),
            }
            for each in person.observations
        ],
    }


def _signal(signal: Signal) -> dict:
    return asdict(signal) | {
        "value": rounded(signal.value),
        "typical": [rounded(edge) for edge in signal.typical],
        "time": rounded(signal.time, 3),
    }


def _provenance(provenance: Provenance) -> dict:
    manifest = asdict(provenance.c2pa)
    return {
        "sha256": provenance.sha256,
        "metadata": [{"name": name, "value": value} for name, value in provenance.metadata],
        "container": provenance.container,
        "c2pa": manifest | {"assertions": list(manifest["assertions"])},
        "text": provenance.text,
    }


def rounded(value: float | None, digits: int = 4) -> float | None:
    """The value for JSON; None stays None."""
    return None if value is None else round(float(value), digits)
