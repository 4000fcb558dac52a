"""What happens to pictures on their way: the same random losses for both members of a pair."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import av
import cv2
import numpy as np
from scipy import fft

Change = Callable[[np.ndarray], np.ndarray]
MOVING = 4  # frames of the clips that `h264` makes


def jpeg(quality: int) -> Change:
    """JPEG at `quality` 1 to 100."""

    def change(image):
        _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]

    return change


def h264(crf: int, preset: str = "veryfast", motion: tuple[float, float] | None = None) -> Change:
    """One real H.264 pass (libx264, yuv420p) at a constant rate factor of 0 to 51.

    Args:
        motion: px a frame; what comes back is then the last of `MOVING` frames, predicted from
            those before it as most frames of clips are. None: the only frame, a key frame.
    """

    options = {"crf": str(crf), "preset": preset}
    if motion:
        # With macroblock trees the same frames give other bytes from call to call, depending on
        # what lay in memory before; a pair must lose the same.
        options["x264-params"] = "mbtree=0"

    def change(image):
        height, width = image.shape[:2]
        even = image[: height - height % 2, : width - width % 2]
        data = BytesIO()
        with av.open(data, "w", format="matroska") as out:
            stream = out.add_stream("libx264", rate=25, options=options)
            stream.height, stream.width, stream.pix_fmt = even.shape[0], even.shape[1], "yuv420p"
            stream.codec_context.thread_count = 1
            for left in reversed(range(MOVING if motion else 1)):
                frame = _moved(even, motion, left) if left else np.ascontiguousarray(even)
                for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                    out.mux(packet)
            for packet in stream.encode(None):
                out.mux(packet)
        data.seek(0)
        with av.open(data, "r", format="matroska") as source:
            *_, last = source.decode(video=0)
            back = last.to_ndarray(format="rgb24")
        return cv2.resize(back, (width, height)) if back.shape != image.shape else back

    return change


def _moved(image: np.ndarray, motion: tuple[float, float], frames: int) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = np.array([[1, 0, motion[0] * frames], [0, 1, motion[1] * frames]], np.float64)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def rescale(factor: float, how: int = cv2.INTER_LINEAR, squeeze: float = 1.0) -> Change:
    """Down to `factor` of the size and back up; `squeeze` is the height's own factor beside it."""

    def change(image):
        height, width = image.shape[:2]
        size = (max(8, round(width * factor)), max(8, round(height * factor * squeeze)))
        return cv2.resize(
            cv2.resize(image, size, interpolation=cv2.INTER_AREA),
            (width, height),
            interpolation=how,
        )

    return change


def turn(degrees: float, about: tuple[float, float], cubic: bool) -> Change:
    """Turn a picture anticlockwise about a point in px, as editors straighten it.

    What comes in from outside repeats its edge.
    """
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR

    def change(image):
        matrix = cv2.getRotationMatrix2D((about[0] - 0.5, about[1] - 0.5), degrees, 1.0)
        return cv2.warpAffine(
            image, matrix, image.shape[1::-1], flags=how, borderMode=cv2.BORDER_REPLICATE
        )

    return change


def sharpen(sigma: float, amount: float) -> Change:
    """Unsharp mask, as cameras and players apply it: halos along every strong edge."""

    def change(image):
        soft = cv2.GaussianBlur(image, (0, 0), sigma)
        return cv2.addWeighted(image, 1 + amount, soft, -amount, 0)

    return change


def bleed(factor: float, shift: tuple[float, float]) -> Change:
    """Colour at a `factor` of the resolution of brightness, moved by `shift` px: analogue video."""

    def change(image):
        height, width = image.shape[:2]
        planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        small = (max(4, round(width * factor)), max(4, round(height * factor)))
        colour = cv2.resize(planes[..., 1:], small, interpolation=cv2.INTER_AREA)
        scale = np.array([width / small[0], height / small[1]])
        matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float64)
        planes[..., 1:] = cv2.warpAffine(
            colour, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)

    return change


