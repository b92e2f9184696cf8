"""What one look costs: the usual one, and one over 1.8 million samples in a process of its own.

Time is that of the processor, so that whatever else the machine does is not counted.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.detection.families import Family
from benchmarks.detection.service import CANDIDATE, EPOCH, STABLE
from benchmarks.detection.simulate import make
from benchmarks.detection.trace import Trace
from benchmarks.detection.world import World
from tidegate.core.judge import Criteria, judge
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import Rollout, Step

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15


@dataclass(frozen=True)
class Figure:
    """One measurement and what it is held against."""

    what: str
    value: float
    target: float
    unit: str

    @property
    def met(self) -> bool:
        return self.value <= self.target

    def __str__(self) -> str:
        told = "met" if self.met else f"missed by {self.value - self.target:.0f} {self.unit}"
        return f"{self.what}: {self.value:.0f} {self.unit} (target ≤ {self.target:.0f} {self.unit}: {told})"


def figures() -> list[Figure]:
    usual, elapsed = _usual(), []
    for _ in range(ROUNDS):
        began = time.process_time()
        judge(usual.samples, usual.rollout, Criteria(), EPOCH + 3600)
        elapsed.append(time.process_time() - began)
    what = (
        f"one look at {_count(usual.samples):,} samples (6 instances, 60 min and 60 min before, every 30 s)"
    )
    return [Figure(what, 1000 * statistics.median(elapsed), 50, "ms"), *_large()]


def _usual() -> Trace:
    return _simulated(World(delay=(0.0,), instances=(3, 3)), 60)


def _simulated(world: World, minutes: int) -> Trace:
    trace = make(Family("speed", "", False, replace(world, scaling=0.0), frozenset(), minutes), 0)
    kept = (one for one in trace.samples.by_key.values() if one.key.le is None)
    return replace(trace, samples=Samples.of(kept))


def _count(samples: Samples) -> int:
    return sum(len(one) for one in samples.by_key.values())


def _large() -> list[Figure]:
    """Samples every second; drawn here, so that only the judge's memory is counted there."""
    world = World(period=1.0, delay=(0.0,), missing=0.0, instances=(4, 4))
    trace = _simulated(world, 652)
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        _save(trace, Path(name))
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.detection.speed", name],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    told = json.loads(done.stdout)
    what = f"one look at {told['samples']:,} samples"
    return [
        Figure(what, 1000 * told["seconds"], 1000, "ms"),
        Figure(f"{what}: peak memory of the process", told["peak"], 300, "MB"),
    ]


def _save(trace: Trace, place: Path) -> None:
    # One file for everything: a few dozen arrays, most of the same times.
    series = list(trace.samples.by_key.values())
    np.savez(place / "samples.npz", *(x for one in series for x in (one.times, one.values)))
    keys = [[one.key.metric, one.key.revision, one.key.instance, one.key.le] for one in series]
    head = {"keys": keys, "steps": [[step.time, step.percent] for step in trace.rollout.steps]}
    (place / "head.json").write_text(json.dumps(head), encoding="utf-8")


def _look(place: Path) -> None:
    head = json.loads((place / "head.json").read_text(encoding="utf-8"))
    with np.load(place / "samples.npz") as arrays:
        found = [arrays[f"arr_{i}"] for i in range(2 * len(head["keys"]))]
    samples = Samples.of(
        Series(Key(*key), times, values)
        for key, times, values in zip(head["keys"], found[::2], found[1::2], strict=True)
    )
    steps = tuple(Step(at, percent) for at, percent in head["steps"])
    rollout = Rollout("orders", STABLE, CANDIDATE, steps, None, 1.0, 0.0)
    at = max(float(one.times[-1]) for one in samples.by_key.values())
    elapsed = []
    for _ in range(3):
        began = time.process_time()
        judge(samples, rollout, Criteria(), at)
        elapsed.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"samples": _count(samples), "seconds": statistics.median(elapsed), "peak": peak}))


if __name__ == "__main__":
    _look(Path(sys.argv[1]))
