"""The people of a file: each one's verdict, presence and most telling moments; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from backend.evidence.verdict import decide, lasting
from backend.records.observations import FaceObservation
from backend.records.results import ModelCard, Person, Verdict


def find_people(
    observations: Sequence[FaceObservation],
    frames: int,
    verdict: Verdict,
    card: ModelCard,
    calibrate: Callable[[np.ndarray], np.ndarray],
) -> tuple[Person, ...]:
    """The people, each judged as the file is, from the observations of that person alone.

    Args:
        observations: every face found, in order of time.
        frames: looked at.
        verdict: of the file.
        card, calibrate: see `backend.evidence.verdict.decide`.

    Returns:
        The one who decided first, then by probability; those not judged come last.
    """
    moments: dict[int, dict[int, FaceObservation]] = defaultdict(dict)
    for observation in observations:
        # Who is seen twice at a moment, sharp and as a blurred backdrop, counts once.
        first = moments[observation.track].setdefault(observation.frame, observation)
        if first.rejection and not observation.rejection:
            moments[observation.track][observation.frame] = observation
    tracks = {track: list(own.values()) for track, own in moments.items()}
    deciders = lasting(observations)
    people = []
    for track, own in tracks.items():
        answer = decide(own, card, calibrate)
        brief = answer.probability_fake is not None and track not in deciders
        given_up = verdict.is_unstable and answer.prediction == _side(verdict, card)
        people.append(
            Person(
                track=track,
                decisive=track == verdict.track,
                prediction="Inconclusive" if brief or given_up else answer.prediction,
                probability=answer.probability_fake,
                leaning=None if brief else answer.leaning,
                odds=None if brief else answer.odds,
                share=len(own) / frames,
                observations=tuple(own),
                rejections=dict(Counter(each.rejection for each in own if each.rejection)),
                brief=brief,
            )
        )
    return tuple(sorted(people, key=_rank))


def _side(verdict: Verdict, card: ModelCard) -> str:
    """The side that was given up: that of the score."""
    return "Fake" if verdict.probability_fake >= card.threshold_fake else "Real"


def _rank(person: Person) -> tuple:
    probability = -1.0 if person.probability is None else person.probability
    return not person.decisive, -probability, -len(person.observations), person.track
