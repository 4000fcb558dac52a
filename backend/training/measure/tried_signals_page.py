"""The page docs/measurements/candidates.md: how much classic signals tell, and which are served."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.training.data.index import Row
from backend.training.evaluate.markdown_tables import table

SPLITS = ("val", "dev-a")
KINDS = {"video": "clips", "image": "pictures"}
NOTHING = 0.05  # AUC this near to .5 tells nothing
FAR = 2.0  # s between two moments; those of serving are nearer in most clips

HEAD = """<!-- Classic signals that were tried, and how little they tell. -->
# Classic signals that were tried

Printed by `python -m backend measure candidates DATA --files {files} --clips {clips}`. Each is one
number of a file. `AUC` is the area under the curve for manipulated files: above .5 where they have
more of it, below where they have less. `val` and `dev-a` share no source and no method. "Tells"
asks for the same side on both, more than {nothing} from .5. The range holds 99 % of the real files
of both.

"""
TAIL = f"""
## What became of them

`texture_variance` is told in an answer, with a [range](signals.md) of its own. The others are not,
also where they tell something:

- `edge_density`, measured through the product, points to both sides on pictures, and real clips
  reach down to no edges at all: so no value would be unusual.
- `edge_contrast` says what the sharpness against the surroundings says, which is told already.
- `colour_spread` and `colour_contrast` point to one side on pictures and to both on clips.
- `double_compression` tells on frames of clips, and not on pictures. A picture that was saved once
  shows it too, because the steps of one quality are multiples of those of another.
- `flow_apart` is of frames that follow each other. `flow_of_moments`, of moments up to {FAR:.0f} s
  apart, points to the other side. The moments that the product looks at are the one in short clips
  and the other in long ones.
- `blink_rate` finds no blinks: the mesh hardly sees closed eyes. A blink lasts a fifth of a second,
  and most fall between the moments that the product looks at, which lie a third of a second apart
  in a clip of ten seconds. How much the openness varies over moments (`eyes_of_moments`) tells
  nothing either.
"""


def page(rows: Sequence[Row], values: Sequence[Mapping[str, float]], files: int, clips: int) -> str:
    """Markdown: one row a signal and kind of file, and what became of each signal.

    Args:
        rows: of the index, of the files that were measured.
        values: signal -> value, of each of these files.
        files, clips: see `tried_signals.measure`.
    """
    head = ("signal", "files", "real, fake on `val`", "AUC", "real, fake on `dev-a`", "AUC",
            "range of real ones", "tells")  # fmt: skip
    text = HEAD.format(files=files, clips=clips, nothing=f"{NOTHING:.2f}")
    return text + table(head, _rows(rows, values)) + "\n" + TAIL + "\n"


def _rows(files: Sequence[Row], values: Sequence[Mapping[str, float]]) -> Iterator[tuple[str, ...]]:
    """The rows of the table: one a signal and kind of file."""
    names = list(dict.fromkeys(name for own in values for name in own))
    for name in names:
        for kind, word in KINDS.items():
            pools: dict[tuple[str, bool], list[float]] = defaultdict(list)
            for file, own in zip(files, values, strict=True):
                if file.kind == kind and name in own:
                    pools[file.split, file.fake].append(own[name])
            if len(pools) < 4:
                continue
            areas, cells = [], []
            for split in SPLITS:
                real, fake = pools[split, False], pools[split, True]
                areas.append(_area(real, fake))
                cells += [f"{len(real)}, {len(fake)}", f"{areas[-1]:.3f}"]
            real = np.concatenate([pools[split, False] for split in SPLITS])
            low, high = np.percentile(real, (0.5, 99.5))
            same = (areas[0] > 0.5) == (areas[1] > 0.5)
            tells = same and min(abs(area - 0.5) for area in areas) > NOTHING
            yield (f"`{name}`", word, *cells, f"{low:.2f} to {high:.2f}", "yes" if tells else "no")


def _area(real: Sequence[float], fake: Sequence[float]) -> float:
    labels = [False] * len(real) + [True] * len(fake)
    return float(roc_auc_score(labels, [*real, *fake]))
