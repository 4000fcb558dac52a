"""Opens a clip or sound file with one demuxer, no other file or address, and few decoders."""

from collections.abc import Iterable

import av
import wire

_DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "3gp": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "flv": "flv",
    "wmv": "asf",
    "ogv": "ogg",
    "mpg": "mpeg",
    "ts": "mpegts",
    "dv": "dv",
    "mxf": "mxf",
    "heic": "mov",
    "wav": "wav",
    "mp3": "mp3",
    "flac": "flac",
    "aac": "aac",
    "ogg": "ogg",
    "opus": "ogg",
    "m4a": "mov",
    "amr": "amr",
    "wma": "asf",
}
_PROTECTED = ("enc_key_id", "ASF_Protection_Type")  # tags of Matroska and of WMV
_THREADS = 2
# What phones, cameras, browsers and messengers write; what editors, OpenCV and programs that swap
# faces hand on without loss; and what older clips are in. Each decoder more is more code that
# hostile bytes can reach. The left is FFmpeg's decoder name.
CODECS = {
    "h264": "h264",
    "hevc": "hevc",
    "vp8": "vp8",
    "vp9": "vp9",
    "libdav1d": "av1",
    "av1": "av1",
    "mpeg4": "mpeg4",
    "mjpeg": "mjpeg",
    # Without loss, and of editors.
    "png": "png",
    "rawvideo": "rawvideo",
    "v210": "v210",
    "ffv1": "ffv1",
    "huffyuv": "huffyuv",
    "ffvhuff": "ffvhuff",
    "utvideo": "utvideo",
    "lagarith": "lagarith",
    "magicyuv": "magicyuv",
    "qtrle": "qtrle",
    "prores": "prores",
    "dnxhd": "dnxhd",
    "cfhd": "cfhd",
    "dvvideo": "dvvideo",
    # Of older clips.
    "mpeg1video": "mpeg1video",
    "mpeg2video": "mpeg2video",
    "h263": "h263",
    "flv": "flv1",
    "vp6f": "vp6f",
    "msmpeg4v2": "msmpeg4v2",
    "msmpeg4": "msmpeg4v3",
    "wmv1": "wmv1",
    "wmv2": "wmv2",
    "wmv3": "wmv3",
    "vc1": "vc1",
    "theora": "theora",
}


def open_container(job: dict, codecs: Iterable[str] = CODECS):
    """Open the container with the one demuxer that was sniffed.

    Args:
        codecs: names of the decoders that may run.
    """
    demuxer = _DEMUXERS[job["format"]]
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": demuxer,
        "codec_whitelist": ",".join(codecs),
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
    """The stream that a player shows."""
    return _chosen(container, picture_streams(container), "no_video")


def picture_streams(container) -> list:
    """All that hold pictures; cover art of a sound file is none."""
    cover = av.stream.Disposition.attached_pic
    return [s for s in container.streams.video if not s.disposition & cover]


def sound_stream(container):
    """The stream that a player plays."""
    return _chosen(container, list(container.streams.audio), "no_sound")


def _chosen(container, streams: list, refusal: str):
    if not streams:
        raise wire.Refused(refusal)
    if any(name in each.metadata for each in (container, *streams) for name in _PROTECTED):
        raise wire.Refused("drm")
    stream = max(streams, key=lambda s: bool(s.disposition & av.stream.Disposition.default))
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
