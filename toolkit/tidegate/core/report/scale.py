"""Axes: which range is drawn, where its few ticks are, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.core.report.numbers import quantity

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, `high > low`. `ticks` lie inside."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def share(self, value: float) -> float:
        """Where the value lies between `low` (0) and `high` (1)."""
        return (value - self.low) / (self.high - self.low)


def time_axis(start: float, end: float, origin: float, most: int) -> Axis:
    """Ticks at round distances from `origin`, at most `most` of them. Epoch seconds."""
    end = max(end, start + 1.0)
    step = next((s for s in _STEPS if (end - start) / s <= most - 1), 0)
    if not step:
        step = 86400 * math.ceil((end - start) / 86400 / (most - 1))
    size, unit = next((s, u) for s, u in _UNITS if step % s == 0)
    first = math.ceil((start - origin) / step)
    last = math.floor((end - origin) / step)
    ticks = (Tick(origin + i * step, _offset(i * step // size, unit)) for i in range(first, last + 1))
    return Axis(start, end, tuple(ticks))


def _offset(count: int, unit: str) -> str:
    sign = _MINUS if count < 0 else "+" if count else ""
    return f"{sign}{abs(count)} {unit}"


def value_axis(
    highest: float, *, least: float, whole: bool = False, label: Callable[[float], str] = quantity
) -> Axis:
    """From 0 to a round number not below `highest`, nor below `least`; with three to six ticks.

    Starting at 0 keeps a harmless wobble from looking like a cliff. `whole` allows integers only.
    """
    top = max(highest, least)
    rough = top / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    if whole:
        step = max(1.0, float(math.ceil(step)))
    count = max(1, math.ceil(top / step * (1 - 1e-9)))
    return Axis(0.0, count * step, tuple(Tick(i * step, label(i * step)) for i in range(count + 1)))
