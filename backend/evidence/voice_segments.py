"""Which seconds of a recording its answer rests on, and how they are told; pure."""

from __future__ import annotations

from collections.abc import Sequence

from backend.records.results import ModelCard
from backend.records.sound import Segment, VoiceWindow
from backend.wording import stretch


def segments(windows: Sequence[VoiceWindow], card: ModelCard) -> tuple[Segment, ...]:
    """The stretches that score as Fake; without one, the window that scores highest.

    Args:
        windows: in order.
        card: of the voice's model.
    """
    if not windows:
        return ()
    fake = [each for each in windows if each.probability >= card.threshold_fake]
    if not fake:
        top = max(windows, key=lambda each: each.logit)
        said = f"{stretch(top.start, top.end)} score highest."
        return (Segment(top.start, top.end, said),)
    merged: list[tuple[float, float]] = []
    for window in fake:
        if merged and window.start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], window.end)
        else:
            merged.append((window.start, window.end))
    return tuple(Segment(a, b, f"{stretch(a, b)} sound synthetic.") for a, b in merged)
