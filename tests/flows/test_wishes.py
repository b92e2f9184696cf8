"""Every wish in every phase: what was accepted happens, and what cannot happen is refused at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from fakes import after
from flows.rollout_world import CANDIDATE, SETTINGS, STABLE, Behaviour, Killed, World, ask, die
from tidegate.core import record
from tidegate.core.errors import NeedsPerson
from tidegate.core.rollout import ENDED, WAITING, Phase
from tidegate.flows.operate import Wish
from tidegate.ports import Hook, Moment

REFUSED = "refused"
Expected = Phase | Literal["refused"]

LIVING: dict[Phase, dict[Wish, Expected]] = {
    Phase.LOCKED: {"pause": Phase.PAUSED, "abort": Phase.ABORTED, "promote": Phase.PROMOTED},
    Phase.APPLIED: {"pause": Phase.PAUSED, "abort": Phase.ABORTED, "promote": Phase.PROMOTED},
    Phase.SMOKE: {"pause": Phase.PAUSED, "abort": Phase.ABORTED, "promote": Phase.PROMOTED},
    Phase.STEP: {"pause": Phase.PAUSED, "abort": Phase.RECOVERED, "promote": Phase.PROMOTED},
    Phase.BAKE: {"pause": Phase.PAUSED, "abort": Phase.RECOVERED, "promote": Phase.PROMOTED},
    Phase.ROLLING_BACK: {"pause": REFUSED, "abort": Phase.RECOVERED, "promote": REFUSED},
    Phase.ROLLED_BACK: {"pause": REFUSED, "abort": Phase.RECOVERED, "promote": REFUSED},
}
"""How a rollout ends whose process lives and was asked in this phase; who asked does not wait."""

LEFT: dict[Phase, dict[Wish, Expected]] = {
    Phase.LOCKED: {"pause": REFUSED, "abort": Phase.ABORTED, "promote": REFUSED, "resume": Phase.ABORTED},
    Phase.APPLIED: {
        "pause": Phase.PAUSED, "abort": Phase.ABORTED, "promote": Phase.PROMOTED, "resume": Phase.PROMOTED,
    },
    Phase.STEP: {
        "pause": Phase.PAUSED, "abort": Phase.RECOVERED, "promote": Phase.PROMOTED, "resume": Phase.PROMOTED,
    },
    Phase.BAKE: {
        "pause": Phase.PAUSED, "abort": Phase.RECOVERED, "promote": Phase.PROMOTED, "resume": Phase.PROMOTED,
    },
    Phase.ROLLING_BACK: {
        "pause": REFUSED, "abort": Phase.RECOVERED, "promote": REFUSED, "resume": Phase.RECOVERED,
    },
    Phase.ROLLED_BACK: {
        "pause": REFUSED, "abort": Phase.RECOVERED, "promote": REFUSED, "resume": Phase.RECOVERED,
    },
    Phase.PAUSED: {
        "pause": Phase.PAUSED, "abort": Phase.RECOVERED, "promote": Phase.PROMOTED, "resume": Phase.PROMOTED,
    },
    Phase.HELD: {
        "pause": Phase.HELD, "abort": Phase.RECOVERED, "promote": Phase.PROMOTED, "resume": Phase.PROMOTED,
    },
    Phase.NEEDS_PERSON: {
        "pause": Phase.NEEDS_PERSON, "abort": Phase.RECOVERED, "promote": REFUSED, "resume": REFUSED,
    },
    Phase.PROMOTED: dict.fromkeys(("pause", "abort", "promote", "resume"), Phase.PROMOTED),
    Phase.RECOVERED: dict.fromkeys(("pause", "abort", "promote", "resume"), Phase.RECOVERED),
    Phase.NOT_RECOVERED: dict.fromkeys(("pause", "abort", "promote", "resume"), Phase.NOT_RECOVERED),
    Phase.ABORTED: dict.fromkeys(("pause", "abort", "promote", "resume"), Phase.ABORTED),
}  # fmt: skip
"""The same where nobody works on it: its process has died, it waits, or it is over. By what the record says,
which is `applied` until the smoke checks have passed."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def when(world: World, phase: Phase, happens: Callable[[], object]) -> None:
    """`happens` while the rollout is in this phase, and waits for somebody else."""
    match phase:
        case Phase.LOCKED:
            world.terraform.on_plan["service"] = happens
        case Phase.APPLIED:
            world.awaited[Phase.APPLIED] = happens
        case Phase.SMOKE:
            world.probe.before = once(happens)
        case _:
            world.on_phase(phase, happens)
    if phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        world.behaviour[CANDIDATE] = Behaviour(errors=0.4)
        world.cloud.propagation = 5.0


