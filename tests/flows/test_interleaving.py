"""What the random schedules of tests/torture have found, each as the smallest case that shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import Lost, after
from flows.rollout_world import CANDIDATE, STABLE, Behaviour, World
from tidegate.core import record
from tidegate.core.errors import Denied, OutcomeUnknown, Unreachable
from tidegate.core.rollout import Phase, State
from tidegate.flows.rollback import rollback
from tidegate.flows.serving import effective
from tidegate.ports import Target
from torture.play import play
from torture.schedule import QUICK, Command, Process, Schedule


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def take_over(world: World, **changes: object) -> None:
    """Another process writes its own record, and leaves the traffic as it is."""
    assert world.cloud.service is not None
    mine = world.recorded.state
    theirs = record.encode(
        replace(mine, owner="ann", holder="another", **changes), now=world.clock.now(), lease=9e9
    )
    world.cloud.change(world.cloud.service.traffic, {record.ROLLOUT: theirs})


def held_by_another(world: World) -> None:
    outcome = world.deploy()
    assert outcome.state.phase in (Phase.HELD, Phase.NEEDS_PERSON)
    assert "ann has taken this rollout over" in outcome.state.reason
    assert world.recorded.state.holder == "another"
    assert world.recorded.state.owner == "ann"


def test_who_is_robbed_while_terraform_applies_writes_no_more(world: World) -> None:
    def apply() -> None:
        world.cloud.create(CANDIDATE)
        take_over(world)

    world.terraform.on_apply["service"] = apply
    held_by_another(world)
    assert len(world.cloud.writes) == 1


def test_who_is_robbed_while_traffic_spreads_writes_no_more(tmp_path: Path) -> None:
    world = World(tmp_path, propagation=30.0)

    def rob() -> None:
        world.cloud.propagation = 300.0
        take_over(world)

    world.on_phase(Phase.STEP, rob, delay=5.0)
    held_by_another(world)
    assert world.cloud.writes[-1].share(CANDIDATE) == 10


def test_traffic_that_somebody_moves_while_it_spreads_is_theirs(tmp_path: Path) -> None:
    world = World(tmp_path, propagation=30.0)
    world.on_phase(Phase.STEP, lambda: world.shift(orders_1=70, orders_2=30), delay=5.0)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.HELD
    assert "orders-1 70 %, orders-2 30 % from outside" in outcome.state.reason
    assert outcome.state.percent == 30


def test_what_has_ended_stays_so_when_the_next_rollout_begins_before_its_traffic_is_effective(
    world: World,
) -> None:
    world.probe.sentence = "GET /healthz: 500"

    def note(state: State) -> None:
        if state.phase is Phase.ABORTED:
            world.cloud.propagation = 300.0
            world.clock.at(world.clock.now() + 2, lambda: take_over(world, id="the next", phase=Phase.LOCKED))

    world.note = note  # type: ignore[method-assign]
    with pytest.raises(AssertionError):  # the record on the service is not its own any more
        world.deploy()
    assert world.notifier.told[-1].details["phase"] == "aborted"
    assert world.recorded.state.id == "the next"


def test_what_is_not_known_of_the_first_write_is_not_called_undone(world: World) -> None:
    world.cloud.faults["update"] = after(0, OutcomeUnknown("no answer in time"), *[Unreachable("down")] * 60)
    with pytest.raises(OutcomeUnknown):
        world.deploy()


@pytest.mark.parametrize("behind", [0.0, 20.0])
def test_a_rollback_by_a_clock_that_is_behind(world: World, behind: float) -> None:
    """The moves of the rollout that is undone came later, as far as that clock knows."""
    world.behaviour = {CANDIDATE: Behaviour()}
    world.on_phase(Phase.BAKE, world.interrupt, delay=5.0)
    world.settings = replace(world.settings, on_cancel="keep")
    world.deploy()
    world.clock.time -= behind
    ended = rollback(world.job, None, world.tools, owner="person")
    assert ended is not None
    assert ended.state.phase in (Phase.RECOVERED, Phase.ROLLED_BACK)
    times = [move.time for move in ended.state.moves]
    assert times == sorted(times)
    assert world.serving == {STABLE: 100}


@pytest.mark.parametrize("behind", [0.0, 20.0])
def test_a_resumption_by_a_clock_that_is_behind(world: World, behind: float) -> None:
    world.settings = replace(world.settings, on_cancel="keep")
    world.on_phase(Phase.STEP, world.interrupt, delay=5.0)
    world.deploy()
    world.clock.time -= behind
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.PROMOTED
    times = [move.time for move in answer.state.moves]
    assert times == sorted(times)
    assert answer.state.entered >= times[-1]


@pytest.mark.parametrize("before", ["the lock", "the apply"])
def test_a_read_that_is_older_than_the_apply_does_not_hide_the_new_revision(
    world: World, before: str
) -> None:
    old = world.cloud.service

    def apply() -> None:
        past = old if before == "the lock" else world.cloud.service
        world.cloud.create(CANDIDATE)
        present = world.cloud.service
        world.cloud.service = past

        def catch_up() -> None:
            world.cloud.service = present

        world.clock.at(world.clock.now() + 1.5, catch_up)

    world.terraform.on_apply["service"] = apply
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.candidate) == (Phase.PROMOTED, CANDIDATE)


def test_a_step_whose_answer_was_lost_for_long_is_rolled_back_as_its_own(world: World) -> None:
    def block() -> None:
        world.cloud.faults["get_service"] = after(0, *[Unreachable("down")] * 40)

    world.cloud.faults["update"] = after(3, Lost(OutcomeUnknown("no answer in time"), block))
    outcome = world.deploy()
    assert world.cloud.writes[3].share(CANDIDATE) == 50
    assert outcome.state.phase in (Phase.RECOVERED, Phase.ROLLED_BACK)
    assert world.serving == {STABLE: 100}


def test_a_record_written_where_the_rollback_was_not_possible_says_what_the_candidate_has(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(leak=30)})
    update = world.cloud.update

    def refused(*arguments: Any) -> Any:
        if sum(t.percent for t in arguments[1] if t.revision == STABLE) == 100 and len(world.states) > 4:
            raise Denied("not allowed")
        return update(*arguments)

    world.cloud.update = refused  # type: ignore[method-assign]
    outcome = world.deploy()
    assert outcome.state.phase is Phase.NEEDS_PERSON
    assert world.serving == {STABLE: 90, CANDIDATE: 10}
    assert (world.recorded.state.phase, world.recorded.state.percent) == (Phase.NEEDS_PERSON, 10)


def test_a_change_from_outside_while_rolling_back_is_told_as_found(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(leak=30)})

    def shift() -> None:
        world.shift(orders_1=60, orders_2=40)
        raise Unreachable("down")

    def refuse(state: State) -> None:
        if state.phase is Phase.ROLLING_BACK:
            world.cloud.faults["update"] = after(0, shift)

    world.note = refuse  # type: ignore[method-assign]
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.percent) == (Phase.NEEDS_PERSON, 40)
    assert world.recorded.state.percent == 40


def test_a_request_beside_traffic_that_follows_latest_names_the_revision(world: World) -> None:
    assert world.cloud.service is not None
    world.cloud.change((Target("", 100),), world.locked(STABLE, phase=Phase.BAKE, lease=20.0))
    world.operate("abort")
    assert all(target.revision for write in world.cloud.writes for target in write.traffic)


@pytest.mark.parametrize(("command", "ends"), [("abort", STABLE), ("promote", CANDIDATE)])
def test_a_wish_that_an_apply_has_overwritten_is_asked_again(
    tmp_path: Path, command: Command, ends: str
) -> None:
    """Terraform sends the annotations as its plan has seen them, which was before the request."""
    deployer, operator = Process("deploy"), Process(command, at=15.0)
    city = play(Schedule((deployer, operator), settings=QUICK), tmp_path)
    assert city.watch.ends == {"deploy-0": None, f"{command}-1": None, "abort-end-0": None}
    assert effective(city.cloud.service) == {ends: 100}  # type: ignore[arg-type]
    state = city.seats[0].state
    assert state is not None
    assert f"{command.rstrip('e')}ed by {command}-1" in state.reason


def test_of_two_first_deployments_the_one_that_is_resumed_names_its_revision(tmp_path: Path) -> None:
    """The apply of the second has made another revision, with all the traffic, and removed the record."""
    one, two, resume = Process("deploy"), Process("deploy", at=20.0), Process("resume", at=700.0)
    one, two = replace(one, pace=(0.05, 0.6)), replace(two, pace=(0.05, 2.5))
    city = play(Schedule((one, two, resume), settings=QUICK, first=True), tmp_path)
    assert city.seats[0].state is not None
    assert (city.seats[0].state.phase, city.seats[0].state.percent) == (Phase.HELD, 0)
    assert effective(city.cloud.service) == {"orders-2": 100}  # type: ignore[arg-type]
