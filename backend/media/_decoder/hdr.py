"""Shows PQ and HLG pictures as players do on an ordinary screen: in BT.709, highlights bent."""

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter

FORMAT = "gbrp16le"  # what `ToneMapper` takes

_THREADS = 2
_WHITE = 203.0  # cd/m2 of white paper, BT.2408: on an ordinary screen nothing is brighter
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2  # of the screen that HLG is defined by, BT.2100
# What a picture's brightest parts may have, in cd/m2. Few, so that tables are seldom made; and what
# encoding made a little brighter than white is no highlight, so all below keeps its tones.
_PEAKS = (_WHITE, 400.0, 700.0, 1000.0, 2000.0, 4000.0, 10000.0)
_OVERSHOOT = 1.3
_BRIGHTEST, _STEP = 99.9, 4  # the percentile that is the peak, of every fourth row and column
_LEVEL = 7  # of the table of colours, which has _LEVEL ** 2 points a side
_EVEN = 2.4  # the root of light in which the points for PQ lie evenly
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128  # of PQ
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073  # of HLG
_LUMA = np.array([0.2627, 0.6780, 0.0593])  # BT.2020
_FROM_BT2020 = np.array(
    [
        [1.660491, -0.587641, -0.07285],
        [-0.12455, 1.1329, -0.008349],
        [-0.018151, -0.100579, 1.11873],
    ]
)
_FROM_P3 = np.array(
    [[1.22494, -0.22494, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]]
)
_TO_BT709 = {  # linear light of other primaries; all not named are BT.2020's
    ColorPrimaries.BT709: np.eye(3),
    ColorPrimaries.SMPTE431: _FROM_P3,
    ColorPrimaries.SMPTE432: _FROM_P3,
}

Encode = Callable[[np.ndarray], np.ndarray]


class ToneMapper:
    """Maps the pictures of a clip, or a still; tables are kept for those that follow.

    Args:
        encode: makes of light, 0 to 1, an ordinary screen's signal, 0 to 1: `bt1886` for clips,
            `srgb` for stills.
    """

    def __init__(self, encode: Encode):
        self._encode = encode
        self._graphs: dict[tuple, tuple] = {}
        self._number = 0
        self._scaler = VideoReformatter()

    def sdr(self, picture: av.VideoFrame, transfer: int, primaries: int) -> av.VideoFrame:
        """An HDR picture as an ordinary one.

        Args:
            picture: RGB in `FORMAT`; its time stamp is lost.
            transfer: PQ's or HLG's `ColorTrc`.
            primaries: a `ColorPrimaries`.

        Returns:
            The same size, in the format rgb24.
        """
        key = picture.width, picture.height, transfer, primaries, _peak(picture, transfer)
        if key not in self._graphs:
            if len(self._graphs) == len(_PEAKS):  # the size changes: each graph has threads
                self._graphs.clear()
            self._graphs[key] = _graph(*key, self._encode)
        _, first, last = self._graphs[key]
        picture.pts, picture.time_base = self._number, Fraction(1)
        self._number += 1
        first.push(picture)
        return self._scaler.reformat(last.pull(), format="rgb24")


def bt1886(light: np.ndarray) -> np.ndarray:
    """The signal of a television, 0 to 1, for light of 0 to 1."""
    return light ** (1 / 2.4)


def srgb(light: np.ndarray) -> np.ndarray:
    """The signal of a computer's screen, 0 to 1, for light of 0 to 1."""
    return np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _peak(picture: av.VideoFrame, transfer: int) -> float:
    """One of `_PEAKS`: what the brightest parts of the picture have, in cd/m2."""
    brightest = 0
    for plane in picture.planes:
        rows = np.frombuffer(plane, np.uint16).reshape(picture.height, -1)[:, : picture.width]
        brightest = np.maximum(brightest, rows[::_STEP, ::_STEP])
    signal = np.percentile(brightest, _BRIGHTEST) / 65535
    if transfer == ColorTrc.SMPTE2084:
        light = _pq_light(signal)
    else:
        light = _HLG_PEAK * _hlg_scene(signal) ** _HLG_GAMMA
    return next((peak for peak in _PEAKS if light <= peak * _OVERSHOOT), _PEAKS[-1])


def _graph(width: int, height: int, transfer: int, primaries: int, peak: float, encode: Encode):
    """(graph, where pictures go in, where they come out): filters that look colours up."""
    table = av.VideoFrame.from_ndarray(_table(transfer, primaries, peak, encode), "rgb48le")
    table = table.reformat(format=FORMAT)
    table.pts, table.time_base = 0, Fraction(1)
    graph = Graph()
    graph.threads = _THREADS
    first, colours = (
        graph.add_buffer(width=w, height=h, format=FORMAT, time_base=Fraction(1))
        for w, h in ((width, height), (table.width, table.height))
    )
    lookup, last = graph.add("haldclut", "clut=first"), graph.add("buffersink")
    if transfer == ColorTrc.SMPTE2084:
        root = f"pow(val/65535,{1 / _M2})"
        light = f"pow(max({root}-{_C1},0)/({_C2}-{_C3}*{root}),{1 / _M1})*{10000 / peak}"
        even = f"65535*pow(min({light},1),{1 / _EVEN})"
        spread = graph.add("lutrgb", f"r='{even}':g='{even}':b='{even}'")
        first.link_to(spread)
        spread.link_to(lookup, 0, 0)
    else:
        first.link_to(lookup, 0, 0)
    colours.link_to(lookup, 0, 1)
    lookup.link_to(last)
    graph.configure()
    colours.push(table)
    colours.push(None)
    return graph, first, last


def _table(transfer: int, primaries: int, peak: float, encode: Encode) -> np.ndarray:
    """What each colour is shown as: a uint16 RGB picture in the order that `haldclut` reads."""
    side = np.linspace(0, 1, _LEVEL**2)
    blue, green, red = np.meshgrid(side, side, side, indexing="ij")
    light = np.stack([red, green, blue], -1)  # red changes fastest
    if transfer == ColorTrc.SMPTE2084:
        light = light**_EVEN * peak
    else:
        scene = _hlg_scene(light)
        light = _HLG_PEAK * scene * (scene @ _LUMA)[..., None] ** (_HLG_GAMMA - 1)
    brightest = np.maximum(light.max(-1, keepdims=True), 1e-6)
    light = light * (_compressed(brightest, peak) / brightest)  # one factor: the hue stays
    light = light @ _TO_BT709.get(primaries, _FROM_BT2020).T / _WHITE
    shown = encode(np.clip(light, 0, 1))
    # `haldclut` takes the planes of a table, which lie as green, blue, red, for red, green, blue.
    shown = shown[..., [2, 0, 1]]
    return np.rint(shown * 65535).astype(np.uint16).reshape(_LEVEL**3, _LEVEL**3, 3)


def _compressed(light: np.ndarray, peak: float) -> np.ndarray:
    """BT.2390's curve: cd/m2 of up to `peak` as up to `_WHITE`; the lower part stays as it is."""
    if peak <= _WHITE:
        return light
    whole = _pq_signal(peak)
    top = _pq_signal(_WHITE) / whole
    knee = 1.5 * top - 0.5
    signal = np.minimum(_pq_signal(light) / whole, 1)
    t = (signal - knee) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * top
    )
    return _pq_light(np.where(signal < knee, signal, bent) * whole)


def _pq_light(signal):
    """cd/m2 of a PQ signal, 0 to 1."""
    root = signal ** (1 / _M2)
    return 10000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def _pq_signal(light):
    power = (light / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _hlg_scene(signal):
    """Light before the camera, 0 to 1, of an HLG signal, 0 to 1."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
