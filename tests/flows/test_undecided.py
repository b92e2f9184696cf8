"""A rollout that was held with all the traffic: the next one does not take its candidate for known good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.rollout_world import CANDIDATE, CRITERIA, STABLE, Behaviour, World, ask
from tidegate.core.errors import Denied, RolloutHeld, Unreachable
from tidegate.core.judge import Mode
from tidegate.core.preflight import Preflight
from tidegate.core.rollout import Phase
from tidegate.flows.operate import Wish
from tidegate.flows.preflight import planned_upon

NEXT = "orders-3"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Its rollout could not be judged during the bake, and is held at 100 %."""
    made = World(tmp_path)
    made.on_phase(Phase.BAKE, lambda: setattr(made.metrics, "error", Unreachable("monitoring is down")))
    state = made.deploy().state
    assert (state.phase, made.serving) == (Phase.HELD, {CANDIDATE: 100})
    made.metrics.error = None
    made.terraform.on_apply["service"] = lambda: made.cloud.create(NEXT)
    made.clock.time += 1000
    return made


def test_the_next_deployment_is_refused_before_anything_is_written(world: World) -> None:
    writes, calls = len(world.cloud.writes), len(world.terraform.calls)
    with pytest.raises(RolloutHeld, match=r"orders-2 has all the traffic, and rollout .* by ci") as error:
        world.deploy()
    assert "inconclusive: the metrics cannot be read" in error.value.message
    assert "`tidegate promote --force` keeps it, `tidegate abort` goes back to orders-1" in error.value.hint
    assert (len(world.cloud.writes), len(world.terraform.calls)) == (writes, calls)


@pytest.mark.parametrize(
    ("wish", "phase", "stable"),
    [
        ("promote", Phase.PROMOTED, CANDIDATE),
        ("abort", Phase.RECOVERED, STABLE),
        ("resume", Phase.PROMOTED, CANDIDATE),
    ],
)
def test_once_somebody_has_decided_it_goes_on(world: World, wish: Wish, phase: Phase, stable: str) -> None:
    answer = world.operate(wish)
    assert answer.state is not None
    assert answer.state.phase is phase
    state = world.deploy().state
    assert (state.stable, state.candidate) == (stable, NEXT)


@pytest.mark.parametrize(("to", "stable"), [("", STABLE), (CANDIDATE, CANDIDATE)])
def test_a_rollback_is_a_decision(world: World, to: str, stable: str) -> None:
    assert world.rollback(*filter(None, [to])).state.stable == stable
    assert world.deploy().state.stable == stable


def test_the_fix_goes_out_and_is_compared_with_what_it_is_to_cure(world: World) -> None:
    world.behaviour[CANDIDATE] = Behaviour(errors=0.4)
    world.criteria = replace(CRITERIA, mode=Mode.FIX)
    state = world.deploy().state
    assert (state.phase, state.stable, world.serving) == (Phase.PROMOTED, CANDIDATE, {NEXT: 100})


def test_a_rollback_that_could_not_be_made_is_no_promotion(tmp_path: Path) -> None:
    world = World(tmp_path)
    broken, update = Behaviour(errors=0.4), world.cloud.update

    def refused(*arguments: Any) -> Any:
        if world.serving == {CANDIDATE: 100} and arguments[1][0].revision == STABLE:
            raise Denied("not allowed")
        return update(*arguments)

    world.cloud.update = refused  # type: ignore[method-assign]
    world.on_phase(Phase.BAKE, lambda: world.behaviour.update({CANDIDATE: broken}))
    assert world.deploy().state.phase is Phase.NEEDS_PERSON
    assert (world.recorded.state.phase, world.serving) == (Phase.NEEDS_PERSON, {CANDIDATE: 100})
    with pytest.raises(RolloutHeld, match="orders-2 has all the traffic") as error:
        world.deploy()
    assert "`tidegate rollback --to orders-2` keeps it" in error.value.hint
    assert world.rollback(CANDIDATE).state.stable == CANDIDATE
    world.terraform.on_apply["service"] = lambda: world.cloud.create(NEXT)
    assert world.deploy().state.stable == CANDIDATE


def test_the_plan_of_a_fix_goes_on_where_it_burns(world: World) -> None:
    """Before the deployment nobody has looked yet how the service is."""

    def planned(found: Mode) -> str:
        looked = Preflight("orders", (), found)
        return planned_upon(world.cloud.service, Mode.REGRESSION, world.tools, lambda: looked)

    assert planned(Mode.FIX) == CANDIDATE
    with pytest.raises(RolloutHeld, match="orders-2 has all the traffic"):
        planned(Mode.REGRESSION)


def test_a_first_deployment_that_is_paused_offers_no_way_back(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True)
    world.on_phase(Phase.BAKE, ask(world, "pause"))
    assert world.deploy().state.phase is Phase.PAUSED
    with pytest.raises(RolloutHeld) as error:
        world.deploy()
    assert error.value.hint == "`tidegate resume` goes on with it"


def test_a_first_deployment_that_is_held_is_all_there_is(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True, behaviour={CANDIDATE: Behaviour(errors=0.5)})
    assert world.deploy().state.phase is Phase.HELD
    world.terraform.on_apply["service"] = lambda: world.cloud.create(NEXT)
    assert world.deploy().state.stable == CANDIDATE
