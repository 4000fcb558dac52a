"""The C library's memory: what is freed is used again, where files are analysed and in training."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_C = ctypes.CDLL(None)
# Of malloc.h. By default a frame of 1080p is memory of its own, given back when it is freed: its
# pages would be faulted in anew for each frame, which costs much beside converting or copying it.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
LARGEST = 1 << 25  # bytes: a frame of 4K is less
KEPT = 1 << 27  # bytes free at the end of one heap
SPARE = 160 << 20  # bytes free in all heaps: one analysis of 1080p leaves less for the next one


def settle() -> None:
    """Have all threads share two heaps, which keep what is freed until `give_back`.

    With a heap each, what one thread frees would stay with it and not serve the others. To be
    called before there are threads; other C libraries than glibc have none of this.
    """
    if sys.platform == "linux" and (mallopt := getattr(_C, "mallopt", None)):
        for option, value in (
            (_ARENA_MAX, 2),
            (_MMAP_THRESHOLD, LARGEST),
            (_TRIM_THRESHOLD, KEPT),
        ):
            mallopt(option, value)


class _Info(ctypes.Structure):
    """`struct mallinfo2` of malloc.h; `fordblks` is what is free in the heaps."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def give_back(spare: int = 0) -> None:
    """Return freed memory to the system; it has to be faulted in anew afterwards.

    Args:
        spare: bytes; nothing is returned as long as no more than this is free.
    """
    info = getattr(_C, "mallinfo2", None)  # glibc 2.33
    if info and spare:
        info.restype = _Info
        if info().fordblks <= spare:
            return
    if trim := getattr(_C, "malloc_trim", None):
        trim(0)


def keep_memory() -> None:
    """Ask the C library to keep freed memory, and idle threads to sleep; call before torch.

    Each step frees and allocates the same gigabyte. Given back to the system it costs page faults
    for most of the step's time; spinning threads cost another share when batches are made beside.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**28)) if mallopt else ():
            mallopt(option, value)  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD


def drop_signal_stack() -> None:
    """Let signals be handled on the ordinary stack; call after OpenVINO has found faces.

    It leaves this thread an alternate stack whose memory goes with its last network: Ctrl-C would
    then be a segmentation fault.
    """
    if sys.platform == "linux":
        disabled = struct.pack("PiN", 0, 2, 0)  # stack_t with SS_DISABLE
        ctypes.CDLL(None).sigaltstack(disabled, None)
