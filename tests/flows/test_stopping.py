"""Signals at any moment, two at once, and other people's changes while a rollout runs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fakes import after
from flows.rollout_world import CANDIDATE, STABLE, STOPS_WITH, Behaviour, World
from tidegate.core.errors import ExitCode, RolloutHeld
from tidegate.core.rollout import Phase
from tidegate.flows.interruption import Interruption, Stopped
from tidegate.ports import Condition, ConditionState

LEAKING = {CANDIDATE: Behaviour(leak=30)}
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def ended_safely(world: World, number: signal.Signals) -> None:
    """One deployment that a signal ends; `World.check` has held the record against the service."""
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, STOPS_WITH[number])
    assert world.serving == {STABLE: 100}
    assert "traffic is on orders-1" in outcome.state.reason
    assert "goes to the stable revision" in world.says[0]


@BOTH
@pytest.mark.parametrize("phase", [Phase.STEP, Phase.BAKE])
def test_in_a_step_the_traffic_goes_back(world: World, phase: Phase, number: signal.Signals) -> None:
    world.on_phase(phase, lambda: world.interrupt(number))
    ended_safely(world, number)


@BOTH
def test_while_terraform_plans_nothing_is_applied(world: World, number: signal.Signals) -> None:
    world.terraform.on_plan["service"] = lambda: world.interrupt(number)
    ended_safely(world, number)
    assert ("apply", "service") not in world.terraform.calls


@BOTH
def test_while_terraform_applies_no_traffic_moves(world: World, number: signal.Signals) -> None:
    def apply() -> None:
        world.cloud.create(CANDIDATE)
        world.interrupt(number)

    world.terraform.on_apply["service"] = apply
    ended_safely(world, number)


@BOTH
def test_while_the_revision_starts(world: World, number: signal.Signals) -> None:
    pending = Condition("Ready", ConditionState.RECONCILING)
    world.terraform.on_apply["service"] = lambda: world.cloud.create(CANDIDATE, pending)
    world.clock.at(world.clock.now() + 3, lambda: world.interrupt(number))
    ended_safely(world, number)


@BOTH
def test_while_a_smoke_check_runs(world: World, number: signal.Signals) -> None:
    world.probe.before = lambda: world.interrupt(number)
    ended_safely(world, number)


@BOTH
@pytest.mark.parametrize("write", range(4))
def test_during_a_write_it_waits_until_the_write_is_through(
    world: World, write: int, number: signal.Signals
) -> None:
    world.cloud.faults["update"] = after(write, lambda: world.interrupt(number))
    ended_safely(world, number)


@pytest.mark.parametrize("seconds", [0.5, 30.0])
def test_while_traffic_spreads_it_waits_too(tmp_path: Path, seconds: float) -> None:
    world = World(tmp_path, propagation=2.0)
    world.on_phase(Phase.STEP, lambda: world.interrupt(signal.SIGINT), delay=seconds)
    ended_safely(world, signal.SIGINT)


@BOTH
def test_while_rolling_back_the_rollback_is_finished_first(tmp_path: Path, number: signal.Signals) -> None:
    world = World(tmp_path, behaviour=LEAKING, propagation=5.0)
    world.on_phase(Phase.ROLLING_BACK, lambda: world.interrupt(number))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ROLLED_BACK, STOPS_WITH[number])
    assert world.serving == {STABLE: 100}
    assert outcome.state.restored is not None
    assert "open fds" in outcome.state.reason


@BOTH
def test_while_the_recovery_is_watched(tmp_path: Path, number: signal.Signals) -> None:
    world = World(tmp_path, behaviour=LEAKING)
    world.on_phase(Phase.ROLLED_BACK, lambda: world.interrupt(number))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ROLLED_BACK, STOPS_WITH[number])
    assert "before the recovery could be told" in outcome.state.reason


@BOTH
def test_a_first_deployment_stopped_while_it_is_watched_keeps_serving(
    tmp_path: Path, number: signal.Signals
) -> None:
    world = World(tmp_path, empty=True)
    world.on_phase(Phase.BAKE, lambda: world.interrupt(number))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, STOPS_WITH[number])
    assert world.serving == {CANDIDATE: 100}
    assert world.recorded.state.exit_code == STOPS_WITH[number]


def test_a_second_signal_changes_nothing(world: World) -> None:
    def twice() -> None:
        world.cloud.faults["update"] = after(0, lambda: world.interrupt(signal.SIGINT))
        world.interrupt(signal.SIGINT)

    world.on_phase(Phase.STEP, twice)
    ended_safely(world, signal.SIGINT)
    assert world.says[1:] == ["already stopping; the traffic is being made safe"]


def test_handlers_are_put_back(world: World) -> None:
    before = {s: signal.getsignal(s) for s in (*STOPS_WITH, signal.SIGHUP)}
    world.deploy()
    assert {s: signal.getsignal(s) for s in before} == before


def test_a_signal_that_came_too_early_is_raised_at_the_first_safe_place() -> None:
    interruption = Interruption(lambda _: None)
    with interruption.installed():
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(Stopped) as stopped, interruption.allowed():
            raise AssertionError("not reached")
        assert stopped.value.code == ExitCode.TERMINATED
        with interruption.allowed():
            pass  # said once; what makes the traffic safe is not stopped by it


# --------------------------------------------------------------------------------------- somebody else


def test_an_unrelated_change_is_no_reason_to_stop(world: World) -> None:
    for phase in (Phase.LOCKED, Phase.SMOKE, Phase.STEP, Phase.BAKE):
        world.on_phase(phase, world.touch)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.PROMOTED
    assert world.cloud.writes[-1].annotations["team"] == "payments"


@pytest.mark.parametrize("number", range(6))
def test_an_unrelated_change_between_read_and_write_is_gone_over(world: World, number: int) -> None:
    world.cloud.faults["update"] = after(number, world.touch)
    assert world.deploy().state.phase is Phase.PROMOTED
    assert world.cloud.writes[-1].annotations["team"] == "payments"


@pytest.mark.parametrize("phase", [Phase.STEP, Phase.BAKE])
def test_traffic_that_somebody_moves_is_theirs(world: World, phase: Phase) -> None:
    world.on_phase(phase, lambda: world.shift(orders_1=70, orders_2=30))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert "orders-1 70 %, orders-2 30 %" in outcome.state.reason
    assert world.serving == {STABLE: 70, CANDIDATE: 30}


def test_traffic_that_somebody_moves_just_before_the_lock_is_theirs(world: World) -> None:
    world.cloud.create(CANDIDATE)
    world.shift(orders_1=100)
    world.cloud.faults["update"] = after(0, lambda: world.shift(orders_2=100))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert world.serving == {CANDIDATE: 100}
    assert not world.cloud.writes
    assert not world.terraform.calls


def test_a_change_back_while_rolling_back_is_not_fought(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour=LEAKING)
    world.cloud.faults["update"] = after(3, lambda: world.shift(orders_2=100))
    outcome = world.deploy()
    assert outcome.state.exit_code in (ExitCode.HELD, ExitCode.NEEDS_PERSON)
    assert world.serving == {CANDIDATE: 100}


# ------------------------------------------------------------------------------------------- two at once


def test_the_second_of_two_is_told_who_and_since_when(world: World) -> None:
    def second() -> None:
        with pytest.raises(RolloutHeld) as error:
            other(world).deploy(owner="somebody else")
        assert "by ci" in error.value.message
        assert "started 2025-06-15 15:06:40 UTC" in error.value.message
        world.says.append("refused")

    for phase in (Phase.SMOKE, Phase.STEP, Phase.BAKE):
        world.on_phase(phase, second)
    assert world.deploy().state.phase is Phase.PROMOTED
    assert world.says == ["refused"] * 3


def other(world: World) -> World:
    """Another machine that sees the same service."""
    second = World(world.directory)
    second.cloud, second.clock = world.cloud, world.clock
    second.metrics, second.terraform = world.metrics, world.terraform
    return second


def test_of_two_that_read_the_same_service_only_one_gets_it(world: World) -> None:
    def the_other_is_quicker() -> None:
        assert world.cloud.service is not None
        world.cloud.change(world.cloud.service.traffic, world.locked(STABLE))

    world.cloud.faults["update"] = after(0, the_other_is_quicker)
    with pytest.raises(RolloutHeld, match="by ci"):
        world.deploy()
    assert not world.terraform.calls
    assert not world.cloud.writes


# --------------------------------------------------------------------------------------- dead owners


def test_a_dead_owner_without_traffic_at_risk_is_gone_over_after_its_lease(world: World) -> None:
    assert world.cloud.service is not None
    world.cloud.change(world.cloud.service.traffic, world.locked(STABLE, lease=600.0))
    with pytest.raises(RolloutHeld, match="is in phase locked"):
        world.deploy()
    world.clock.sleep(601)
    assert world.deploy().state.phase is Phase.PROMOTED


@pytest.mark.parametrize("percent", [10, 100])
def test_a_dead_owner_with_traffic_at_risk_needs_a_rollback_first(world: World, percent: int) -> None:
    world.cloud.create(CANDIDATE)
    world.shift(orders_1=100 - percent, orders_2=percent)
    assert world.cloud.service is not None
    phase = Phase.STEP if percent < 100 else Phase.BAKE
    annotations = world.locked(STABLE, lease=600.0, candidate=CANDIDATE, percent=percent, phase=phase)
    world.cloud.change(world.cloud.service.traffic, annotations)
    world.clock.sleep(601)
    with pytest.raises(RolloutHeld) as error:
        world.deploy()
    assert "`tidegate abort` sends all traffic to orders-1" in error.value.hint
    outcome = world.rollback()
    assert outcome.state.exit_code == ExitCode.ROLLED_BACK
    assert world.serving == {STABLE: 100}
    world.terraform.on_apply["service"] = lambda: world.cloud.create("orders-3")
    assert world.deploy().state.candidate == "orders-3"
