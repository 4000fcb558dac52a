"""The one table of what may be sent: file extensions and the formats they name."""

from __future__ import annotations

EXTENSIONS = {
    ".mp4": "mp4",
    ".mov": "mov",
    ".avi": "avi",
    ".mkv": "mkv",
    ".webm": "webm",
    ".flv": "flv",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".gif": "gif",
    ".bmp": "bmp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
}
FORMATS = tuple(dict.fromkeys(EXTENSIONS.values()))
IMAGES = frozenset({"jpeg", "png", "gif", "bmp", "tiff", "webp"})