def respond(across: np.ndarray, down: np.ndarray) -> Change:
    """The frequency response of another camera: how lens, sensor and processing pass fine detail.

    Args:
        across, down: logarithms of the gain at equally spaced frequencies from 0 to half a cycle
            a px, horizontally and vertically; the first should be 0, so that brightness stays.
    """

    def change(image):
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(image, 16, 16, 16, 16, cv2.BORDER_REFLECT_101)
        spectrum = fft.rfft2(padded.astype(np.float32), axes=(0, 1))
        gains = [
            np.interp(np.abs(frequencies), np.linspace(0, 0.5, len(nodes)), nodes)
            for frequencies, nodes in (
                (fft.fftfreq(padded.shape[0]), down),
                (fft.rfftfreq(padded.shape[1]), across),
            )
        ]
        gain = np.exp(np.clip(gains[0][:, None] + gains[1], -4, 1.2)).astype(np.float32)
        out = fft.irfft2(spectrum * gain[..., None], padded.shape[:2], axes=(0, 1))
        return np.clip(out[16:-16, 16:-16] + 0.5, 0, 255).astype(np.uint8)

    return change


def blur(sigma: float) -> Change:
    """Gaussian blur, `sigma` in px."""
    return lambda image: cv2.GaussianBlur(image, (0, 0), sigma)


def noise(sigma: float, seed: int) -> Change:
    """Gaussian noise of `sigma` grey levels, the same field for every image of one shape."""

    def change(image):
        field = np.random.default_rng(seed).normal(0, sigma, image.shape)
        return np.clip(image + field, 0, 255).astype(np.uint8)

    return change


def tone(gain: float, offset: float, gamma: float, saturation: float, shift: np.ndarray) -> Change:
    """Brightness, contrast, gamma, saturation and a cast; `saturation` 0 gives grey."""
    table = np.clip(255 * (np.arange(256) / 255) ** gamma * gain + offset, 0, 255)

    def change(image):
        out = table[image].astype(np.float32)
        grey = out @ np.array([0.299, 0.587, 0.114], np.float32)
        out = grey[..., None] + (out - grey[..., None]) * saturation + shift
        return np.clip(out, 0, 255).astype(np.uint8)

    return change


def cut_out(top: int, left: int, height: int, width: int, colour: np.ndarray) -> Change:
    """A filled rectangle: a part of the face that the network must do without."""

    def change(image):
        out = image.copy()
        out[top : top + height, left : left + width] = colour
        return out

    return change


def draw(rng: np.random.Generator, size: int) -> Change:
    """Draw one random chain of degradations for images of `size` px.

    The same chain is applied to the real and the fake member of a pair, so that nothing in it
    predicts the label.
    """
    chain: list[Change] = []
    if rng.random() < 0.5:
        saturation = 0.0 if rng.random() < 0.1 else float(np.exp(rng.normal(0, 0.25)))
        chain.append(
            tone(
                float(np.exp(rng.normal(0, 0.15))),
                float(rng.normal(0, 12)),
                float(np.exp(rng.normal(0, 0.2))),
                saturation,
                rng.normal(0, 5, 3),
            )
        )
    if rng.random() < 0.15:
        chain.append(bleed(rng.uniform(0.15, 0.5), tuple(rng.normal(0, 1, 2))))
    if rng.random() < 0.2:
        chain.append(sharpen(rng.uniform(0.6, 2.5), rng.uniform(0.2, 2.0)))
    if rng.random() < 0.25:
        across = np.cumsum(np.append(0, rng.normal(-0.1, 0.35, 4)))
        chain.append(respond(across, across + np.append(0, rng.normal(0, 0.2, 4))))
    if rng.random() < 0.4:
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)[rng.integers(3)]
        # Analogue and interlaced video keeps fewer lines than columns.
        squeeze = rng.uniform(0.5, 1.0) if rng.random() < 0.2 else 1.0
        chain.append(rescale(float(np.exp(rng.uniform(np.log(0.25), 0))), how, squeeze))
    if rng.random() < 0.15:
        chain.append(blur(rng.uniform(0.4, 1.8)))
    if rng.random() < 0.2:
        chain.append(noise(rng.uniform(1, 9), int(rng.integers(1 << 31))))
    if rng.random() < 0.15:
        height, width = rng.integers(size // 8, size // 3, 2)
        chain.append(
            cut_out(*rng.integers(0, size - size // 3, 2), height, width, rng.integers(0, 256, 3))
        )
    if rng.random() < 0.4:
        motion = tuple(rng.normal(0, 1.5, 2)) if rng.random() < 0.6 else None
        chain.append(h264(int(rng.integers(18, 41)), motion=motion))
    if rng.random() < 0.6:
        chain.append(jpeg(int(rng.integers(30, 101))))

    def change(image):
        for step in chain:
            image = step(image)
        return image

    return change
