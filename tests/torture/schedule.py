"""What a run is made of, drawn by hypothesis. Its `repr` is a literal that repeats the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal, get_args

from hypothesis import strategies as st

from flows.rollout_world import SETTINGS
from tidegate.core.rollout import Settings

Command = Literal[
    "deploy", "resume", "pause", "abort", "abort at once", "abort of the living", "promote", "rollback",
    "rollback of the living",
]  # fmt: skip
Does = Literal["well", "badly", "badly later", "not start"]
Hand = Literal[
    "shift", "shift away", "touch", "create", "delete the record", "damage the record", "damage the request"
]
Call = Literal["update", "read", "sleep", "samples", "smoke", "plan", "apply"]


class Fault(Enum):
    """What befalls one call. `write`s that have an unknown outcome are reads that fail."""

    REFUSED = "refused"
    """UNAVAILABLE before anything was sent, RESOURCE_EXHAUSTED: nothing happened."""
    ABORTED = "aborted"
    """ABORTED: the etag, though nobody else wrote."""
    DENIED = "denied"
    UNKNOWN = "unknown, not done"
    """DEADLINE_EXCEEDED: it had no effect."""
    LOST = "lost"
    """DEADLINE_EXCEEDED: it had."""
    LATE = "late"
    """DEADLINE_EXCEEDED: it will have, later, if nothing has changed by then."""
    STALE = "stale"
    """A read is answered with what was so a while ago."""
    STALLED = "stalled"
    """The process stands still for longer than a lease, just before the call takes effect."""
    STALLED_AFTER = "stalled after"
    SIGNAL = "signal"
    SIGNAL_AFTER = "signal after"
    KILLED = "killed"
    KILLED_AFTER = "killed after"
    KILLED_LATE = "killed, done later"

    def __repr__(self) -> str:
        return f"Fault.{self.name}"


Befalls = tuple[Call, int, Fault]


@dataclass(frozen=True)
class Process:
    """One command, begun `at` seconds after the start. `faults` by kind and number of the call."""

    command: Command = "deploy"
    at: float = 0.0
    does: Does = "well"
    """What the revision it makes does."""
    faults: tuple[Befalls, ...] = ()
    pace: tuple[float, ...] = (0.1,)
    """Seconds its calls take, in turn."""
    ahead: float = 0.0
    """Seconds its clock is ahead."""
    to: str = ""
    """Where a rollback goes to."""


@dataclass(frozen=True)
class Outage:
    """`what` fails for everybody: all calls, or only the metrics (refused, or empty)."""

    at: float
    seconds: float
    what: Literal["everything", "metrics", "samples"]


@dataclass(frozen=True)
class Schedule:
    processes: tuple[Process, ...]
    hands: tuple[tuple[float, Hand], ...] = ()
    """What somebody does to the service outside of tidegate, and when."""
    outages: tuple[Outage, ...] = ()
    propagation: tuple[float, ...] = (0.0,)
    """Seconds until a change is effective, in turn."""
    settings: Settings = SETTINGS
    first: bool = False
    """There is no service yet."""
    one_machine: bool = False
    """Whether a process can tell that another one has ended."""


QUICK = replace(
    SETTINGS, steps=(10, 50), step_duration=60.0, bake=60.0, look_every=20.0, settle=5.0, recovery=60.0
)


_SETTINGS = st.builds(
    replace,
    st.just(QUICK),
    steps=st.sampled_from([(10, 50), (30,), (5, 25, 50)]),
    pauses=st.sampled_from([(), (), (), (1,), (0, 2)]),
    bake=st.sampled_from([60.0, 60.0, 60.0, 800.0]),
    on_cancel=st.sampled_from(["rollback", "keep"]),
    on_inconclusive=st.sampled_from(["hold", "rollback", "promote"]),
)
_PACES = st.lists(st.sampled_from([0.05, 0.1, 0.6, 2.5, 8.0]), min_size=1, max_size=4).map(tuple)
_AHEAD = st.sampled_from([0.0, 0.0, 0.0, -20.0, -1.0, 1.0, 20.0])
_DOES: st.SearchStrategy[Does] = st.sampled_from(
    ["well", "badly", "badly later", "badly", "well", "not start"]
)
_STOPS = (Fault.SIGNAL, Fault.KILLED)
_BEFALLS: dict[Call, tuple[int, tuple[Fault, ...]]] = {
    "update": (9, tuple(f for f in Fault if f is not Fault.STALE)),
    "read": (60, (Fault.REFUSED, Fault.DENIED, Fault.STALE, Fault.STALLED, Fault.STALLED_AFTER, *_STOPS)),
    "sleep": (50, (Fault.STALLED, *_STOPS)),
    "samples": (10, (Fault.REFUSED, *_STOPS)),
    "smoke": (0, (Fault.REFUSED, Fault.STALLED, *_STOPS)),
    "plan": (0, (Fault.REFUSED, Fault.STALLED, *_STOPS)),
    "apply": (0, tuple(f for f in Fault if f not in (Fault.STALE, Fault.ABORTED, Fault.DENIED))),
}
"""What can happen to each kind of call, and to the how manieth of a process it does."""


def _one(call: Call) -> st.SearchStrategy[Befalls]:
    most, faults = _BEFALLS[call]
    number = st.one_of(st.integers(0, min(most, 12)), st.integers(0, most))
    return st.tuples(st.just(call), number, st.sampled_from(faults))


def _burst(call: Call, *faults: Fault) -> st.SearchStrategy[tuple[Befalls, ...]]:
    return st.builds(
        lambda first, count, fault: tuple((call, first + n, fault) for n in range(count)),
        st.integers(0, _BEFALLS[call][0]),
        st.integers(2, 30),
        st.sampled_from(faults),
    )


def _faults(most: int) -> st.SearchStrategy[tuple[Befalls, ...]]:
    single = st.sampled_from(["update", "update", "update", "read", "read", "sleep", *_BEFALLS]).flatmap(_one)
    burst = st.one_of(
        _burst("update", Fault.REFUSED, Fault.UNKNOWN, Fault.ABORTED, Fault.LATE, Fault.LOST, Fault.DENIED),
        _burst("read", Fault.REFUSED, Fault.STALE, Fault.DENIED),
    )
    return st.builds(
        lambda some, more: (*some, *more),
        st.lists(single, max_size=most).map(tuple),
        st.one_of(st.just(()), st.just(()), burst),
    )


def _death() -> st.SearchStrategy[tuple[Befalls, ...]]:
    calls: tuple[Call, ...] = ("update", "update", "update", "sleep", "read", "apply", "samples")
    kinds = (Fault.KILLED, Fault.KILLED_AFTER, Fault.KILLED_LATE)
    return st.sampled_from(calls).flatmap(
        lambda call: st.tuples(
            st.tuples(st.just(call), st.integers(0, min(6, _BEFALLS[call][0])), st.sampled_from(kinds))
        )
    )


def _deployers(faults: st.SearchStrategy[tuple[Befalls, ...]], *at: float) -> st.SearchStrategy[Process]:
    return st.builds(Process, st.just("deploy"), st.sampled_from(at), _DOES, faults, _PACES, _AHEAD)


_ASKED: tuple[Command, ...] = (
    "resume", "resume", "pause", "abort", "abort at once", "abort of the living", "promote", "rollback",
    "rollback of the living",
)  # fmt: skip
_OPERATORS = st.builds(
    Process,
    st.sampled_from(_ASKED),
    st.one_of(*[st.integers(0, 300).map(float)] * 3, st.sampled_from([700.0, 900.0, 1100.0, 2000.0])),
    st.just("well"),
    _faults(2),
    _PACES,
    _AHEAD,
)
_HANDS = st.lists(
    st.tuples(st.integers(0, 300).map(float), st.sampled_from(get_args(Hand))), min_size=1, max_size=3
).map(tuple)
_OUTAGES = st.lists(
    st.builds(
        Outage,
        st.integers(0, 300).map(float),
        st.sampled_from([5.0, 30.0, 90.0, 800.0]),
        st.sampled_from(["everything", "metrics", "samples"]),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
_PROPAGATION = st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 12.0, 200.0]), min_size=1, max_size=6).map(
    tuple
)


def _schedules(
    deployers: int, operators: tuple[int, int], faults: int, **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[Schedule]:
    """The first deployer begins at once, the second some time later. Without `faults` each dies of one."""
    befalls = _faults(faults) if faults else _death()
    first = _deployers(befalls, 0.0)
    second = _deployers(befalls, 0.0, 0.3, 20.0, 26.0, 60.0, 200.0, 1000.0)
    others = st.lists(_OPERATORS, min_size=operators[0], max_size=operators[1])
    if deployers == 2:
        both = st.tuples(first, second)
    else:
        both = st.one_of(st.tuples(first), st.tuples(first, second))
    return st.builds(
        Schedule,
        st.builds(lambda some, rest: (*some, *rest), both, others),
        settings=_SETTINGS,
        propagation=_PROPAGATION,
        one_machine=st.booleans(),
        **more,
    )


CHAPTERS: dict[str, st.SearchStrategy[Schedule]] = {
    "two deployers": _schedules(2, (0, 0), 3),
    "deaths": _schedules(1, (1, 2), 0),
    "operators": _schedules(1, (1, 3), 2),
    "outsiders": _schedules(1, (0, 2), 2, hands=_HANDS),
    "outages": _schedules(1, (0, 2), 2, outages=_OUTAGES),
    "first deployments": _schedules(1, (0, 2), 2, first=st.just(True)),
}
