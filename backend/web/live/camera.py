"""Places for live cameras."""

from __future__ import annotations

import threading
from collections.abc import Callable

from backend.analysis.live_camera import Camera
from backend.errors import Busy


class Cameras:
    """The cameras in use: at most so many that each still gets its pictures judged in time.

    Args:
        make: makes a camera.
        most: at the same time.
    """

    def __init__(self, make: Callable[[], Camera], most: int):
        self._make = make
        self._free = threading.BoundedSemaphore(most)

    def take(self) -> Camera:
        """A camera of one's own, to be given back; raises Busy when all places are taken."""
        if not self._free.acquire(blocking=False):
            raise Busy("All places for live cameras are taken at the moment.")
        try:
            return self._make()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, camera: Camera) -> None:
        """Close a camera and free its place."""
        try:
            camera.close()
        finally:
            self._free.release()