def once(happens: Callable[[], object]) -> Callable[[], object]:
    left = [happens]
    return lambda: left.pop()() if left else None


def shares(world: World) -> list[int]:
    """What the candidate got, without repetitions."""
    found = [w.share(CANDIDATE) for w in world.cloud.writes]
    return [share for n, share in enumerate(found) if found[n - 1 : n] != [share]]


# --------------------------------------------------------------------------------------- the two tables


def test_no_phase_and_no_wish_is_left_out() -> None:
    assert set(LIVING) == set(Phase) - {Phase.NEW, *WAITING, *ENDED}
    assert set(LEFT) == set(Phase) - {Phase.NEW, Phase.SMOKE}
    assert all(set(wishes) == {"pause", "abort", "promote"} for wishes in LIVING.values())
    assert all(set(wishes) == {"pause", "abort", "promote", "resume"} for wishes in LEFT.values())


@pytest.mark.parametrize(
    ("phase", "wish", "expected"), [(p, w, e) for p, row in LIVING.items() for w, e in row.items()]
)
def test_what_a_living_rollout_is_asked_happens_or_is_refused(
    world: World, phase: Phase, wish: Wish, expected: Expected
) -> None:
    asking, refused = ask(world, wish), []

    def happens() -> None:
        try:
            asking()
        except NeedsPerson as error:
            refused.append(error.message)

    when(world, phase, happens)
    state = world.deploy().state
    if expected == REFUSED:
        assert [f"cannot {wish} in phase {phase}" in said for said in refused] == [True]
        assert state.phase is Phase.RECOVERED
        return
    assert refused == []
    assert state.phase is expected
    early = phase in (Phase.LOCKED, Phase.APPLIED, Phase.SMOKE)
    if wish == "promote":
        assert "promoted by ann" in state.reason
        assert 100 in shares(world)
        assert not early or shares(world) == [0, 100]
    elif wish == "abort" and expected is Phase.ABORTED:
        assert (shares(world), state.aborted) == ([0], True)
    elif wish == "pause":
        assert state.percent == {Phase.STEP: 10, Phase.BAKE: 100}.get(phase, 0)
    assert record.REQUEST not in world.cloud.writes[-1].annotations


@pytest.mark.parametrize(
    ("phase", "wish", "expected"), [(p, w, e) for p, row in LEFT.items() for w, e in row.items()]
)
def test_what_nobody_works_on_does_it_at_once_or_says_why_not(
    world: World, phase: Phase, wish: Wish, expected: Expected
) -> None:
    leave(world, phase)
    assert world.recorded.state.phase is phase
    if expected == REFUSED:
        with pytest.raises(NeedsPerson, match=f"cannot {wish} in phase {phase}"):
            world.operate(wish)
        return
    world.behaviour.clear()
    answer = world.operate(wish)
    assert answer.state is not None
    assert answer.state.phase is expected
    assert world.recorded.state.phase is expected


