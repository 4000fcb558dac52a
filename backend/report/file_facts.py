"""What was analysed with what: the table of facts on the page and in the PDF."""

from __future__ import annotations

from backend.wording import exact, lasting, plural, size


def facts(report: dict, noun: str) -> list[tuple[str, str]]:
    """Pairs of a name and a text, none of them the user's.

    Args:
        report: as `to_report` makes it.
        noun: what the file is called, "clip", "picture" or "recording".
    """
    media, audio = report["media"], report["audio"]
    codec = f" ({media['codec']})" if media["codec"] != media["format"] else ""
    kind = f"{media['format'].upper()} {noun}{codec}, {size(report['file']['size'])}"
    found = [("Type", kind)]
    if media["width"] is not None:
        found.append(("Picture", f"{media['width']} × {media['height']} px"))
    if media["duration"] is not None:
        fps = f", {media['fps']:.4g} frames a second" if media["fps"] else ""
        found.append(("Length", f"{lasting(media['duration'])}{fps}"))
    if audio and audio["codec"]:
        found.append(("Sound", _sound(audio)))
    if report["face"]:
        found += _faces(report)
    if audio and audio["thresholds"]:
        found.append(("Thresholds of the voice", _thresholds(audio["thresholds"])))
    return [
        *found,
        ("Profile", report["model"]["profile"]),
        ("Analysed at", f"{report['created_at'].replace('T', ' ').rstrip('Z')} UTC"),
        *[("Note", note["text"]) for note in report["notes"]],
        ("Time taken", f"{report['processing_time']:.1f} s"),
    ]


def _faces(report: dict) -> list[tuple[str, str]]:
    looked, told = report["frame_analysis"], report["settings"]
    found = []
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
        ("Thresholds", _thresholds(report["thresholds"])),
        (
            "Settings",
            f"at most {plural(told['moments'], 'moment')} and "
            f"{plural(told['max_faces'], 'face')} in each; computed by {told['engine']} "
            f"in {told['precision']}",
        ),
    ]


def _sound(audio: dict) -> str:
    channels = {1: "mono", 2: "stereo"}.get(audio["channels"], f"{audio['channels']} channels")
    speech = f"; {lasting(audio['speech_seconds'])} of speech" if audio["speech"] else ""
    return f"{audio['codec'].upper()}, {audio['sample_rate'] / 1000:g} kHz, {channels}{speech}"


def _thresholds(limits: dict) -> str:
    real = "never Real" if limits["real"] is None else f"Real up to {exact(limits['real'])}"
    return f"{real}, Fake from {exact(limits['fake'])}"
