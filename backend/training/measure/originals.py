"""The pictures of the files of a data folder, as the product's decoder gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backend.errors import AppError, SetupError
from backend.media.decode import Decoder
from backend.records.media import Upload
from backend.settings import Settings
from backend.training.data.face_finder import Lost, upload_of
from backend.training.data.index import Row


def open_original(data: Path, row: Row) -> Upload:
    """The file of a row, by its content.

    Raises:
        SetupError: it is missing or of no known type.
    """
    try:
        return upload_of(data / row.file)
    except (Lost, OSError):
        raise SetupError(f"The file {row.file} is missing or damaged.") from None


def pictures(data: Path, row: Row, moments: int) -> list[np.ndarray]:
    """The labelled part of a picture, or of frames spread over a clip: uint8 RGB, (H, W, 3) each.

    Args:
        data: folder that the row's file is relative to.
        row: of the index.
        moments: most frames of a clip.

    Raises:
        SetupError: the file is missing or cannot be decoded.
    """
    upload = open_original(data, row)
    try:
        with Decoder(Settings(moments=moments, max_upload_mb=1000)).open(upload) as clip:
            frames = [frame.image for frame in clip]
            if clip.reduced:
                frames = [clip.finer().image]
    except AppError as error:
        raise SetupError(f"The file {row.file} cannot be used: {error}") from None
    return [np.ascontiguousarray(row.part_of(image)) for image in frames]
