"""From the scores of faces to an answer with reasons; pure arithmetic, nothing is looked up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from backend.records.bands import leans
from backend.records.observations import FaceObservation
from backend.records.results import ModelCard, Reason, Verdict
from backend.wording import exact, percent

SHARE = 0.1  # a track must be judged in this share of the frames that show faces
TRIM = 0.1  # share of a track's scores left out at each end: a few bad frames cannot swing it
# The worst stretch is one in `PART` of the moments, at least `LEAST_PART`: in a clip of few it
# takes as many bad ones to swing it as in a clip of many.
PART, LEAST_PART = 4, 8
DISCOUNT = 0.5  # logits that a stretch must lie above the whole before it counts
RUN = 3  # moments in a row above the Fake threshold that forbid the answer Real
APART = 2  # frames from one moment to the next in a row: one may lie between that was not judged

UNJUDGED = {
    "no_face": "No face was found. Only faces and voices are judged.",
    "face_too_small": "The faces are too small to judge: at least 40 pixels are needed, "
    "in a picture reduced to 4096 pixels.",
    "face_too_dark": "The faces are too dark to judge.",
    "face_blurred": "The faces are too blurred to judge.",
    "too_many_faces": "There are more faces than are judged.",
}


def decide(
    observations: Sequence[FaceObservation],
    card: ModelCard,
    calibrate: Callable[[np.ndarray], np.ndarray],
) -> Verdict:
    """Answer for the whole file.

    Each person's track is scored by `pool`; the track that scores highest decides, because one
    manipulated face makes a manipulated file. Where nobody was judged for long enough (see
    `lasting`), the score is of those judged longest and no answer rests on it.

    Args:
        observations: every face found, judged or not, in time order.
        card: the model's thresholds and odds.
        calibrate: calibrated logits to probabilities.

    Returns:
        The verdict; "Inconclusive" with a reason code where nothing could be judged.
    """
    judged = [s for s in observations if s.logit is not None]
    if not judged:
        return _unjudged(observations)
    everybody, tracks = _by_track(judged), lasting(observations)
    glimpsed = not tracks
    if glimpsed:
        most = max(map(len, everybody.values()))
        tracks = {track: faces for track, faces in everybody.items() if len(faces) == most}
    pooled = {track: pool([s.logit for s in faces]) for track, faces in tracks.items()}
    track = max(pooled, key=lambda track: pooled[track][0])
    score, deciding = pooled[track]
    faces = tracks[track][deciding]
    probability = float(calibrate(np.array([score]))[0])
    anomalies = _anomalies(everybody, card)
    # A run counts however short the track: a swap may begin a track of its own.
    run = max((_longest_run(each, card.threshold_fake) for each in everybody.values()), key=len)
    who = faces[0].name if len(everybody) > 1 else "The face"
    leaning, odds = leans(probability, card.odds)
    if card.threshold_real is None:
        is_low = probability < 0.5 and leaning != "fake"
    else:
        is_low = probability <= card.threshold_real
    if glimpsed:
        reasons = [
            Reason(
                "too_few_looks",
                f"Nobody could be judged in more than {len(faces)} of the "
                f"{_frames(observations)} moments that show faces: too few for an answer.",
            )
        ]
        prediction, confidence = "Inconclusive", None
    elif probability >= card.threshold_fake:
        reasons = [
            Reason("scores_manipulated", f"{who} scores like manipulated faces do{_seen(faces)}.")
        ]
        prediction, confidence = "Fake", probability
    elif is_low and len(run) < RUN and card.threshold_real is None:
        reasons = [
            Reason(
                "never_called_real",
                "No manipulation was found in the faces. The model does not call files of this "
                "kind Real, because it misses too many fakes among them.",
            )
        ]
        prediction, confidence = "Inconclusive", None
    elif is_low and len(run) < RUN:
        subject = f"All {len(tracks)} faces score" if len(tracks) > 1 else f"{who} scores"
        if 1 < len(tracks) < len(everybody):
            subject = f"All {len(tracks)} faces that were seen long enough score"
        seen = "" if len(tracks) > 1 else _seen(tracks[track])  # each was seen at times of its own
        reasons = [Reason("scores_real", f"{subject} like unmanipulated faces do{seen}.")]
        prediction, confidence = "Real", 1 - probability
    elif is_low:
        whose = f" at {run[0].name}" if len(everybody) > 1 else ""
        reasons = [
            Reason(
                "part_of_clip",
                f"The clip as a whole scores like a real one, but {len(run)} moments in a "
                f"row{whose} {_span(run)} score like manipulated faces.",
            )
        ]
        track = run[0].track
        prediction, confidence = "Inconclusive", None
    else:
        reasons = [
            Reason(
                "undecided",
                f"{who} scores between real and manipulated faces, where the model is too often "
                "wrong to take a side.",
            )
        ]
        prediction, confidence = "Inconclusive", None
    left_out = len(observations) - len(judged)
    if left_out:
        codes = Counter(s.rejection for s in observations if s.rejection)
        reasons += [
            Reason(code, f"{left_out_of(count, observations)} {_SHORT[code]} to judge.")
            for code, count in codes.most_common()
        ]
    if reasons[0].code not in ("undecided", "never_called_real"):
        leaning = odds = None
    return Verdict(
        prediction, probability, confidence, tuple(reasons), anomalies, track, leaning, odds
    )


def left_out_of(count: int, observations: Sequence[FaceObservation]) -> str:
    """How many were left out, as the beginning of a sentence: "In 9 of 41 moments the face was"."""
    frames = len({s.frame for s in observations})
    if frames == 1:
        return f"{count} of {len(observations)} faces {'was' if count == 1 else 'were'}"
    if frames == len(observations):
        return f"In {count} of {frames} moments the face was"
    return f"Faces were seen {len(observations)} times; {count} times they were"


_SHORT = {
    "face_too_small": "too small",
    "face_too_dark": "too dark",
    "face_blurred": "too blurred",
    "too_many_faces": "more faces than are judged",
}


def _unjudged(observations: Sequence[FaceObservation]) -> Verdict:
    codes = Counter(s.rejection for s in observations if s.rejection) or Counter(["no_face"])
    reasons = tuple(Reason(code, UNJUDGED[code]) for code, _ in codes.most_common())
    return Verdict("Inconclusive", None, None, reasons, (), None)


def lasting(observations: Sequence[FaceObservation]) -> dict[int, list[FaceObservation]]:
    """Judged observations by track, without those of people judged in too few frames to trust.

    Frames whose faces could not be judged count too: where most are too dark, whoever is seen in
    one of the others must not decide alone.

    Args:
        observations: every face found, judged or not, in time order.
    """
    tracks = _by_track([s for s in observations if s.logit is not None])
    least = SHARE * _frames(observations)
    return {track: faces for track, faces in tracks.items() if len(faces) >= least}


def _frames(observations: Sequence[FaceObservation]) -> int:
    """How many frames show faces."""
    return len({s.frame for s in observations})


def _by_track(judged: Sequence[FaceObservation]) -> dict[int, list[FaceObservation]]:
    tracks: dict[int, list[FaceObservation]] = defaultdict(list)
    for observation in judged:
        tracks[observation.track].append(observation)
    return dict(tracks)


def pool(logits: Sequence[float]) -> tuple[float, slice]:
    """One score for all observations of one person.

    The trimmed mean of the whole, or the median of its worst stretch less `DISCOUNT` where that is
    more: a few bad moments swing neither, and a stretch that stands out by more than the discount
    is not hidden by the rest. The discount keeps it from speaking where nothing stands out. Where a
    reading is so flat that scores never differ by that much, only the run of `RUN` moments is left,
    which forbids the answer Real.

    Args:
        logits: of one track, in time order, at least one.

    Returns:
        The score, a logit, and which observations it rests on.
    """
    scores = np.asarray(logits, np.float64)
    count = len(scores)
    cut = int(TRIM * count)
    whole = float(np.sort(scores)[cut : count - cut].mean())
    width = max(LEAST_PART, count // PART)
    if count > width:
        windows = np.lib.stride_tricks.sliding_window_view(scores, width)
        medians, means = np.median(windows, axis=1), windows.mean(axis=1)
        # Several windows around a stretch share its median; the one with the highest mean is it.
        start = int(np.lexsort((means, medians))[-1])
        if medians[start] - DISCOUNT > whole:
            return float(medians[start]) - DISCOUNT, slice(start, start + width)
    return whole, slice(0, count)


def _longest_run(faces: Sequence[FaceObservation], threshold: float) -> list[FaceObservation]:
    longest: list[FaceObservation] = []
    current: list[FaceObservation] = []
    for observation in faces:
        if observation.probability < threshold:
            current = []
        elif current and observation.frame - current[-1].frame > APART:
            current = [observation]
        else:
            current = [*current, observation]
        longest = max(longest, current, key=len)
    return longest


def _anomalies(tracks: dict[int, list[FaceObservation]], card: ModelCard) -> tuple[str, ...]:
    """What was measured and speaks for manipulation, one sentence a person."""
    found = []
    for _, faces in sorted(tracks.items()):
        above = [s for s in faces if s.probability >= card.threshold_fake]
        if not above:
            continue
        level = f"above the Fake threshold of {exact(card.threshold_fake)}"
        if len(faces) == 1:
            found.append(f"{above[0].name} scores {percent(above[0].probability)}, {level}.")
        else:
            found.append(
                f"{above[0].name} scores {level} in {len(above)} of {len(faces)} moments, "
                f"{_span(above)}."
            )
    return tuple(found)


def _seen(faces: Sequence[FaceObservation]) -> str:
    return f", taken over {len(faces)} moments {_span(faces)}" if len(faces) > 1 else ""


def _span(faces: Sequence[FaceObservation]) -> str:
    if len(faces) == 1:
        return f"at {faces[0].time:.1f} s"
    return f"between {faces[0].time:.1f} s and {faces[-1].time:.1f} s"
