"""Judges the faces of a file: decode, observe, score, decide, and draw what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from pathlib import Path

from backend.analysis.face_frames import CroppedFace, FaceFrames, SearchedFrame
from backend.analysis.face_scores import FaceScores
from backend.analysis.findings import Findings
from backend.analysis.live_camera import Camera
from backend.analysis.prefetch import Ahead
from backend.analysis.progress import Known, Meter, Progress
from backend.analysis.stability import settled
from backend.analysis.track_scores import with_tracks
from backend.evidence.people import find_people
from backend.evidence.signals import signals
from backend.evidence.usual_ranges import Ranges
from backend.evidence.verdict import decide
from backend.evidence.votes import disputed, votes
from backend.evidence.warnings import warnings
from backend.faces.detector import FaceDetector
from backend.media.camera import CameraDecoder
from backend.media.decode import Clip, Decoder
from backend.models.classifier import Classifier
from backend.records.media import Upload
from backend.records.observations import FaceObservation
from backend.records.results import AnalysedFrame
from backend.report.pictures import Pictures, closest
from backend.settings import Settings

FRAMES_AHEAD = 2  # decoded frames that wait for face finding; each is 6 MB at 1080p
SEARCHED_AHEAD = 8  # frames whose faces wait for the classifier
# px, longer side of an annotated picture. A clip has many: half of 1080p costs half as much to
# scale, draw and write as two thirds of it.
WIDEST = {"image": 1280, "video": 960}


@dataclass(frozen=True)
class FaceAnalyzer:
    """Judges files by their faces. Safe to share between threads; it keeps nothing of a file.

    Decoding, face finding and scoring of one file overlap: the first two run in threads that end
    with the analysis, the third in the caller's. What passes between them is never changed.

    Attributes:
        settings: limits.
        decoder, detector, classifier: the collaborators.
        ranges: what signals are compared with.
    """

    settings: Settings
    decoder: Decoder
    detector: FaceDetector
    classifier: Classifier
    ranges: Ranges

    def analyse(self, upload: Upload, into: Path | None, meter: Meter) -> Findings:
        """Draw frames from the decoder, and judge the faces in them.

        The folder gets `frame-000.jpg`, `frame-001.jpg` ... and, where faces have heat maps,
        `heat-000.png` ..., portraits, and `closeup-000.jpg` with
        its heat map `closeup-000.png`.

        Args:
            upload: passed intake.
            into: folder that gets the pictures; None for no pictures.
            meter: told of the progress, also while the decoder is waited for; what it raises
                stops the analysis and is passed on.

        Raises:
            AppError: the file cannot be decoded or passes a limit.
        """
        with (
            self.decoder.open(upload, meter.again) as clip,
            Ahead(clip, FRAMES_AHEAD, clip.stop) as frames,
        ):
            # An animated picture is a clip.
            classifier = self.classifier.of_file(clip.media.type, *clip.finest)
            faces = FaceFrames(self.detector, classifier, self._most(clip))
            widest = WIDEST[clip.media.type] if into else None

            def stop() -> None:
                frames.stop()
                clip.stop()  # it may be waited for there too, for a photograph at its full size

            with Ahead(faces.search(clip, frames, widest), SEARCHED_AHEAD, stop) as searched:
                seen, seconds = self._score(searched, classifier, self._moments(clip), meter)
        seen = [
            replace(frame, faces=own) for frame, own in zip(seen, faces.settled(seen), strict=True)
        ]
        seen, seconds = with_tracks(seen, seconds, classifier)
        return self._conclude(clip, seen, seconds, classifier, into, meter)

    def camera(self) -> Camera:
        """A live camera judged by the same networks; for one thread, which closes it."""
        decoder = CameraDecoder(self.decoder, self.settings)
        classifier = self.classifier.of("video")
        return Camera(decoder, self.detector, classifier, self.settings.max_faces_clip)

    def _most(self, clip: Clip) -> int:
        """How many faces are judged in one of the file's pictures."""
        known = self.settings
        return known.max_faces if clip.media.type == "image" else known.max_faces_clip

    def _moments(self, clip: Clip) -> int:
        """How many moments there will be, at most."""
        most = 1 if clip.media.type == "image" else self.settings.moments
        return min(clip.media.frames or most, most)

    def _score(
        self,
        searched: Iterable[tuple[SearchedFrame, list[CroppedFace]]],
        classifier: Classifier,
        total: int,
        meter: Meter,
    ) -> tuple[list[SearchedFrame], Mapping[str, float]]:
        """The searched frames, their faces scored; and each member's seconds."""
        scores, seen = FaceScores(classifier, total), []

        def tell(stage: str, share: float, total: int) -> None:
            meter(Progress(stage, share, len(seen), total, _known(seen, classifier)))

        for frame, cropped in searched:
            seen.append(frame)
            _put(scores.add(cropped), seen)
            tell("faces", 0.8 * min(1.0, len(seen) / total), total)
        tell("scores", 0.8, len(seen))
        _put(scores.finish(), seen)
        tell("scores", 0.85, len(seen))
        return seen, scores.seconds

    def _conclude(
        self,
        clip: Clip,
        seen: Sequence[SearchedFrame],
        seconds: Mapping[str, float],
        classifier: Classifier,
        into: Path | None,
        meter: Meter,
    ) -> Findings:
        """Decide, and draw the pictures."""
        card, calibrate = classifier.card, classifier.probabilities
        observations = [face for frame in seen for face in frame.faces]
        answer = partial(decide, card=card, calibrate=calibrate)
        verdict = answer(observations)
        if classifier.reading.doubt:
            undoubted = classifier.reading.undoubted.logits
            verdict = disputed(verdict, observations, undoubted, card, calibrate)
        for frame in seen:
            if frame.still is not None:
                scale = clip.media.width / frame.still.shape[1]
                verdict = settled(verdict, frame.still, scale, frame.faces, classifier, answer)
        known = _known(seen, classifier)
        # No box takes a side that the answer gave up.
        neutral = replace(card, threshold_real=None, threshold_fake=inf, odds=())
        pictures = Pictures(into, neutral if verdict.is_unstable else card)
        shown = [frame.shown for frame in seen]
        analysed = []
        for index, (picture, heat) in enumerate(pictures.frames(shown, [f.faces for f in seen])):
            frame = seen[index]
            analysed.append(AnalysedFrame(index, frame.time, picture, frame.faces, heat))
            share = 0.85 + 0.15 * (index + 1) / len(seen)
            meter(Progress("pictures", share, len(seen), len(seen), known))
        people = find_people(observations, len(seen), verdict, card, calibrate)
        deciding = closest(people, verdict)
        return Findings(
            media=clip.media,
            facts=clip.facts,
            verdict=verdict,
            model=card,
            votes=votes(observations, classifier.voters, seconds, calibrate),
            settings={
                "moments": self.settings.moments,
                "max_faces": self._most(clip),
                "engine": classifier.engine,
                "precision": classifier.precision,
            },
            frames=tuple(analysed),
            people=tuple(pictures.with_portraits(people, shown)),
            closeup=deciding and pictures.closeup(deciding, shown[deciding.frame]),
            signals=signals(
                people,
                clip.facts,
                self.ranges.typical(card.sha256),
                self.ranges.repeatability,
            ),
            warnings=warnings(people, clip.media, clip.facts, self.ranges, classifier.window),
        )


def _known(seen: Sequence[SearchedFrame], classifier: Classifier) -> Known:
    answer = partial(decide, card=classifier.card, calibrate=classifier.probabilities)
    return Known(tuple((frame.time, frame.faces) for frame in seen), answer)


def _put(scored: Sequence[FaceObservation], frames: list[SearchedFrame]) -> None:
    """Replace observations of the frames by those of the same id that were scored."""
    for new in scored:
        frame = frames[new.frame]
        faces = tuple(new if face.id == new.id else face for face in frame.faces)
        frames[new.frame] = replace(frame, faces=faces)
