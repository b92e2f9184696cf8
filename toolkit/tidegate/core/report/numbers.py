"""Numbers as a reader of a report takes them in: three significant digits, no exponents, no noise."""

from __future__ import annotations

import math

NOISE = 1e-6
"""Smaller than anything measured here means something; what is left over from arithmetic shows as 0."""
_MINUS = "\N{MINUS SIGN}"


def quantity(value: float) -> str:
    """`12,400`, `12.4`, `0.0353`, `-3` (a real minus sign). Unbounded is `∞`, no number `unknown`."""
    if math.isnan(value):
        return "unknown"
    sign = _MINUS if value < 0 else ""
    size = abs(value)
    if math.isinf(size):
        return f"{sign}∞"
    if size < NOISE:
        return "0"
    if size >= 1e12:
        return f"{sign}{size:.3g}"
    if size >= 99.95:
        return f"{sign}{size:,.0f}"
    # Rounding first keeps 9.999 from becoming 10.00.
    size = float(f"{size:.3g}")
    decimals = 2 - math.floor(math.log10(size))
    return f"{sign}{size:.{decimals}f}".rstrip("0").rstrip(".")


def percent(ratio: float) -> str:
    """A ratio as percent: `3.53 %`."""
    return f"{quantity(100 * ratio)} %"


def duration(seconds: float) -> str:
    """`50 ms`, `20.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; two units at most."""
    size = abs(seconds)
    sign = _MINUS if seconds < 0 and size >= 0.0005 else ""
    if not math.isfinite(size):
        return f"{sign}∞"
    if size < 0.0005:
        return "0 s"
    if size < 0.9995:
        return f"{sign}{1000 * size:.0f} ms"
    if size < 99.95:
        return f"{sign}{size:.1f} s".replace(".0 s", " s")
    for limit, large, small, names in (
        (2 * 3600, 60, 1, ("min", "s")),
        (48 * 3600, 3600, 60, ("h", "min")),
        (math.inf, 86400, 3600, ("d", "h")),
    ):
        if size < limit:
            whole, rest = divmod(round(size / small), large // small)
            return f"{sign}{whole:,} {names[0]}" + (f" {rest} {names[1]}" if rest else "")
    raise AssertionError("the last limit is infinite")


def offset(seconds: float) -> str:
    """A time relative to another: `+20.2 s`, `-3 min 20 s`, `0 s`."""
    told = duration(seconds)
    return told if seconds < 0 or told == "0 s" else f"+{told}"
