"""Traces replayed one after the other, or many at once on all processors."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click

from tidegate.adapters import traces
from tidegate.core.errors import TidegateError
from tidegate.core.replay import Looked
from tidegate.flows.replay import Judging, Outcome, replay

MANY = 12
"""Traces from which starting more processes is worth it."""
_REFRESH = 0.1


def outcome(place: Path, judging: Judging, look_every: float | None, where: str = "") -> Outcome:
    """Raises what a faulty trace raises."""
    progress = Progress()
    try:
        return replay(
            *traces.load(place),
            judging,
            look_every,
            lambda looked: progress.look(f"{where}{place}", looked),
        )
    finally:
        progress.clear()


def outcomes(
    places: Sequence[Path], judging: Judging, look_every: float | None
) -> Iterator[tuple[Path, Outcome | str]]:
    """In the order of the places; a sentence for a trace that cannot be judged."""
    workers = min(os.cpu_count() or 1, len(places))
    if len(places) < MANY or workers < 2:
        for number, place in enumerate(places, 1):
            yield place, _or_why_not(place, judging, look_every, f"{number} of {len(places)}, ")
        return
    progress = Progress()
    # A new interpreter each: a fork would take over whatever threads and locks this one has.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_signals) as pool:
        try:
            work = partial(_or_why_not, judging=judging, look_every=look_every)
            for number, (place, found) in enumerate(zip(places, pool.map(work, places), strict=True), 1):
                progress.show(f"{number} of {len(places)}, {place}")
                yield place, found
        finally:
            progress.clear()
            pool.shutdown(wait=False, cancel_futures=True)


def _or_why_not(place: Path, judging: Judging, look_every: float | None, where: str = "") -> Outcome | str:
    try:
        return outcome(place, judging, look_every, where)
    except TidegateError as error:
        return error.message


def _leave_signals() -> None:
    """The process that was started by the user is the one that says that it was interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Progress:
    """One line on a terminal that says how far it is, and goes away."""

    def __init__(self) -> None:
        self._wanted = sys.stderr.isatty() and multiprocessing.parent_process() is None
        self._last = 0.0

    def look(self, name: str, looked: Looked) -> None:
        self.show(f"{name}: look {looked.number} of {looked.most}")

    def show(self, text: str) -> None:
        now = time.monotonic()
        if self._wanted and now - self._last > _REFRESH:
            self._last = now
            click.echo(f"\r{text}\x1b[K", nl=False, err=True)

    def clear(self) -> None:
        if self._last:
            click.echo("\r\x1b[K", nl=False, err=True)
