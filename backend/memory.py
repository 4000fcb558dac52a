"""The C library's heap, in a process that analyses: freed memory is used again, by all threads."""

from __future__ import annotations

import ctypes
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
