"""Pause, resume, abort and promote from elsewhere, of rollouts that live, wait, or were left by a death."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes import after
from flows.rollout_world import CANDIDATE, SETTINGS, STABLE, Behaviour, Killed, World, ask, die
from tidegate.core import record
from tidegate.core.errors import ExitCode, NeedsPerson, NotFound, RolloutHeld, Unreachable
from tidegate.core.rollout import Phase
from tidegate.flows.operate import Wish
from tidegate.flows.terms import job_of, terms_of
from tidegate.ports import Hook, Moment

PAUSED = replace(SETTINGS, pauses=(1,))


def killed(world: World, phase: Phase, *, dead: bool = True) -> None:
    """A deployment that dies in this phase; `dead`: as whoever looks from the same machine can see."""
    world.on_phase(phase, die)
    with pytest.raises(Killed):
        world.deploy()
    if dead:
        world.holders.dead.add(world.holders.mine)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# --------------------------------------------------------------------------------------- a living rollout


@pytest.mark.parametrize("phase", [Phase.STEP, Phase.BAKE])
def test_a_living_rollout_pauses_when_asked_and_goes_on_when_resumed(world: World, phase: Phase) -> None:
    world.on_phase(phase, ask(world, "pause"))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.PAUSED, ExitCode.HELD)
    assert outcome.state.reason == "paused by ann"
    percent = 10 if phase is Phase.STEP else 100
    assert world.serving.get(CANDIDATE) == percent
    assert record.REQUEST not in world.cloud.writes[-1].annotations
    answer = world.operate("resume", by="bob")
    assert answer.state is not None
    assert (answer.state.phase, answer.state.owner) == (Phase.PROMOTED, "bob")
    assert world.serving == {CANDIDATE: 100}


@pytest.mark.parametrize("phase", [Phase.SMOKE, Phase.STEP, Phase.BAKE])
def test_a_living_rollout_goes_back_when_asked(world: World, phase: Phase) -> None:
    if phase is Phase.SMOKE:
        world.awaited[Phase.APPLIED] = ask(world, "abort")
    else:
        world.on_phase(phase, ask(world, "abort"))
    begun = world.clock.now()
    outcome = world.deploy()
    assert "aborted by ann" in outcome.state.reason
    assert world.serving == {STABLE: 100}
    back = [w.time for w in world.cloud.writes if w.share(CANDIDATE) == 0 and w.time > begun + 5]
    moved = [w.time for w in world.cloud.writes if w.share(CANDIDATE)]
    if moved and phase is Phase.STEP:
        assert min(t for t in back if t > moved[-1]) - moved[-1] <= 20


def test_a_living_rollout_is_promoted_when_asked(world: World) -> None:
    world.on_phase(Phase.STEP, ask(world, "promote"))
    outcome = world.deploy()
    assert outcome.state.phase is Phase.PROMOTED
    assert "promoted by ann at 10 %" in outcome.state.reason
    assert [w.share(CANDIDATE) for w in world.cloud.writes if w.share(CANDIDATE)] == [10, 10, 100, 100]


def test_a_living_rollout_is_not_resumed(world: World) -> None:
    def resume() -> None:
        with pytest.raises(RolloutHeld, match="by ci") as error:
            world.operate("resume")
        assert error.value.passes
        world.says.append("refused")

    world.on_phase(Phase.STEP, resume)
    assert world.deploy().state.phase is Phase.PROMOTED
    assert world.says == ["refused"]


def test_one_that_rolls_back_is_neither_paused_nor_promoted(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})

    def refused() -> None:
        for wish in ("pause", "promote"):
            with pytest.raises(NeedsPerson, match="in phase rolled_back"):
                world.operate(wish)
        world.says.append("refused")

    world.on_phase(Phase.ROLLED_BACK, refused)
    assert world.deploy().state.phase is Phase.RECOVERED
    assert world.says == ["refused"]


def test_a_living_rollout_gives_signs_of_life(tmp_path: Path) -> None:
    """Longer than any lease, and nobody takes it for dead."""
    settings = replace(SETTINGS, bake=4000.0)
    world = World(tmp_path, settings=settings)
    for hours in range(1, 6):
        world.clock.at(world.clock.now() + 700 * hours, lambda: living.append(world.recorded))
    living: list[record.Record] = []
    assert world.deploy().state.phase is Phase.PROMOTED
    assert len(living) == 5
    assert all(found.lease - found.updated <= 600 for found in living)


def test_who_asks_a_rollout_that_dies_does_it_himself(world: World) -> None:
    killed(world, Phase.STEP, dead=False)
    answer = world.operate("abort")
    assert answer.state is not None
    assert (answer.state.phase, answer.state.owner) == (Phase.RECOVERED, "ann")
    assert world.serving == {STABLE: 100}
    assert [n.event for n in world.notifier.told].count("asked") == 1


# --------------------------------------------------------------------------------------- left by a death


@pytest.mark.parametrize("dead", [True, False])
@pytest.mark.parametrize("phase", [Phase.STEP, Phase.BAKE])
def test_a_dead_rollout_is_resumed_from_elsewhere(world: World, phase: Phase, dead: bool) -> None:
    killed(world, phase, dead=dead)
    if not dead:
        with pytest.raises(RolloutHeld):
            world.operate("resume")
        world.clock.sleep(601)
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.PROMOTED
    assert world.serving == {CANDIDATE: 100}
    assert world.terraform.calls.count(("apply", "service")) == 1


def test_what_was_resumed_is_judged_by_the_terms_it_began_with(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})
    killed(world, Phase.STEP)
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.RECOVERED
    assert answer.job is not None
    assert (answer.job.criteria, answer.job.telemetry) == (world.job.criteria, world.job.telemetry)


def test_before_terraform_had_made_anything_there_is_nothing_to_resume(world: World) -> None:
    world.terraform.on_plan["service"] = die
    with pytest.raises(Killed):
        world.deploy()
    world.holders.dead.add(world.holders.mine)
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.ABORTED
    assert "tidegate deploy` starts anew" in answer.state.reason
    world.terraform.on_plan.clear()
    assert world.deploy().state.phase is Phase.PROMOTED


def test_what_a_dead_terraform_had_made_goes_on_after_its_smoke_checks(world: World) -> None:
    def apply() -> None:
        world.cloud.create(CANDIDATE)
        raise Killed

    world.terraform.on_apply["service"] = apply
    with pytest.raises(Killed):
        world.deploy()
    world.holders.dead.add(world.holders.mine)
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.PROMOTED
    assert world.probe.asked == ["https://canary---orders.test/healthz"]


@pytest.mark.parametrize("wish", ["resume", "abort"])
def test_a_rollback_that_died_is_finished(tmp_path: Path, wish: Wish) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})
    world.cloud.faults["update"] = after(3, die)
    with pytest.raises(Killed):
        world.deploy()
    world.holders.dead.add(world.holders.mine)
    assert world.serving == {STABLE: 90, CANDIDATE: 10}
    answer = world.operate(wish)
    assert answer.state is not None
    assert answer.state.phase is Phase.RECOVERED
    assert world.serving == {STABLE: 100}


def test_of_two_that_resume_one_gets_it(world: World) -> None:
    killed(world, Phase.STEP)

    def quicker() -> None:
        world.cloud.faults.clear()
        found = world.recorded
        state = replace(found.state, owner="bob", holder="of bob")
        now = world.clock.now()
        assert world.cloud.service is not None
        world.cloud.change(
            world.cloud.service.traffic,
            {record.ROLLOUT: record.encode(state, now=now, lease=now + 600, terms=found.terms)},
        )

    world.cloud.faults["update"] = after(0, quicker)
    with pytest.raises(RolloutHeld, match="by bob"):
        world.operate("resume")
    assert world.recorded.state.owner == "bob"


def test_the_one_that_was_taken_for_dead_leaves_the_service_alone(world: World) -> None:
    """It lives after all: its clock stood still, say."""

    def resumed_elsewhere() -> None:
        found = world.recorded
        state = replace(found.state, owner="bob", holder="of bob")
        now = world.clock.now()
        assert world.cloud.service is not None
        world.cloud.change(
            world.cloud.service.traffic, {record.ROLLOUT: record.encode(state, now=now, lease=now + 600)}
        )

    world.on_phase(Phase.STEP, resumed_elsewhere)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert "bob has taken this rollout over" in outcome.state.reason
    assert world.recorded.state.owner == "bob"


# --------------------------------------------------------------------------------------- waiting


def test_a_planned_pause_ends_well_and_holds_the_service_until_somebody_decides(tmp_path: Path) -> None:
    world = World(tmp_path, settings=PAUSED)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.PAUSED, ExitCode.DONE)
    assert world.serving == {STABLE: 90, CANDIDATE: 10}
    with pytest.raises(RolloutHeld, match="waits for a decision") as error:
        world.deploy()
    assert not error.value.passes
    assert not world.operate("pause").evidence
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.PROMOTED
    assert world.serving == {CANDIDATE: 100}


@pytest.mark.parametrize(("wish", "phase"), [("abort", Phase.RECOVERED), ("promote", Phase.PROMOTED)])
def test_a_paused_rollout_can_be_ended_both_ways(tmp_path: Path, wish: Wish, phase: Phase) -> None:
    world = World(tmp_path, settings=PAUSED)
    world.deploy()
    answer = world.operate(wish)
    assert answer.state is not None
    assert answer.state.phase is phase
    assert world.serving == {(STABLE if wish == "abort" else CANDIDATE): 100}


@pytest.mark.parametrize("wish", ["resume", "pause", "abort", "promote"])
def test_repeating_changes_nothing(world: World, wish: Wish) -> None:
    world.deploy()
    writes = len(world.cloud.writes)
    for _ in range(2):
        answer = world.operate(wish)
        assert answer.state is not None
        assert answer.state.phase is Phase.PROMOTED
    assert len(world.cloud.writes) == writes


def test_what_a_person_must_look_at_can_be_taken_back(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})
    world.cloud.faults["update"] = after(3, lambda: world.shift(orders_2=100))
    outcome = world.deploy()
    assert outcome.state.phase is Phase.NEEDS_PERSON
    with pytest.raises(NeedsPerson, match="cannot promote"):
        world.operate("promote")
    answer = world.operate("abort")
    assert answer.state is not None
    assert answer.state.phase is Phase.RECOVERED
    assert world.serving == {STABLE: 100}


def test_nothing_there_is_said(tmp_path: Path) -> None:
    assert "nothing to abort" in World(tmp_path).operate("abort").sentence
    with pytest.raises(NotFound):
        World(tmp_path, empty=True).operate("abort")
    world = World(tmp_path)
    assert world.cloud.service is not None
    world.cloud.change(world.cloud.service.traffic, {record.ROLLOUT: "{"})
    with pytest.raises(NeedsPerson, match="cannot be read") as error:
        world.operate("abort")
    assert "rollback --to" in error.value.hint


# --------------------------------------------------------------------------------------- on the way


def test_a_cancelled_rollout_may_keep_its_traffic(tmp_path: Path) -> None:
    world = World(tmp_path, settings=replace(SETTINGS, on_cancel="keep"))
    world.on_phase(Phase.STEP, world.interrupt)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.PAUSED, ExitCode.INTERRUPTED)
    assert world.serving == {STABLE: 90, CANDIDATE: 10}
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.PROMOTED


def test_hooks_run_in_their_places_and_stop_what_must_not_go_on(world: World, tmp_path: Path) -> None:
    world.wanted_hooks = tuple(Hook(str(moment), moment, ("true",)) for moment in Moment)
    world.deploy()
    assert world.hooks.names == ["before_apply", "before_traffic", "after"]
    _, told = world.hooks.ran[1]
    assert (told["candidate"], told["url"]) == (CANDIDATE, "https://canary---orders.test")
    assert world.hooks.ran[2][1]["phase"] == "promoted"

    for failing in ("before_apply", "before_traffic"):
        other = World(tmp_path)
        other.wanted_hooks = world.wanted_hooks
        other.hooks.failing[failing] = f"{failing}: exit 3"
        outcome = other.deploy()
        assert (outcome.state.phase, other.serving) == (Phase.ABORTED, {STABLE: 100})
        assert "exit 3" in outcome.state.reason
        applied = ("apply", "service") in other.terraform.calls
        assert applied is (failing == "before_traffic")


def test_a_new_revision_from_outside_is_noticed_at_the_next_look(world: World) -> None:
    world.on_phase(Phase.STEP, lambda: world.cloud.create("orders-9"))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.percent) == (Phase.HELD, 10)
    assert "revision orders-9 was created from outside" in outcome.state.reason
    assert world.recorded.state.phase is Phase.HELD


def test_a_record_that_was_removed_is_noticed_and_written_again(world: World) -> None:
    def remove() -> None:
        assert world.cloud.service is not None
        world.cloud.change(world.cloud.service.traffic, {})

    world.on_phase(Phase.STEP, remove)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.HELD
    assert "its record was removed" in outcome.state.reason
    assert world.recorded.state == outcome.state


def test_an_older_answer_is_not_taken_for_a_change(world: World) -> None:
    """Reads are served from anywhere, and the newest write may not have reached there."""
    old: list[object] = []

    def stale() -> None:
        fresh = world.cloud.service
        world.cloud.service = old[0]  # type: ignore[assignment]
        world.clock.at(world.clock.now(), lambda: setattr(world.cloud, "service", fresh))

    world.on_phase(Phase.LOCKED, lambda: old.append(world.cloud.service), delay=0.0)
    world.on_phase(Phase.STEP, stale, delay=14.0)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.PROMOTED


def test_a_rollback_is_tried_until_it_holds(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})
    world.cloud.faults["update"] = after(3, *[Unreachable("no route")] * 60)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.RECOVERED
    assert world.serving == {STABLE: 100}


def test_a_rollback_that_never_holds_says_what_to_type(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})
    world.cloud.faults["update"] = after(3, *[Unreachable("no route")] * 600)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.NEEDS_PERSON, ExitCode.NEEDS_PERSON)
    assert (
        "gcloud run services update-traffic orders --project=demo-project --region=europe-west1 "
        "--to-revisions=orders-1=100"
    ) in outcome.state.reason


TYPED = (
    "; by hand: gcloud run services update-traffic orders --project=demo-project --region=europe-west1 "
    "--to-revisions=orders-1=100"
)


def lose(world: World) -> None:
    """Nothing of the project answers any more."""
    for method in ("update", "get_service", "get_revision"):
        world.cloud.faults[method] = after(0, *[Unreachable("UNAVAILABLE")] * 3000)
    world.metrics.error = Unreachable("UNAVAILABLE")


def test_a_hold_that_cannot_be_written_says_what_to_type_and_what_served_last(world: World) -> None:
    world.on_phase(Phase.STEP, lambda: lose(world))
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.NEEDS_PERSON, ExitCode.NEEDS_PERSON)
    assert "inconclusive: the metrics cannot be read" in outcome.state.reason
    assert outcome.state.reason.endswith(TYPED)
    assert world.notifier.told[-1].sentence.endswith(TYPED)
    assert outcome.evidence.serving == {STABLE: 90, CANDIDATE: 10}


def test_what_takes_the_traffic_back_after_a_signal_is_tried_for_ten_minutes(world: World) -> None:
    stopped: list[float] = []

    def stop() -> None:
        lose(world)
        stopped.append(world.clock.now())
        world.interrupt()

    world.on_phase(Phase.STEP, stop)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.NEEDS_PERSON
    assert outcome.state.reason.endswith(TYPED)
    assert world.clock.now() - stopped[0] >= 600


def test_who_changes_the_service_under_a_rollback_is_told_what_to_type(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})
    world.cloud.faults["update"] = after(3, lambda: world.shift(orders_2=100))
    outcome = world.deploy()
    assert outcome.state.phase is Phase.NEEDS_PERSON
    assert outcome.state.reason.endswith(TYPED)


def test_the_terms_of_a_rollout_survive_the_record(world: World) -> None:
    terms = terms_of(world.job)
    found = job_of(world.job.name, terms)
    assert found is not None
    assert (found.criteria, found.telemetry, found.smoke) == (
        world.job.criteria,
        world.job.telemetry,
        world.job.smoke,
    )
    assert job_of(world.job.name, {**terms, "criteria": {"alpha": "much"}}) is None
    assert job_of(world.job.name, {}) is None


def test_the_abort_of_a_first_deployment_holds_it_once(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True)
    killed(world, Phase.BAKE)
    first = world.operate("abort")
    assert first.state is not None
    assert first.state.phase is Phase.HELD
    assert "no earlier revision" in first.state.reason
    writes = len(world.cloud.writes)
    again = world.operate("abort")
    assert again.state == record.as_read(first.state)
    assert len(world.cloud.writes) == writes
