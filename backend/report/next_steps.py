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
WORD_SEARCHES = (  # of search engines that take words
    ("Google", "https://www.google.com/"),
    ("Bing", "https://www.bing.com/"),
    ("DuckDuckGo", "https://duckduckgo.com/"),
)
BETTER = {
    "video": "Send the original file, as the camera or the first site has it. A longer one with "
    "the face in view tells more; a screen recording or a copy from a messenger tells less.",
    "image": "Send the original picture, or a larger and sharper copy. A screenshot or a copy "
    "from a messenger tells less.",
    "audio": "Send the original recording, as the phone or the first site has it. A longer one in "
    "which one person speaks tells more; a copy from a messenger or a call tells less.",
}
SEARCH = {
    "video": "Find where it was shown first. Make a screenshot of a good moment, without marks, "
    "and search for it.",
    "image": "Find where it was shown first. An older copy may show what was changed.",
    "audio": "Find where it was heard first. Search for one of its sentences, in quotation marks.",
}
LISTEN = (
    "Listen to it with headphones: breaths that are missing or all alike, words that run together, "
    "a tone that does not fit what is said, a room that changes in the middle of a sentence."
)
LOOK = {
    "video": "Look at it slowly: an edge of the face that flickers when the head turns or a hand "
    "passes, lips that do not fit the sound, teeth and eyes that change.",
    "image": "Look at it large: the edge of face and hair, the teeth, ears and earrings, glasses, "
    "both eyes, and light that comes from two sides.",
    "audio": LISTEN,
}
CALL_BACK = (
    "If it asks for money, a password or a hurry, ask the person first: call a number that you "
    "already have, and ask for something that only they know."
)


class Step(NamedTuple):
    """Something to do.

    Attributes:
        text: one sentence or two.
        links: (name, address) of pages that help with it; other people's.
    """

    text: str
    links: tuple[tuple[str, str], ...] = ()


def next_steps(kind: str, medium: str, heard: bool, advice: Sequence[str]) -> list[Step]:
    """What can be done now, the most useful first.

    Args:
        kind: of the answer, see `backend.wording.ANSWERS`.
        medium: "image", "video" or "audio".
        heard: whether a voice was judged.
        advice: what would make this file easier to judge.
    """
    steps = [Step(CALL_BACK)] if heard and kind not in ("real", "none") else []
    steps += [Step(text) for text in advice]
    undecided = kind in ("leans-fake", "unsure", "leans-real")
    better = undecided or (medium == "audio" and kind == "none")
    if better and not any("original" in text for text in advice):
        steps.append(Step(BETTER[medium]))
    steps.append(Step(SEARCH[medium], WORD_SEARCHES if medium == "audio" else SEARCHES))
    if kind != "none":
        steps.append(Step(LOOK[medium]))
        if heard and medium == "video":
            steps.append(Step(LISTEN))
    return steps
