"""The people of a file: each one's verdict, presence and most telling moments; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from backend.evidence.verdict import decide, lasting
from backend.records.observations import Sighting
from backend.records.results import ModelCard, Person, Verdict


def find_people(
    sightings: Sequence[Sighting],
    frames: int,
    verdict: Verdict,
    card: ModelCard,
    calibrate: Callable[[np.ndarray], np.ndarray],
) -> tuple[Person, ...]:
    """The people, each judged as the file is, from the looks at that person alone.

    Args:
        sightings: every face found, in order of time.
        frames: looked at.
        verdict: of the file.
        card, calibrate: see `backend.evidence.verdict.decide`.

    Returns:
        The one who decided first, then by probability; those not judged come last.
    """
    tracks: dict[int, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        tracks[sighting.track].append(sighting)
    deciders = lasting(sightings)
    people = []
    for track, looks in tracks.items():
        own = decide(looks, card, calibrate)
        brief = own.probability_fake is not None and track not in deciders
        people.append(
            Person(
                track=track,
                decisive=track == verdict.track,
                prediction="Inconclusive" if brief else own.prediction,
                probability=own.probability_fake,
                share=len(looks) / frames,
                looks=tuple(looks),
                concerns=dict(Counter(look.concern for look in looks if look.concern)),
                brief=brief,
            )
        )
    return tuple(sorted(people, key=_rank))


def _rank(person: Person) -> tuple:
    probability = -1.0 if person.probability is None else person.probability
    return not person.decisive, -probability, -len(person.looks), person.track
