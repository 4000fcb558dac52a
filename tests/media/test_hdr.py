"""HDR clips are seen as players show them on an ordinary screen."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc

from backend.bench.clips import same_scheduling
from backend.media.decode import Decoder
from backend.media.intake import check
from backend.settings import load_settings
from tests.made_media import ENCODERS, astronaut, difference

TO_BT2020 = np.linalg.inv(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
WHITE = 203.0  # cd/m2, BT.2408
X265 = "log-level=none:pools=none:crf=12:colorprim=bt2020:transfer={}:colormatrix=bt2020nc"
TAGGED = {  # in the stream; of VP9, which has no place for it, in the container alone
    "hevc": lambda name: ("yuv420p10le", {"x265-params": X265.format(name)}),
    "av1": lambda name: ("yuv420p10le", {"crf": "12"}),
    "vp9": lambda name: ("yuv420p", {"crf": "4", "b": "0"}),  # the library here knows no 10 bits
}


def pq(light):
    """SMPTE ST 2084: the signal, 0 to 1, for cd/m2."""
    power = (light / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light):
    """BT.2100: the signal for cd/m2 on a screen of 1000."""
    brightness = np.maximum(light @ [0.2627, 0.678, 0.0593], 1e-9)[..., None] / 1000
    scene = light / 1000 * brightness ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


SIGNALS = {
    "smpte2084": (pq, ColorTrc.SMPTE2084),
    "arib-std-b67": (hlg, ColorTrc.ARIB_STD_B67),
}


def hdr_clip(path, codec, name, light):
    """Save a clip of 5 frames that all show `light`: cd/m2 of BT.709, shape (height, width, 3)."""
    signal, transfer = SIGNALS[name]
    picture = np.rint(np.clip(signal(light @ TO_BT2020.T), 0, 1) * 65535).astype(np.uint16)
    encoder, options = ENCODERS[codec]
    pixels, more = TAGGED[codec](name)
    with same_scheduling(), av.open(str(path), "w") as out:
        video = out.add_stream(encoder, rate=25, options=options | more)
        video.height, video.width = picture.shape[:2]
        video.pix_fmt = pixels
        context = video.codec_context
        context.color_trc, context.color_primaries = transfer, ColorPrimaries.BT2020
        context.colorspace, context.color_range = 9, 1
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(picture, "rgb48le").reformat(
                format=pixels, dst_colorspace="BT2020", dst_color_range="MPEG"
            )
            frame.color_trc, frame.color_primaries = transfer, ColorPrimaries.BT2020
            out.mux(video.encode(frame))
        out.mux(video.encode())
    return path


def shown(path):
    settings = load_settings(_env_file=None)
    with Decoder(settings).open(check(path, path.name, settings)) as clip:
        image = list(clip)[2].image
        return image, [note.code for note in clip.facts.notes]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(
    ("file", "codec"), [("a.mp4", "hevc"), ("a.mkv", "av1"), ("a.webm", "vp9"), ("a.mp4", "vp9")]
)
def test_an_hdr_copy_is_seen_as_its_original(tmp_path, file, codec, name):
    original = astronaut(256, 256)
    light = WHITE * (original / 255) ** 2.4
    image, notes = shown(hdr_clip(tmp_path / file, codec, name, light))
    assert notes == ["hdr"]
    assert difference(image, original) < 8
    assert np.abs((image.astype(float) - original).mean((0, 1))).max() < 2.5  # no tint, no haze


@pytest.mark.parametrize("name", SIGNALS)
def test_highlights_are_bent_and_the_rest_stays(tmp_path, name):
    """Half of the picture is as bright as a face in the shade, half rises to 1000 cd/m2."""
    steps = np.repeat(np.geomspace(60, 1000, 16), 16)
    light = np.repeat(
        np.vstack([np.full((64, 256), 20.0), np.tile(steps, (64, 1))])[..., None], 3, 2
    )
    image, _ = shown(hdr_clip(tmp_path / "a.mp4", "hevc", name, light))
    assert image[:48].mean() == pytest.approx(255 * (20 / WHITE) ** (1 / 2.4), abs=3)
    ramp = image[96:, 8::16].mean((0, 2))
    assert (np.diff(ramp)[:11] > 1).all() and ramp[-1] > 250  # none is lost but the very brightest
