"""Makes the sound that is measured, of a short recording that lies beside this file."""

from __future__ import annotations

from pathlib import Path

import av

SPEECH = Path(__file__).with_name("speech.opus")
"""8.6 s read aloud by espeak-ng, made for this project and under its licence."""

RATE = 48_000  # Hz


def make_minute(folder: Path) -> Path:
    """Write a minute of speech as MP3."""
    path = folder / "minute.mp3"
    with av.open(str(path), "w") as out:
        _write(out, out.add_stream("libmp3lame", rate=RATE, layout="mono"), 60)
    return path


def with_speech(clip: Path, seconds: int) -> Path:
    """Write a clip once more, with so many seconds of speech."""
    path = clip.with_stem(f"{clip.stem}-speech")
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        shown = source.streams.video[0]
        stream = out.add_stream_from_template(shown)
        sound = out.add_stream("aac", rate=RATE, layout="mono")
        for packet in source.demux(shown):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
        _write(out, sound, seconds)
    return path


def _write(out, stream, seconds: int) -> None:
    """Say the recording again and again."""
    size = stream.codec_context.frame_size or 1024
    resampler = av.AudioResampler("fltp", "mono", RATE, size)
    written = 0
    while written < seconds * RATE:
        with av.open(str(SPEECH)) as said:
            for frame in said.decode(audio=0):
                frame.pts = None
                for part in resampler.resample(frame):
                    part.pts, written = written, written + part.samples
                    out.mux(stream.encode(part))
    out.mux(stream.encode())
