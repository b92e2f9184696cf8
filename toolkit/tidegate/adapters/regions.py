"""The regions of one spec, each by a `tidegate` of its own: implements `ports.Regions`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from tidegate.adapters.children import Children
from tidegate.core.errors import ExitCode
from tidegate.core.waves import (
    Abort,
    Deploy,
    Effect,
    Ended,
    Event,
    Outcome,
    Returned,
    Rollback,
    Signalled,
    outcome,
)


class RegionProcesses:
    """`command` says how each effect is done. Signals come out of `next` inside `Children.listening`."""

    def __init__(self, children: Children, command: Callable[[Effect], Sequence[str]]) -> None:
        self._children = children
        self._command = command
        self._unbegun: list[Deploy] = []

    def start(self, effect: Effect) -> None:
        if isinstance(effect, Deploy) and self._children.signalled is not None:
            self._unbegun.append(effect)  # the signal came after the decision to begin
            return
        self._children.start(effect, effect.region, self._command(effect))

    def next(self, seconds: float) -> Event | None:
        if self._unbegun:
            code = _code(self._children.signalled)
            return Ended(self._unbegun.pop().region, Outcome(code, reason="it was not begun any more"))
        found = self._children.next(seconds)
        if found is None:
            return None
        if isinstance(found, signal.Signals):
            return Signalled(_code(found))
        said = outcome(found.code, found.out, found.err)
        if isinstance(found.key, Deploy):
            return Ended(found.key.region, said)
        assert isinstance(found.key, Abort | Rollback)  # noqa: S101 - keys are effects
        return Returned(found.key.region, said, rollback=isinstance(found.key, Rollback))


def _code(number: signal.Signals | None) -> int:
    return ExitCode.INTERRUPTED if number is signal.SIGINT else ExitCode.TERMINATED
