"""For each kind of alert a trouble it is there for, and healthy days for those that look at days.

Told in numbers that are trouble for anybody, not in those of the alert: an alert that is set too high does
not fire on them, or too late. What is a matter of the service itself is taken from it: its objectives, its
limit of descriptors, its budget, the instances it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from tidegate.core.alerting.subject import Series, Subject, rising, turning

_TURN = 60
_LONG = 300
_HOUR, _DAY = 60, 1440
_FIVE, _TEN = 5, 10


@dataclass(frozen=True)
class Trouble:
    """Begins at minute `since`. `interval` and `end` in minutes, too; at the end nobody waits any longer."""

    sentence: str
    series: Callable[[Subject], list[Series]]
    since: Callable[[Subject], int] = lambda _subject: 0
    interval: int = 1
    patience: int = 240
    """Minutes after `since` in which it is looked whether it fires at all."""
    longer: Callable[[Subject], float] = lambda _subject: 0.0
    """Minutes beyond the promise that follow from what the service itself promises."""


@dataclass(frozen=True)
class Days:
    """A stretch of healthy days. Times in minutes."""

    kinds: tuple[str, ...]
    series: Callable[[Subject], list[Series]]
    end: Callable[[Subject], int]
    interval: int = _FIVE


def _at(minute: int) -> Callable[[Subject], int]:
    return lambda _subject: minute


def _answers(subject: Subject, per_minute: str, kind: str = "2xx") -> Series:
    return subject.counted("requests", per_minute, labels=f',response_code_class="{kind}"')


def _traffic(subject: Subject) -> list[Series]:
    return [_answers(subject, rising(0, 60, _LONG)), _instances(subject, f"2x{_LONG}")]


def _instances(subject: Subject, values: str) -> Series:
    return subject.counted("instances", values, labels=',state="active"')


def _bounds(subject: Subject, bounds: Mapping[float, str], limit_ms: float = 0.0) -> list[Series]:
    """Requests up to each bound, which is a multiple of the limit, that of the objective unless given."""
    limit = limit_ms or subject.latency_ms
    return [
        subject.counted(
            "latencies",
            counts,
            labels=f',response_code_class="2xx",le="{_bound(times * limit)}"',
            suffix="_bucket",
        )
        for times, counts in bounds.items()
    ]


def _bound(value: float) -> str:
    return "+Inf" if value == inf else f"{value:.10g}"


def _slow(subject: Subject, fast: str, every: str, limit_ms: float = 0.0) -> list[Series]:
    """`fast` keep the limit with time to spare, the others take up to twice as long."""
    return [
        *_bounds(subject, {0.5: fast, 1.0: fast, 2.0: every, inf: every}, limit_ms),
        _answers(subject, every),
    ]


def _failing(subject: Subject, share: float, per_interval: float, turn: int, steps: int) -> list[Series]:
    return [
        _answers(subject, turning(per_interval, per_interval * (1 - share), turn, steps)),
        _answers(subject, turning(0, per_interval * share, turn, steps), "5xx"),
    ]


def _leak_of_fds(subject: Subject) -> list[Series]:
    return [subject.gauge("open_fds", rising(100, 5, _LONG)), *_traffic(subject)]


def _leak_of_connections(subject: Subject) -> list[Series]:
    return [
        subject.gauge("tcp_connections", rising(9, 5, _LONG), labels=',state="established"'),
        *_traffic(subject),
    ]


def _leak_of_memory(subject: Subject) -> list[Series]:
    full = (("0.5", 0), ("0.75", 0), ("0.9", 0), ("1", 4), ("+Inf", 4))
    return [
        subject.gauge("memory", rising(6e8, 3e6, _LONG)),
        *(
            subject.counted("memory_ratio", rising(0, count, _LONG),
                            labels=f',container_name="app",le="{le}"', suffix="_bucket")
            for le, count in full
        ),
        *_traffic(subject),
    ]  # fmt: skip


def _towards_the_limit(subject: Subject) -> list[Series]:
    limit = subject.fd_limit
    return [subject.gauge("open_fds", rising(0.3 * limit, 0.0024 * limit, _LONG))]


def _full(share: float) -> Callable[[Subject], list[Series]]:
    def series(subject: Subject) -> list[Series]:
        return [subject.gauge("open_fds", f"100x{_TURN} {share * subject.fd_limit:.10g}x{_LONG}")]

    return series


def _said_in_the_log(subject: Subject) -> list[Series]:
    return [subject.counted("fd_errors", f"0x{_TURN} {rising(1, 2, _LONG)}")]


def _idle_connections(subject: Subject) -> list[Series]:
    return [
        subject.gauge("tcp_connections", f"20x{_TURN} 700x{_LONG}", labels=',state="established"'),
        subject.counted("latencies", rising(0, 120_000, _LONG), suffix="_sum"),
        *_traffic(subject),
    ]


def _too_many_instances(subject: Subject) -> list[Series]:
    usual, many = max(2, subject.kept), 30 + 3 * subject.kept
    return [
        _instances(subject, f"{usual}x{_TURN} {many}x{_LONG}"),
        subject.counted("latencies", rising(0, 6000, _LONG), suffix="_sum"),
    ]


def _waiting(subject: Subject) -> list[Series]:
    return [subject.counted("pending", f"0x{_TURN} 40x{_LONG}")]


def _restarting(subject: Subject) -> list[Series]:
    return [
        subject.counted("starts", turning(0, 1, _TURN, _LONG), suffix="_count"),
        _instances(subject, f"1x{_LONG}"),
    ]


def _not_starting(subject: Subject) -> list[Series]:
    labels = ',probe_type="startup",is_healthy="false"'
    return [subject.counted("probes", turning(0, 6, _TURN, _LONG), labels=labels)]


def _silence(subject: Subject) -> list[Series]:
    return [subject.gauge("open_fds", f"50x{_TURN} _x{_LONG}"), _answers(subject, rising(0, 60, _LONG))]


def _bearable(objective: float, usual: float) -> float:
    """Minutes by which an hour of 14.4 times the budget's pace (SRE workbook, chapter 5) is used up later
    than with the usual objective, where a lower one is promised."""
    return max(0.0, 14.4 * 60 * (usual - objective))


def _some_slow(subject: Subject) -> list[Series]:
    """Or more, where the service may take its time."""
    limit = max(2000.0, subject.latency_ms)
    return _slow(subject, turning(100, 90, _TURN, _LONG), rising(0, 100, _LONG + _TURN), limit)


def _slow_errors(subject: Subject) -> list[Series]:
    return _failing(subject, min(1.0, 10 * (1 - subject.availability)), 600, 3 * 144, 3 * 144)


def _slowly_slow(subject: Subject) -> list[Series]:
    fast = 1000 * (1 - min(1.0, 10 * (1 - subject.latency)))
    return _slow(subject, turning(1000, fast, 3 * 144, 3 * 144), rising(0, 1000, 6 * 144))


def _before(subject: Subject) -> int:
    """Long enough that there is something to compare with."""
    return (
        2 * _DAY
        if subject.compared_minutes <= _DAY
        else int(subject.compared_minutes) // _DAY * _DAY + 2 * _DAY
    )


def _dearer_requests(subject: Subject) -> list[Series]:
    turn, steps = _before(subject) // _FIVE, _DAY // _FIVE
    return [
        subject.counted("billable", turning(300, 900, turn, steps)),
        _answers(subject, rising(0, 600, turn + steps)),
    ]


def _spent(subject: Subject) -> float:
    """Billable seconds in five minutes that come to the budget in a month."""
    return 300 * subject.budget / subject.instance_month


def _above_the_budget(subject: Subject) -> list[Series]:
    full = _spent(subject)
    return [subject.counted("billable", turning(0.5 * full, 1.5 * full, 3 * 288, 3 * 288))]


TROUBLES: Mapping[str, Trouble] = {
    "fd_growth": Trouble("an instance opens 5 descriptors a minute and closes none", _leak_of_fds),
    "fd_exhaustion": Trouble(
        "an instance that leaks has half of its descriptors open, and three hours until the last one",
        _towards_the_limit,
        _at(84),
    ),
    "fd_level": Trouble("an instance has 88 % of its descriptors open", _full(0.88), _at(_TURN)),
    "fd_level_critical": Trouble("an instance has 96 % of its descriptors open", _full(0.96), _at(_TURN)),
    "fd_errors": Trouble('"too many open files" is in the log, twice a minute', _said_in_the_log, _at(_TURN)),
    "connection_growth": Trouble(
        "an instance opens 5 connections a minute and closes none", _leak_of_connections
    ),
    "connection_ratio": Trouble(
        "an instance holds 700 connections for 2 requests in flight", _idle_connections, _at(_TURN)
    ),
    "memory_growth": Trouble(
        "an instance takes 3 MB more a minute and has less than a tenth of its memory left", _leak_of_memory
    ),
    "error_ratio": Trouble(
        "one request in twenty fails", lambda s: _failing(s, 0.05, 60, _TURN, _LONG), _at(_TURN)
    ),
    "error_burn_fast": Trouble(
        "every request fails",
        lambda s: _failing(s, 1.0, 60, _TURN, _LONG),
        _at(_TURN),
        longer=lambda s: _bearable(s.availability, 0.995),
    ),
    "error_burn_slow": Trouble(
        "requests fail at ten times what the objective allows", _slow_errors, _at(3 * _DAY), _TEN, 36 * _HOUR
    ),
    "latency_p99": Trouble("one request in ten takes four seconds", _some_slow, _at(_TURN)),
    "latency_burn_fast": Trouble(
        "every request takes longer than the objective allows",
        lambda s: _slow(s, turning(100, 0, _TURN, _LONG), rising(0, 100, _LONG + _TURN)),
        _at(_TURN),
        longer=lambda s: _bearable(s.latency, 0.99),
    ),
    "latency_burn_slow": Trouble(
        "requests are slow at ten times what the objective allows",
        _slowly_slow,
        _at(3 * _DAY),
        _TEN,
        36 * _HOUR,
    ),
    "instances": Trouble(
        "thirty instances more than are kept stand at minimal traffic", _too_many_instances, _at(_TURN)
    ),
    "pending_requests": Trouble("forty requests wait for an instance", _waiting, _at(_TURN)),
    "restarts": Trouble("an instance restarts every minute", _restarting, _at(_TURN)),
    "failed_starts": Trouble("no instance starts, probed six times a minute", _not_starting, _at(_TURN)),
    "cost_per_request": Trouble(
        "a request takes three times the billable time of the days before",
        _dearer_requests, _before, _FIVE, 12 * _HOUR,
    ),
    "monthly_cost": Trouble(
        "what is billed rises from half the budget to one and a half",
        _above_the_budget, _at(3 * _DAY), _FIVE, 2 * _DAY,
    ),
    "telemetry_silent": Trouble(
        "the collector falls silent while requests go on", _silence, _at(_TURN)
    ),
}  # fmt: skip
"""By kind, in the order of the manual."""


def _day_and_night(subject: Subject) -> list[Series]:
    """By day twenty times the requests of the night on three times the instances; the objectives are kept."""
    failed = min(0.001, 0.2 * (1 - subject.availability))
    late = min(0.002, 0.2 * (1 - subject.latency))
    days = _healthy_days(subject) // _DAY

    def counter(by_day: float, by_night: float) -> str:
        """From counts in five minutes."""
        per_day = 144 * (by_day + by_night)
        return " ".join(
            rising(day * per_day + start, step, 143)
            for day in range(days)
            for start, step in ((0.0, by_night), (144 * by_night, by_day))
        )

    def requests(share: float = 1.0) -> str:
        return counter(1200 * share, 60 * share)

    in_time = requests(1 - late)
    return [
        subject.counted("billable", counter(900, 300)),
        _answers(subject, requests(1 - failed)),
        _answers(subject, requests(failed), "5xx"),
        *_bounds(subject, {0.5: in_time, 1.0: in_time, 2.0: requests(), inf: requests()}),
    ]


def _healthy_days(subject: Subject) -> int:
    return _before(subject) + 2 * _DAY


def _two_dear_hours(subject: Subject) -> list[Series]:
    half, turn = 0.5 * _spent(subject), 2 * 288
    usual, dear = rising(0, half, turn - 1), rising(half * turn, 4 * half, 23)
    return [subject.counted("billable", f"{usual} {dear} {rising(half * (turn + 96), half, 288)}")]


DAYS: Mapping[str, Days] = {
    "days and nights": Days(
        ("cost_per_request", "error_burn_slow", "latency_burn_slow"), _day_and_night, _healthy_days
    ),
    "half of the budget, and two hours at twice of it": Days(
        ("monthly_cost",), _two_dear_hours, _at(3 * _DAY)
    ),
}
