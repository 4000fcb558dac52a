"""How each model of an ensemble votes, and whether their dispute took the side away; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from backend.evidence.verdict import decide
from backend.records.observations import FaceObservation
from backend.records.results import ModelCard, Reason, Verdict
from backend.records.votes import Vote, Voter

Calibrate = Callable[[np.ndarray], np.ndarray]


def votes(
    observations: Sequence[FaceObservation],
    voters: Sequence[Voter],
    seconds: Mapping[str, float],
    calibrate: Calibrate,
) -> tuple[Vote, ...]:
    """The vote of each member: what the answer would be if it judged alone.

    Args:
        observations: every face found, judged or not, in time order.
        voters: those that were asked.
        seconds: member -> wall time of its passes.
        calibrate: calibrated logits to probabilities.
    """
    found = []
    for voter in voters:
        name = voter.card.name
        own = as_if(lambda seen, name=name: seen.votes[name], observations, calibrate)
        verdict = decide(own, voter.card, calibrate)
        found.append(
            Vote(
                name,
                voter.card.sha256,
                verdict.probability_fake,
                verdict.prediction,
                voter.weight,
                1000 * seconds.get(name, 0.0),
            )
        )
    return tuple(found)


def disputed(
    verdict: Verdict,
    observations: Sequence[FaceObservation],
    undoubted: Callable[[Mapping[str, float]], float],
    card: ModelCard,
    calibrate: Calibrate,
) -> Verdict:
    """A verdict that takes no side, with the reason where only the members' dispute took it away.

    Args:
        verdict: on the observations.
        observations: every face found, judged or not, in time order.
        undoubted: the logit of the members' own without what their dispute takes of it.
        card, calibrate: see `decide`.
    """
    if verdict.reasons[0].code != "undecided":
        return verdict
    other = decide(as_if(lambda s: undoubted(s.votes), observations, calibrate), card, calibrate)
    if other.prediction == "Inconclusive":
        return verdict
    text = (
        f"The models disagree, so no side is taken. If they agreed on such a score, the answer "
        f"would be {other.prediction}."
    )
    return replace(verdict, reasons=(Reason("models_disagree", text), *verdict.reasons[1:]))


def as_if(
    logit: Callable[[FaceObservation], float],
    observations: Sequence[FaceObservation],
    calibrate: Calibrate,
) -> list[FaceObservation]:
    """The observations with other logits; those that were not judged stay so."""
    judged = [seen for seen in observations if seen.logit is not None]
    logits = np.array([logit(seen) for seen in judged])
    scored = {
        seen.id: replace(seen, logit=float(own), probability=float(probability))
        for seen, own, probability in zip(judged, logits, calibrate(logits), strict=True)
    }
    return [scored.get(seen.id, seen) for seen in observations]
