"""From the answers of the faces and of the voice to the one of the file; pure rules.

1. A side that could not be judged leaves the answer to the other. But beside faces that are there
   and could not be judged a real voice makes no file Real.
2. The file is Fake when either side is.
3. A voice that is undecided and does not point to a fake leaves the answer to the faces. Most
   voices are undecided, and a person who is filmed speaking must not become so for it. Undecided
   faces are another matter: most manipulated clips keep the true voice.
4. It is Real only when all other sides that were judged are.
5. Else it is undecided, and the side that keeps it so says why, first.
"""

from __future__ import annotations

from dataclasses import replace

from backend.records.results import Verdict

NO_FACE = "no_face"  # the reason where nobody is to be seen


def together(faces: Verdict | None, voice: Verdict | None) -> Verdict:
    """The answer for a file with pictures and sound.

    The reasons and anomalies of the side that decides come first. Those of a voice that was not
    judged are its own: a clip in which nobody speaks is judged by its faces, as ever.

    Args:
        faces: None for a sound file.
        voice: None for a file that can have no sound.

    Raises:
        ValueError: there is neither.
    """
    if voice is None or faces is None:
        if only := faces or voice:
            return only
        raise ValueError(
            "Expected the answer of the faces, of the voice or of both. Received: none."
        )
    if voice.probability_fake is None:
        return faces
    if faces.probability_fake is None:
        if voice.prediction == "Real" and all(each.code != NO_FACE for each in faces.reasons):
            reasons = (*faces.reasons, *voice.reasons)
            return replace(voice, prediction="Inconclusive", confidence=None, reasons=reasons)
        return replace(voice, reasons=(*voice.reasons, *faces.reasons))
    silent = voice.prediction == "Inconclusive" and voice.leaning != "fake"
    first, second = (
        (faces, voice) if silent else sorted((faces, voice), key=_weight, reverse=True)
    )
    return replace(
        first,
        reasons=(*first.reasons, *second.reasons),
        anomalies=(*first.anomalies, *second.anomalies),
    )


def _weight(verdict: Verdict) -> tuple[int, int, float]:
    """What decides beside another answer: Fake, then what is undecided, then Real.

    Of two that say the same, the one that points more to a fake: by its own scale's leaning, then
    by its probability.
    """
    order = ("Real", "Inconclusive", "Fake").index(verdict.prediction)
    leaning = {"real": 0, None: 1, "fake": 2}[verdict.leaning]
    return order, leaning, verdict.probability_fake
