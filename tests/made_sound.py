"""Makes the sound files of the tests, of one short recording and of what is no speech."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from backend.media.decode import Decoder
from backend.media.intake import check
from backend.media.sound import SoundReader
from backend.records.media import FileFacts
from backend.records.sound import RATE, Waveform
from backend.settings import ROOT, load_settings

SPEECH = ROOT / "backend" / "bench" / "speech.opus"

# A file's name -> codec, rate in Hz, muxer where FFmpeg has another for it.
SOUNDS = {
    "a.wav": ("pcm_s16le", 22050, None), "law.wav": ("pcm_mulaw", 8000, None),
    "ms.wav": ("adpcm_ms", 22050, None), "a.mp3": ("libmp3lame", 44100, None),
    "a.flac": ("flac", 48000, None), "a.aac": ("aac", 44100, "adts"),
    "a.ogg": ("flac", 16000, None), "a.opus": ("libopus", 48000, None),
    "a.m4a": ("aac", 48000, "ipod"), "alac.m4a": ("alac", 44100, "ipod"),
    "a.amr": ("libopencore_amrnb", 8000, None), "a.wma": ("wmav2", 44100, "asf"),
    "a.mp4": ("aac", 44100, None), "a.webm": ("libopus", 48000, None),
    "a.mka": ("ac3", 48000, "matroska"), "a.3gp": ("libopencore_amrnb", 8000, None),
}  # fmt: skip


@cache
def _spoken() -> np.ndarray:
    resampler = av.AudioResampler("flt", "mono", RATE)
    with av.open(str(SPEECH)) as file:
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def speech(seconds: float) -> np.ndarray:
    """Somebody speaks: float32, shape (n,), at 16 kHz; the recording again and again."""
    return np.resize(_spoken(), int(seconds * RATE))


def silence(seconds: float) -> np.ndarray:
    """Nothing at all."""
    return np.zeros(int(seconds * RATE), np.float32)


def sine(seconds: float) -> np.ndarray:
    """A pure tone of 440 Hz."""
    return (0.4 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


def noise(seconds: float) -> np.ndarray:
    """White noise."""
    chance = np.random.default_rng(0)
    return chance.normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


def music(seconds: float) -> np.ndarray:
    """Chords that change twice a second, with overtones that fade."""
    time = np.arange(int(seconds * RATE)) / RATE
    chords = np.array([[262, 330, 392], [220, 262, 330], [175, 220, 262], [196, 247, 294]])
    beat, fade = (2 * time).astype(int), np.exp(-4 * (time % 0.5))
    tones = [np.sin(2 * np.pi * over * chords[beat % 4].T * time) / over for over in (1, 2, 3)]
    return (0.15 * fade * np.sum(tones, axis=(0, 1))).astype(np.float32)


def save(path: Path, samples: np.ndarray, codec=None, rate=None, muxer=None, channels=1) -> Path:
    """Save samples (float32, mono, 16 kHz) as the file's name says, or as it is said here."""
    known = SOUNDS.get(path.name) or SOUNDS[f"a{path.suffix}"]
    codec, rate, muxer = codec or known[0], rate or known[1], muxer or known[2]
    with av.open(str(path), "w", format=muxer) as out:
        add_sound(out, samples, codec, rate, channels=channels)()
    return path


def add_sound(out, samples: np.ndarray, codec: str, rate: int, start: float = 0.0, channels=1):
    """Add a sound track to an open file; what is returned writes it, once all tracks are there."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    stream = out.add_stream(codec, rate=rate, layout=layout)
    if codec == "wmav2":
        stream.bit_rate = 64_000
    stream.codec_context.open()
    form, size = stream.codec_context.format.name, stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler(form, layout, rate, size)

    def write() -> None:
        frame = av.AudioFrame.from_ndarray(samples[None], "flt", "mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = round(start * RATE)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode())

    return write


def hours_of_silence(path: Path, hours: int) -> Path:
    """Save a FLAC of a megabyte that unpacks to hours."""
    save(path, silence(60), rate=16000)
    with av.open(str(path)) as minute:
        packets = [bytes(packet) for packet in minute.demux() if packet.size]
    head = path.read_bytes()[: path.read_bytes().index(packets[0])]
    path.write_bytes(head + b"".join(packets) * (60 * hours))
    return path


def clip_with(path: Path, pictures: Path, samples: np.ndarray, codec="aac", start=0.0) -> Path:
    """Save the pictures of a clip with a sound of its own, which begins at `start` seconds."""
    with av.open(str(pictures)) as source, av.open(str(path), "w") as out:
        shown = source.streams.video[0]
        stream = out.add_stream_from_template(shown)
        write = add_sound(out, samples, codec, 48000, start)
        for packet in source.demux(shown):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
        write()
    return path


def heard(path: Path, **settings) -> tuple[Waveform, FileFacts]:
    """All that the application's decoder says about the sound of a file."""
    settings = load_settings(_env_file=None, **settings)
    return SoundReader(check(path, path.name, settings), _decoder(), settings).read()


@cache
def _decoder() -> Decoder:
    return Decoder(load_settings(_env_file=None))  # the limits are the reader's
