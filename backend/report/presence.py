"""How much was seen of a person, in words."""

from __future__ import annotations

from backend.wording import clock, percent, rejection


def presence(track: dict, is_clip: bool) -> str:
    """How much was seen of a person and how much of it could be judged, in words.

    Args:
        track: of a report.
        is_clip: whether the file is one.
    """
    left_out = [
        f"{count} {rejection(code)}" if is_clip else rejection(code)
        for code, count in track["concerns"].items()
    ]
    if not is_clip:
        return f"Not judged: {', '.join(left_out)}." if left_out else ""
    share = track["share"]
    seen = "in every moment" if share == 1 else f"in {percent(share)} of the moments"
    span = ""
    if track["end"] > track["start"]:
        span = f", between {clock(track['start'])} and {clock(track['end'])}"
    judged = f"judged in {track['judged']} of {track['moments']}"
    why = f" ({', '.join(left_out)})" if left_out else ""
    brief = " That is too brief for an answer of its own." if track["brief"] else ""
    return f"Seen {seen} looked at{span}; {judged}{why}.{brief}"
