"""The settings as a Markdown table: that of docs/settings.md, from the one source."""

from __future__ import annotations

import json
from pathlib import Path

from backend.settings import INSTALLED, ROOT, Settings


def settings_table() -> str:
    """The table, a row a setting, in the order in which they are declared."""
    rows = ["| Setting | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        rows.append(
            f"| `DEEPFAKE_{name.upper()}` | `{_shown(field.default)}` "
            f"| {field.description}{_range(field.metadata)} |"
        )
    return "\n".join(rows)


def _range(limits: list) -> str:
    """The values allowed, where both ends are limited: " (1 to 256)"."""
    ends = [getattr(each, end) for end in ("ge", "le") for each in limits if hasattr(each, end)]
    return " ({:,} to {:,})".format(*ends) if len(ends) == 2 else ""


def _shown(default) -> str:
    """A default as one would write it in the environment."""
    if isinstance(default, Path):
        return str(default if INSTALLED else default.relative_to(ROOT))
    return json.dumps(default) if isinstance(default, list) else str(default)
