"""Load that follows a plan: so many requests a second from a time on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from types import TracebackType

from tidegate.local import load

CONCURRENCY = 1000
"""More than ever wait at once: a candidate that hangs must not take the load from the stable revision."""


class Load:
    """GETs to `url` from entering the block until leaving it.

    `plan`: times on the monotonic clock, and requests per second from then on. `timeout` is in seconds.
    """

    def __init__(self, url: str, plan: list[tuple[float, float]], end: float, timeout: float) -> None:
        self._url = url
        self._parts = list(pairwise([*plan, (end, 0.0)]))
        self._timeout = timeout
        self._over = threading.Event()
        self._end_part: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"load of {url}")

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._end_part is not None:
            self._end_part()
        self._thread.join()

    def _run(self) -> None:
        for (begin, rate), (end, _) in self._parts:
            if self._over.wait(max(0.0, begin - time.monotonic())):
                return
            duration = end - time.monotonic()
            if duration > 0:
                load.run(
                    self._url,
                    rate=rate,
                    duration=duration,
                    concurrency=CONCURRENCY,
                    timeout=self._timeout,
                    stopping=self._stoppable,
                )

    def _stoppable(self, end_part: Callable[[], None]) -> None:
        self._end_part = end_part
