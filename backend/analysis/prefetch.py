"""Runs one stage of the pipeline in a thread, a few items ahead of the stage that takes them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Iterates something in a thread of its own into a bounded queue; iterate this once instead.

    A context: leaving it early stops the thread and what feeds it, and waits until it has ended.
    What the iteration raises is raised where the items are taken, after those that came before.

    Args:
        items: iterated in the thread.
        most: items that wait; the thread then waits too.
        stop: called when the items are no longer wanted; must make waiting for the next one end.
    """

    def __init__(self, items: Iterable[Item], most: int, stop: Callable[[], None]):
        self._items = items
        self._most = most
        self._stop_source = stop
        self._waiting: deque[Item] = deque()
        self._changed = threading.Condition()
        self._over = False  # no item will be added
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Ahead[Item]:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    break
                item = self._waiting.popleft()
                self._changed.notify_all()
            yield item
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Want no more: what waits is dropped, whoever takes items finds the end."""
        with self._changed:
            ended, self._over = self._over, True
            self._waiting.clear()
            self._changed.notify_all()
        if not ended:
            self._stop_source()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _put(self, item: Item) -> bool:
        """Add an item when there is room; False where it is no longer wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or len(self._waiting) < self._most)
            if self._over:
                return False
            self._waiting.append(item)
            self._changed.notify_all()
        return True
