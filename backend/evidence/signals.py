"""Measured signals of a person and of a file, each beside its range in real files; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from backend.evidence.measurements import flicker, jump
from backend.evidence.usual_ranges import Range
from backend.records.media import FileFacts
from backend.records.observations import FaceObservation
from backend.records.results import Ends, Person, Signal

LEAST = 5  # moments a person must be judged in for what changes from one to the next
NEAR = 0.5  # s between two moments; over longer times anything may change
TOLD = 0.1  # values are told with one decimal: what lies no farther apart than this reads the same


@dataclass(frozen=True, slots=True)
class Kind:
    """What is said of one signal; `sentence` is filled with who, value, low and high."""

    name: str
    unit: str
    sentence: str
    ends: Ends = "high"

    def unusual(self, value, typical: Range, repeatability: float):
        """Whether a value, or each of an array of them, lies beyond the range.

        By more than another measurement of the same might differ, and by more than can be told.
        """
        low, high = typical
        margin = max(repeatability, TOLD)
        above, below = value > high + margin, value < low - margin
        return above | below if self.ends == "both" else below if self.ends == "low" else above

    def away(self, values: np.ndarray) -> np.ndarray:
        """How far each of some values lies where manipulated files lie, beside the others."""
        if self.ends == "both":
            return np.abs(values - np.median(values))
        return -values if self.ends == "low" else values

    def text(self, who: str, value: float, typical: Range) -> str:
        """The sentence."""
        low, high = typical
        return self.sentence.format(who=who, value=value, low=low, high=high)


KINDS = {
    "blending_boundary": Kind(
        "Blending",
        "log-odds",
        "Where {who}'s face looks most blended, the model's map reaches {value:.1f}; on nearly "
        "all real faces that were measured it stays below {high:.1f}.",
    ),
    "score_flicker": Kind(
        "Flicker of the score",
        "log-odds",
        "{who}'s score changes by {value:.1f} on the model's scale from moment to moment; on "
        "nearly all real faces that were measured by at most {high:.1f}.",
    ),
    "landmark_jumps": Kind(
        "Jumps of eyes, nose and mouth",
        "%",
        "Eyes, nose and mouth of {who} move against each other by {value:.1f} % of the face from "
        "moment to moment; in the few real people that were measured by at most {high:.1f} %.",
    ),
    "frequency_residue": Kind(
        "Fine detail",
        "dB",
        "The finest detail of {who}'s face is {value:.1f} dB against coarse detail; on nearly all "
        "real faces that were measured between {low:.1f} and {high:.1f} dB.",
        ends="both",
    ),
    "sharpness_contrast": Kind(
        "Sharpness against the surroundings",
        "dB",
        "Against what surrounds it, the middle of {who}'s face is at {value:+.1f} dB of sharpness, "
        "softer below 0 and sharper above; on nearly all real faces that were measured between "
        "{low:+.1f} and {high:+.1f} dB.",
        ends="both",
    ),
    "texture_variance": Kind(
        "Texture of the skin",
        "dB",
        "The texture of {who}'s skin is {value:.1f} dB strong, less where it is smooth; on nearly "
        "all real faces that were measured at least {low:.1f} dB.",
        ends="low",
    ),
    "dropped_frames": Kind(
        "Gaps between frames",
        "× the usual",
        "The longest gap between two frames lasts {value:.1f} usual intervals; in the few real "
        "clips that were measured at most {high:.1f}.",
    ),
}

# Signal -> the field of `Traits` that it is measured by, moment by moment.
TRAITS = {
    "frequency_residue": "fine_detail",
    "sharpness_contrast": "sharpness_contrast",
    "texture_variance": "texture_variance",
}

# Signal -> its value and where it is strongest.
Measured = dict[str, tuple[float, FaceObservation]]
Moments = list[tuple[float, FaceObservation]]  # the value of each moment


def signals(
    people: Sequence[Person],
    facts: FileFacts,
    typical: dict[str, Range],
    repeatability: dict[str, float],
) -> tuple[Signal, ...]:
    """All signals of the one who decided and of the file, and the unusual ones of the others.

    Args:
        people: the one who decided first.
        facts: of the file.
        typical: signal -> its range; a signal without one is left out.
        repeatability: signal -> see `backend.evidence.usual_ranges.Ranges`.
    """

    def told(code: str, value: float, **place) -> Signal:
        return _signal(code, value, typical[code], repeatability.get(code, 0.0), **place)

    found = []
    for person in people:
        for code, (value, seen) in of_person(person.observations).items():
            if code in typical:
                signal = told(code, value, seen=seen, person=person)
                found += [signal] if person is people[0] or signal.unusual else []
    if facts.gap and "dropped_frames" in typical:
        found.append(told("dropped_frames", facts.gap[0], time=facts.gap[1]))
    return tuple(found)


def of_person(observations: Sequence[FaceObservation]) -> Measured:
    """What is measured of one person.

    Of what each moment shows the median counts, so that one bad moment is no signal.

    Args:
        observations: in order of time.

    Returns:
        Signal -> (value, where it is strongest); without those that cannot be measured.
    """
    judged = [each for each in observations if each.logit is not None]
    near = [(a, b) for a, b in pairwise(judged) if b.time - a.time <= NEAR]
    near = near if len(near) + 1 >= LEAST else []
    steps = [(abs(b.logit - a.logit), b) for a, b in near]
    moments: dict[str, Moments] = {
        "blending_boundary": [(float(s.heat.values.max()), s) for s in judged if s.heat],
        "landmark_jumps": [(jump(a.face, b.face), b) for a, b in near],
        **{code: _of_trait(name, judged) for code, name in TRAITS.items()},
    }
    found: Measured = {}
    for code, each in moments.items():
        if each:
            values = np.array([value for value, _ in each])
            strongest = each[int(np.argmax(KINDS[code].away(values)))][1]
            found[code] = float(np.median(values)), strongest
    if steps:
        strongest = max(steps, key=lambda step: step[0])[1]
        found["score_flicker"] = flicker([step for step, _ in steps]), strongest
    return found


def _of_trait(name: str, judged: Sequence[FaceObservation]) -> Moments:
    known = [(getattr(each.traits, name), each) for each in judged if each.traits]
    return [(value, each) for value, each in known if value is not None]


def _signal(
    code: str,
    value: float,
    typical: Range,
    repeatability: float,
    seen: FaceObservation | None = None,
    person: Person | None = None,
    time: float | None = None,
) -> Signal:
    kind, frame = KINDS[code], None
    if seen is not None:
        time, frame = seen.time, seen.frame
    return Signal(
        code=code,
        name=kind.name,
        text=kind.text(person.name if person else "", value, typical),
        value=value,
        unit=kind.unit,
        typical=typical,
        repeatability=repeatability,
        ends=kind.ends,
        unusual=bool(kind.unusual(value, typical, repeatability)),
        time=time,
        frame=frame,
        track=person.track if person else None,
    )
