"""What a backtest says, as text for a terminal and as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate.core.alerting.backtest import Backtest, Coverage, Data, Outcome
from tidegate.core.alerting.firing import Episode
from tidegate.core.alerting.needs import reach
from tidegate.core.alerting.strip import LEGEND, stretch, strip
from tidegate.core.report.numbers import duration
from tidegate.core.report.plain import aligned, printable
from tidegate.core.samples import NoData

_HEAD = ("alert", "severity", "fired", "open in all", "longest", "last", "revisions")
_NAMED = 2
"""Revisions that are named before the others are only counted."""


def text(found: Sequence[Backtest]) -> str:
    """A line per rule, a picture of those that fired, and what is to be said of them. Ends with a newline."""
    lines = [aligned((_HEAD, *map(_row, found)))]
    fired = [one for one in found if one.outcome is Outcome.FIRED]
    if fired:
        grid = fired[0].grid
        each = duration(stretch(grid.end - grid.begin))
        width = max(len(printable(one.rule.kind)) for one in fired)
        lines += ["", f"{each} a character from {_minute(grid.begin)} on: {LEGEND}"]
        lines += [f"{printable(one.rule.kind):<{width}}  {strip(one)}".rstrip() for one in fired]
    if told := notes(found):
        lines += ["", *map(printable, told)]
    return "\n".join(lines) + "\n"


def notes(found: Sequence[Backtest]) -> tuple[str, ...]:
    """What the numbers alone do not say: what is noisy, what has no data, what could not be read."""
    said = [
        f"{one.rule.kind} {one.noise}: nobody goes on reading that; see its settings, or what it tells of"
        for one in found
        if one.noise
    ]
    data, users = _by_metric(found)
    for name, about in data.items():
        rules = ", ".join(users[name])
        if isinstance(about, NoData):
            said.append(f"{name} was not measured in this time: {rules}")
        elif about is None:
            said.append(f"whether {name} was measured could not be read: {rules}")
        elif about.began and about.first > found[0].grid.begin:
            said.append(f"{name} was measured only since {_minute(about.first)}: {rules}")
    for one in found:
        if one.hasty:
            said.append(
                f"{one.rule.kind} fired {one.hasty} of {len(one.episodes)} times before there was data for "
                f"as long as it looks back, {duration(reach(one.rule.query))}"
            )
        said += [
            f"{one.rule.kind} is not known from {_minute(begin)} to {_minute(end)}: {reason}"
            for begin, end, reason in one.gaps
        ]
    return tuple(said)


def document(found: Sequence[Backtest]) -> list[dict[str, Any]]:
    """Every rule with all its episodes; times are ISO 8601 in UTC."""
    return [_document(one) for one in found]


def iso(seconds: float) -> str:
    """`2026-01-31T09:30:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _by_metric(found: Iterable[Backtest]) -> tuple[dict[str, Data], dict[str, list[str]]]:
    data: dict[str, Data] = {}
    users: dict[str, list[str]] = {}
    for one in found:
        for name, about in one.data.items():
            data[name] = about
            users.setdefault(name, []).append(one.rule.kind)
    return data, users


def _row(one: Backtest) -> tuple[str, ...]:
    rule = one.rule
    start = (printable(rule.kind), printable(rule.severity))
    match one.outcome:
        case Outcome.NO_DATA:
            return (*start, "no data", "", "", "", "")
        case Outcome.UNREAD:
            return (*start, "not known", "", "", "", "")
    times = f"{len(one.episodes)}" if not one.gaps else f"{len(one.episodes)} or more"
    if not one.episodes:
        return (*start, times, "", "", "", "")
    last = one.episodes[-1]
    return (
        *start,
        times,
        duration(one.open_seconds),
        duration(max(episode.seconds for episode in one.episodes)),
        _last(last, one),
        printable(_named(one.revisions)),
    )


def _last(episode: Episode, one: Backtest) -> str:
    before = "before " if episode.opened is None else ""
    still = ", open" if episode.closed is None and episode.until == one.grid.end else ""
    return f"{before}{_minute(episode.since)}{still}"


def _named(revisions: Sequence[str]) -> str:
    more = len(revisions) - _NAMED
    return ", ".join(revisions[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _document(one: Backtest) -> dict[str, Any]:
    rule = one.rule
    return {
        "alert": rule.kind,
        "title": rule.title,
        "severity": rule.severity,
        "for_seconds": rule.for_seconds,
        "query": rule.query,
        "outcome": str(one.outcome),
        "fired": len(one.episodes),
        "most_at_once": one.most_at_once,
        "open_seconds": one.open_seconds,
        "longest_seconds": max((episode.seconds for episode in one.episodes), default=0.0),
        "revisions": list(one.revisions),
        "noise": one.noise,
        "fired_before_enough_data": one.hasty,
        "data": {name: _data(about, one.grid.begin) for name, about in one.data.items()},
        "unread": [{"from": iso(begin), "to": iso(end), "reason": reason} for begin, end, reason in one.gaps],
        "episodes": [_episode(episode) for episode in one.episodes],
    }


def _data(about: Data, begin: float) -> dict[str, Any]:
    """`first` is None where it was there already when it was first looked for."""
    if isinstance(about, Coverage):
        first = iso(about.first) if about.began else None
        return {"first": first, "last": iso(about.last), "seconds": about.seconds(begin)}
    return {"first": None, "last": None, "seconds": 0 if isinstance(about, NoData) else None}


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "opened": None if episode.opened is None else iso(episode.opened),
        "closed": None if episode.closed is None else iso(episode.closed),
        "seen_from": iso(episode.since),
        "seen_to": iso(episode.until),
        "open_seconds": episode.seconds,
        "labels": dict(episode.labels),
    }
