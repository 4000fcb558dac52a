"""The page about the heat maps: how well they find what was changed in faces of a data folder."""

from __future__ import annotations

from collections.abc import Sequence

from backend.models.classifier import Classifier
from backend.settings import Settings
from backend.training.data.face_cache import FaceCache
from backend.training.measure.heat_maps import Row, blends, choose, judge, rows_of, swaps

EACH = 75  # blends of each region; of a family of fakes, as many as three regions have blends


def table(rows: Sequence[Row], classifier: Classifier, threshold: float) -> str:
    """The page in Markdown."""

    def cell(value: float | None, interval: tuple[float, float] | None = None) -> str:
        if value is None:
            return "–"
        return f"{value:.2f}" + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")

    lines = [
        "<!-- How well the heat maps find what was changed. -->",
        "# Where the model looked, against what was changed",
        "",
        "Printed by `python -m backend measure heat_maps DATA` with the model",
        f"`{classifier.config.name}`, on faces of `val` that were blended with a changed copy of",
        "themselves in one region, and on fakes that lie over their originals, where what differs",
        "counts as changed. Pointing game: how often the hottest place of the map lies in what was",
        "changed; its level of chance is the changed area's share of the crop. IoU: of the faces",
        f"that scored above 50 %, at the map's best threshold, {threshold:g} log-odds from where",
        "the page begins to colour, chosen on the other half of the blends; beside it the IoU of",
        "what the page colours, and of a disc in the middle, of the best radius. Ranking: chance",
        "that a changed pixel is hotter than an unchanged one of the",
        "same face (0.5: none). In brackets, 95 % intervals.",
        "",
        "| changed | faces | changed area (chance) | always the middle | pointing game "
        "| scored above 50 % | pointing game of these | IoU of these | IoU of the colour "
        "| IoU of a disc | ranking |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        cells = (
            r.kind, str(r.trials), cell(r.area), cell(r.middle), cell(r.hit, r.hit_interval),
            str(r.found), cell(r.found_hit, r.found_hit_interval), cell(r.iou, r.iou_interval),
            cell(r.drawn_iou), cell(r.disc_iou), cell(r.ranking),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def measure(settings: Settings, faces: FaceCache, each: int = EACH) -> str:
    """The page in Markdown.

    Args:
        settings: with the model.
        faces: of all splits; those of "val" are used.
        each: blends of each region.

    Raises:
        SetupError: the model has no heat maps, or none of the faces scores as manipulated.
    """
    # As frames of clips: by the head that knows changed faces.
    classifier = Classifier(settings.model, settings.cache, settings.engine).of("video")
    own = faces.of("val")
    blended = judge(classifier, list(blends(own, classifier, each)))
    swapped = judge(classifier, list(swaps(own, classifier, 3 * each)))
    threshold, radius = choose(blended)
    return table(rows_of([*blended, *swapped], threshold, radius), classifier, threshold)
