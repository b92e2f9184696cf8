"""Who is told of a rollout and when; and that listeners and hooks hold up nothing that must not wait."""

from __future__ import annotations

from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from adapters.web import answer, serving
from fakes import NAME
from flows.rollout_world import CANDIDATE, STABLE, Behaviour, World
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
        assert notice.details["service"] == NAME.path
        if notice.event in expected:
            assert notice.details["rollout"] == state.id


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
