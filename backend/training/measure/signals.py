"""The ranges of the signals: `python -m backend.training.measure.signals DATA`.

They come from real faces of `val`, the real clips and, for what needs several looks at one person,
half of the VidTIMIT speakers; the rest of `dev` and all fakes only check them. Run it
again after training: the ranges of the score's signals belong to the weights.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np

from backend.analysis.face_scores import BATCH
from backend.analysis.pipeline import build_pipeline
from backend.cli.exit_codes import answered
from backend.evidence.measurements import sample as sampled
from backend.evidence.measurements import traits, turned
from backend.evidence.signals import KINDS, of_file, of_person
from backend.evidence.usual_ranges import RANGES, Range, Ranges
from backend.faces.detector import FaceDetector
from backend.media import intake
from backend.media.decode import Decoder
from backend.models.classifier import Classifier
from backend.records.observations import Face, FaceObservation
from backend.settings import load_settings
from backend.training.augment.conditions import CONDITIONS
from backend.training.data.index import Sample, load, read_clip_index, reading
from backend.training.measure.pooling import LOOKS, draw_pairs
from backend.training.measure.signals_page import page
from backend.training.measure.simulated_clips import ONE, simulate

TAIL = 0.005  # share of a source's real values that may lie beyond each end of the range
LEAST = 100  # values a source needs for a quantile of its own; smaller ones are read together
SIMULATED = 50  # clips a label, each of one picture
SPACING = 1 / 3  # s between the frames of a speaker, as in a clip of ten seconds
PHASES = 3  # a whole clip is looked at `PHASES` times, each time at other frames
RATES = (24, 29)  # frames a second that are left of real clips: an uneven rate, and single gaps
STRONGEST = 32  # CRF that the thresholds were chosen under, see `conditions.CONDITIONS`
SCORES = ("blending_boundary", "score_flicker")  # measured on the model's scores

# (signal or measure, source, whether fake, whether the range comes from it) -> values
Values = dict[tuple[str, str, bool, bool], list[float]]

NOTES = (
    "Faces: one picture each of `val`, as it is and after one of the losses of "
    "`conditions.CONDITIONS`.",
    "Flicker of the score: many looks simulated from single pictures of DFDC `val` "
    "(`simulated_clips.py`), which have one pose and one expression and so flicker less than a "
    "true clip; every other VidTIMIT speaker, a frontal head in good light; three real clips.",
    "Jumps of landmarks: the same speakers and clips.",
    "Frames: three real clips of one kind of camera, and the same clips strongly compressed, with "
    "single frames left out as by a recorder that cannot keep up. Other cameras with an uneven "
    "frame rate were not there to be measured.",
)


def main() -> None:
    """Write the ranges for serving and the page about them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds faces/ and clips/")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=RANGES)
    parser.add_argument("--page", type=Path, default=Path("docs/measurements/signals.md"))
    args = parser.parse_args()
    clips = read_clip_index(args.data)
    settings = load_settings(moments=LOOKS * PHASES)
    pipeline, detector = build_pipeline(settings), FaceDetector()
    classifier = pipeline.faces.classifier.of("video")
    samples = load(args.data, args.runs / "cache", ("val", "dev")).samples
    values: Values = defaultdict(list)
    speakers = [s for s in samples if s.archive == "timit.tar"]
    others = [s for s in samples if s.archive != "timit.tar"]
    looks = measure_faces(others, detector, classifier, values)
    measure_speakers(speakers, detector, classifier, values)
    measure_simulated(samples, classifier, values)
    measure_clips(args.data / "clips", clips, settings, pipeline, values)
    typical = {code: choose(code, values) for code in KINDS}
    ranges = Ranges(
        command="python -m backend.training.measure.signals DATA",
        model=classifier.card.sha256,
        notes=NOTES,
        pictures={code: ends for code, ends in typical.items() if code not in SCORES},
        scores={code: typical[code] for code in SCORES},
        turned=float(np.quantile(looks, 1 - 2 * TAIL)),
        bits_per_pixel=min(values.pop(("bits_per_pixel", "clips", False, True))),
    )
    args.out.write_text(ranges.model_dump_json(indent=1) + "\n")
    args.page.write_text(page(ranges, values))
    print(page(ranges, values))


def choose(code: str, values: Values) -> Range:
    """The range that leaves out at most `TAIL` of each source's real values at each end."""
    sources: dict[str, list[float]] = defaultdict(list)
    for (name, source, fake, chosen), numbers in values.items():
        if name == code and chosen and not fake:
            sources[source if len(numbers) >= LEAST else "others"] += numbers
    low = min(np.quantile(each, TAIL, method="lower") for each in sources.values())
    high = max(np.quantile(each, 1 - TAIL, method="higher") for each in sources.values())
    return float(low), float(high)


