"""Opens a video file with exactly one demuxer, no other file or address, and few decoders."""

import os

import av
import wire

_DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "flv": "flv",
}
_THREADS = 2
# What phones, cameras, browsers and messengers write, and the older codecs of AVI and FLV. Each
# decoder more is more code that hostile bytes can reach. The left is FFmpeg's decoder name.
CODECS = {
    "h264": "h264",
    "hevc": "hevc",
    "vp8": "vp8",
    "vp9": "vp9",
    "libdav1d": "av1",
    "av1": "av1",
    "mpeg4": "mpeg4",
    "mpeg1video": "mpeg1video",
    "mpeg2video": "mpeg2video",
    "mjpeg": "mjpeg",
    "prores": "prores",
    "h263": "h263",
    "flv": "flv1",
    "vp6f": "vp6f",
}


_BOXES = (b"moov", b"mdat", b"moof")  # of MP4: what a clip cannot be without


def refuse_cut_off(path: str) -> None:
    """Refuse an MP4 whose outermost boxes reach beyond the end of the file.

    Players overlook bytes after the last box that are none; so does this.
    """
    size, start = os.path.getsize(path), 0
    with open(path, "rb") as stream:
        while size - start >= 8:
            stream.seek(start)
            head = stream.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length == 0:  # "to the end of the file"
                return
            if length < 8:
                raise wire.Refused("damaged")
            start += length
            if start > size and head[4:8] in _BOXES:
                raise wire.Refused("truncated")


def open_container(job: dict):
    """Open the container with the one demuxer that was sniffed, and pick its picture stream."""
    demuxer = _DEMUXERS[job["format"]]
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": demuxer,
        "codec_whitelist": ",".join(CODECS),
        "max_pixels": str(job["max_pixels"]),
    }
    if demuxer == "mov":
        options.update(enable_drefs="0", use_absolute_path="0")
    container = av.open(
        "file:" + job["path"], format=demuxer, options=options, metadata_errors="ignore"
    )
    if demuxer not in container.format.name.split(","):
        raise wire.Refused("mismatch")
    return container


def picture_stream(container):
    """The stream that a player shows; cover art of a sound file is none."""
    cover = av.stream.Disposition.attached_pic
    default = av.stream.Disposition.default
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams:
        raise wire.Refused("no_video")
    stream = max(streams, key=lambda s: bool(s.disposition & default))
    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all
    return stream


def packets(container, stream):
    """The packets of a stream that hold something, in the order of the file."""
    return (packet for packet in container.demux(stream) if packet.size)


def start_decoder(stream) -> None:
    """Open the decoder of a stream, with threads."""
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = _THREADS
    # Before anyone sets `skip_frame`: libdav1d reads it when it opens, and then for good.
    stream.codec_context.open(strict=False)


def marked(context, some_packets, wanted: set[int], skip: str = "NONREF"):
    """The packets; before each the decoder is told whether it may `skip` frames like it.

    Frames that no other frame refers to cost much and are of no use unless they are wanted.
    """
    for packet in some_packets:
        needed = packet.pts is None or packet.pts in wanted
        context.skip_frame = "DEFAULT" if needed else skip
        yield packet


def decoded(context, some_packets):
    """Decode packets and whatever the decoder still holds; then it is ready for others."""
    for packet in some_packets:
        yield from _frames(context, packet)
    yield from _frames(context, None)
    if context.is_open:
        context.flush_buffers()


def _frames(context, packet) -> list:
    try:
        return context.decode(packet)
    except (av.error.InvalidDataError, av.error.EOFError):
        return []  # one broken packet; whether enough is left is judged at the end
