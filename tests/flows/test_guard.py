"""The guard: what it says of a revision hours after its rollout, and when it takes the traffic back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.rollout_world import BROKEN, CANDIDATE, STABLE, Behaviour, World
from tidegate.core.errors import ExitCode, NotFound, Unreachable
from tidegate.core.guard import Alarm, Watch
from tidegate.core.rollout import Phase
from tidegate.flows.guard import Guarded, guard

HOUR = 3600.0
WATCH = Watch(window=HOUR, until=6 * HOUR)
SLOW = Behaviour(leak=1.0)


def deployed(tmp_path: Path, **behaviour: Any) -> World:
    """Promoted by a rollout of minutes that saw nothing of how the revision behaves."""
    world = World(tmp_path)
    assert world.deploy().state.phase is Phase.PROMOTED
    world.behaviour[CANDIDATE] = Behaviour(**behaviour)
    world.notifier.told.clear()
    return world


def look(world: World, *, after: float = HOUR, back: bool = False, watch: Watch = WATCH) -> Guarded:
    world.clock.time += after
    with world.interruption.installed():
        return guard(world.job, watch, world.tools, owner="guard", may_roll_back=back)


def test_a_good_revision_is_left_alone_and_nobody_is_told(tmp_path: Path) -> None:
    world = deployed(tmp_path)
    writes = len(world.cloud.writes)
    found = look(world)
    assert (found.code, found.alarm, found.revision) == (ExitCode.DONE, Alarm.QUIET, CANDIDATE)
    assert world.notifier.told == []
    assert len(world.cloud.writes) == writes


def test_a_slow_leak_is_told_and_without_leave_nothing_is_done(tmp_path: Path) -> None:
    world = deployed(tmp_path, leak=SLOW.leak)
    writes = len(world.cloud.writes)
    found = look(world)
    assert (found.code, found.alarm) == (ExitCode.NEEDS_PERSON, Alarm.GROWING)
    [notice] = world.notifier.told
    assert CANDIDATE in notice.sentence
    assert "leaks" in notice.sentence
    assert notice.details["alarm"] == "growing"
    assert len(world.cloud.writes) == writes
    assert world.serving == {CANDIDATE: 100}


def test_with_leave_the_traffic_goes_back_and_the_next_look_has_nothing_to_watch(tmp_path: Path) -> None:
    world = deployed(tmp_path, leak=SLOW.leak)
    found = look(world, back=True)
    assert found.ended is not None
    world.check(found.ended)
    assert world.serving == {STABLE: 100}
    assert found.code == ExitCode.ROLLED_BACK
    assert world.recorded.state.owner == "guard"
    again = look(world, back=True)
    assert (again.code, again.alarm) == (ExitCode.DONE, None)
    assert "left no new revision in charge" in again.sentence


def test_it_goes_on_seeing_the_leak_window_after_window(tmp_path: Path) -> None:
    world = deployed(tmp_path, leak=SLOW.leak)
    assert [look(world, after=1.1 * HOUR).alarm for _ in range(4)] == [Alarm.GROWING] * 4


@pytest.mark.parametrize(("gone", "told"), [(True, "does not exist any more"), (False, "is not ready")])
def test_it_does_not_go_back_to_what_is_not_there(tmp_path: Path, gone: bool, told: str) -> None:
    world = deployed(tmp_path, leak=SLOW.leak)
    if gone:
        del world.cloud.revisions[STABLE]
    else:
        world.cloud.create(STABLE, BROKEN)
    found = look(world, back=True)
    assert found.code == ExitCode.NEEDS_PERSON
    assert told in found.sentence
    assert told in world.notifier.told[0].sentence
    assert world.serving == {CANDIDATE: 100}


def test_errors_that_begin_hours_later_are_told_and_never_rolled_back(tmp_path: Path) -> None:
    world = deployed(tmp_path)
    world.behaviour[CANDIDATE] = Behaviour(errors=0.3, since=world.clock.time + 2 * HOUR)
    alarms = [look(world, after=0.5 * HOUR, back=True).alarm for _ in range(8)]
    assert set(alarms[:3]) == {Alarm.QUIET}
    assert Alarm.GROWING not in alarms
    assert Alarm.WORSE in alarms
    assert world.serving == {CANDIDATE: 100}


def test_too_little_seen_is_no_all_clear(tmp_path: Path) -> None:
    world = deployed(tmp_path)
    world.requests = 0.0
    found = look(world, after=2 * HOUR)
    assert found.code == ExitCode.HELD
    assert found.alarm is Alarm.UNSURE
    assert world.notifier.told == []


def test_it_ends_by_itself(tmp_path: Path) -> None:
    world = deployed(tmp_path, leak=SLOW.leak)
    found = look(world, after=7 * HOUR)
    assert (found.code, found.alarm) == (ExitCode.DONE, None)
    assert "long enough" in found.sentence


def test_traffic_that_somebody_else_moved_is_not_its_business(tmp_path: Path) -> None:
    world = deployed(tmp_path, leak=SLOW.leak)
    world.shift(orders_1=50, orders_2=50)
    found = look(world, back=True)
    assert (found.code, found.alarm) == (ExitCode.DONE, None)
    assert "was moved since" in found.sentence


def test_a_rollout_that_runs_watches_itself(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: SLOW})
    seen: list[str] = []
    world.on_phase(
        Phase.STEP,
        lambda: seen.append(guard(world.job, WATCH, world.tools, owner="guard").sentence),
    )
    world.deploy()
    assert ["in phase step" in sentence for sentence in seen] == [True]


def test_a_service_without_a_record(tmp_path: Path) -> None:
    assert "nothing to watch" in look(World(tmp_path)).sentence
    with pytest.raises(NotFound):
        look(World(tmp_path, empty=True))


def test_metrics_that_cannot_be_read_are_an_error_and_no_verdict(tmp_path: Path) -> None:
    world = deployed(tmp_path)
    world.metrics.error = Unreachable("no answer")
    with pytest.raises(Unreachable):
        look(world)


def test_windows_overlap_by_half_and_looks_of_one_begin_alike() -> None:
    watch = Watch(window=6.0, until=30.0)
    begins = [watch.begin(100.0, 100.0 + t) for t in (0, 2.9, 3, 5.9, 6, 8.9, 9, 30)]
    assert begins == [100.0, 100.0, 100.0, 100.0, 103.0, 103.0, 106.0, 127.0]
    assert watch.windows == len({watch.begin(0.0, t / 10) for t in range(301)})
    for wrong in ((0.0, 1.0), (2.0, 1.0)):
        with pytest.raises(ValueError, match="window"):
            Watch(*wrong)
