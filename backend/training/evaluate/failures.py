"""The worst errors as one picture, from sources that allow to show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from backend.training.evaluate.predictions import Judged

# Licences of `index.csv` that let a picture be shown here: a licence of the picture is not enough
# where a living person did not agree to be shown, so these are generated faces and one set whose
# sitters consented.
SHOWABLE = ("SFHQ-T2I MIT", "Face Research Lab London Set CC BY 4.0")
COLUMNS, SIDE, FOOT = 6, 128, 18  # pictures a row, px, px


def contact_sheet(judged: Judged, path: Path) -> dict:
    """Draw the real faces that score highest and the fakes that score lowest, one row each, as far
    as they lie on the wrong side of even odds.

    Returns:
        {"shown": rows {label, source, licence, probability}, "worst": how many errors were looked
        at first, "hidden": how many of these are from sources that may not be shown}; no picture
        is written where none may be shown.
    """
    scored = judged.scored(np.arange(len(judged.samples)))
    probability = scored.probability
    wrong = np.where(scored.fake, -scored.logits, scored.logits)
    shown, pictures, hidden, worst_of_all = [], [], 0, 0
    for fake in (False, True):
        worst = [
            i
            for i in np.argsort(-wrong)
            if judged.samples[i].fake == fake and (probability[i] < 0.5) == fake
        ]
        worst_of_all += len(worst[:COLUMNS])
        hidden += sum(judged.samples[i].licence not in SHOWABLE for i in worst[:COLUMNS])
        allowed = [i for i in worst if judged.samples[i].licence in SHOWABLE][:COLUMNS]
        if not allowed:
            continue
        row = np.full((SIDE + FOOT, COLUMNS * SIDE, 3), 255, np.uint8)
        for column, i in enumerate(allowed):
            sample = judged.samples[i]
            crop = judged.classifier.crop(sample.image(), sample.box)
            left = column * SIDE
            row[:SIDE, left : left + SIDE] = cv2.resize(
                crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA
            )
            cv2.putText(
                row, f"{'fake' if fake else 'real'}: P(fake) {probability[i]:.0%}",
                (left + 3, SIDE + FOOT - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1,
                cv2.LINE_AA,
            )  # fmt: skip
            shown.append(
                {
                    "label": "fake" if fake else "real",
                    "source": sample.source,
                    "licence": sample.licence,
                    "probability": float(probability[i]),
                }
            )
        pictures.append(row)
    if pictures:
        _, data = cv2.imencode(
            ".jpg", np.concatenate(pictures)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85]
        )
        path.write_bytes(data.tobytes())
    return {"shown": shown, "worst": worst_of_all, "hidden": hidden}
