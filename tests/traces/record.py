"""Records the traces of this directory: `PYTHONPATH=tests python -m traces.record [NAME …]`.

For each scenario a local Cloud Run of its own is started, the service is put under load, the traffic moves
from one revision to the other, and what the Monitoring API then returns to tidegate's adapter is the trace.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tidegate.core.samples import Window
from tidegate.core.trace import Rollout, Step, write
from traces.compact import compact
from traces.figures import README, row, with_table
from traces.load import Load
from traces.scenarios import BY_NAME, Kill, Pause, Scenario
from traces.stage import NAME, TELEMETRY, Stage, stage

HERE = Path(__file__).resolve().parent
_RELEASE = 5.0
"""Seconds before its first traffic at which the candidate is released."""
_SETTLE = 2.0
"""Seconds between the release of the stable revision and the load."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m traces.record", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BY_NAME)}; default: all")
    names = parser.parse_args().names or list(BY_NAME)
    if unknown := [name for name in names if name not in BY_NAME]:
        parser.error(f"no scenario is called {unknown[0]}")
    for name in names:
        began = time.monotonic()
        files = record(BY_NAME[name])
        directory = HERE / name
        directory.mkdir(exist_ok=True)
        for file, text in files.items():
            (directory / file).write_text(text, encoding="utf-8", newline="\n")
        size = sum(map(len, files.values())) / 1000
        print(f"{row(HERE, BY_NAME[name])}  {size:.0f} kB, {time.monotonic() - began:.0f} s", flush=True)
    README.write_text(with_table(README.read_text(encoding="utf-8"), HERE), encoding="utf-8")
    return 0


def record(scenario: Scenario) -> dict[str, str]:
    """Name and text of the trace's files."""
    with stage() as on:
        stable = on.release(scenario.stable, scenario)
        on.split({stable: 100})
        time.sleep(_SETTLE)
        start = time.monotonic() + scenario.before
        begin = time.time()
        with load(on, scenario, start):
            candidate, steps = perform(on, scenario, stable, start)
            end = time.time()
            # The load goes on until the last sample can be read, so that it is a sample like the others.
            time.sleep(TELEMETRY.ingestion_delay + TELEMETRY.sample_period)
            samples = on.samples([stable, candidate], Window(begin - 5, end))
    rollout = Rollout(
        service=NAME.service,
        stable=stable,
        candidate=candidate,
        steps=tuple(Step(round(at, 2), percent) for at, percent in steps),
        end=round(end, 2),
        sample_period=TELEMETRY.sample_period,
        ingestion_delay=TELEMETRY.ingestion_delay,
    )
    return write(rollout, compact(samples, Window(begin, end), scenario.also))


def load(on: Stage, scenario: Scenario, start: float) -> contextlib.AbstractContextManager[object]:
    url = on.service().uri
    end = start + scenario.end + 60
    stack = contextlib.ExitStack()
    plan = [(start + at, rate) for at, rate in scenario.rates]
    stack.enter_context(Load(f"{url}/", plan, end, scenario.timeout + 1))
    if scenario.reports:
        plan = [(start - scenario.before, scenario.reports)]
        stack.enter_context(Load(f"{url}/report", plan, end, scenario.timeout + 1))
    return stack


def perform(on: Stage, scenario: Scenario, stable: str, start: float) -> tuple[str, list[tuple[float, int]]]:
    """The rollout and its events, at their times on the monotonic clock: the candidate and the steps made."""
    wait_until(start - _RELEASE)
    candidate = on.release(scenario.candidate, scenario)
    on.split({stable: 100, candidate: 0})
    revisions = {"stable": stable, "candidate": candidate}
    steps: list[tuple[float, int]] = []

    def move(percent: int) -> None:
        steps.append((on.split({stable: 100 - percent, candidate: percent}), percent))

    acts: list[tuple[float, Callable[[], None]]] = []
    for at, percent in scenario.steps:
        acts.append((at, lambda percent=percent: move(percent)))
    for event in scenario.events:
        if isinstance(event, Kill):
            acts.append((event.at, lambda event=event: on.kill(revisions[event.revision])))
        elif isinstance(event, Pause):
            acts.append((event.at, lambda: on.signal_upstream(signal.SIGSTOP)))
            acts.append((event.at + event.seconds, lambda: on.signal_upstream(signal.SIGCONT)))
    for at, act in sorted(acts, key=lambda pair: pair[0]):
        wait_until(start + at)
        act()
    wait_until(start + scenario.end)
    return candidate, steps


def wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
