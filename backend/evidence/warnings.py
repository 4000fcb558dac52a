"""What makes a file hard to judge, and what to do about it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from backend.evidence.measurements import turned
from backend.evidence.usual_ranges import Ranges
from backend.evidence.verdict import LEAST_PART, left_out_of
from backend.records.media import FileFacts, Media
from backend.records.results import Person, QualityWarning

LOWEST_JPEG = 30
"""Quality of the most compressed JPEG that training and the choice of the thresholds have seen."""

ORIGINAL = "Use the original file, not one that a messenger or a site has made smaller."
SCREEN = {  # note in the file -> what of its value says that a screen was recorded
    "EXIF UserComment": "screenshot",  # iOS and macOS
    "com.apple.quicktime.author": "replaykit",  # iOS
    "XMP Iptc4xmpExt:DigitalSourceType": "screencapture",  # IPTC
}
REJECTIONS = {  # code: text, advice
    "face_too_small": (
        "{} too small to judge.",
        "Use the original in its full size, or a moment at which the person is nearer.",
    ),
    "face_blurred": (
        "{} too blurred to judge.",
        "Use the original file, or a moment at which the person holds still.",
    ),
    "face_too_dark": (
        "{} too dark to judge.",
        "Use a moment with more light on the face; brightening the file afterwards does not help.",
    ),
    "too_many_faces": (
        "{} more than are judged in one picture.",
        "Cut the picture into parts, and judge each.",
    ),
}


def warnings(
    people: Sequence[Person], media: Media, facts: FileFacts, ranges: Ranges, window: int = 0
) -> tuple[QualityWarning, ...]:
    """What makes this file hard to judge; empty where nothing does.

    Args:
        people: the one who decided first; none where no face was found.
        media, facts: of the file.
        ranges: limits that were measured.
        window: px, see `Classifier.window`.
    """
    if not people:
        return (
            QualityWarning(
                "no_face",
                "No face was found.",
                "Use a picture that shows a face upright, from the front and at least 40 pixels "
                "wide.",
                None,
                "",
            ),
            *_file(facts, ranges),
        )
    return (
        *_rejections(people),
        *_pose(people[0], media, ranges),
        *_few(people[0], media),
        *_small(media, window),
        *_file(facts, ranges),
    )


def _rejections(people: Sequence[Person]) -> Iterator[QualityWarning]:
    seen = [each for person in people for each in person.observations]
    for code, (text, advice) in REJECTIONS.items():
        count = sum(person.rejections.get(code, 0) for person in people)
        if count:
            text = text.format(left_out_of(count, seen))
            yield QualityWarning(code, text, advice, 100 * count / len(seen), "%")


def _pose(person: Person, media: Media, ranges: Ranges) -> Iterator[QualityWarning]:
    away = float(np.median([turned(each.face) for each in person.observations]))
    clip = media.type == "video"
    if away > ranges.turned:
        yield QualityWarning(
            "face_turned",
            f"{person.name} looks aside{' for most of the time' if clip else ''}.",
            f"Use a {'moment at' if clip else 'picture in'} which the person faces the camera.",
            away,
            "%",
        )


def _few(person: Person, media: Media) -> Iterator[QualityWarning]:
    judged = sum(each.logit is not None for each in person.observations)
    moments = len(person.observations)
    if media.type == "video" and 0 < judged < LEAST_PART:
        seen = f"could be judged in only {judged} of {moments} moments"
        if judged == moments:
            seen = f"was seen in only {moments} moment{'s' if moments > 1 else ''}"
        yield QualityWarning(
            "few_faces",
            f"{person.name} {seen}.",
            "Use a longer clip, or one in which the face is visible for longer.",
            float(judged),
            "moments",
        )


def _small(media: Media, window: int) -> Iterator[QualityWarning]:
    shorter = min(media.width, media.height)
    if media.type == "image" and shorter < window:
        yield QualityWarning(
            "small_picture",
            f"The picture is only {shorter} pixels high or wide. From {window} on, its own pixels "
            "are looked at too, where generators leave most.",
            ORIGINAL,
            float(shorter),
            "px",
        )


def _file(facts: FileFacts, ranges: Ranges) -> Iterator[QualityWarning]:
    for name, value in facts.metadata:
        if name in SCREEN and SCREEN[name] in value.lower():
            yield QualityWarning(
                "screen_recording",
                f"The file says that it was recorded from a screen (its note “{name}”).",
                "Use the file that was shown there: what a screen shows has lost the traces of how "
                "it was made.",
                None,
                "",
            )
            break
    quality, bits = facts.jpeg_quality, facts.bits_per_pixel
    if quality is not None and quality < LOWEST_JPEG:
        yield QualityWarning(
            "strong_compression",
            f"The picture was compressed strongly, to a JPEG quality of about {quality}.",
            ORIGINAL,
            float(quality),
            "JPEG quality",
        )
    if bits is not None and bits < ranges.bits_per_pixel:
        yield QualityWarning(
            "strong_compression",
            f"The clip was compressed strongly, to {bits:.3f} bits a pixel.",
            ORIGINAL,
            bits,
            "bits a pixel",
        )
