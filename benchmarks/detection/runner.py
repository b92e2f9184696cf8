"""Runs the judge and its rivals over the seeds of each family."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.detection.families import FAMILIES
from benchmarks.detection.outcome import End, Outcome
from benchmarks.detection.readings import Readings
from benchmarks.detection.rivals import RIVALS
from benchmarks.detection.simulate import make
from benchmarks.detection.trace import Trace
from tidegate.core.judge import Criteria, judge
from tidegate.core.verdict import Decision, Finding, Verdict

JUDGE = "tidegate"
LOOK = 60.0
"""Seconds between looks."""
CHUNK = 10
"""Seeds a process does at a time."""
AUDITED = 25
"""Every so many seeds the last verdict is asked for again with nothing in the samples it may not see."""

_ENDS = {
    Decision.ROLLBACK: End.ROLLED_BACK,
    Decision.HOLD: End.HELD,
    Decision.PROMOTE: End.PROMOTED,
    Decision.CONTINUE: End.INCONCLUSIVE,
}


@dataclass(frozen=True)
class Result:
    """What each rule did with one trace; `tidegate` is the judge."""

    family: str
    seed: int
    outcomes: dict[str, Outcome]


def looked_at(trace: Trace, criteria: Criteria, *, every: float = LOOK, audit: bool = False) -> Outcome:
    """One look after the other, until a rollback, a hold, or the end of the rollout."""
    rollout, delay = trace.rollout, trace.rollout.ingestion_delay
    looks = max(int(trace.minutes * 60 / every), 1)
    spent = 0.0
    for look in range(1, looks + 1):
        at = rollout.start + look * every + delay
        seen = trace.seen(at)
        began = time.process_time()
        verdict = judge(seen, rollout, criteria, at)
        spent += time.process_time() - began
        if verdict.decision in (Decision.ROLLBACK, Decision.HOLD):
            break
    if audit:
        again = judge(seen.until(at - delay), rollout, criteria, at)
        if (again.decision, again.reasons) != (verdict.decision, verdict.reasons):
            return Outcome(End.CRASHED, 0.0, blamed="it read samples younger than the ingestion delay")
    minutes = (at - delay - trace.truth.onset) / 60
    return Outcome(_ENDS[verdict.decision], minutes, verdict.attribution.value, _blamed(verdict), look, spent)


def _blamed(verdict: Verdict) -> str:
    return ", ".join(m.metric for m in verdict.metrics if m.finding is Finding.WORSE and m.decisive)


def run_chunk(family: str, seeds: Sequence[int], every: float, rivals: bool) -> list[Result]:
    found = []
    criteria = Criteria()
    for seed in seeds:
        trace = make(FAMILIES[family], seed)
        try:
            mine = looked_at(trace, criteria, every=every, audit=seed % AUDITED == 0)
        except Exception as bad:  # noqa: BLE001  # counted and told: one bad trace must not end the run
            mine = Outcome(End.CRASHED, 0.0, blamed=f"{type(bad).__name__}: {bad}")
        outcomes = {JUDGE: mine}
        if rivals:
            readings = Readings(trace)
            outcomes |= {name: rule(readings) for name, rule in RIVALS.items()}
        found.append(Result(family, seed, outcomes))
    return found


def run(
    families: Sequence[str], seeds: Sequence[int], jobs: int,
    *, every: float = LOOK, rivals: bool = True, done: Container[tuple[str, int]] = (),
) -> Iterator[Result]:  # fmt: skip
    """Results as they come, but for those that are `done`."""
    # One process a core: numpy's own threads would only get in the way. Read when the workers import it.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    chunks = [
        (family, left)
        for first in range(0, len(seeds), CHUNK)
        for family in families
        if (left := [seed for seed in seeds[first : first + CHUNK] if (family, seed) not in done])
    ]
    began, ended = time.monotonic(), 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(run_chunk, *c, every, rivals) for c in chunks]):
            yield from future.result()
            ended += 1
            rest = (time.monotonic() - began) / ended * (len(chunks) - ended) / 60
            if ended % 10 == 0 or ended == len(chunks):
                print(f"{ended} of {len(chunks)} chunks, about {rest:.0f} min left", file=sys.stderr)
