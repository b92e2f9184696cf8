"""The judge over rollouts that were recorded, not made up: see tests/traces/README.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tidegate.core.judge import Criteria, Rollout, judge
from tidegate.core.samples import Samples
from tidegate.core.trace import ROLLOUT_FILE, SAMPLES_FILE, read, write
from tidegate.core.verdict import Attribution, Decision, Verdict
from traces import figures
from traces.scenarios import SCENARIOS

TRACES = figures.README.parent
CRITERIA = Criteria(warm_up=3.0, min_requests=20)
"""With samples every second a rollout of a minute stands for one of an hour. What `healthy-warm-up` fills its
pool with needs 3 s at the 8 requests a second of the first step (24 connections, each request picks one)."""
EVERY = 3
"""Sample periods between looks."""


@dataclass(frozen=True)
class Truth:
    """What may be the last word on a trace."""

    decisions: frozenset[Decision]
    attributions: frozenset[Attribution]

    @staticmethod
    def of(decisions: set[Decision], attributions: set[Attribution]) -> Truth:
        return Truth(frozenset(decisions), frozenset(attributions))


FINE = Truth.of({Decision.PROMOTE}, {Attribution.NONE, Attribution.TRAFFIC})
WORSE = Truth.of({Decision.ROLLBACK}, {Attribution.REVISION})
OLDER = Truth.of({Decision.HOLD}, {Attribution.PRE_EXISTING})
NOT_ITS_FAULT = Truth.of(
    {Decision.PROMOTE, Decision.HOLD, Decision.CONTINUE}, set(Attribution) - {Attribution.REVISION}
)
NEVER_PROMOTED = Truth.of({Decision.ROLLBACK, Decision.HOLD}, {Attribution.REVISION, Attribution.UNKNOWN})

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
    "leak-by-time": WORSE,
    "leak-by-request": WORSE,
    "leak-one-in-50": WORSE,
    "leak-one-path": WORSE,
    "leak-bursts": WORSE,
    "leak-warm-up": WORSE,
    "leak-changing-load": WORSE,
    "leak-restarts": WORSE,
    "leak-memory": WORSE,
    "errors": WORSE,
    "slower": WORSE,
    "slow-tail": WORSE,
    "stalls": WORSE,
    "mute": NEVER_PROMOTED,
}
PER_REQUEST = {
    "both-leak-by-request": (20, 20),
    "cured": (50, 0),
    "leak-by-request": (0, 100),
    "leak-one-in-50": (0, 2),
    "leak-one-path": (0, 10),
    "leak-bursts": (0, 25),
    "leak-changing-load": (0, 10),
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
