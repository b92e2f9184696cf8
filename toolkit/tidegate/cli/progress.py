"""What is going on, told on standard error: Terraform's progress and the steps of a rollout."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from tidegate.cli.surface import STEP, LineSurface, LiveSurface, Surface, animates
from tidegate.ports import Progress

_WORDS = {
    "create": ("creating", "created"),
    "update": ("updating", "updated"),
    "delete": ("deleting", "deleted"),
    "replace": ("replacing", "replaced"),
    "read": ("reading", "read"),
    "refresh": ("refreshing", "refreshed"),
    "import": ("importing", "imported"),
    "open": ("opening", "opened"),
    "close": ("closing", "closed"),
}
# Escape sequences first, then whatever else a terminal would obey: what Terraform relays can hold anything.
_UNPRINTABLE = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class Display:
    """Takes Terraform's progress and the steps of a rollout. A context manager; usable without being entered.

    `stream` is standard error unless given. It is animated if it is a terminal and nothing in `environment`
    (`CI`, `TERM=dumb`) says otherwise. A stream that cannot be written to any more is no error.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        stream = stream if stream is not None else sys.stderr
        environment = os.environ if environment is None else environment
        self._surface: Surface = (
            LiveSurface(stream, environment, clock) if animates(stream, environment) else LineSurface(stream)
        )
        self._clock = clock
        self._step: str | None = None
        self._began: dict[str, float] = {}

    def __enter__(self) -> Display:
        self._surface.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Clears what is still under way; a step that an exception left behind is marked as failed."""
        if self._step is not None and kind is not None:
            self.fail()
        for key in list(self._began):
            self._ended(key)
        self._surface.close()

    def step(self, text: str) -> None:
        """Something begins; the step before, if still open, is done."""
        if self._step is not None:
            self.done()
        self._step = text
        self._begins(STEP, text)

    def done(self, text: str = "") -> None:
        """The open step has succeeded; `text` says it better than the step's own."""
        self._finish("done", text)

    def fail(self, text: str = "") -> None:
        self._finish("fail", text)

    def note(self, text: str) -> None:
        """A line that is neither a beginning nor an end."""
        self._surface.write("note", _clean(text))

    def warn(self, text: str) -> None:
        self._surface.write("warn", _clean(text))

    @contextlib.contextmanager
    def task(self, text: str) -> Iterator[Display]:
        """A step that is done at the end of the block, or failed when the block raises."""
        self.step(text)
        try:
            yield self
        except BaseException:
            if self._step is not None:
                self.fail()
            raise
        if self._step is not None:
            self.done()

    def progress(self, event: Progress) -> None:
        """One step of a running terraform: give this method as `on_progress`."""
        if event.action == "refresh":
            return  # a plan reads every resource in a moment
        if event.kind in ("start", "progress", "done", "failed"):
            self._resource(event)
        elif event.kind == "diagnostic":
            mark = {"error": "fail", "warning": "warn"}.get(event.action, "note")
            self._surface.write(mark, _clean(f"{event.action or 'note'}: {event.message}"))
        elif event.kind == "summary" and event.action != "plan":
            self.note(event.message)

    def _resource(self, event: Progress) -> None:
        running, past = _WORDS.get(event.action, (event.action, event.action))
        if event.action == "provision":
            self.note(f"{event.address}: {event.message}")
        elif event.kind == "start":
            self._begins(event.address, f"{event.address}: {running}")
        elif event.kind == "progress":
            self._surface.update(
                event.address, _clean(f"{event.address}: still {running} ({event.seconds:.0f} s)")
            )
        elif event.kind == "done":
            taken = self._ended(event.address, event.seconds)
            self._surface.write("done", _clean(f"{event.address}: {past}{taken}"))
        else:
            taken = self._ended(event.address, event.seconds)
            self._surface.write("fail", _clean(f"{event.address}: {running} failed{taken}"))

    def _finish(self, mark: str, text: str) -> None:
        told = text or self._step or ""
        taken = self._ended(STEP) if self._step is not None else ""
        self._step = None
        if told:
            self._surface.write(mark, _clean(f"{told}{taken}"))

    def _begins(self, key: str, text: str) -> None:
        self._began[key] = self._clock()
        self._surface.begin(key, _clean(text))

    def _ended(self, key: str, seconds: float = 0.0) -> str:
        began = self._began.pop(key, None)
        self._surface.end(key)
        taken = max(seconds, self._clock() - began) if began is not None else seconds
        return f" ({taken:.0f} s)" if taken >= 1 else ""


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("", text)
