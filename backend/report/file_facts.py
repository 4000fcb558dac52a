"""What was analysed with what: the table of facts on the page and in the PDF."""

from __future__ import annotations

from backend.wording import exact, lasting, plural, size


def facts(report: dict, noun: str) -> list[tuple[str, str]]:
    """Pairs of a name and a text, none of them the user's.

    Args:
        report: as `to_report` makes it.
        noun: what the file is called, "clip" or "picture".
    """
    media, thresholds = report["media"], report["thresholds"]
    looked, told = report["frame_analysis"], report["settings"]
    codec = f" ({media['codec']})" if media["codec"] != media["format"] else ""
    real = "never Real"
    if thresholds["real"] is not None:
        real = f"Real up to {exact(thresholds['real'])}"
    kind = f"{media['format'].upper()} {noun}{codec}, {size(report['file']['size'])}"
    found = [("Type", kind), ("Picture", f"{media['width']} × {media['height']} px")]
    if media["duration"] is not None:
        fps = f", {media['fps']:.4g} frames a second" if media["fps"] else ""
        found.append(("Length", f"{lasting(media['duration'])}{fps}"))
    if looked["frames_analysed"] > 1:
        found.append(
            (
                "Looked at",
                f"{looked['frames_analysed']} moments; a face in {looked['frames_with_faces']}; "
                f"{looked['frames_above_threshold']} scored as Fake",
            )
        )
    return [
        *found,
        ("Different people", str(report["faces_detected"])),
        ("Thresholds", f"{real}, Fake from {exact(thresholds['fake'])}"),
        ("Profile", report["model"]["profile"]),
        (
            "Settings",
            f"at most {plural(told['moments'], 'moment')} and "
            f"{plural(told['max_faces'], 'face')} in each; computed by {told['engine']} "
            f"in {told['precision']}",
        ),
        ("Analysed at", f"{report['created_at'].replace('T', ' ').rstrip('Z')} UTC"),
        *[("Note", note["text"]) for note in report["notes"]],
        ("Time taken", f"{report['processing_time']:.1f} s"),
    ]
