"""The values that signals have in real files: measured by a command, read by serving."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

RANGES = Path(__file__).with_name("usual_ranges.json")

Range = tuple[float, float]


class Ranges(BaseModel):
    """`usual_ranges.json`, written by `python -m backend measure signals DATA`.

    Attributes:
        command: that made it.
        model: SHA-256 of the weights that the ranges in `scores` were measured with.
        notes: what the ranges rest on, and what they cannot say.
        pictures: signal -> (lowest, highest) usual value, of what is measured on pictures alone.
        scores: the same, of what is measured on the model's scores; other weights score otherwise.
        repeatability: signal -> by how much its value may differ when the same is measured again:
            a picture saved once more, other moments of a clip.
        turned: how far the nose lies beside the middle of the eyes, in % of their distance, beyond
            which a face is turned more than those that the model was measured on.
        bits_per_pixel: of a video, below which it is compressed more than those.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    model: str
    notes: tuple[str, ...]
    pictures: dict[str, Range]
    scores: dict[str, Range]
    repeatability: dict[str, float]
    turned: float
    bits_per_pixel: float

    def typical(self, model: str) -> dict[str, Range]:
        """Signal -> range, without those that other weights than `model`'s were measured with."""
        return self.pictures | (self.scores if model == self.model else {})


def read_ranges(path: Path = RANGES) -> Ranges:
    """Read the file."""
    return Ranges.model_validate_json(path.read_bytes())
