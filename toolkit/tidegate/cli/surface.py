"""Two ways to show what is under way: rows that live on a terminal, and lines for logs."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

REFRESHES = 8
"""Redraws per second of the live display."""
ROWS_KEPT_FREE = 4
"""Terminal rows that the live display leaves to what is above it."""

STEP = ""
"""Key of the rollout's own step, which stands above the resources."""

_MARKS = {"done": "✓", "fail": "✗", "warn": "!", "note": "·", "begin": "…"}
_ASCII_MARKS = {"done": "ok", "fail": "FAILED", "warn": "!", "note": "-", "begin": "..."}
_STYLES = {"done": "green", "fail": "bold red", "warn": "yellow", "note": "dim"}


class Surface(Protocol):
    """Where lines go. `write` leaves a line for good; between `begin` and `end` something is under way."""

    def open(self) -> None: ...
    def close(self) -> None: ...
    def write(self, mark: str, text: str) -> None: ...
    def begin(self, key: str, text: str) -> None: ...
    def update(self, key: str, text: str) -> None: ...
    def end(self, key: str) -> None: ...


def animates(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether this is a terminal with somebody before it."""
    try:
        terminal = stream.isatty()
    except ValueError:  # closed
        return False
    return terminal and not environment.get("CI") and environment.get("TERM", "") not in ("dumb", "unknown")


class _Written(ABC):
    """Writing that a signal handler may cut into: what it says waits until the line begun before is out.

    Streams refuse to be entered twice by one thread, and the locks of a live display would never open.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._marks = _marks_for(stream)
        self._deaf = False
        self._waiting: deque[tuple[str, str]] = deque()
        self._drawing = threading.local()

    def write(self, mark: str, text: str) -> None:
        self._waiting.append((mark, text))
        with self._turn() as free:
            if free:
                self._flush()

    def _flush(self) -> None:
        while self._waiting:
            line = self._waiting.popleft()
            if not self._deaf:
                self._emit(*line)

    @abstractmethod
    def _emit(self, mark: str, text: str) -> None:
        """One line, at once."""

    @contextmanager
    def _turn(self) -> Iterator[bool]:
        """Whether this thread is free to draw, which nobody else in it may then do until the end."""
        if getattr(self._drawing, "busy", False):
            yield False
            return
        self._drawing.busy = True
        try:
            yield True
        finally:
            self._drawing.busy = False


class LineSurface(_Written):
    """A line for every beginning and every end, for logs."""

    def open(self) -> None:
        pass

    def close(self) -> None:
        with self._turn():
            self._flush()

    def _emit(self, mark: str, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        line = f"{self._marks[mark]} {text}\n".encode(encoding, "replace").decode(encoding)
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):  # the reader has gone, or the stream is closed
            self._deaf = True

    def begin(self, key: str, text: str) -> None:
        self.write("begin", text)

    def update(self, key: str, text: str) -> None:
        self.write("begin", text)

    def end(self, key: str) -> None:
        pass


class LiveSurface(_Written):
    """Finished lines scroll away above; below, each thing under way has a row with a spinner and a clock."""

    def __init__(self, stream: TextIO, environment: Mapping[str, str], clock: Callable[[], float]) -> None:
        super().__init__(stream)
        self._environment = environment
        self._clock = clock
        self._rows: dict[str, tuple[str, float]] = {}
        self._lock = threading.RLock()
        self._live: Live | None = None
        self._console: Console | None = None

    def open(self) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._spinner = Spinner("dots" if self._marks is _MARKS else "line")
        # Neither stream is redirected: what others print, above all to standard output, stays theirs.
        self._live = Live(
            console=self._screen(),
            get_renderable=self._render,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with self._turn():
            self._safely(self._live.start)

    def close(self) -> None:
        live, self._live = self._live, None
        with self._turn():
            if live is not None:
                self._safely(live.stop)
            self._flush()

    def _emit(self, mark: str, text: str) -> None:
        from rich.text import Text

        style = _STYLES.get(mark, "")
        line = Text.assemble((f"{self._marks[mark]} ", style), (text, "dim" if mark == "note" else ""))
        screen, live = self._screen(), self._live
        if live is not None:
            self._safely(live.refresh)  # printing redraws the rows as last seen, the ended ones included
        self._safely(lambda: screen.print(line, soft_wrap=True))

    def begin(self, key: str, text: str) -> None:
        with self._lock:
            self._rows[key] = (text, self._clock())
        if self._live is None:
            self.write("begin", text)

    def update(self, key: str, text: str) -> None:
        pass  # the row's own clock says it

    def end(self, key: str) -> None:
        with self._lock:
            self._rows.pop(key, None)

    def _screen(self) -> Console:
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                file=self._stream,
                no_color=bool(self._environment.get("NO_COLOR")),
                highlight=False,
                markup=False,
                emoji=False,
            )
        return self._console

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            rows = list(self._rows.items())
        now = self._clock()
        most = max(1, self._screen().size.height - ROWS_KEPT_FREE)
        frame = self._spinner.render(now)
        spun = frame if isinstance(frame, Text) else Text(" ")
        lines = [
            Text.assemble("" if key == STEP else "  ", spun, f" {text} ", (f"{now - began:.0f} s", "dim"))
            for key, (text, began) in rows[:most]
        ]
        if len(rows) > most:
            lines.append(Text(f"  and {len(rows) - most} more", style="dim"))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    def _safely(self, draw: Callable[[], None]) -> None:
        try:
            draw()
        except (OSError, ValueError):  # the terminal has gone
            self._deaf = True


def _marks_for(stream: TextIO) -> Mapping[str, str]:
    try:
        "".join(_MARKS.values()).encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return _ASCII_MARKS
    return _MARKS