def measure_faces(
    samples: Sequence[Sample], detector: FaceDetector, classifier: Classifier, values: Values
) -> list[float]:
    """Add what single pictures show; returns how far the real faces of `val` are turned."""
    losses, angles = list(CONDITIONS.values())[1:], []

    def add(batch, after: str = "") -> None:
        looks = _looks([(image, face) for _, image, face in batch], classifier)
        for (s, _, _), look in zip(batch, looks, strict=True):
            source = (s.generator if s.fake else s.source) + after
            for code, (value, _) in of_person([look]).items():
                values[code, source, s.fake, s.split == "val"].append(value)

    for batch in _batches(_found(samples, detector)):
        add(batch)
        real = [each for each in batch if each[0].split == "val" and not each[0].fake]
        angles += [turned(face) for _, _, face in real]
        add(
            [(s, losses[zlib.crc32(s.file.encode()) % len(losses)](image), face)
             for s, image, face in real],
            after=", after a loss",
        )  # fmt: skip
    return angles


def measure_speakers(
    samples: Sequence[Sample], detector: FaceDetector, classifier: Classifier, values: Values
) -> None:
    """Add what the frames of one speaker show together."""
    groups = sorted({s.group for s in samples})
    for fake in (False, True):
        for number, group in enumerate(groups):
            own = [s for s in samples if s.group == group and s.fake == fake]
            faces = [(image, face) for _, image, face in _found(own, detector)]
            chosen = not fake and number % 2 == 0
            source = "deepfaketimit" if fake else "speakers" if chosen else "other speakers"
            for code, (value, _) in of_person(_looks(faces, classifier)).items():
                use = chosen and code in ("score_flicker", "landmark_jumps")
                values[code, source, fake, use].append(value)


def measure_simulated(samples: Sequence[Sample], classifier: Classifier, values: Values) -> None:
    """Add the flicker of looks simulated from single pictures."""
    pairs = draw_pairs([s for s in samples if s.split == "val"], SIMULATED)
    for fake, members in zip((False, True), pairs, strict=True):
        for logits in simulate(classifier, members, LOOKS).good[..., ONE]:
            flicker = float(np.sqrt(np.mean(np.diff(logits) ** 2) / 2))
            values["score_flicker", "simulated from dfdc", fake, True].append(flicker)


def measure_clips(folder: Path, rows, settings, pipeline, values: Values) -> None:
    """Add what whole clips show: their people, and the times and likeness of their frames."""
    decoder = Decoder(settings)
    with tempfile.TemporaryDirectory() as spare:
        for row in rows:
            fake, path = row["label"] == "fake", folder / row["file"]
            with reading(path):
                analysis = pipeline.analyse(intake.check(path, path.name, settings), None)
            for person in analysis.people[:1]:
                for phase in range(PHASES):
                    for code, (value, _) in of_person(person.observations[phase::PHASES]).items():
                        values[code, "clips", fake, not fake].append(value)
            _measure_frames("clips", path, fake, decoder, settings, values)
            if not fake:
                for rate in RATES:
                    again = _encode(path, Path(spare) / f"{rate}-{path.name}", rate)
                    source = f"clips, {rate} a second"
                    _measure_frames(source, again, fake, decoder, settings, values)


def _measure_frames(source: str, path: Path, fake: bool, decoder, settings, values) -> None:
    with reading(path), decoder.open(intake.check(path, path.name, settings)) as clip:
        pictures = [(frame.time, sampled(frame.image)) for frame in clip]
    for phase in range(PHASES):
        for code, (value, *_) in of_file(clip.facts, pictures[phase::PHASES]).items():
            values[code, source, fake, not fake].append(value)
    if source != "clips":
        values["bits_per_pixel", "clips", False, True].append(clip.facts.bits_per_pixel)


def _encode(path: Path, into: Path, rate: int) -> Path:
    """The clip compressed, with as few frames as `rate` needs: the others are left out, and time
    goes on, as in the files of recorders that cannot keep up."""
    with av.open(str(path)) as source, av.open(str(into), "w") as out:
        stream = out.add_stream("libx264", rate, {"crf": str(STRONGEST), "preset": "veryfast"})
        first = source.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        stream.codec_context.time_base = first.time_base
        latest = -1
        for frame in source.decode(first):
            number = int(frame.time * rate)
            if number > latest:
                out.mux(stream.encode(frame))
                latest = number
        out.mux(stream.encode())
    return into


def _found(
    samples: Sequence[Sample], detector: FaceDetector
) -> Iterator[tuple[Sample, np.ndarray, Face]]:
    """The samples with their pictures and the largest face of each."""
    for s in samples:
        image = s.image()
        faces = detector.detect(image)
        if faces:
            yield s, image, max(faces, key=lambda face: face.size)


def _looks(
    faces: Sequence[tuple[np.ndarray, Face]], classifier: Classifier
) -> list[FaceObservation]:
    """The faces as looks at one person."""
    if not faces:
        return []
    cuts = [classifier.cut(image, face.box) for image, face in faces]
    logits, maps, _ = classifier.judge(np.stack(cuts), looks=1)  # as in a clip, where it counts
    probabilities = classifier.probabilities(logits)
    return [
        FaceObservation(
            id=i, frame=i, time=i * SPACING, face=face, track=0, logit=float(logits[i]),
            probability=float(probabilities[i]),
            heat=None if maps is None else classifier.heat(face.box, maps[i]),
            traits=traits(image, face, classifier.view(cuts[i])),
        )
        for i, (image, face) in enumerate(faces)
    ]  # fmt: skip


def _batches(items: Iterator) -> Iterator[list]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


if __name__ == "__main__":
    sys.exit(answered(main))
