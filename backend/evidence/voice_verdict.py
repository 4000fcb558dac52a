"""From the scores of a voice's windows to an answer with reasons; pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from backend.records.bands import leans
from backend.records.results import ModelCard, Reason, Verdict
from backend.records.sound import VoiceWindow
from backend.wording import exact, percent

LEAST = 2.0  # s of speech that an answer needs
RUN = 3  # windows in a row above the Fake threshold that forbid the answer Real

UNHEARD = {
    "no_sound": "The file has no sound.",
    "silent": "The sound is silent.",
    "no_speech": "Nobody speaks in the sound. Only voices are judged, no music and no noises.",
    "sound_damaged": "The sound is damaged or incomplete and could not be decoded.",
    "sound_codec": "The sound uses a codec that is not supported.",
    "sound_too_long": "The sound is longer than the limit.",
    "sound_too_slow": "Decoding the sound took longer than the limit.",
}


def unheard(code: str) -> Verdict:
    """The answer where the voice could not be judged.

    Args:
        code: one of `UNHEARD`.
    """
    return _unjudged(Reason(code, UNHEARD[code]))


def too_little(seconds: float) -> Verdict:
    """The answer where somebody speaks for so many seconds only."""
    text = f"Somebody speaks for {seconds:.1f} s. At least {LEAST:g} s are needed to judge a voice."
    return _unjudged(Reason("too_little_speech", text))


def _unjudged(reason: Reason) -> Verdict:
    return Verdict("Inconclusive", None, None, (reason,), (), None)


def decide_voice(windows: Sequence[VoiceWindow], probability: float, card: ModelCard) -> Verdict:
    """Answer for the voice of a file.

    Args:
        windows: that were judged, in order, at least one.
        probability: calibrated, that of all of them together.
        card: the thresholds and odds of the voice's model.
    """
    run = _longest_run(windows, card.threshold_fake)
    leaning, odds = leans(probability, card.odds)
    prediction, confidence = "Inconclusive", None
    if card.threshold_real is None:
        is_low = probability < 0.5 and leaning != "fake"
    else:
        is_low = probability <= card.threshold_real
    if probability >= card.threshold_fake:
        reason = Reason("voice_synthetic", "The voice scores like synthetic voices do.")
        prediction, confidence = "Fake", probability
    elif is_low and len(run) >= RUN:
        reason = Reason(
            "part_of_sound",
            f"The voice as a whole scores like a real one, but {len(run)} windows in a row "
            f"{_span(run)} score like synthetic voices.",
        )
    elif is_low and card.threshold_real is None:
        reason = Reason(
            "never_called_real",
            "Nothing synthetic was found in the voice. The model does not call voices Real, "
            "because it misses too many synthetic ones.",
        )
    elif is_low:
        reason = Reason("voice_real", "The voice scores like real voices do.")
        prediction, confidence = "Real", 1 - probability
    else:
        reason = Reason(
            "voice_undecided",
            "The voice scores between real and synthetic voices, where the model is too often "
            "wrong to take a side.",
        )
    if reason.code not in ("voice_undecided", "never_called_real"):
        leaning = odds = None
    anomalies = _anomalies(windows, card.threshold_fake)
    return Verdict(prediction, probability, confidence, (reason,), anomalies, None, leaning, odds)


def _longest_run(windows: Sequence[VoiceWindow], limit: float) -> list[VoiceWindow]:
    longest: list[VoiceWindow] = []
    current: list[VoiceWindow] = []
    for each in windows:
        if each.probability < limit:
            current = []
        elif current and each.start > current[-1].end:  # between them nobody speaks
            current = [each]
        else:
            current = [*current, each]
        longest = max(longest, current, key=len)
    return longest


def _anomalies(windows: Sequence[VoiceWindow], limit: float) -> tuple[str, ...]:
    above = [each for each in windows if each.probability >= limit]
    if not above:
        return ()
    level = f"above the Fake threshold of {exact(limit)}"
    if len(windows) == 1:
        return (f"The voice scores {percent(above[0].probability)}, {level}.",)
    share = f"in {len(above)} of {len(windows)} windows"
    return (f"The voice scores {level} {share}, {_span(above)}.",)


def _span(windows: Sequence[VoiceWindow]) -> str:
    return f"between {windows[0].start:.1f} s and {windows[-1].end:.1f} s"