def leave(world: World, phase: Phase) -> None:
    """A deployment that ends in this phase, or whose process dies in it."""
    match phase:
        case Phase.PAUSED:
            world.settings = replace(SETTINGS, pauses=(1,))
        case Phase.HELD:
            world.on_phase(Phase.STEP, lambda: world.shift(orders_1=70, orders_2=30))
        case Phase.NEEDS_PERSON:
            world.behaviour[CANDIDATE] = Behaviour(errors=0.4)
            world.cloud.faults["update"] = after(3, lambda: world.shift(orders_2=100))
        case Phase.PROMOTED:
            pass
        case Phase.RECOVERED | Phase.NOT_RECOVERED:
            world.behaviour[CANDIDATE] = Behaviour(errors=0.4)
            if phase is Phase.NOT_RECOVERED:
                worse = {STABLE: Behaviour(errors=0.6)}
                world.on_phase(Phase.ROLLED_BACK, lambda: world.behaviour.update(worse))
        case Phase.ABORTED:
            world.probe.sentence = "GET /healthz: 500"
        case _:
            die_in(world, phase)
            return
    world.deploy()


def die_in(world: World, phase: Phase) -> None:
    when(world, Phase.SMOKE if phase is Phase.APPLIED else phase, die)
    with pytest.raises(Killed):
        world.deploy()
    world.holders.dead.add(world.holders.mine)


# --------------------------------------------------------------------------------------- before any traffic


@pytest.mark.parametrize("during", [Phase.LOCKED, Phase.SMOKE])
def test_a_promotion_skips_no_smoke_check_and_runs_none_twice(world: World, during: Phase) -> None:
    world.wanted_hooks = (Hook("migrate", Moment.BEFORE_TRAFFIC, ("true",)),)
    when(world, during, ask(world, "promote"))
    assert world.deploy().state.phase is Phase.PROMOTED
    assert (len(world.probe.asked), world.hooks.names) == (1, ["migrate"])


def test_what_does_not_answer_is_not_promoted(world: World) -> None:
    world.probe.sentence = "GET /healthz: 500"
    when(world, Phase.LOCKED, ask(world, "promote"))
    state = world.deploy().state
    assert state.phase is Phase.ABORTED
    assert "a smoke check failed: GET /healthz: 500" in state.reason
    assert shares(world) == [0]


def test_an_abort_during_the_hooks_comes_before_any_traffic(world: World) -> None:
    world.wanted_hooks = (Hook("migrate", Moment.BEFORE_TRAFFIC, ("true",)),)
    world.hooks.before = lambda hook: asking()
    asking = ask(world, "abort")
    assert world.deploy().state.phase is Phase.ABORTED
    assert shares(world) == [0]


def test_what_was_paused_before_its_smoke_checks_is_promoted_after_them(world: World) -> None:
    when(world, Phase.LOCKED, ask(world, "pause"))
    assert world.deploy().state.phase is Phase.PAUSED
    assert world.probe.asked == []
    world.probe.sentence = "GET /healthz: 500"
    answer = world.operate("promote")
    assert answer.state is not None
    assert (answer.state.phase, shares(world)) == (Phase.ABORTED, [0])


def test_what_waits_for_the_approval_of_its_first_step_has_passed_them(world: World) -> None:
    world.settings = replace(SETTINGS, pauses=(0,))
    assert world.deploy().state.phase is Phase.PAUSED
    answer = world.operate("promote")
    assert answer.state is not None
    assert (answer.state.phase, len(world.probe.asked)) == (Phase.PROMOTED, 1)


def test_a_rollout_that_is_resumed_is_under_the_eye_of_the_judge_again(world: World) -> None:
    """Somebody has promoted it, and somebody else has stopped that: the last word counts."""
    world.settings = replace(SETTINGS, on_cancel="keep")
    world.on_phase(Phase.STEP, ask(world, "promote"))
    world.cloud.propagation = 5.0
    world.on_phase(Phase.BAKE, lambda: world.shift(orders_1=50, orders_2=50))
    assert world.deploy().state.phase is Phase.HELD
    world.behaviour[CANDIDATE] = Behaviour(errors=0.4)
    answer = world.operate("resume")
    assert answer.state is not None
    assert answer.state.phase is Phase.RECOVERED
    assert not answer.state.forced
