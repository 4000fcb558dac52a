"""Reads sound with PyAV: one track of a file, mixed to mono and resampled, on the clip's clock."""

import av
import sound_end
import wire
from boxes import minding_the_end
from container import CODECS as PICTURES
from container import open_container, packets, picture_streams, sound_stream
from metadata import of_container

RATE = 16000  # samples a second of what is sent, as `backend.records.sound.RATE`
APART = 0.1  # s that the clock of a track may differ from the sound before it until it counts
FORTH = 30.0  # s that it may be ahead: longer than that, it is no pause but a clock that jumped
_RATES = range(1000, 768_001)  # Hz: others are no sound's, and cost a resampler much
# What phones, recorders, messengers and editors write, by the names of FFmpeg's own decoders.
CODECS = {
    "aac", "mp3", "mp3float", "mp2", "mp2float", "opus", "vorbis", "flac", "alac", "amrnb",
    "amrwb", "wmav1", "wmav2", "wmapro", "wmavoice", "wmalossless", "ac3", "eac3", "speex",
    "gsm", "gsm_ms", "nellymoser", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "adpcm_swf",
    "g722", "g726", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be",
    "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le",
    "pcm_f64be", "pcm_bluray", "pcm_dvd",
}  # fmt: skip


@minding_the_end
def read(job: dict, out: wire.Wire) -> dict:
    """Send the sound of the file `job["path"]`; returns what it is and what its tags say."""
    with open_container(job, CODECS | PICTURES.keys()) as container:
        stream = sound_stream(container)
        context = stream.codec_context
        if context is None or context.name not in CODECS:
            raise wire.Refused("sound_codec", context.name if context else "")
        tags, facts = of_container(container, stream)
        line = Line(out, _start(container))
        read = broken = 0
        for packet in packets(container, stream):
            read += 1
            try:
                frames = context.decode(packet)
            except (av.error.InvalidDataError, av.error.EOFError):
                broken += 1  # one broken packet; whether enough is left is judged at the end
                continue
            for frame in frames:
                line.add(frame)
        for frame in _rest(context):
            line.add(frame)
        line.end()
        if not line.written or 2 * broken > read:
            raise wire.Refused("damaged")
        cut_off = not picture_streams(container) and sound_end.is_missing(
            job, line.written / RATE, _claim(container, stream)
        )
        return {
            "sound": {
                "samples": line.written,
                "sample_rate": line.rate,
                "channels": line.channels,
                "codec": context.codec.canonical_name,
            },
            "metadata": tags,
            "container": facts,
            "notes": ["incomplete"] if cut_off else [],
        }


def _rest(context) -> list:
    try:
        return context.decode(None)
    except (av.error.InvalidDataError, av.error.EOFError):
        return []


def _start(container) -> float | None:
    """When the first picture of a clip is shown, by the clock of the file; None without one."""
    streams = picture_streams(container)
    if not streams or streams[0].start_time is None:
        return None
    return float(streams[0].start_time * streams[0].time_base)


def _claim(container, stream) -> float:
    """For how long the header says that the sound lasts, in seconds; 0 where it says nothing."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


class Line:
    """Puts decoded frames one behind the other, at the times that they carry.

    A pause in the clock becomes silence, so that sound and pictures keep together. A clock that
    jumps further, or back, is not believed.

    Args:
        out: where the samples go.
        start: when the clip begins, seconds by the clock of the file; None: with its sound.

    Attributes:
        written: samples that were sent.
        rate, channels: of the first frame.
    """

    def __init__(self, out: wire.Wire, start: float | None):
        self._out, self._start = out, start
        self._resampler, self._form = None, None
        self._heard = 0.0  # s of the file's sound, pauses counted
        self._early = 0  # samples that lie before the clip's start
        self.written = self.rate = self.channels = 0

    def add(self, frame: av.AudioFrame) -> None:
        """Put on a frame."""
        if frame.sample_rate not in _RATES:
            raise wire.Refused("damaged")
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if form != self._form:
            self._flush()
            self._resampler, self._form = av.AudioResampler("flt", "mono", RATE), form
        if frame.pts is not None and frame.time_base:
            self._wait_for(float(frame.pts * frame.time_base))
        if not self.rate:
            self.rate, self.channels = frame.sample_rate, len(frame.layout.channels)
        self._heard += frame.samples / frame.sample_rate
        frame.pts = None
        self._write(self._resampler.resample(frame))

    def end(self) -> None:
        """Put on what is left."""
        self._flush()

    def _wait_for(self, time: float) -> None:
        if self._start is None:
            self._start = time
        ahead = time - self._start - self._heard
        first = not self.rate
        if first and -FORTH < ahead < 0:
            self._early = round(-ahead * RATE)
            self._heard = ahead
        elif APART < ahead < FORTH or first and 0 < ahead < FORTH:
            self._silence(round(ahead * RATE))
            self._heard += ahead
        elif abs(ahead) > APART:
            self._start += ahead

    def _silence(self, samples: int) -> None:
        self._flush()
        self.written += self._out.sound(bytes(4 * samples))

    def _flush(self) -> None:
        if self._resampler:
            self._write(self._resampler.resample(None))
            self._resampler = av.AudioResampler("flt", "mono", RATE)

    def _write(self, frames: list) -> None:
        for frame in frames:
            data = memoryview(frame.planes[0])[: 4 * frame.samples]
            cut = min(self._early, frame.samples)
            self._early -= cut
            self.written += self._out.sound(data[4 * cut :])
