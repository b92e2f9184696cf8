"""A bound on the whole of a call that has none of its own: HTTP time-outs count from byte to byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T], name: str = "within") -> T:
    """The result of `work`, or whatever it raises. Raises TimeoutError when it is not done in time.

    What is late goes on in a daemon thread that nobody waits for, not even the exit of the process.
    """
    attempt = _Attempt(work)
    thread = threading.Thread(target=attempt.run, name=name, daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    return attempt.outcome()


class _Attempt(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._error = error

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        if not self._results:
            raise TimeoutError
        return self._results[0]
