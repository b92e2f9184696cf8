"""Deployments as an outsider sees them: traffic, record, exit code, and what people are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import Lost, after
from flows.rollout_world import BROKEN, CANDIDATE, CHANGED, SETTINGS, STABLE, Behaviour, World
from tidegate.core.errors import (
    Denied,
    ExitCode,
    OutcomeUnknown,
    PlanRefused,
    RemoteError,
    RolloutHeld,
    TerraformError,
    Unreachable,
    UsageError,
)
from tidegate.core.record import history
from tidegate.core.rollout import Phase
from tidegate.core.verdict import Attribution, Decision
from tidegate.ports import Condition, ConditionState, Target

LEAKING = {CANDIDATE: Behaviour(leak=30)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("propagation", [0.0, 7.0])
def test_a_healthy_revision_is_promoted_step_by_step(tmp_path: Path, propagation: float) -> None:
    world = World(tmp_path, propagation=propagation)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.PROMOTED, ExitCode.DONE)
    assert [write.share(CANDIDATE) for write in world.cloud.writes] == [0, 0, 10, 50, 100, 100]
    assert world.serving == {CANDIDATE: 100}
    assert world.probe.asked == ["https://canary---orders.test/healthz"]
    assert [past.candidate for past in history(world.cloud.writes[-1].annotations)] == [CANDIDATE]


def test_a_leaking_revision_is_taken_back_and_the_recovery_is_seen(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour=LEAKING, propagation=2.0)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.RECOVERED, ExitCode.ROLLED_BACK)
    assert world.serving == {STABLE: 100}
    assert "open fds" in outcome.state.reason
    assert outcome.state.decided is not None
    assert outcome.state.restored is not None
    assert outcome.state.decided < outcome.state.restored
    assert any(n.event == "verdict" and "rolling back" in n.sentence for n in world.notifier.told)
    assert CANDIDATE in world.notifier.told[-1].sentence


def test_a_rollback_that_does_not_help_calls_a_person(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})

    def stay_broken() -> None:
        world.behaviour[STABLE] = Behaviour(errors=0.4, since=world.clock.now())

    world.on_phase(Phase.ROLLING_BACK, stay_broken, delay=0.0)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.NOT_RECOVERED, ExitCode.NEEDS_PERSON)
    assert world.serving == {STABLE: 100}
    assert "the rollback did not help" in outcome.state.reason


def test_trouble_that_both_revisions_share_is_held_where_it_is(tmp_path: Path) -> None:
    world = World(tmp_path)

    def fail() -> None:
        world.behaviour |= dict.fromkeys((STABLE, CANDIDATE), Behaviour(errors=0.5, since=world.clock.now()))

    world.on_phase(Phase.STEP, fail, delay=0.0)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert world.serving == {STABLE: 90, CANDIDATE: 10}
    assert world.recorded.state == outcome.state
    with pytest.raises(RolloutHeld, match="waits for a decision"):
        world.deploy()


@pytest.mark.parametrize(
    ("answer", "phase", "code", "serving"),
    [
        ("hold", Phase.HELD, ExitCode.HELD, {STABLE: 90, CANDIDATE: 10}),
        ("rollback", Phase.NOT_RECOVERED, ExitCode.NEEDS_PERSON, {STABLE: 100}),
    ],
)
def test_a_leak_that_was_there_before_ends_as_the_spec_says(
    tmp_path: Path, answer: str, phase: Phase, code: ExitCode, serving: dict[str, int]
) -> None:
    settings = replace(SETTINGS, on_pre_existing=answer)  # type: ignore[arg-type]  # one of its literals
    leak = Behaviour(leak=30)
    world = World(tmp_path, settings=settings, behaviour={STABLE: leak, CANDIDATE: leak})
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (phase, code)
    assert world.serving == serving
    deciding = next(v for v in outcome.evidence.verdicts if v.decision is Decision.HOLD)
    assert deciding.attribution is Attribution.PRE_EXISTING


@pytest.mark.parametrize(
    ("answer", "phase", "code", "serving"),
    [
        ("hold", Phase.HELD, ExitCode.HELD, {STABLE: 90, CANDIDATE: 10}),
        ("rollback", Phase.ROLLED_BACK, ExitCode.ROLLED_BACK, {STABLE: 100}),
        ("promote", Phase.PROMOTED, ExitCode.DONE, {CANDIDATE: 100}),
    ],
)
def test_a_revision_that_nobody_calls_ends_as_the_spec_says(
    tmp_path: Path, answer: str, phase: Phase, code: ExitCode, serving: dict[str, int]
) -> None:
    settings = replace(SETTINGS, on_inconclusive=answer)  # type: ignore[arg-type]  # one of its literals
    world = World(tmp_path, requests=0.0, settings=settings)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (phase, code)
    assert world.serving == serving
    assert "inconclusive" in outcome.state.reason


@pytest.mark.parametrize("answer", ["hold", "rollback"])
def test_metrics_out_of_reach_never_promote(tmp_path: Path, answer: str) -> None:
    settings = replace(SETTINGS, on_inconclusive=answer)  # type: ignore[arg-type]  # one of its literals
    world = World(tmp_path, settings=settings)
    world.metrics.error = Unreachable("monitoring does not answer")
    outcome = world.deploy()
    assert outcome.state.phase is (Phase.HELD if answer == "hold" else Phase.ROLLED_BACK)
    assert max(write.share(CANDIDATE) for write in world.cloud.writes) == 10
    assert "the metrics cannot be read: monitoring does not answer" in outcome.state.reason


# ------------------------------------------------------------------------------------- first deployments


def test_a_first_deployment_is_pinned_by_name_and_watched(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.PROMOTED, ExitCode.DONE)
    assert world.serving == {CANDIDATE: 100}
    assert world.terraform.calls.index(("apply", "service")) >= 0
    assert all(write.share(CANDIDATE) == 100 for write in world.cloud.writes)


def test_a_first_deployment_that_leaks_is_held_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True, behaviour={CANDIDATE: Behaviour(errors=0.5)})
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert "no earlier revision" in outcome.state.reason


def test_a_first_deployment_that_does_not_start_says_why(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True)
    world.terraform.on_apply["service"] = lambda: world.cloud.create(CANDIDATE, BROKEN)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, ExitCode.TERRAFORM)
    assert "the container did not listen" in outcome.state.reason


def test_a_first_deployment_whose_apply_fails_leaves_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True)
    world.terraform.on_apply["service"] = _fails("permission denied on the registry")
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, ExitCode.TERRAFORM)
    assert "permission denied" in outcome.state.reason
    assert world.cloud.service is None


# ------------------------------------------------------------------------------------------ the apply


def _fails(message: str) -> Callable[[], None]:
    def fail() -> None:
        raise TerraformError(message)

    return fail


def test_no_change_is_no_rollout(world: World) -> None:
    world.terraform.plans = {}
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.PROMOTED, ExitCode.DONE)
    assert ("apply", "service") not in world.terraform.calls
    assert world.serving == {STABLE: 100}
    assert "no new revision" in outcome.state.reason


def test_a_change_that_makes_no_revision_is_no_rollout(world: World) -> None:
    world.terraform.on_apply = {}
    assert world.deploy().state.phase is Phase.PROMOTED
    assert world.serving == {STABLE: 100}


@pytest.mark.parametrize("how", ["gate", "person"])
def test_a_plan_that_is_refused_changes_nothing(world: World, how: str) -> None:
    if how == "gate":
        (change,) = CHANGED["resource_changes"]
        replaced = {**change, "change": {"actions": ["delete", "create"], "before": {}, "after": {}}}
        world.terraform.plans["service"] = {**CHANGED, "resource_changes": [replaced]}
    outcome = world.deploy(approve=lambda _: how == "gate")
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, ExitCode.PLAN_REFUSED)
    assert ("apply", "service") not in world.terraform.calls
    assert world.serving == {STABLE: 100}
    world.deploy(allow_destroy=True)


def test_an_apply_that_fails_before_the_revision_leaves_the_traffic(world: World) -> None:
    world.terraform.on_apply["service"] = _fails("Error 500 while updating")
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, ExitCode.TERRAFORM)
    assert "Error 500 while updating" in outcome.state.reason
    assert world.serving == {STABLE: 100}


def test_a_revision_that_never_becomes_ready_is_explained_by_its_condition(world: World) -> None:
    def half() -> None:
        world.cloud.create(CANDIDATE, BROKEN)
        raise TerraformError("Error waiting for Updating Service")

    world.terraform.on_apply["service"] = half
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, ExitCode.TERRAFORM)
    assert "HealthCheckContainerError: the container did not listen" in outcome.state.reason
    assert world.serving == {STABLE: 100}
    assert max(write.share(CANDIDATE) for write in world.cloud.writes) == 0


def test_a_revision_that_stays_undecided_is_waited_for_and_then_given_up(world: World) -> None:
    pending = Condition("Ready", ConditionState.RECONCILING)
    world.terraform.on_apply["service"] = lambda: world.cloud.create(CANDIDATE, pending)
    outcome = world.deploy()
    assert outcome.state.exit_code == ExitCode.TERRAFORM
    assert "not ready after 60 s" in outcome.state.reason
    assert world.serving == {STABLE: 100}


def test_an_apply_that_fails_after_a_good_revision_does_not_roll_it_out(world: World) -> None:
    def half() -> None:
        world.cloud.create(CANDIDATE)
        raise TerraformError("the member could not be added")

    world.terraform.on_apply["service"] = half
    outcome = world.deploy()
    assert outcome.state.exit_code == ExitCode.TERRAFORM
    assert "the member could not be added" in outcome.state.reason
    assert world.serving == {STABLE: 100}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("the directory cannot be written to"), ExitCode.USAGE),
        (Unreachable("the registry does not answer"), ExitCode.REMOTE),
    ],
)
def test_whatever_stops_the_apply_the_lock_is_given_back(
    world: World, error: Exception, code: ExitCode
) -> None:
    def fail() -> None:
        raise error

    world.terraform.on_plan["service"] = fail
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, code)
    assert str(error) in outcome.state.reason


def test_a_bug_gives_the_lock_back_and_stays_a_bug(world: World) -> None:
    def fail() -> None:
        raise ZeroDivisionError("oops")

    world.terraform.on_plan["service"] = fail
    with pytest.raises(ZeroDivisionError):
        world.deploy()
    assert world.recorded.state.phase is Phase.ABORTED
    assert world.serving == {STABLE: 100}


def test_a_bug_in_a_step_takes_the_traffic_back(world: World) -> None:
    def fail() -> None:
        raise ZeroDivisionError("oops")

    world.on_phase(Phase.STEP, fail)
    with pytest.raises(ZeroDivisionError):
        world.deploy()
    assert world.recorded.state.phase is Phase.ABORTED
    assert world.serving == {STABLE: 100}


def test_trouble_with_the_monitoring_root_stops_no_rollout(world: World) -> None:
    world.terraform.plans["monitoring"] = CHANGED
    world.terraform.on_apply["monitoring"] = _fails("no such channel")
    outcome = world.deploy(with_monitoring=True)
    assert outcome.state.phase is Phase.PROMOTED
    assert outcome.plans.monitoring_error == "no such channel"


def test_the_traffic_is_pinned_before_terraform_plans(world: World) -> None:
    seen: list[str] = []

    def look() -> None:
        assert world.cloud.service is not None
        seen.extend(t.revision for t in world.cloud.service.traffic)

    world.terraform.on_plan["service"] = look
    world.deploy()
    assert seen == [STABLE]


def test_failing_smoke_checks_move_no_traffic(world: World) -> None:
    world.probe.sentence = "GET /healthz: 500, expected 200"
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.ABORTED, ExitCode.ROLLED_BACK)
    assert "500, expected 200" in outcome.state.reason
    assert max(write.share(CANDIDATE) for write in world.cloud.writes) == 0
    assert world.serving == {STABLE: 100}


# ----------------------------------------------------------------------------- the service as it is found


def test_split_traffic_is_refused_with_the_way_out(world: World) -> None:
    world.cloud.create(CANDIDATE)
    world.shift(orders_1=60, orders_2=40)
    with pytest.raises(RolloutHeld, match="split: orders-1 60 %, orders-2 40 %") as error:
        world.deploy()
    assert "rollback --to" in error.value.hint
    assert not world.cloud.writes
    assert not world.terraform.calls


def test_foreign_tags_survive_and_latest_becomes_a_name(world: World) -> None:
    world.cloud.change([Target("", 100), Target("", 0, "blue"), Target(STABLE, 0, "audit")], {})
    world.deploy()
    for write in world.cloud.writes:
        tags = {t.tag: t.revision for t in write.traffic if t.tag}
        assert tags["audit"] == STABLE
        assert tags["blue"] in (STABLE, CANDIDATE)


def test_an_unreadable_record_does_not_stop_a_deployment(world: World) -> None:
    world.cloud.change([Target("", 100)], {"tidegate/rollout": '{"v": 99}', "tidegate/history": "nonsense"})
    outcome = world.deploy()
    assert outcome.state.phase is Phase.PROMOTED
    assert [p.id for p in history(world.cloud.writes[-1].annotations)] == [outcome.state.id]


def test_other_annotations_survive(world: World) -> None:
    world.cloud.change([Target("", 100)], {"team": "payments"})
    world.deploy()
    assert all(write.annotations["team"] == "payments" for write in world.cloud.writes)


# ------------------------------------------------------------------------------------ answers that get lost


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("error", [OutcomeUnknown("no answer"), Unreachable("cut off")])
def test_a_lost_answer_of_any_write_doubles_nothing(world: World, number: int, error: RemoteError) -> None:
    world.cloud.faults["update"] = after(number, Lost(error))
    outcome = world.deploy()
    assert outcome.state.phase is Phase.PROMOTED
    assert [write.share(CANDIDATE) for write in world.cloud.writes] == [0, 0, 10, 50, 100, 100]


@pytest.mark.parametrize("number", range(6))
def test_a_lost_answer_that_cannot_be_read_back_at_once(world: World, number: int) -> None:
    def cut_off() -> None:
        world.cloud.faults["get_service"] = after(0, *[Unreachable("no route")] * 3)

    lost = Lost(OutcomeUnknown("no answer"), cut_off)
    world.cloud.faults["update"] = after(number, lost)
    outcome = world.deploy()
    assert outcome.state.phase is Phase.PROMOTED
    assert world.serving == {CANDIDATE: 100}


def test_a_lost_answer_does_not_hide_what_somebody_did_since(world: World) -> None:
    lost = Lost(OutcomeUnknown("no answer"), lambda: world.shift(orders_1=30, orders_2=70))
    world.cloud.faults["update"] = after(2, lost)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.HELD, ExitCode.HELD)
    assert world.serving == {STABLE: 30, CANDIDATE: 70}


def test_one_refusal_while_reading_back_is_no_end(world: World) -> None:
    world.cloud.faults["get_service"] = after(1, Denied("the policy has not spread yet"))
    assert world.deploy().state.phase is Phase.PROMOTED


def test_an_api_that_fails_for_a_while_is_tried_again(world: World) -> None:
    for method in ("update", "get_service", "get_revision"):
        world.cloud.faults[method] = after(3, *[Unreachable("no route")] * 2)
    assert world.deploy().state.phase is Phase.PROMOTED


def test_an_api_that_is_down_before_anything_happened_is_the_whole_story(world: World) -> None:
    world.cloud.faults["update"] = after(0, *[Unreachable("no route to the API")] * 200)
    with pytest.raises(Unreachable, match="no route to the API"):
        world.deploy()
    assert not world.cloud.writes
    assert not world.terraform.calls


def test_an_api_that_is_down_while_rolling_back_calls_a_person(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour=LEAKING)

    def break_down() -> None:
        world.cloud.faults["update"] = after(0, *[Unreachable("no route")] * 500)

    world.on_phase(Phase.STEP, break_down)
    outcome = world.deploy()
    assert (outcome.state.phase, outcome.state.exit_code) == (Phase.NEEDS_PERSON, ExitCode.NEEDS_PERSON)
    assert "no route" in outcome.state.reason
    assert "a person is needed" in world.notifier.told[-1].sentence
    # The record on the service still says whose traffic is at risk: the next deployment is stopped by it.
    assert world.recorded.traffic_at_risk


def test_credentials_that_expire_in_a_step_end_with_a_person(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour=LEAKING)

    def expire() -> None:
        for method in ("update", "get_service"):
            world.cloud.faults[method] = after(0, *[Denied("the token has expired")] * 500)

    world.on_phase(Phase.STEP, expire)
    outcome = world.deploy()
    assert outcome.state.exit_code == ExitCode.NEEDS_PERSON
    assert "the token has expired" in outcome.state.reason


def test_a_refused_plan_is_an_end_not_an_error(world: World) -> None:
    def refuse() -> None:
        raise PlanRefused("it would replace the service")

    world.terraform.on_plan["service"] = refuse
    assert world.deploy().state.reason == "it would replace the service"
