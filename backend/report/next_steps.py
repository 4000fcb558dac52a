"""What people can do beside reading a score: better files, where else to look, what to look for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SEARCHES = (  # pages of search engines that take a picture
    ("Google", "https://images.google.com/"),
    ("Bing", "https://www.bing.com/visualsearch"),
    ("TinEye", "https://tineye.com/"),
    ("Yandex", "https://yandex.com/images/"),
)
BETTER_CLIP = (
    "Send the original file, as the camera or the first site has it. A longer one with the face in "
    "view tells more; a screen recording or a copy from a messenger tells less."
)
BETTER_PICTURE = (
    "Send the original picture, or a larger and sharper copy. A screenshot or a copy from a "
    "messenger tells less."
)
SEARCH_CLIP = (
    "Find where it was shown first. Make a screenshot of a good moment, without marks, and search "
    "for it."
)
SEARCH_PICTURE = "Find where it was shown first. An older copy may show what was changed."
LOOK_AT_CLIP = (
    "Look at it slowly: an edge of the face that flickers when the head turns or a hand passes, "
    "lips that do not fit the sound, teeth and eyes that change."
)
LOOK_AT_PICTURE = (
    "Look at it large: the edge of face and hair, the teeth, ears and earrings, glasses, both "
    "eyes, and light that comes from two sides."
)


class Step(NamedTuple):
    """Something to do.

    Attributes:
        text: one sentence or two.
        links: (name, address) of pages that help with it; other people's.
    """

    text: str
    links: tuple[tuple[str, str], ...] = ()


def next_steps(kind: str, is_clip: bool, advice: Sequence[str]) -> list[Step]:
    """What can be done now, the most useful first.

    Args:
        kind: of the answer, see `backend.wording.ANSWERS`.
        is_clip: whether the file is one.
        advice: what would make this file easier to judge.
    """
    steps = [Step(text) for text in advice]
    undecided = kind in ("leans-fake", "unsure", "leans-real")
    if undecided and not any("original" in text for text in advice):
        steps.append(Step(BETTER_CLIP if is_clip else BETTER_PICTURE))
    steps.append(Step(SEARCH_CLIP if is_clip else SEARCH_PICTURE, SEARCHES))
    if kind != "none":
        steps.append(Step(LOOK_AT_CLIP if is_clip else LOOK_AT_PICTURE))
    return steps
