"""Going back by hand: to the revision before, or to one by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows.rollout_world import BROKEN, CANDIDATE, STABLE, Behaviour, World
from tidegate.core.errors import ExitCode, NotFound, RolloutHeld, UsageError
from tidegate.core.record import history
from tidegate.core.rollout import Phase
from tidegate.flows.rollback import rollback


@pytest.fixture
def world(tmp_path: Path) -> World:
    """`orders-2` has been promoted over `orders-1`."""
    world = World(tmp_path)
    assert world.deploy().state.phase is Phase.PROMOTED
    return world


def test_to_the_revision_before(world: World) -> None:
    outcome = world.rollback()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.RECOVERED, ExitCode.ROLLED_BACK)
    assert (outcome.state.stable, outcome.state.candidate) == (STABLE, CANDIDATE)
    assert world.serving == {STABLE: 100}
    assert "asked for by person (orders-2 100 % before)" in outcome.state.reason
    assert world.cloud.service is not None
    assert [p.phase for p in history(world.cloud.service.annotations)] == [Phase.RECOVERED, Phase.PROMOTED]


def test_to_a_revision_by_name_from_a_split(world: World) -> None:
    world.cloud.create("orders-3")
    world.shift(orders_1=20, orders_2=50, orders_3=30)
    outcome = world.rollback("orders-3")
    assert outcome.state.exit_code == ExitCode.ROLLED_BACK
    assert world.serving == {"orders-3": 100}
    assert outcome.state.candidate == CANDIDATE  # what most of the traffic leaves


def test_that_does_not_help(world: World) -> None:
    world.behaviour[STABLE] = Behaviour(errors=0.5, since=world.clock.now())
    outcome = world.rollback()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.NOT_RECOVERED, ExitCode.NEEDS_PERSON)
    assert world.serving == {STABLE: 100}


def test_nothing_to_do_is_said(world: World) -> None:
    world.rollback()
    writes = len(world.cloud.writes)
    assert rollback(world.job, world.settings, world.tools, owner="person", to=STABLE) is None
    assert len(world.cloud.writes) == writes


def test_nothing_to_go_back_to_asks_for_a_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no earlier revision") as error:
        World(tmp_path).rollback()
    assert "--to REVISION" in error.value.hint


def test_a_record_that_cannot_be_read_asks_for_a_name(world: World) -> None:
    assert world.cloud.service is not None
    world.cloud.change(world.cloud.service.traffic, {"tidegate/rollout": "nonsense"})
    with pytest.raises(UsageError, match="names no earlier revision"):
        world.rollback()
    world.rollback(STABLE)
    assert world.serving == {STABLE: 100}


@pytest.mark.parametrize(
    ("revision", "said"), [("orders-9", "has no revision orders-9"), ("bad", "not ready")]
)
def test_a_revision_that_cannot_serve_is_refused(world: World, revision: str, said: str) -> None:
    world.cloud.create("bad", BROKEN)
    with pytest.raises(UsageError, match=said):
        world.rollback(revision)
    assert world.serving == {CANDIDATE: 100}


def test_no_service(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no service orders"):
        World(tmp_path, empty=True).rollback()


def test_a_living_rollout_is_not_cut_into(world: World) -> None:
    assert world.cloud.service is not None
    world.cloud.change(world.cloud.service.traffic, world.locked(STABLE, candidate="orders-3"))
    with pytest.raises(RolloutHeld, match="by ci") as error:
        world.rollback()
    assert "tidegate abort" in error.value.hint
    assert "--take-over" in error.value.hint


def test_one_that_has_certainly_died_is_no_living_one(world: World) -> None:
    """Whatever its lease says, and however much later it is between two looks at the clock."""
    assert world.cloud.service is not None
    annotations = world.locked(STABLE, candidate=CANDIDATE, phase=Phase.STEP, percent=50, holder="process-9")
    world.shift(orders_1=50, orders_2=50)
    world.cloud.change(world.cloud.service.traffic, annotations)
    world.holders.dead.add("process-9")
    tell = world.clock.now

    def later() -> float:
        world.clock.time += 0.001
        return tell()

    world.clock.now = later  # type: ignore[method-assign]
    assert world.rollback().state.stable == STABLE
    assert world.serving == {STABLE: 100}


@pytest.mark.parametrize("phase", [Phase.STEP, Phase.BAKE])
def test_a_rollout_whose_service_was_taken_over_leaves_the_traffic_alone(
    tmp_path: Path, phase: Phase
) -> None:
    world = World(tmp_path)
    second = World(tmp_path, settings=replace(world.settings, recovery=0.0, settle=0.0))
    second.cloud, second.clock, second.metrics = world.cloud, world.clock, world.metrics
    world.on_phase(phase, lambda: second.rollback(take_over=True))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert world.serving == {STABLE: 100}
    assert world.recorded.state.owner == "person"


def test_after_a_hold_the_traffic_goes_to_the_stable_revision(tmp_path: Path) -> None:
    world = World(tmp_path, requests=0.0)
    assert world.deploy().state.phase is Phase.HELD
    world.rollback()
    assert world.serving == {STABLE: 100}


def test_signals_while_it_watches_leave_the_traffic_back(world: World) -> None:
    world.on_phase(Phase.ROLLED_BACK, world.interrupt)
    outcome = world.rollback()
    assert outcome.state.exit_code == ExitCode.INTERRUPTED
    assert world.serving == {STABLE: 100}
