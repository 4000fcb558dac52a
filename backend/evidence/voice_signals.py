"""Measured signals of a voice, each beside its range in real recordings; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.evidence.signals import Kind
from backend.records.results import Ends, Person, Signal
from backend.wording import clock

NEAR = 2.0  # s before and after a change of the voice in which the picture is looked at

_MEASURED = "in real recordings that were measured mostly"
_BETWEEN = f"{_MEASURED} {{low:.1f}} to {{high:.1f}}"
KINDS = {
    "centroid": Kind("Brightness", "Hz", f"The middle of the voice's pitches lies at {{value:.0f}} "
                     f"Hz; {_MEASURED} {{low:.0f}} to {{high:.0f}} Hz."),
    "centroid_spread": Kind("Changes of brightness", "Hz", "The middle of the voice's pitches "
                            f"varies by {{value:.0f}} Hz; {_MEASURED} {{low:.0f}} to {{high:.0f}} "
                            "Hz."),
    "rolloff": Kind("Upper end of the energy", "Hz", "85 % of the voice's energy lie below "
                    f"{{value:.0f}} Hz; {_MEASURED} below {{low:.0f}} to {{high:.0f}} Hz."),
    "zero_crossings": Kind("Zero crossings", "a second", "The sound crosses zero {value:.0f} times "
                           f"a second; {_MEASURED} {{low:.0f}} to {{high:.0f}} times."),
    "contrast": Kind("Contrast of the spectrum", "dB", "Peaks of the voice's spectrum stand "
                     f"{{value:.1f}} dB above its valleys; {_BETWEEN} dB."),
    "mfcc_spread": Kind("Variety of the timbre", "", "The voice's timbre (MFCC) varies by "
                        f"{{value:.1f}}; {_BETWEEN}."),
    "mfcc_change": Kind("Changes of the timbre", "", "The voice's timbre (MFCC) changes by "
                        f"{{value:.2f}} from moment to moment; {_MEASURED} {{low:.2f}} to "
                        "{high:.2f}."),
    "bandwidth": Kind("Bandwidth", "Hz", "Above {value:.0f} Hz there is nothing of the voice; "
                      f"{_MEASURED} above {{low:.0f}} to {{high:.0f}} Hz."),
    "flatness": Kind("Flatness of the spectrum", "dB", "The voice's spectrum is flat to "
                     f"{{value:.1f}} dB; {_BETWEEN} dB."),
    "pitch_spread": Kind("Melody", "semitones", "The voice's melody varies by {value:.1f} "
                         f"semitones; {_BETWEEN} semitones."),
    "jitter": Kind("Jitter", "%", "The length of the voice's vibrations varies by {value:.2f} % "
                   f"from one to the next; {_MEASURED} {{low:.2f}} to {{high:.2f}} %."),
    "shimmer": Kind("Shimmer", "%", "The strength of the voice's vibrations varies by {value:.1f} "
                    f"% from one to the next; {_BETWEEN} %."),
    "pauses": Kind("Breathing pauses", "a minute", "The voice pauses {value:.1f} times a minute; "
                   f"{_BETWEEN} times."),
    "pause_noise": Kind("Noise in pauses", "dB", "In its pauses the sound lies at {value:.1f} dB "
                        f"against the voice; {_BETWEEN} dB."),
}  # fmt: skip
CHANGE = Kind(
    "Change of the voice",
    "",
    "Around {who} the voice changes by {value:.1f}; in nearly all recordings of one real speaker "
    "that were measured by at most {high:.1f}.",
)


def voice_signals(
    values: Mapping[str, float], typical: Mapping[str, tuple[float, float, Ends]]
) -> tuple[Signal, ...]:
    """What was measured of a voice.

    Args:
        values: signal -> value.
        typical: signal -> its range, and the ends of it beyond which synthetic voices lie; a signal
            without one is left out.
    """
    return tuple(
        _signal(code, KINDS[code], value, *typical[code])
        for code, value in values.items()
        if code in typical
    )


def voice_change(
    value: float, time: float, highest: float, people: Sequence[Person]
) -> Signal | None:
    """How much the voice changes where it changes most; None where the picture changes there too.

    Args:
        value: see `backend.audio.voice_change`.
        time: where, in seconds.
        highest: that is usual of one speaker.
        people: whom the picture shows; nobody for a sound file.
    """
    if _seen(people, time - NEAR, time) != _seen(people, time, time + NEAR):
        return None
    sign = _signal("voice_change", CHANGE, value, 0.0, highest, "high", time)
    if sign.unusual and people:
        sign = replace(
            sign, text=f"{sign.text} The picture shows the same people before and after."
        )
    return sign


def _seen(people: Sequence[Person], start: float, end: float) -> set[int]:
    return {
        person.track
        for person in people
        if any(start <= each.time < end for each in person.observations)
    }


def _signal(
    code: str,
    kind: Kind,
    value: float,
    low: float,
    high: float,
    ends: Ends,
    time: float | None = None,
) -> Signal:
    beyond = {"high": value > high, "low": value < low, "both": not low <= value <= high}
    return Signal(
        code=code,
        name=kind.name,
        text=kind.text("" if time is None else clock(time), value, (low, high)),
        value=value,
        unit=kind.unit,
        typical=(low, high),
        repeatability=0.0,
        ends=ends,
        unusual=beyond[ends],
        time=time,
        frame=None,
        track=None,
    )
