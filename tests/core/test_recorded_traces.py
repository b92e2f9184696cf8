"""The judge over rollouts that were recorded, not made up: see tests/traces/README.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tidegate.core.judge import Criteria, Rollout, judge
from tidegate.core.samples import Samples
from tidegate.core.trace import ROLLOUT_FILE, SAMPLES_FILE, read, write
from tidegate.core.verdict import Attribution, Decision, Finding, Verdict
from traces import figures
from traces.scenarios import SCENARIOS

TRACES = figures.README.parent
CRITERIA = Criteria(warm_up=3.0, min_requests=20)
"""With samples every second a rollout of a minute stands for one of an hour. What `healthy-warm-up` fills its
pool with needs 3 s at the 8 requests a second of the first step (24 connections, each request picks one)."""
EVERY = 1
"""Sample periods between looks, as in the example's environment `local`. Each is a chance to err."""


@dataclass(frozen=True)
class Truth:
    """What may be the last word on a trace; `metrics`: how those begin that a rollback may rest on."""

    decisions: frozenset[Decision]
    attributions: frozenset[Attribution]
    metrics: tuple[str, ...] = ()


FINE = Truth(frozenset({Decision.PROMOTE}), frozenset({Attribution.NONE, Attribution.TRAFFIC}))
OLDER = Truth(frozenset({Decision.HOLD}), frozenset({Attribution.PRE_EXISTING}))
NOT_ITS_FAULT = Truth(
    frozenset(Decision) - {Decision.ROLLBACK}, frozenset(Attribution) - {Attribution.REVISION}
)
UNHEARD = Truth(
    frozenset({Decision.ROLLBACK, Decision.HOLD}),
    frozenset({Attribution.REVISION, Attribution.UNKNOWN}),
    ("request_count", "error_", "latency_"),
)


def worse(*metrics: str) -> Truth:
    return Truth(frozenset({Decision.ROLLBACK}), frozenset({Attribution.REVISION}), metrics)


LEAK = worse("open_fds", "tcp_connections")

TRUTH = {
    "healthy": FINE,
    "healthy-warm-up": FINE,
    "healthy-changing-load": FINE,
    "healthy-instance-killed": FINE,
    "healthy-load-proportional": FINE,
    "upstream-pauses": NOT_ITS_FAULT,
    "both-leak-by-request": OLDER,
    "both-leak-by-time": OLDER,
    "cured": FINE,
    "leak-by-time": LEAK,
    "leak-by-request": LEAK,
    "leak-one-in-50": LEAK,
    "leak-one-path": LEAK,
    "leak-bursts": LEAK,
    "leak-warm-up": LEAK,
    "leak-changing-load": LEAK,
    "leak-restarts": LEAK,
    "leak-memory": worse("memory_"),
    "errors": worse("error_"),
    "slower": worse("latency_"),
    "slow-tail": worse("latency_"),
    "stalls": worse("error_", "latency_"),
    "mute": UNHEARD,
}
PER_REQUEST = {
    "both-leak-by-request": (20, 20),
    "cured": (50, 0),
    "leak-by-request": (0, 100),
    "leak-one-in-50": (0, 2),
    "leak-one-path": (0, 10),
    "leak-bursts": (0, 25),
    "leak-changing-load": (0, 10),
    "leak-restarts": (0, 5),
}
"""Descriptors per 100 requests that the stable and the candidate revision were told to leak."""


def texts(name: str) -> tuple[str, str]:
    rollout, samples = ((TRACES / name / f).read_text(encoding="utf-8") for f in (ROLLOUT_FILE, SAMPLES_FILE))
    return rollout, samples


def trace(name: str) -> tuple[Rollout, Samples]:
    rollout, samples, warnings = read(*texts(name))
    assert warnings == ()
    return rollout, samples


def last_word(rollout: Rollout, samples: Samples) -> Verdict:
    """Look by look, as a rollout would: it ends with the first rollback or hold."""
    assert rollout.end is not None
    period = rollout.sample_period
    for at in np.arange(
        rollout.start + EVERY * period, rollout.end + rollout.ingestion_delay, EVERY * period
    ):
        verdict = judge(samples, rollout, CRITERIA, float(at))
        if verdict.decision in (Decision.ROLLBACK, Decision.HOLD):
            break
    return verdict


@pytest.mark.parametrize("name", TRUTH)
def test_the_verdict_is_what_is_true(name: str) -> None:
    rollout, samples = trace(name)
    verdict = last_word(rollout, samples)
    when = f"after {verdict.decided_at - rollout.start:.0f} s: {verdict.reasons}"
    assert verdict.decision in TRUTH[name].decisions, when
    assert verdict.attribution in TRUTH[name].attributions, when
    if verdict.decision is Decision.ROLLBACK:
        against = [m.metric for m in verdict.metrics if m.finding is Finding.WORSE and m.decisive]
        assert any(metric.startswith(TRUTH[name].metrics) for metric in against), when
        assert any(rollout.candidate in reason for reason in verdict.reasons)


@pytest.mark.parametrize("name", PER_REQUEST)
def test_the_trace_shows_the_leak_that_was_asked_for(name: str) -> None:
    rollout, samples = trace(name)
    for revision, asked in zip((rollout.stable, rollout.candidate), PER_REQUEST[name], strict=True):
        shown = figures.per_request(samples, rollout, revision)
        assert shown is not None
        assert abs(shown - asked) <= max(0.5, 0.2 * asked)


def test_every_scenario_has_a_trace_a_truth_and_a_line_in_the_table() -> None:
    there = {directory.name for directory in TRACES.iterdir() if (directory / ROLLOUT_FILE).exists()}
    assert there == set(TRUTH) == {scenario.name for scenario in SCENARIOS}
    text = figures.README.read_text(encoding="utf-8")
    assert figures.with_table(text, TRACES) == text


def test_the_fixtures_are_written_as_a_rollout_writes_them_and_stay_small() -> None:
    size = 0
    for name in TRUTH:
        rollout, samples = trace(name)
        written = write(rollout, samples)
        assert (written[ROLLOUT_FILE], written[SAMPLES_FILE]) == texts(name)
        size += sum(map(len, written.values()))
    assert size <= 1_500_000
