"""What `pause`, `promote` and `abort` end with where a rollout is over: fit for a step that always runs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.rollout_world import CANDIDATE, SETTINGS, STABLE, Behaviour, World
from tidegate import cli, wiring
from tidegate.core import record
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase, State

SERVICE = ("--service", "orders", "--project", "demo-project", "--region", "europe-west1")
Say = Callable[..., int]


def said_to(world: World, monkeypatch: pytest.MonkeyPatch) -> Say:
    """A command line of its own process, as far as the record is concerned; gives the exit code."""

    @contextlib.contextmanager
    def connect(*_: Any, **__: Any) -> Iterator[wiring.Connected]:
        yield wiring.Connected(world.tools, world.directory)

    monkeypatch.setattr(wiring, "connect", connect)
    monkeypatch.chdir(world.directory)
    return lambda *words: cli.main([words[0], *SERVICE, *words[1:]])


@pytest.mark.parametrize(
    ("does", "phase", "code"),
    [
        (Behaviour(), Phase.PROMOTED, ExitCode.DONE),
        (Behaviour(errors=0.4), Phase.RECOVERED, ExitCode.ROLLED_BACK),
    ],
)
def test_what_is_over_needs_no_stopping_and_is_promoted_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: Behaviour, phase: Phase, code: ExitCode
) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: does})
    assert world.deploy().state.phase is phase
    say, writes = said_to(world, monkeypatch), len(world.cloud.writes)
    for _ in range(2):
        assert say("pause") == ExitCode.DONE
        assert say("abort") == ExitCode.DONE
        assert say("promote", "--force") == code
        assert say("resume") == code
    assert len(world.cloud.writes) == writes


def test_an_abort_after_a_rollback_that_did_not_help_has_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.4)})

    def stay_broken() -> None:
        world.behaviour[STABLE] = Behaviour(errors=0.4, since=world.clock.now())

    world.on_phase(Phase.ROLLING_BACK, stay_broken, delay=0.0)
    assert world.deploy().state.phase is Phase.NOT_RECOVERED
    assert said_to(world, monkeypatch)("abort") == ExitCode.DONE


def test_who_goes_on_without_a_spec_is_told_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path, settings=replace(SETTINGS, pauses=(1,)))
    assert world.deploy().state.phase is Phase.PAUSED
    assert said_to(world, monkeypatch)("resume") == ExitCode.DONE
    assert re.search(r"^image +demo/orders:v$", capfd.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("lasted", "told"), [(22.4, "22 s"), (0.0, "0 s"), (150.0, "2 min 30 s"), (7800.0, "2 h 10 min")]
)
def test_history_says_how_long_a_rollout_took(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    lasted: float,
    told: str,
) -> None:
    world = World(tmp_path)
    assert world.cloud.service is not None
    began = world.clock.now()
    ended = State("r1", "ci", began, Phase.PROMOTED, stable=STABLE, candidate=CANDIDATE, reason="fine")
    past = record.remember({}, ended, now=began + lasted)
    world.cloud.change(world.cloud.service.traffic, {record.HISTORY: past})
    assert said_to(world, monkeypatch)("history") == ExitCode.DONE
    assert f"{STABLE} → {CANDIDATE}  {told}  by ci  fine" in capfd.readouterr().out


def test_who_asks_for_a_pause_and_does_not_get_it_hears_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    assert world.cloud.service is not None
    running = {"candidate": CANDIDATE, "holder": "of ci"}
    traffic = world.cloud.service.traffic
    world.cloud.change(traffic, world.locked(STABLE, **running, phase=Phase.STEP, percent=10))
    over = world.locked(STABLE, **running, phase=Phase.RECOVERED, exit_code=int(ExitCode.ROLLED_BACK))
    world.clock.at(world.clock.now() + 1, lambda: world.cloud.change(traffic, over))
    say = said_to(world, monkeypatch)
    assert say("pause") == ExitCode.ROLLED_BACK
    assert say("pause") == ExitCode.DONE
