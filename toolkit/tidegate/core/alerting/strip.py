"""A rule's history on one line: a character for each stretch of time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tidegate.core.alerting.backtest import Backtest, Coverage
from tidegate.core.alerting.firing import together
from tidegate.core.samples import NoData

_MOST = 60
_STRETCHES = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0)
_OPEN = "▁▂▃▄▅▆▇█"
_QUIET, _UNREAD, _NOTHING = "·", "?", " "
LEGEND = (
    f"{_QUIET} quiet, {_OPEN[0]} to {_OPEN[-1]} open for how much of it, {_UNREAD} not read, blank: no data"
)


def stretch(seconds: float) -> float:
    """How long a character stands for, that a window of so many seconds is at most sixty wide."""
    for one in _STRETCHES:
        if seconds / one <= _MOST:
            return one
    return 86_400.0 * math.ceil(seconds / 86_400.0 / _MOST)


def strip(tested: Backtest) -> str:
    """From the beginning of the window to its end."""
    grid = tested.grid
    each = stretch(grid.end - grid.begin)
    count = max(1, math.ceil((grid.end - grid.begin) / each))
    # An incident of the last evaluation has no length, and is to be seen all the same.
    latest = grid.end - grid.step / 2
    opened = [(min(begin, latest), end) for begin, end in together(tested.episodes)]
    return "".join(
        _character(tested, grid.begin + at * each, grid.begin + (at + 1) * each, opened)
        for at in range(count)
    )


def _character(tested: Backtest, begin: float, end: float, opened: Sequence[tuple[float, float]]) -> str:
    here = [(a, b) for a, b in opened if a < end and b > begin]
    if here:
        share = sum(min(b, end) - max(a, begin) for a, b in here) / (end - begin)
        return _OPEN[min(len(_OPEN) - 1, int(share * len(_OPEN)))]
    if any(first < end and last >= begin for first, last, _ in tested.gaps):
        return _UNREAD
    match tested.judged:
        case NoData():
            return _NOTHING
        case Coverage() as data if not data.between(begin, end):
            return _NOTHING
    return _QUIET
