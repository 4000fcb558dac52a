"""Reads the JPEG pictures of a live camera from stdin, one after another, until it ends."""

import struct
import sys
from io import BytesIO

import wire
from colours import strips, upright_rgb
from PIL import Image


def read(job: dict, out: wire.Wire) -> dict:
    """Send each picture as a frame; its bytes come after their number, 4 bytes big-endian.

    One that cannot be decoded ends the process, as an upload does: what it may have done to the
    library is not carried on with.
    """
    source = sys.stdin.buffer
    while prefix := source.read(4):
        (length,) = struct.unpack(">I", prefix)
        with Image.open(BytesIO(source.read(length)), formats=["JPEG"]) as image:
            if image.width * image.height > job["max_pixels"]:
                raise wire.Refused("pixels")
            image.load()
            picture = upright_rgb(image, job["long_side"])
        out.frame(0.0, picture.height, picture.width, strips(picture))
        source.read(1)
        out.taken()
    return {}
