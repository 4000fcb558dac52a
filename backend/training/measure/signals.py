"""The usual ranges of the signals, measured on the files of a data folder through the product.

Run it again after training: the ranges of the score's signals belong to the weights.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from backend.analysis.face_analyzer import FaceAnalyzer
from backend.analysis.findings import Findings
from backend.analysis.pipeline import build_pipeline
from backend.analysis.progress import Meter
from backend.errors import AppError, SetupError
from backend.evidence.measurements import turned
from backend.evidence.signals import KINDS
from backend.evidence.usual_ranges import RANGES, Range, Ranges
from backend.media.decode import Decoder
from backend.records.media import Upload
from backend.settings import Settings
from backend.training.augment import degrade
from backend.training.augment.conditions import CONDITIONS
from backend.training.data.face_cache import FaceCache
from backend.training.data.index import Row
from backend.training.data.pools import spread
from backend.training.measure.originals import open_original, pictures
from backend.training.measure.signals_page import page

TAIL = 0.005  # share of a set's real values that may lie beyond each end of the range
LEAST = 100  # values a set needs for a quantile of its own; smaller ones are read together
CHOOSE, CHECK = "val", "dev-a"
FILES = {"image": 400, "video": 200}  # real ones; of fakes and of those that check, half as many
AGAIN = 4  # of the files that a range comes from, one in so many is measured once more
CERTAIN = 0.95  # share of second measurements that differ by no more than the repeatability
SAVED = degrade.jpeg(85)  # as pictures are saved once more
OTHER = 29  # moments of a clip instead of the usual 32: none but the first are the same
SCORES = ("blending_boundary", "score_flicker")  # measured on the model's scores
WHOLE = (0.0, 0.0, 1.0, 1.0)
# Nothing is unusual, so that every signal is told of with its value.
EVERYTHING = Ranges(
    command="", model="", notes=(), pictures=dict.fromkeys(KINDS, (-np.inf, np.inf)), scores={},
    repeatability={}, turned=np.inf, bits_per_pixel=0.0,
)  # fmt: skip
NOTES = (
    f"Real files of `{CHOOSE}`, of as many sources as there are. Fakes only check, and so do those "
    f"of `{CHECK}`, which come from other sources.",
    "Pictures also after one of the losses of `conditions.CONDITIONS`.",
    "Of a file with several people the one who decides.",
    f"Repeatability: {CERTAIN:.0%} of second measurements differ by no more. A picture was saved "
    f"as a JPEG of quality 85 before, and {OTHER} other moments were taken of a clip.",
)

# (signal, set, whether fake, whether the range comes from it) -> values
Values = dict[tuple[str, str, bool, bool], list[float]]


def measure(settings: Settings, data: Path, faces: FaceCache, into: Path = RANGES) -> str:
    """Write the ranges for serving.

    Args:
        settings: with the model.
        data: folder that the faces are of.
        faces: found before.
        into: JSON of `Ranges`.

    Returns:
        The page in Markdown.

    Raises:
        SetupError: no real file of `val` could be measured.
    """
    everything = replace(build_pipeline(settings).faces, ranges=EVERYTHING)
    values: Values = defaultdict(list)
    angles, bits, differences = [], [], defaultdict(list)
    chosen = list(_chosen(faces))
    for number, row in enumerate(chosen, 1):
        name = f"{'pictures' if row.kind == 'image' else 'clips'} of {row.split}"
        ranging = row.split == CHOOSE and not row.fake
        for after, upload in _versions(data, row, ranging):
            found = _findings(everything, upload)
            if found is None:
                continue
            first = _deciding(found)
            for code, value in first.items():
                values[code, name + after, row.fake, ranging].append(value)
            if ranging and not after:
                angles += [turned(seen.face) for seen in found.people[0].observations]
                bits += [found.facts.bits_per_pixel] if found.facts.bits_per_pixel else []
            if ranging and not after and number % AGAIN == 1:
                second = _deciding(_again(everything, data, row))
                for code in first.keys() & second.keys():
                    differences[code].append(abs(first[code] - second[code]))
        print(f"\rmeasuring files: {number} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    typical = {code: ends for code in KINDS if (ends := choose(code, values))}
    if not typical:
        raise SetupError(f"The signals are measured on real files of {CHOOSE}: there are none.")
    ranges = Ranges(
        command="python -m backend measure signals DATA",
        model=everything.classifier.card.sha256,
        notes=NOTES,
        pictures={code: ends for code, ends in typical.items() if code not in SCORES},
        scores={code: ends for code, ends in typical.items() if code in SCORES},
        repeatability={
            code: float(np.quantile(differences[code], CERTAIN, method="higher"))
            for code in KINDS
            if differences[code]
        },
        turned=float(np.quantile(angles, 1 - 2 * TAIL)),
        bits_per_pixel=float(np.quantile(bits, TAIL)) if bits else 0.0,
    )
    into.write_text(ranges.model_dump_json(indent=1) + "\n")
    return page(ranges, values)


def choose(code: str, values: Values) -> Range | None:
    """The range that leaves out at most `TAIL` of each set's real values at each end."""
    sets: dict[str, list[float]] = defaultdict(list)
    for (name, own, fake, chosen), numbers in values.items():
        if name == code and chosen and not fake:
            sets[own if len(numbers) >= LEAST else "others"] += numbers
    if not sets:
        return None
    low = min(np.quantile(each, TAIL, method="lower") for each in sets.values())
    high = max(np.quantile(each, 1 - TAIL, method="higher") for each in sets.values())
    return float(low), float(high)


