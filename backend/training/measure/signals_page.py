"""The page docs/measurements/signals.md: the ranges of the signals and how often they are left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.evidence.signals import KINDS, TOLD
from backend.evidence.usual_ranges import Ranges
from backend.training.evaluate.markdown_tables import DASH

INTRODUCTION = """<!-- The ranges of the signals, and how often real and fake faces leave them. -->
# Measured signals

Printed by `{command}`
with the model `{model}`. A value is called unusual if it lies outside its range by more than its
repeatability, and by more than one decimal can tell. Each range leaves out
half a per cent at each end of the real values of every set that it comes from (marked "range";
sets of fewer than a hundred values count together); the other rows only check it. A signal
decides nothing: most fakes are usual in most of them. `AUC` compares the fakes of a set with its
real files: above .5 where the fakes have more, below where they have less. Others
[were tried](candidates.md) and are not told: they tell little or nothing, and the networks with
them no more than without.
"""


def page(ranges: Ranges, values: dict[tuple[str, str, bool, bool], list[float]]) -> str:
    """Markdown: one table a signal, one row a set.

    Args:
        values: (signal, set, whether fake, whether the range comes from it) -> values.
    """
    lines = [INTRODUCTION.format(command=ranges.command, model=ranges.model[:12])]
    lines += [f"- {note}" for note in ranges.notes]
    for code, (low, high) in ranges.typical(ranges.model).items():
        kind = KINDS[code]
        unit = f" {kind.unit}" if kind.unit else ""
        repeatability = ranges.repeatability.get(code, 0.0)
        margin = max(repeatability, TOLD)
        lines += [
            "",
            f"## {kind.name} (`{code}`): {low:.2f} to {high:.2f}{unit}",
            f"Unusual is what lies {SIDES[kind.ends]} by more than {margin:.2f}{unit}.",
            "",
            "| set | label | use | values | 1 % | 50 % | 99 % | unusual | AUC |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        rows = sorted(
            (fake, not chosen, name, numbers)
            for (signal, name, fake, chosen), numbers in values.items()
            if signal == code
        )
        real = {name: numbers for fake, _, name, numbers in rows if not fake}
        for fake, check, name, numbers in rows:
            each = np.array(numbers)
            unusual = kind.unusual(each, (low, high), repeatability)
            points = " | ".join(f"{point:.2f}" for point in np.percentile(each, (1, 50, 99)))
            lines.append(
                f"| {name} | {'fake' if fake else 'real'} | "
                f"{'check' if check or fake else 'range'} | {len(each)} | {points} | "
                f"{unusual.mean():.1%} | {_area(real.get(name), numbers) if fake else DASH} |"
            )
    lines += [
        "",
        "## Limits of the quality warnings",
        f"A face is called turned from {ranges.turned:.0f} % on: 99 % of the real faces are turned "
        f"less. A clip is called strongly compressed below {ranges.bits_per_pixel:.4f} bits a "
        "pixel: 99.5 % of the real clips have more.",
    ]
    return "\n".join(lines) + "\n"


def _area(real: Sequence[float] | None, fake: Sequence[float]) -> str:
    if not real:
        return DASH
    return f"{roc_auc_score([False] * len(real) + [True] * len(fake), [*real, *fake]):.2f}"


SIDES = {"high": "above", "low": "below", "both": "above or below"}
