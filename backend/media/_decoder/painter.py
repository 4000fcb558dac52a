"""Makes of a clip's decoded frames what a player shows: RGB of 8 bits, square pixels."""

import av
import wire
from av.video.reformatter import Colorspace, ColorTrc, VideoReformatter
from packet_index import Clip

_UNKNOWN = (0, 2)  # reserved and unspecified, in FFmpeg's tables of colours
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)


class Painter:
    """Paints the frames of one clip.

    Args:
        clip: what it is.
        job: `max_pixels` and `long_side` are its limits.

    Attributes:
        notes: codes of what was odd, as the parent's table has them.
    """

    def __init__(self, clip: Clip, job: dict):
        self._clip, self._job = clip, job
        self._scaler = VideoReformatter()  # one for all: each keeps threads of its own
        self._tones = None
        self.notes: list[str] = []

    def rgb(self, frame: av.VideoFrame) -> tuple[av.VideoFrame, tuple[int, int]]:
        """The frame as rgb24, and the (width, height) it is displayed at before it is turned."""
        if frame.width * frame.height > self._job["max_pixels"]:
            raise wire.Refused("pixels")
        width, height = max(1, round(frame.width * self._clip.aspect)), frame.height
        scale = min(1.0, self._job["long_side"] / max(width, height))
        shape = {
            "width": max(1, round(width * scale)),
            "height": max(1, round(height * scale)),
            "interpolation": "AREA" if scale < 1 else "BICUBIC",
        }
        # What the frame itself says counts; a few decoders forget what the container said.
        transfer, primaries = (
            other if own in _UNKNOWN else own
            for own, other in zip(
                (frame.color_trc, frame.color_primaries), self._clip.colour, strict=True
            )
        )
        if transfer in _HDR:
            return self._toned(frame, shape, transfer, primaries), (width, height)
        return self._scaler.reformat(frame, format="rgb24", **shape), (width, height)

    def _toned(self, frame, shape: dict, transfer: int, primaries: int) -> av.VideoFrame:
        import hdr  # rarely needed and slow to import

        if self._tones is None:
            self._tones = hdr.ToneMapper(hdr.bt1886)
            self.notes.append("hdr")
        if frame.colorspace in _UNKNOWN:
            shape["src_colorspace"] = Colorspace.BT2020
        wide = self._scaler.reformat(frame, format=hdr.FORMAT, **shape)
        return self._tones.sdr(wide, transfer, primaries)