def _chosen(faces: FaceCache) -> Iterator[Row]:
    """The files that are measured: whole ones, as a person would send them."""
    for split in (CHOOSE, CHECK):
        for fake in (False, True):
            for kind, count in FILES.items():
                own = (
                    face
                    for face in faces.of(split)
                    if (face.row.kind, face.row.fake, face.row.part) == (kind, fake, WHOLE)
                )
                least = fake or split == CHECK
                yield from (face.row for face in spread(own, count // 2 if least else count))


def _versions(data: Path, row: Row, ranging: bool) -> Iterator[tuple[str, Upload]]:
    """The file of a row as it is, and where it is a picture that counts, after one loss."""
    yield "", open_original(data, row)
    if ranging and row.kind == "image":
        losses = list(CONDITIONS.values())[1:]
        change = losses[zlib.crc32(row.file.encode()) % len(losses)]
        with _saved(change(pictures(data, row, 1)[0])) as upload:
            yield ", after a loss", upload


def _again(everything: FaceAnalyzer, data: Path, row: Row) -> Findings | None:
    """A second measurement of the same: of a picture saved once more, of a clip's other moments."""
    if row.kind == "image":
        with _saved(SAVED(pictures(data, row, 1)[0])) as upload:
            return _findings(everything, upload)
    settings = everything.settings.model_copy(update={"moments": OTHER})
    other = replace(everything, settings=settings, decoder=Decoder(settings))
    return _findings(other, open_original(data, row))


@contextmanager
def _saved(picture: np.ndarray) -> Iterator[Upload]:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "changed.png"
        Image.fromarray(picture).save(path)
        yield Upload(path, path.name, "png", "image", path.stat().st_size)


def _deciding(found: Findings | None) -> dict[str, float]:
    """Signal -> value, of the one who decides and of the file."""
    if found is None:
        return {}
    who = (None, found.people[0].track)
    return {signal.code: signal.value for signal in found.signals if signal.track in who}


def _findings(everything: FaceAnalyzer, upload: Upload) -> Findings | None:
    """What the product finds; None where nobody could be judged, as after a loss."""
    try:
        found = everything.analyse(upload, None, Meter(lambda progress: None))
    except AppError:
        return None
    return found if found.people else None
