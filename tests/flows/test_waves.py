"""Several regions by several processes, as far as the one that sends them goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.core.waves import (
    Abort,
    Deploy,
    Effect,
    Ended,
    Event,
    Outcome,
    Region,
    Returned,
    Rollback,
    Signalled,
    Stand,
    Waves,
)
from tidegate.flows.waves import run

WAVES = (("a",), ("b", "c"))


def outcome(phase: Phase, code: int, reason: str = "", *, asked: bool = False) -> Outcome:
    return Outcome(code, phase, "o-1", "o-2", started=10.0, reason=reason, asked=asked)


PROMOTED = outcome(Phase.PROMOTED, 0)
REGRESSED = outcome(Phase.RECOVERED, 6, "fds grow")
GONE_BACK = outcome(Phase.RECOVERED, 6, "asked for elsewhere", asked=True)


@dataclass
class FakeRegions:
    """`ends` says how each deployment ends; None: only when it is aborted, and `deaf` aborts come too early.
    What is started and what happens is in `log`."""

    ends: dict[str, Outcome | None]
    deaf: int = 0
    signal_at: str = ""
    log: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def start(self, effect: Effect) -> None:
        self.log.append(f"{type(effect).__name__.lower()} {effect.region}")
        match effect:
            case Deploy(region):
                if region == self.signal_at:
                    self.events.append(Signalled(ExitCode.TERMINATED))
                    self.ends[region] = outcome(Phase.ABORTED, 143)
                if (how := self.ends[region]) is not None:
                    self.events.append(Ended(region, how))
            case Abort(region):
                self.events.append(Returned(region, Outcome(0)))
                if self.deaf:
                    self.deaf -= 1
                else:
                    self.events.append(Ended(region, GONE_BACK))
            case Rollback(region, to):
                assert to == "o-1"
                self.events.append(Returned(region, outcome(Phase.RECOVERED, 0), rollback=True))

    def next(self, seconds: float) -> Event | None:
        return self.events.pop(0) if self.events else None


def go(regions: FakeRegions, say: Callable[[str], None] = lambda _: None) -> Waves:
    start = Waves(WAVES, {name: Region() for name in regions.ends}, began=5.0)
    return run(start, regions, say)


def test_all_regions_are_deployed_wave_by_wave() -> None:
    said: list[str] = []
    regions = FakeRegions(dict.fromkeys("abc", PROMOTED))
    assert go(regions, said.append).exit_code == 0
    assert regions.log == ["deploy a", "deploy b", "deploy c"]
    assert said == ["wave 1 of 2: a", "wave 2 of 2: b, c"]


def test_a_regression_sends_the_others_back() -> None:
    said: list[str] = []
    regions = FakeRegions({"a": PROMOTED, "b": REGRESSED, "c": None})
    done = go(regions, said.append)
    assert regions.log[3:] == ["rollback a", "abort c"]
    assert (done.exit_code, done.cause) == (6, "b")
    assert done.having(Stand.RETURNED) == ("a", "c")
    assert said[2:] == ["a goes back to o-1, because of b", "c is stopped and goes back, because of b"]


def test_who_does_not_hear_is_asked_again() -> None:
    regions = FakeRegions({"a": PROMOTED, "b": REGRESSED, "c": None}, deaf=2)
    assert go(regions).having(Stand.RETURNED) == ("a", "c")
    assert regions.log.count("abort c") == 3


def test_a_signal_ends_what_is_under_way_and_begins_nothing() -> None:
    regions = FakeRegions({"a": PROMOTED, "b": PROMOTED, "c": PROMOTED}, signal_at="a")
    done = go(regions)
    assert regions.log == ["deploy a"]
    assert done.exit_code == 143
    assert done.having(Stand.WAITING) == ("b", "c")
