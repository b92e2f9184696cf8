"""What is recorded: for every trace the two revisions, the load and what happens, on one clock.

Times are seconds since the candidate first gets traffic; what is before that is the pre-period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PRE_PERIOD = 20.0
"""Seconds of load on the stable revision alone."""
END = 60.0
STEPS = ((0.0, 20), (20.0, 50), (40.0, 100))
STEADY = ((-PRE_PERIOD, 40.0),)
UP_AND_DOWN = ((-PRE_PERIOD, 20.0), (-5.0, 40.0), (8.0, 80.0), (22.0, 120.0), (34.0, 60.0), (48.0, 20.0))

Env = Mapping[str, str]
MORE = frozenset({"latency_p50_ms", "latency_ms_bucket", "billable_instance_seconds"})
POOL: Env = {"SHARDS": "24"}
LINGERS: Env = {"LINGER": "1.5"}


@dataclass(frozen=True)
class Kill:
    """One instance of `revision`, `stable` or `candidate`, is killed."""

    at: float
    revision: str


@dataclass(frozen=True)
class Pause:
    """The upstream of both revisions does not run for so many seconds."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Scenario:
    """`what` goes into the manual. Rates are requests per second to `/`, from a time on."""

    name: str
    what: str
    stable: Env = field(default_factory=dict)
    candidate: Env = field(default_factory=dict)
    rates: tuple[tuple[float, float], ...] = STEADY
    reports: float = 0.0
    """Requests per second to `/report`."""
    steps: tuple[tuple[float, int], ...] = STEPS
    events: tuple[Kill | Pause, ...] = ()
    instances: int = 1
    """Of each revision, at least."""
    timeout: float = 10.0
    """Seconds until a request that is not answered counts as failed."""
    also: frozenset[str] = frozenset()
    """Metrics kept in the trace beside those of every trace."""
    before: float = PRE_PERIOD
    end: float = END


def _leak(**env: str) -> Env:
    return {"LEAK": "transport", **env}


SCENARIOS: tuple[Scenario, ...] = (
    # -------------------------------------------------------------------------------- nobody's fault
    Scenario("healthy", "the same twice, two instances each", instances=2, also=MORE),
    Scenario("healthy-warm-up", "a pool that fills to 24 connections in both", POOL, POOL),
    Scenario("healthy-changing-load", "20 to 120 and back to 20 requests/s", rates=UP_AND_DOWN),
    Scenario(
        "healthy-instance-killed",
        "one instance of the stable revision and one of the candidate are killed",
        events=(Kill(12.0, "stable"), Kill(28.0, "candidate")),
    ),
    Scenario(
        "healthy-load-proportional",
        "every request holds a connection for 1.5 s; 20 to 120 and back to 20 requests/s",
        LINGERS,
        LINGERS,
        rates=UP_AND_DOWN,
    ),
    Scenario("upstream-pauses", "the upstream of both stands still for 4 s", events=(Pause(26.0, 4.0),)),
    Scenario(
        "both-leak-by-request",
        "one connection in 5 requests, both",
        _leak(LEAK_EVERY="5"),
        _leak(LEAK_EVERY="5"),
    ),
    Scenario(
        "both-leak-by-time",
        "60 connections/min, both",
        {"LEAK": "refresh", "LEAK_PER_MINUTE": "60"},
        {"LEAK": "refresh", "LEAK_PER_MINUTE": "60"},
    ),
    Scenario("cured", "the stable one leaks one connection in 2 requests", _leak(LEAK_EVERY="2")),
    # --------------------------------------------------------------------------- the candidate's fault
    Scenario("leak-by-time", "20 connections/min", candidate={"LEAK": "refresh", "LEAK_PER_MINUTE": "20"}),
    Scenario("leak-by-request", "one connection per request", candidate=_leak()),
    Scenario(
        "leak-one-in-50",
        "one connection in 50 requests, two instances",
        candidate=_leak(LEAK_EVERY="50"),
        instances=2,
    ),
    Scenario(
        "leak-one-path",
        "one connection per request for `/report`, which a tenth of the requests are for",
        candidate=_leak(LEAK_PATH="/report"),
        rates=((-PRE_PERIOD, 36.0),),
        reports=4.0,
    ),
    Scenario(
        "leak-bursts",
        "25 connections at once with one request in 100",
        candidate=_leak(LEAK_EVERY="100", LEAK_BURST="25"),
    ),
    Scenario(
        "leak-warm-up",
        "a pool that fills to 24 connections in both, and one connection in 10 requests",
        POOL,
        {**POOL, **_leak(LEAK_EVERY="10")},
    ),
    Scenario(
        "leak-changing-load",
        "one unread answer in 10 requests; 20 to 120 and back to 20 requests/s",
        candidate={"LEAK": "body", "LEAK_EVERY": "10"},
        rates=UP_AND_DOWN,
    ),
    Scenario(
        "leak-restarts",
        "one connection in 20 requests; the instance is killed after 10 s and after 24 s",
        candidate=_leak(LEAK_EVERY="20"),
        events=(Kill(10.0, "candidate"), Kill(24.0, "candidate")),
    ),
    Scenario("leak-memory", "64 KiB per request", candidate={"LEAK": "memory"}),
    Scenario("errors", "5 % of the requests fail", candidate={"ERROR_RATIO": "0.05"}),
    Scenario("slower", "40 ms slower", candidate={"DELAY_MS": "40"}, also=MORE),
    Scenario(
        "slow-tail", "one request in 20 takes 80 ms longer", candidate={"DELAY_MS": "80", "DELAY_EVERY": "20"}
    ),
    Scenario(
        "stalls",
        "answers 100 requests and then nothing any more; requests end after 3 s",
        candidate={"STALL_AFTER": "100"},
        timeout=3.0,
        end=45.0,
        steps=((0.0, 20), (20.0, 50)),
    ),
    Scenario(
        "mute",
        "answers nothing from the first request on; requests are given 60 s",
        candidate={"STALL_AFTER": "0"},
        timeout=60.0,
        end=45.0,
        steps=((0.0, 20), (20.0, 50)),
    ),
)

BY_NAME: Mapping[str, Scenario] = {scenario.name: scenario for scenario in SCENARIOS}
