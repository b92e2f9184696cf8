"""The table alone decides where traffic goes: named paths, and properties over all paths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import SETTINGS, a_state, a_verdict
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import (
    ENDED,
    TRANSITIONS,
    WAITING,
    AbortAsked,
    Applied,
    Apply,
    ApplyFailed,
    Cancelled,
    Effect,
    Event,
    Finish,
    IllegalEvent,
    Interfered,
    Judged,
    Notify,
    Observe,
    PauseAsked,
    Phase,
    PromoteAsked,
    ResumeAsked,
    RunSmoke,
    SetTraffic,
    SmokeFailed,
    SmokePassed,
    Started,
    State,
    TrafficFailed,
    TrafficSet,
    WriteRecord,
    allows,
    step,
)
from tidegate.core.verdict import Attribution, Decision

GOOD = a_verdict(Decision.PROMOTE)
BAD = a_verdict(Decision.ROLLBACK, "open fds climb")
UNSURE = a_verdict(Decision.CONTINUE, "too few requests")


def play(state: State, *events: Event) -> tuple[State, tuple[Effect, ...]]:
    effects: tuple[Effect, ...] = ()
    for event in events:
        state, effects = step(state, event)
    return state, effects


def kinds(effects: tuple[Effect, ...]) -> list[type]:
    return [type(e) for e in effects if not isinstance(e, Notify)]


def at_step(index: int = 0) -> State:
    state, _ = play(
        a_state(),
        Started(0, "v1"),
        TrafficSet(1),
        Applied(2, "v2"),
        TrafficSet(3),
        SmokePassed(4),
        TrafficSet(5),
    )
    for _ in range(index):
        state, _ = play(state, Judged(state.entered + 65, GOOD), TrafficSet(state.entered + 66))
    return state


def test_a_healthy_revision_goes_through_every_step_to_the_end() -> None:
    state = at_step()
    assert state.split == (("v1", 90), ("v2", 10))
    state, effects = play(state, Judged(70, GOOD))
    assert kinds(effects) == [SetTraffic]
    assert state.split == (("v1", 50), ("v2", 50))
    state, _ = play(state, TrafficSet(71), Judged(136, GOOD))
    assert (state.phase, state.split) == (Phase.BAKE, (("v2", 100),))
    state, effects = play(state, TrafficSet(137), Judged(137 + 125, GOOD))
    assert state.phase is Phase.PROMOTED
    assert state.exit_code == ExitCode.DONE
    assert kinds(effects) == [SetTraffic, Finish]


def test_the_traffic_is_pinned_before_terraform_runs() -> None:
    state, effects = play(a_state(), Started(0, "v1"))
    assert effects == (SetTraffic(),)
    assert state.split == (("v1", 100),)
    _, effects = play(state, TrafficSet(1))
    assert effects == (Apply(),)


def test_the_smoke_checks_run_before_any_traffic() -> None:
    state, effects = play(a_state(), Started(0, "v1"), TrafficSet(1), Applied(2, "v2"))
    assert effects == (SetTraffic(tag=True),)
    assert state.split == (("v1", 100),)
    state, effects = play(state, TrafficSet(3))
    assert effects == (RunSmoke(),)
    state, _ = play(state, SmokeFailed(4, "GET /healthz: 500"))
    assert (state.phase, state.split, state.exit_code) == (
        Phase.ABORTED,
        (("v1", 100),),
        ExitCode.ROLLED_BACK,
    )


def test_a_regression_takes_all_traffic_back_in_the_first_effect() -> None:
    state, effects = play(at_step(1), Judged(80, BAD))
    assert state.phase is Phase.ROLLING_BACK
    assert state.split == (("v1", 100),)
    assert effects[0] == SetTraffic()
    state, effects = play(state, TrafficSet(82))
    assert state.restored == 82
    assert kinds(effects) == [SetTraffic, Observe]
    state, _ = play(state, Judged(95, GOOD))
    assert (state.phase, state.exit_code) == (Phase.RECOVERED, ExitCode.ROLLED_BACK)
    assert "open fds climb" in state.reason


def test_a_rollback_that_does_not_help_says_so_and_calls_a_person() -> None:
    state, _ = play(
        at_step(), Judged(20, BAD), TrafficSet(21), Judged(40, a_verdict(Decision.HOLD, "still climbing"))
    )
    assert (state.phase, state.exit_code) == (Phase.NOT_RECOVERED, ExitCode.NEEDS_PERSON)
    assert "did not help: still climbing" in state.reason


def test_a_recovery_that_cannot_be_told_still_ends() -> None:
    state, effects = play(at_step(), Judged(20, BAD), TrafficSet(21), Judged(40, UNSURE))
    assert kinds(effects) == [Observe]
    state, _ = play(state, Judged(21 + 60 + 5, UNSURE))
    assert (state.phase, state.exit_code) == (Phase.ROLLED_BACK, ExitCode.ROLLED_BACK)
    assert "could not be told" in state.reason


def test_what_a_rollback_would_not_mend_is_held_where_it_is() -> None:
    state, effects = play(at_step(), Judged(20, a_verdict(Decision.HOLD, "both revisions leak")))
    assert (state.phase, state.exit_code, state.percent) == (Phase.HELD, ExitCode.HELD, 10)
    assert kinds(effects) == [SetTraffic, Finish]


@pytest.mark.parametrize(
    ("wish", "phase"), [("hold", Phase.HELD), ("rollback", Phase.ROLLING_BACK), ("promote", Phase.STEP)]
)
def test_too_little_data_is_waited_for_once_more_and_then_decided_as_the_spec_says(
    wish: str, phase: Phase
) -> None:
    state = replace(at_step(), settings=replace(SETTINGS, on_inconclusive=wish))
    state, effects = play(state, Judged(5 + 65, UNSURE))
    assert kinds(effects) == [Observe]
    assert state.phase is Phase.STEP
    state, _ = play(state, Judged(5 + 65 + 60, UNSURE))
    assert state.phase is phase
    assert "inconclusive" in state.reason or state.step == 1


OLD_FAULT = a_verdict(Decision.HOLD, "both climb", attribution=Attribution.PRE_EXISTING, enough=True)


@pytest.mark.parametrize(
    ("wish", "phase", "code"),
    [
        ("hold", Phase.HELD, ExitCode.HELD),
        ("rollback", Phase.ROLLING_BACK, None),
        ("promote", Phase.STEP, None),
    ],
)
def test_what_the_stable_revision_has_as_well_goes_by_the_spec(
    wish: str, phase: Phase, code: ExitCode | None
) -> None:
    state = replace(at_step(), settings=replace(SETTINGS, on_pre_existing=wish))
    state, _ = play(state, Judged(20, OLD_FAULT))
    assert (state.phase, state.exit_code, state.step) == (phase, code, 0)
    assert "both climb" in state.reason or phase is Phase.STEP


def test_an_old_fault_that_may_pass_is_nothing_against_the_candidate_once_enough_was_seen() -> None:
    state = replace(at_step(), settings=replace(SETTINGS, on_pre_existing="promote"))
    waiting, _ = play(state, Judged(5 + 65, replace(OLD_FAULT, enough_data=False)))
    assert (waiting.phase, waiting.step) == (Phase.STEP, 0)
    state, _ = play(state, Judged(5 + 65, OLD_FAULT))
    assert (state.phase, state.step) == (Phase.STEP, 1)
    state, _ = play(state, TrafficSet(71), Judged(71 + 65, OLD_FAULT), TrafficSet(137))
    state, _ = play(state, Judged(137 + 125, OLD_FAULT))
    assert (state.phase, state.exit_code) == (Phase.PROMOTED, ExitCode.DONE)
    assert "both climb" in state.reason


@pytest.mark.parametrize("attribution", [Attribution.SHARED, Attribution.UNKNOWN])
def test_only_an_old_fault_may_pass(attribution: Attribution) -> None:
    state = replace(at_step(), settings=replace(SETTINGS, on_pre_existing="promote"))
    verdict = a_verdict(Decision.HOLD, "both broke", attribution=attribution, enough=True)
    state, _ = play(state, Judged(5 + 65, verdict))
    assert state.phase is Phase.HELD


def test_a_step_is_not_left_before_its_last_samples_can_be_seen() -> None:
    state, effects = play(at_step(), Judged(5 + 60, GOOD))
    assert state.step == 0
    assert effects == (Observe(5 + 60 + SETTINGS.settle),)


def test_a_first_deployment_is_pinned_by_name_and_held_when_it_is_bad() -> None:
    state, effects = play(a_state(), Started(0, ""))
    assert effects == (Apply(),)
    state, _ = play(state, Applied(2, "v1"))
    assert state.split == (("v1", 100),)
    state, _ = play(state, TrafficSet(3), SmokePassed(4))
    assert state.phase is Phase.BAKE
    state, _ = play(state, TrafficSet(5), Judged(30, BAD))
    assert state.phase is Phase.HELD
    assert "no earlier revision" in state.reason


def test_a_first_deployment_nobody_calls_yet_ends_and_says_that_it_was_not_judged() -> None:
    state, _ = play(a_state(), Started(0, ""), Applied(2, "v1"), TrafficSet(3), SmokePassed(4), TrafficSet(5))
    state, _ = play(state, Judged(5 + 125, UNSURE), Judged(5 + 125 + 120, UNSURE))
    assert (state.phase, state.exit_code) == (Phase.PROMOTED, ExitCode.DONE)
    assert "not enough was seen to judge it: too few requests" in state.reason


def test_an_unchanged_service_is_done_at_once() -> None:
    state, effects = play(a_state(), Started(0, "v1"), TrafficSet(1), Applied(2, "v1"))
    assert (state.phase, state.exit_code, state.split) == (Phase.PROMOTED, ExitCode.DONE, (("v1", 100),))
    assert kinds(effects) == [SetTraffic, Finish]


def test_a_failed_apply_leaves_the_traffic_and_the_exit_code_of_its_cause() -> None:
    state, _ = play(
        a_state(), Started(0, "v1"), TrafficSet(1), ApplyFailed(2, "no quota", ExitCode.PLAN_REFUSED)
    )
    assert (state.phase, state.exit_code, state.split) == (
        Phase.ABORTED,
        ExitCode.PLAN_REFUSED,
        (("v1", 100),),
    )


@pytest.mark.parametrize("index", [0, 1])
def test_a_cancellation_puts_the_traffic_back(index: int) -> None:
    state, effects = play(at_step(index), Cancelled(30, "interrupted"))
    assert (state.phase, state.exit_code, state.split) == (
        Phase.ABORTED,
        ExitCode.INTERRUPTED,
        (("v1", 100),),
    )
    assert kinds(effects) == [SetTraffic, Finish]


def test_a_rollback_cannot_be_cancelled_only_the_watching_after_it() -> None:
    state, _ = play(at_step(), Judged(20, BAD))
    with pytest.raises(IllegalEvent):
        step(state, Cancelled(21, "interrupted"))
    state, _ = play(state, TrafficSet(21), Cancelled(22, "interrupted"))
    assert (state.phase, state.exit_code, state.split) == (Phase.ROLLED_BACK, 130, (("v1", 100),))


def test_a_step_whose_traffic_does_not_arrive_is_rolled_back() -> None:
    state, effects = play(at_step(), Judged(70, GOOD), TrafficFailed(90, "still 10 %"))
    assert state.phase is Phase.ROLLING_BACK
    assert kinds(effects) == [SetTraffic]


def test_a_rollback_that_does_not_take_effect_calls_a_person() -> None:
    state, _ = play(at_step(), Judged(20, BAD), TrafficFailed(90, "not effective"))
    assert (state.phase, state.exit_code) == (Phase.NEEDS_PERSON, ExitCode.NEEDS_PERSON)


def test_an_unwritable_last_record_is_not_hidden_behind_the_good_news_of_a_rollback() -> None:
    state, _ = play(
        at_step(), Judged(20, BAD), TrafficSet(21), Judged(40, GOOD), TrafficFailed(41, "no answer")
    )
    assert state.exit_code == ExitCode.NEEDS_PERSON


def test_an_intruder_is_not_fought() -> None:
    state, effects = play(at_step(), Interfered(20, "traffic changed"))
    assert state.phase is Phase.HELD
    assert kinds(effects) == [Finish]


def test_an_illegal_event_raises_and_changes_nothing() -> None:
    state = at_step()
    with pytest.raises(IllegalEvent, match="Applied in phase step"):
        step(state, Applied(9, "v3"))
    assert state == at_step()


# ------------------------------------------------------------------------------------------- properties

VERDICTS = st.sampled_from(
    [
        GOOD,
        BAD,
        UNSURE,
        a_verdict(Decision.HOLD),
        a_verdict(Decision.HOLD, attribution=Attribution.PRE_EXISTING),
        a_verdict(Decision.PROMOTE, enough=False),
    ]
)


ASKED = (ResumeAsked, PauseAsked, AbortAsked, PromoteAsked)


def an_event(kind: type, state: State, now: float, draw: st.DataObject) -> Event:
    if kind is Judged:
        return Judged(now, draw.draw(VERDICTS))
    if kind is Applied:
        return Applied(now, draw.draw(st.sampled_from(["v1", "v2"])))
    if kind is Started:
        return Started(now, draw.draw(st.sampled_from(["", "v1"])))
    if kind is Interfered:
        shares = [None, 0, state.percent] if state.candidate else [None, 0]
        return Interfered(now, "why", draw.draw(st.sampled_from(shares)))
    said = (TrafficFailed, ApplyFailed, SmokeFailed, Cancelled, *ASKED)
    return kind(now, "somebody") if kind in said else kind(now)  # type: ignore[no-any-return]


@settings(max_examples=600, deadline=None)
@given(draw=st.data())
def test_on_every_path_traffic_only_falls_after_a_failing_verdict_and_there_is_an_end(
    draw: st.DataObject,
) -> None:
    """Whatever happens, and whatever operators ask for."""
    wished = replace(
        SETTINGS,
        on_pre_existing=draw.draw(st.sampled_from(["hold", "rollback", "promote"])),
        on_cancel=draw.draw(st.sampled_from(["rollback", "keep"])),
        pauses=draw.draw(st.sampled_from([(), (0,), (1, 2)])),
    )
    state, now, failed = a_state(settings=wished), 0.0, False
    effects: tuple[Effect, ...] = ()
    for _ in range(60):
        possible = sorted((k for k in TRANSITIONS[state.phase] if allows(state, k)), key=lambda k: k.__name__)
        if state.final:
            possible = [k for k in possible if k in ASKED]
            if not possible or draw.draw(st.booleans()):
                break
        assert possible, f"{state.phase} has no way out"
        kind = draw.draw(st.sampled_from(possible))
        now += draw.draw(st.sampled_from([1.0, 30.0, 200.0]))
        before, event = state, an_event(kind, state, now, draw)
        state, effects = step(state, event)
        assert sum(percent for _, percent in state.split) in (0, 100)
        assert state.split or not any(isinstance(e, SetTraffic) for e in effects)
        assert all(revision for revision, _ in state.split)
        failed |= isinstance(event, Judged) and event.verdict.decision is Decision.ROLLBACK
        if failed:
            assert state.percent <= before.percent
        if state.percent > before.percent and before.phase not in (Phase.LOCKED, Phase.APPLIED):
            assert kind in (SmokePassed, Judged, ResumeAsked, PromoteAsked)
        if state.phase is Phase.PROMOTED and before.phase is Phase.BAKE:
            assert before.percent == 100
        if state.final and not before.final:
            assert any(isinstance(e, Finish) for e in effects) or before.phase in ENDED | WAITING
    left = state.first or state.phase in (Phase.PROMOTED, *WAITING)
    if state.final and not left:
        assert state.split == ((state.stable, 100),)


def test_every_phase_can_be_reached_and_has_a_way_to_an_end() -> None:
    reached = {phase for rows in TRANSITIONS.values() for t in rows.values() for phase in t.to}
    assert reached | {Phase.NEW} == set(Phase)
    ending = set(ENDED)
    while more := {p for p in Phase if {t for r in TRANSITIONS[p].values() for t in r.to} & ending} - ending:
        ending |= more
    assert ending == set(Phase)


# ------------------------------------------------------------------------------------------- operators


def test_a_pause_in_the_steps_waits_for_approval_and_then_goes_on() -> None:
    state = replace(at_step(), settings=replace(SETTINGS, pauses=(1, 2)))
    state, effects = play(state, Judged(70, GOOD))
    assert (state.phase, state.percent, state.exit_code) == (Phase.PAUSED, 10, ExitCode.DONE)
    assert kinds(effects) == [SetTraffic, Finish]
    assert "approval of 50 %" in state.reason
    state, effects = play(state, ResumeAsked(500, "ann"))
    assert (state.phase, state.percent, state.exit_code) == (Phase.STEP, 50, None)
    assert kinds(effects) == [SetTraffic]
    state, _ = play(state, TrafficSet(501), Judged(501 + 65, GOOD))
    assert (state.phase, state.percent) == (Phase.PAUSED, 50)
    state, _ = play(state, ResumeAsked(900, "ann"))
    assert (state.phase, state.percent) == (Phase.BAKE, 100)


def test_a_pause_before_any_traffic_comes_after_the_smoke_checks() -> None:
    state = a_state(settings=replace(SETTINGS, pauses=(0,)))
    state, _ = play(state, Started(0, "v1"), TrafficSet(1), Applied(2, "v2"), TrafficSet(3), SmokePassed(4))
    assert (state.phase, state.split) == (Phase.PAUSED, (("v1", 100),))
    state, _ = play(state, ResumeAsked(9, "ann"))
    assert (state.phase, state.percent) == (Phase.STEP, 10)


def test_a_step_that_was_paused_is_watched_again_in_full() -> None:
    state, effects = play(at_step(), PauseAsked(30, "ann"))
    assert (state.phase, state.percent, state.exit_code) == (Phase.PAUSED, 10, ExitCode.HELD)
    assert kinds(effects) == [SetTraffic, Finish]
    state, _ = play(state, ResumeAsked(1000, "bob"), TrafficSet(1001, already=True))
    assert (state.phase, state.percent, state.moves[0].time) == (Phase.STEP, 10, 5)
    state, effects = play(state, Judged(1000 + 60, GOOD))
    assert (state.phase, kinds(effects)) == (Phase.STEP, [Observe])
    state, _ = play(state, Judged(1000 + 66, GOOD))
    assert state.percent == 50


def test_a_step_whose_process_died_keeps_its_time() -> None:
    """Its evidence has gone on: only traffic that was not effective yet begins anew."""
    state, _ = play(at_step(), ResumeAsked(40, "bob"), TrafficSet(41, already=True))
    assert (state.phase, state.entered, state.moves[0].time) == (Phase.STEP, 5, 5)
    state, _ = play(at_step(), ResumeAsked(40, "bob"), TrafficSet(41))
    assert (state.entered, state.moves[0].time) == (41, 41)


def test_an_abort_takes_the_traffic_back_and_watches_whether_that_helped() -> None:
    state, effects = play(at_step(1), AbortAsked(80, "ann"))
    assert (state.phase, state.split) == (Phase.ROLLING_BACK, (("v1", 100),))
    assert effects[0] == SetTraffic()
    state, _ = play(state, TrafficSet(81), Judged(95, GOOD))
    assert (state.phase, state.aborted) == (Phase.RECOVERED, True)
    assert "ann" in state.reason


def test_an_abort_before_any_traffic_ends_it() -> None:
    state, _ = play(a_state(), Started(0, "v1"), TrafficSet(1), Applied(2, "v2"), AbortAsked(3, "ann"))
    assert (state.phase, state.split, state.aborted) == (Phase.ABORTED, (("v1", 100),), True)


def test_only_a_person_who_says_so_aborts() -> None:
    failed, _ = play(at_step(), Judged(20, a_verdict(Decision.ROLLBACK, "aborted by the upstream: 502")))
    stopped, _ = play(at_step(), Cancelled(20, "interrupted"))
    assert (failed.aborted, stopped.aborted) == (False, False)
    # What the judge has sent back already is not the person's doing.
    state, _ = play(failed, AbortAsked(21, "ann"))
    assert not state.aborted


def test_a_promotion_asked_for_before_any_traffic_waits_for_the_smoke_checks() -> None:
    smoking, _ = play(a_state(), Started(0, "v1"), TrafficSet(1), Applied(2, "v2"), TrafficSet(3))
    state, effects = play(smoking, PromoteAsked(4, "ann"))
    assert (state.phase, state.split, effects) == (Phase.SMOKE, (("v1", 100),), (RunSmoke(),))
    passed, effects = play(state, SmokePassed(5))
    assert (passed.phase, passed.split, kinds(effects)) == (Phase.BAKE, (("v2", 100),), [SetTraffic])
    done, _ = play(passed, TrafficSet(6))
    assert (done.phase, done.reason) == (Phase.PROMOTED, "promoted by ann at 0 %, not by the judge")
    failed, _ = play(state, SmokeFailed(5, "GET /healthz: 500"))
    assert (failed.phase, failed.split) == (Phase.ABORTED, (("v1", 100),))


def test_a_promotion_survives_the_death_of_whoever_had_accepted_it() -> None:
    state, _ = play(a_state(), Started(0, "v1"), TrafficSet(1), Applied(2, "v2"), PromoteAsked(3, "ann"))
    assert state.phase is Phase.APPLIED
    state, _ = play(state, ResumeAsked(50, "bob"), TrafficSet(51), SmokePassed(52))
    assert (state.phase, state.percent) == (Phase.BAKE, 100)


@pytest.mark.parametrize("event", [PauseAsked(20, "ann"), Judged(20, a_verdict(Decision.HOLD, "both leak"))])
def test_a_forced_promotion_skips_what_is_left_and_says_whose_it_was(event: Event) -> None:
    state, effects = play(at_step(), event, PromoteAsked(30, "bob"))
    assert state.split == (("v2", 100),)
    assert not state.final
    state, effects = play(state, TrafficSet(31))
    assert (state.phase, state.exit_code) == (Phase.PROMOTED, ExitCode.DONE)
    assert "promoted by bob at 10 %" in state.reason
    assert kinds(effects) == [SetTraffic, Finish]


def test_a_forced_promotion_whose_traffic_does_not_arrive_is_taken_back() -> None:
    state, _ = play(at_step(), PromoteAsked(30, "bob"), TrafficFailed(90, "still 10 %"))
    assert state.phase is Phase.ROLLING_BACK


def test_nothing_is_promoted_that_was_never_made() -> None:
    state, _ = play(a_state(), Started(0, "v1"), Interfered(1, "its traffic was changed", 0))
    assert (state.phase, allows(state, PromoteAsked)) == (Phase.HELD, False)
    state, _ = play(state, ResumeAsked(2, "ann"))
    assert (state.phase, state.split) == (Phase.ABORTED, (("v1", 100),))


def test_nothing_promotes_what_a_verdict_has_failed() -> None:
    state, _ = play(at_step(), Judged(20, BAD))
    assert not allows(state, PromoteAsked)
    state, _ = play(state, TrafficFailed(21, "no answer"))
    assert (state.phase, allows(state, PromoteAsked), allows(state, ResumeAsked)) == (
        Phase.NEEDS_PERSON,
        False,
        False,
    )
    state, _ = play(state, AbortAsked(30, "ann"))
    assert (state.phase, state.split) == (Phase.ROLLING_BACK, (("v1", 100),))
    assert "no answer" in state.reason


@pytest.mark.parametrize("kind", [ResumeAsked, PromoteAsked])
@pytest.mark.parametrize(("left", "phase"), [(0, Phase.APPLIED), (30, Phase.BAKE)])
def test_a_first_deployment_that_lost_traffic_to_somebody_else_gets_all_of_it_back(
    kind: type[ResumeAsked | PromoteAsked], left: int, phase: Phase
) -> None:
    state, _ = play(a_state(), Started(0, ""), Applied(2, "v1"), TrafficSet(3), SmokePassed(4), TrafficSet(5))
    held, _ = play(state, Interfered(20, "its traffic was changed", left))
    assert (held.phase, held.percent) == (Phase.HELD, left)
    state, effects = play(held, kind(30, "ann"))
    assert (state.phase, state.percent, state.split) == (phase, 100, (("v1", 100),))
    assert kinds(effects) == [SetTraffic]


def test_what_is_over_can_be_asked_nothing() -> None:
    state, _ = play(at_step(), Cancelled(30, "interrupted"))
    assert not any(allows(state, kind) for kind in ASKED)


def test_a_cancellation_may_leave_the_traffic_where_it_is() -> None:
    state = replace(at_step(), settings=replace(SETTINGS, on_cancel="keep"))
    kept, effects = play(state, Cancelled(30, "interrupted"))
    assert (kept.phase, kept.percent, kept.exit_code) == (Phase.PAUSED, 10, ExitCode.INTERRUPTED)
    assert "10 % stays on v2" in kept.reason
    assert kinds(effects) == [SetTraffic, Finish]
    bug, _ = play(state, Cancelled(30, "a bug", ExitCode.BUG))
    assert (bug.phase, bug.percent) == (Phase.ABORTED, 0)


def test_a_change_from_outside_goes_into_the_record_as_it_was_found() -> None:
    state, effects = play(at_step(), Interfered(20, "its traffic was changed", 30))
    assert (state.phase, state.percent) == (Phase.HELD, 30)
    assert kinds(effects) == [WriteRecord, Finish]
