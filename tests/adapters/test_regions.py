"""Real processes for regions: what comes of them, in which order, and what signals do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tidegate.adapters.children import Children
from tidegate.adapters.regions import RegionProcesses
from tidegate.core.rollout import Phase
from tidegate.core.waves import (
    Abort,
    Deploy,
    Effect,
    Ended,
    Event,
    Outcome,
    Returned,
    Rollback,
    Signalled,
)

REPORT = """echo '{"phase": "promoted", "revision": "o-2", "previous_revision": "o-1", "started": 1}'"""
SAFE = "trap 'echo safe >&2; exit 143' TERM; echo ready >&2; while :; do sleep 0.02; done"


class Site:
    """`scripts` by what is done, such as `deploy a`."""

    def __init__(self, scripts: Mapping[str, str]) -> None:
        self.lines: list[tuple[str, str]] = []
        self.children = Children(os.environ, lambda name, text: self.lines.append((name, text)))
        self.regions = RegionProcesses(self.children, self.command)
        self._scripts = scripts

    def command(self, effect: Effect) -> list[str]:
        return ["/bin/sh", "-c", self._scripts[f"{type(effect).__name__.lower()} {effect.region}"]]

    def next(self) -> Event:
        event = self.regions.next(20)
        assert event is not None
        return event

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end
            self.regions.next(0.02)


def test_what_a_region_prints_is_its_outcome_and_what_it_says_has_its_name() -> None:
    site = Site({"deploy a": f"echo begins >&2; {REPORT}", "rollback b": "echo 'error: denied' >&2; exit 9"})
    with site.children.listening():
        site.regions.start(Deploy("a"))
        site.regions.start(Rollback("b", "o-1"))
        found = {
            event.region: event for event in (site.next(), site.next()) if not isinstance(event, Signalled)
        }
    assert isinstance(found["a"], Ended)
    assert (found["a"].outcome.phase, found["a"].outcome.candidate) == (Phase.PROMOTED, "o-2")
    assert found["b"] == Returned("b", Outcome(9, reason="denied"), rollback=True)
    assert sorted(site.lines) == [("a", "begins"), ("b", "error: denied")]


def test_nothing_happens_for_a_while() -> None:
    site = Site({"deploy a": "sleep 0.2"})
    with site.children.listening():
        site.regions.start(Deploy("a"))
        assert site.regions.next(0.01) is None
        assert site.next() == Ended("a", Outcome(0, reason="it ended with exit code 0"))


def test_one_that_is_killed_is_told_apart_from_one_that_fails() -> None:
    site = Site({"deploy a": "kill -9 $$", "deploy b": "exit 10"})
    with site.children.listening():
        site.regions.start(Deploy("a"))
        site.regions.start(Deploy("b"))
        codes = {e.region: e.outcome.code for e in (site.next(), site.next()) if isinstance(e, Ended)}
    assert codes == {"a": -9, "b": 10}


def test_what_cannot_be_started_has_ended() -> None:
    children = Children(os.environ, lambda *_: None)
    regions = RegionProcesses(children, lambda _: ["/nonexistent/tidegate"])
    with children.listening():
        regions.start(Abort("a"))
        event = regions.next(5)
    assert isinstance(event, Returned)
    assert event.outcome.code == 2
    assert event.outcome.reason == "/nonexistent/tidegate cannot be run: No such file or directory"


def test_a_grandchild_that_holds_the_pipe_keeps_nobody_waiting() -> None:
    site = Site({"deploy a": f"{REPORT}; sleep 30 & echo $! >&2"})
    with site.children.listening():
        site.regions.start(Deploy("a"))
        event = site.next()
    assert isinstance(event, Ended)
    assert event.outcome.code == 0
    os.kill(int(site.lines[0][1]), signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_every_region_once_and_nothing_new_begins(number: signal.Signals) -> None:
    count = "n=0; trap 'n=$((n + 1))' TERM INT HUP; echo ready >&2; while [ $n = 0 ]; do sleep 0.02; done"
    script = f"{count}; sleep 0.2; echo got $n >&2; exit 143"
    site = Site({"deploy a": script, "deploy b": script, "deploy c": "echo begun >&2"})
    code = 130 if number is signal.SIGINT else 143
    with site.children.listening():
        site.regions.start(Deploy("a"))
        site.regions.start(Deploy("b"))
        site.until(lambda: len(site.lines) == 2)
        signal.raise_signal(number)
        site.regions.start(Deploy("c"))
        first = site.next()
        assert first == Ended("c", Outcome(code, reason="it was not begun any more"))
        assert site.next() == Signalled(code)
        assert {type(site.next()), type(site.next())} == {Ended}
    assert sorted(site.lines) == [("a", "got 1"), ("a", "ready"), ("b", "got 1"), ("b", "ready")]


def test_who_leaves_early_ends_the_regions_in_order() -> None:
    site = Site({"deploy a": SAFE})

    def fails() -> None:
        with site.children.listening():
            site.regions.start(Deploy("a"))
            site.until(lambda: ("a", "ready") in site.lines)
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        fails()
    assert site.regions.next(0.1) is None


def test_a_region_goes_on_when_whoever_started_it_is_killed(tmp_path: Path) -> None:
    # As Python does: nobody listens any more, which is no reason to die.
    script = f"trap '' PIPE; echo ready >&2; sleep 0.5; echo still here >&2; echo done > {tmp_path / 'end'}"
    program = (
        "import os\n"
        "from tidegate.adapters.children import Children\n"
        "children = Children(os.environ, lambda name, text: print(text, flush=True))\n"
        "with children.listening():\n"
        f"    children.start(1, 'a', ['/bin/sh', '-c', {script!r}])\n"
        "    children.next(20)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while not (tmp_path / "end").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
