"""Who is told of a rollout and when; and that listeners and hooks hold up nothing that must not wait."""

from __future__ import annotations

from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from adapters.web import answer, serving
from fakes import NAME, after
from flows.rollout_world import CANDIDATE, STABLE, Behaviour, World, ask
from tidegate.adapters.notifier import WebhookNotifier
from tidegate.core.rollout import Phase
from tidegate.ports import Hook, Moment


def events(world: World) -> list[str]:
    """Of those a listener can choose among, in order."""
    told = [n.event for n in world.notifier.told if n.event in ("start", "step", "verdict", "end")]
    return [event for index, event in enumerate(told) if told[index - 1 : index] != [event]]


@pytest.mark.parametrize(
    ("leak", "expected"), [(0.0, ["start", "step", "end"]), (300.0, ["start", "step", "verdict", "end"])]
)
def test_people_hear_of_the_beginning_the_steps_the_verdict_and_the_end(
    tmp_path: Path, leak: float, expected: list[str]
) -> None:
    world = World(tmp_path)
    world.behaviour[CANDIDATE] = Behaviour(leak=leak)
    state = world.deploy().state
    assert events(world) == expected
    assert STABLE in world.notifier.told[0].sentence
    for notice in world.notifier.told:
        assert (notice.details["service"], notice.details["rollout"]) == (NAME.path, state.id)


def test_whoever_hears_of_a_hook_a_smoke_check_or_a_wish_knows_of_which_rollout(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.wanted_hooks = tuple(Hook(str(moment), moment, ("true",)) for moment in Moment)

    def cut_short(hook: Hook) -> None:
        if hook.when is Moment.AFTER:
            world.interrupt()

    world.hooks.before = cut_short
    world.on_phase(Phase.STEP, ask(world, "pause"))
    state = world.deploy().state
    world.operate("abort")
    told = [(notice.event, notice.details["rollout"]) for notice in world.notifier.told]
    assert {event for event, _ in told} == {"start", "step", "smoke", "hook", "asked", "verdict", "end"}
    assert {rollout for _, rollout in told} == {state.id}


def test_a_rollout_that_a_hook_ends_has_no_step_to_tell_of(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.hooks.failing["no"] = "hook no failed: exit code 1"
    world.wanted_hooks = (Hook("no", Moment.BEFORE_TRAFFIC, ("false",)),)
    state = world.deploy().state
    assert state.phase is Phase.ABORTED
    assert "hook no failed: exit code 1" in world.notifier.told[-1].sentence
    assert events(world) == ["start", "end"]


def test_hooks_after_a_rollout_wait_for_its_end(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settings = replace(world.settings, pauses=(1,))
    world.wanted_hooks = (Hook("tidy-up", Moment.AFTER, ("true",)),)
    assert world.deploy().state.phase is Phase.PAUSED
    assert world.hooks.names == []
    assert world.notifier.told[-1].details["phase"] == "paused"


def disturb(world: World, percent: int) -> None:
    """Somebody moves traffic in the first step, so that the rollout is held."""
    world.on_phase(Phase.STEP, lambda: world.shift(orders_1=100 - percent, orders_2=percent))


def resume(world: World) -> Phase:
    """By somebody who has the spec, and so the hooks."""
    answer = world.operate("resume", job=world.job)
    assert answer.state is not None
    return answer.state.phase


def test_hooks_after_a_rollout_run_once_for_each_way_it_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.wanted_hooks = (Hook("tidy-up", Moment.AFTER, ("true",)),)
    disturb(world, 15)
    assert world.deploy().state.phase is Phase.HELD
    assert world.recorded.state.hooked == (Phase.HELD,)
    disturb(world, 20)
    assert resume(world) is Phase.HELD
    assert len(world.hooks.ran) == 1
    assert resume(world) is Phase.PROMOTED
    assert [told["phase"] for _, told in world.hooks.ran] == ["held", "promoted"]
    assert world.recorded.state.hooked == (Phase.HELD, Phase.PROMOTED)


def test_who_has_no_hooks_leaves_their_turn_to_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    disturb(world, 15)
    assert world.deploy().state.phase is Phase.HELD
    assert world.recorded.state.hooked == ()
    world.wanted_hooks = (Hook("tidy-up", Moment.AFTER, ("true",)),)
    disturb(world, 20)
    assert resume(world) is Phase.HELD
    assert [told["phase"] for _, told in world.hooks.ran] == ["held"]


def test_a_call_for_a_person_is_an_ending_like_any_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.wanted_hooks = (Hook("page", Moment.AFTER, ("true",)),)
    world.behaviour[CANDIDATE] = Behaviour(errors=0.4)
    world.cloud.faults["update"] = after(3, lambda: world.shift(orders_2=100))
    assert world.deploy().state.phase is Phase.NEEDS_PERSON
    answer = world.operate("abort", job=world.job)
    assert answer.state is not None
    assert [told["phase"] for _, told in world.hooks.ran] == ["needs_person", str(answer.state.phase)]


def test_a_rollback_waits_for_no_listener(tmp_path: Path) -> None:
    """The listener hears of nothing until all is over; who waited for it would only give up in its time."""
    world = World(tmp_path)
    world.behaviour[CANDIDATE] = Behaviour(leak=300.0)
    answered: list[str] = []
    failures: list[str] = []
    with serving() as web:

        def respond(handler: BaseHTTPRequestHandler) -> None:
            answered.append("in time" if web.release.wait(10) else "too late")
            answer(handler, 200)

        web.respond = respond
        with WebhookNotifier([web.url], timeout=10.0, patience=10.0, on_failure=failures.append) as deaf:
            world.notifier = deaf  # type: ignore[assignment]  # a real one
            state = world.deploy().state
            web.release.set()
    assert state.phase is Phase.RECOVERED
    assert set(answered) == {"in time"}
    assert not failures
