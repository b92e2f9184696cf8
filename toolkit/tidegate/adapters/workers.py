"""Work done side by side by a few threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def side_by_side(
    works: Sequence[Callable[[], T]], most: int, name: str = "worker"
) -> Iterator[tuple[int, T]]:
    """Each result with the number of its work, as they come. Raises the first error, and then starts no more.

    The threads are daemons: after Ctrl-C nobody waits for what is under way, the exit of the process neither.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, T | None, BaseException | None]] = queue.SimpleQueue()
    over = threading.Event()
    for number in range(len(works)):
        waiting.put(number)

    def work() -> None:
        while not over.is_set():
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((number, works[number](), None))
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                over.set()
                done.put((number, None, error))

    for _ in range(min(most, len(works))):
        threading.Thread(target=work, name=name, daemon=True).start()
    try:
        for _ in works:
            number, result, error = done.get()
            if error is not None:
                raise error
            yield number, result  # type: ignore[misc]  # no error, so that it is one
    finally:
        over.set()
