"""Runs the judge and its rivals over seeds of a family."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.detection.families import FAMILIES
from benchmarks.detection.outcome import (
    CRASHED,
    HELD,
    INCONCLUSIVE,
    PROMOTED,
    ROLLED_BACK,
    Outcome,
)
from benchmarks.detection.simulate import make
from benchmarks.detection.trace import Trace
from tidegate.core.judge import Criteria, judge
from tidegate.core.verdict import Decision, Finding, Verdict

JUDGE = "tidegate"
LOOK = 60.0
"""Seconds between looks."""
CHUNK = 10
CRITERIA = Criteria()


@dataclass(frozen=True)
class Result:
    family: str
    seed: int
    outcomes: dict[str, Outcome]


def looked_at(trace: Trace, every: float = LOOK) -> Outcome:
    """One look after the other, until a rollback, a hold, or the end."""
    rollout, onset = trace.rollout, trace.truth.onset
    spent, verdict, at, looks = 0.0, None, rollout.start, 0
    for k in range(1, int(trace.minutes * 60 / every) + 1):
        at = rollout.start + k * every + rollout.ingestion_delay
        seen = trace.seen(at)
        began = time.perf_counter()
        verdict = judge(seen, rollout, CRITERIA, at)
        spent += time.perf_counter() - began
        looks = k
        if verdict.decision in (Decision.ROLLBACK, Decision.HOLD):
            break
    assert verdict is not None
    minutes = (at - rollout.ingestion_delay - onset) / 60
    return Outcome(_end(verdict), minutes, verdict.attribution.value, _leading(verdict), looks, spent)


def _end(verdict: Verdict) -> str:
    return {
        Decision.ROLLBACK: ROLLED_BACK,
        Decision.HOLD: HELD,
        Decision.PROMOTE: PROMOTED,
        Decision.CONTINUE: INCONCLUSIVE,
    }[verdict.decision]


def _leading(verdict: Verdict) -> str:
    """The metrics that spoke against the candidate."""
    return ",".join(m.metric for m in verdict.metrics if m.finding is Finding.WORSE and m.decisive)


def run_chunk(family: str, seeds: Sequence[int]) -> list[Result]:
    found = []
    for seed in seeds:
        trace = make(FAMILIES[family], seed)
        try:
            outcome = looked_at(trace)
        except Exception as bad:  # noqa: BLE001  # counted and told: one bad trace must not end the run
            outcome = Outcome(CRASHED, 0.0, metric=f"{type(bad).__name__}: {bad}")
        found.append(Result(family, seed, {JUDGE: outcome}))
    return found


def run(families: Sequence[str], seeds: int, jobs: int) -> Iterator[Result]:
    """Results as they come. Numpy's own threads are switched off: there is a process per core."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    chunks = [
        (family, range(first, min(first + CHUNK, seeds)))
        for family in families
        for first in range(0, seeds, CHUNK)
    ]
    began, done = time.monotonic(), 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(run_chunk, *chunk) for chunk in chunks]):
            yield from future.result()
            done += 1
            if done % 20 == 0 or done == len(chunks):
                gone = time.monotonic() - began
                left = gone / done * (len(chunks) - done)
                print(f"\r{done}/{len(chunks)} chunks, {left / 60:.1f} min left  ", end="", file=sys.stderr)
    print(file=sys.stderr)
