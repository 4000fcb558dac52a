"""The page docs/measurements/models.md: the members by themselves, and together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend.training.evaluate.markdown_tables import table
from backend.training.evaluate.metrics import Estimate
from backend.wording import rate

HEAD = """<!-- How good each member of the model is by itself, and each set of members together. -->
# Members of the model

Printed by `{command}`, profile `{profile}`. Whole files are judged by the product with all members
asked. Each answers by thresholds of its own. `val` has the methods and sources of training, `dev-a`
chose thresholds, `dev-b` was only measured. Brackets hold 95 % intervals over groups that share a
person or a scene. Milliseconds are the median wall time of a member's passes for a file, two files
side by side.

## Each by itself
"""
TOGETHER = """
## Together
The gain is over the member that ranks the same files best by itself, on the same files.
"""
KINDS = {"video": "clips", "image": "pictures"}


def page(command: str, profile: str, members: Iterable[tuple[str, dict]], sets: Sequence) -> str:
    """Markdown.

    Args:
        command: that printed it.
        profile: whose thresholds hold.
        members: name and {"measured": rows of `backend.report.model_errors.ModelErrors`}.
        sets: rows of `backend.training.measure.models.SetRow`.
    """
    rows = [
        (
            name, row["split"], KINDS[row["kind"]], row["real"], row["fake"],
            f"{row['auc']:.3f} ({row['auc_low']:.3f}–{row['auc_high']:.3f})",
            rate(row["real_called_fake"]), rate(row["fake_called_real"]), rate(row["answered"]),
            f"{row['milliseconds']:.0f}",
        )
        for name, each in members
        for row in each["measured"]
    ]  # fmt: skip
    head = ("model", "split", "files", "real", "fake", "AUC", "real called Fake",
            "fakes called Real", "a side taken", "ms")  # fmt: skip
    text = HEAD.format(command=command, profile=profile) + "\n" + table(head, rows) + "\n"
    if sets:
        own = [
            (" + ".join(row.members), row.split, KINDS[row.kind], _with_ends(row.auc, "{:.3f}"),
             _with_ends(row.gain, "{:+.3f}"), row.best)
            for row in sets
        ]  # fmt: skip
        head = ("set", "split", "files", "AUC", "gain", "over")
        text += TOGETHER + "\n" + table(head, own) + "\n"
    return text


def _with_ends(value: Estimate, form: str) -> str:
    return f"{form.format(value.value)} ({form.format(value.low)} to {form.format(value.high)})"
