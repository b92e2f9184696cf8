"""Simulated rollouts are what their families say: repeatable, bounded where healthy, growing where not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection import shapes
from benchmarks.detection.families import FAMILIES
from benchmarks.detection.service import CANDIDATE, EPOCH, STABLE
from benchmarks.detection.simulate import make
from benchmarks.detection.trace import Trace
from benchmarks.detection.world import ANY_FILLING
from tidegate.core import trace as files
from tidegate.core.samples import FloatArray, Samples, Series

ROOT = Path(__file__).parents[2]
MIB = 2.0**20


def slopes(trace: Trace, metric: str, revision: str, since: float = 0.0) -> list[float]:
    """Growth per minute of each instance after `since` minutes of the rollout."""
    found = []
    for one in trace.samples.of_metric(metric, revision):
        late = one.times > EPOCH + 60 * since
        if late.sum() > 10:
            found.append(float(np.polyfit(one.times[late] / 60, one.values[late], 1)[0]))
    return found


def total(trace: Trace, metric: str, revision: str) -> float:
    found = trace.samples.get(metric, revision)
    return float(found.values[found.times > EPOCH].sum()) if isinstance(found, Series) else 0.0


def same(one: Samples, other: Samples) -> bool:
    return one.by_key.keys() == other.by_key.keys() and all(
        np.array_equal(a.times, b.times) and np.array_equal(a.values, b.values)
        for a, b in zip(one.by_key.values(), other.by_key.values(), strict=True)
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_is_the_same_rollout(name: str) -> None:
    family = FAMILIES[name]
    assert same(make(family, 3).samples, make(family, 3).samples)
    assert not same(make(family, 3).samples, make(family, 4).samples)


def test_what_draws_them_does_not_know_the_judge() -> None:
    code = "import sys, benchmarks.detection.simulate; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "benchmarks.detection.simulate" in done.stdout.split()
    assert not [name for name in done.stdout.split() if name.startswith("tidegate.core.judge")]


@pytest.mark.parametrize("name", ["churn and restarts", "coarse samples", "latency"])
def test_a_rollout_can_be_written_and_read_as_a_trace(name: str) -> None:
    trace = make(FAMILIES[name], 0)
    text = files.write(trace.rollout, trace.samples)
    rollout, samples, warnings = files.read(text["rollout.json"], text["samples.csv"])
    assert rollout == trace.rollout
    assert same(samples, trace.samples)
    assert not warnings


@pytest.mark.parametrize(
    ("name", "metric", "least", "most"),
    [
        ("leak 1/min on 3 instances", "open_fds", 0.8, 1.5),
        ("leak 5/min on 1 instance", "open_fds", 4.5, 6.0),
        ("connections only", "tcp_connections", 1.8, 4.5),
        ("leak per request", "open_fds", 1.0, 8.0),
        ("bursty leak", "open_fds", 1.7, 4.7),
    ],
)
def test_what_leaks_grows_on_the_candidate_alone(name: str, metric: str, least: float, most: float) -> None:
    traces = [make(FAMILIES[name], seed) for seed in range(8)]
    found = [np.median(slopes(trace, metric, CANDIDATE)) for trace in traces]
    assert least < np.median(found) < most
    assert abs(np.median([np.median(slopes(t, metric, STABLE, -15) or 0) for t in traces])) < 0.3


def test_memory_leaks_in_mebibytes() -> None:
    traces = [make(FAMILIES["memory"], seed) for seed in range(8)]
    assert 1.5 < np.median([np.median(slopes(t, "memory_bytes", CANDIDATE, 8)) for t in traces]) / MIB < 4.5


def test_one_instance_in_ten_leaks() -> None:
    growing = [slope > 3 for slope in slopes(make(FAMILIES["one code path"], 1), "open_fds", CANDIDATE)]
    assert (sum(growing), len(growing)) == (1, 10)


def test_a_leak_that_both_have_is_the_same_in_both() -> None:
    for seed in range(6):
        trace = make(FAMILIES["leak in both by time"], seed)
        mine, theirs = (np.median(slopes(trace, "open_fds", name, 15)) for name in (CANDIDATE, STABLE))
        assert mine == pytest.approx(theirs, abs=0.8)
        assert min(mine, theirs) > 0.2


def test_a_late_leak_begins_when_its_truth_says() -> None:
    trace = make(FAMILIES["leak after 10 min"], 2)
    assert trace.truth.onset == EPOCH + 600
    for one in trace.samples.of_metric("open_fds", CANDIDATE):
        before = one.values[(one.times > EPOCH + 300) & (one.times <= EPOCH + 600)]
        assert one.values[-1] > before.max() + 30


def test_restarts_take_the_leak_back() -> None:
    trace = make(FAMILIES["leak hidden by restarts"], 1)
    found = trace.samples.of_metric("open_fds", CANDIDATE)
    assert max(float(one.values.max()) for one in found) < 12 * 6 + 200
    lives = len(found) if len(found) > 3 else sum(int((np.diff(one.values) < -8).sum()) for one in found)
    assert lives >= 4


@pytest.mark.parametrize("filling", ANY_FILLING)
def test_every_pool_fills_and_is_full(filling: shapes.Filling) -> None:
    for seed in range(20):
        part = filling(np.random.default_rng(seed))(np.arange(0.0, 36_000.0, 10.0))
        assert (np.diff(part) >= 0).all()
        assert part[0] < 0.6
        assert 0.95 < part[-1] <= 1 + 1e-9
        assert part[360] - part[180] < 0.1  # in the second half hour hardly anything


@pytest.mark.parametrize("name", ["a/a", "pool warm-up", "gc sawtooth", "the cure"])
def test_a_healthy_candidate_does_not_grow_for_good(name: str) -> None:
    found = [np.median(slopes(make(FAMILIES[name], seed), "open_fds", CANDIDATE, 10)) for seed in range(12)]
    assert abs(np.median(found)) < 0.25


def test_a_keep_alive_step_is_one_step() -> None:
    for seed in range(8):
        for one in make(FAMILIES["keep-alive step"], seed).samples.of_metric("open_fds", CANDIDATE):
            rise = np.median(one.values[-10:]) - np.median(one.values[10:20]) if len(one) > 100 else 0
            assert rise < 60 + 25


def test_requests_follow_the_steps() -> None:
    trace = make(FAMILIES["errors +0.5 points"], 0)
    counts = trace.samples.get("request_count", CANDIDATE)
    assert isinstance(counts, Series)
    shares = [trace.rollout.percent_at(t - 15) / 100 for t in counts.times.tolist()]
    assert counts.values.sum() == pytest.approx(300 * sum(shares), rel=0.05)


def test_errors_are_added_to_the_candidate_only() -> None:
    found: list[FloatArray] = []
    for revision in (CANDIDATE, STABLE):
        pairs = [make(FAMILIES["errors +5 points"], seed) for seed in range(6)]
        found.append(
            np.array([total(t, "error_count", revision) / total(t, "request_count", revision) for t in pairs])
        )
    assert 0.04 < found[0].mean() < 0.075
    assert found[1].mean() < 0.015


def test_p99_moves_and_p50_does_not() -> None:
    ratios = {"latency_p50_ms": [], "latency_p99_ms": []}  # type: dict[str, list[float]]
    for seed in range(8):
        trace = make(FAMILIES["p99 only"], seed)
        for metric, found in ratios.items():
            one, other = (trace.samples.get(metric, name) for name in (CANDIDATE, STABLE))
            assert isinstance(one, Series)
            assert isinstance(other, Series)
            found.append(float(np.median(one.values) / np.median(other.values)))
    assert np.median(ratios["latency_p50_ms"]) == pytest.approx(1, abs=0.08)
    assert np.median(ratios["latency_p99_ms"]) > 1.6


def test_a_silent_candidate_takes_its_share_away() -> None:
    trace = make(FAMILIES["never starts"], 0)
    assert not [key for key in trace.samples.by_key if key.revision == CANDIDATE]
    counts = trace.samples.get("request_count", STABLE)
    assert isinstance(counts, Series)
    late = counts.times > trace.rollout.steps[2].time + 60
    assert counts.values[late].mean() < 0.75 * counts.values[counts.times < EPOCH].mean()


def test_late_samples_come_late_and_come() -> None:
    trace = make(FAMILIES["missing and late"], 0)
    at = EPOCH + 1800
    seen, on_time = trace.seen(at), trace.samples.until(at)
    count, all_of_it = (sum(len(s) for s in x.by_key.values()) for x in (seen, on_time))
    assert 0.8 * all_of_it < count < all_of_it
    assert all(float(s.times[-1]) <= at for s in seen.by_key.values())
    assert same(trace.seen(at + 7200), trace.samples)


def test_nothing_is_measured_in_spells_without_traffic() -> None:
    trace = make(FAMILIES["scale to zero"], 5)
    counts = trace.samples.get("instance_count", STABLE)
    assert isinstance(counts, Series)
    assert np.diff(counts.times).max() > 240 or counts.values.min() < counts.values.max()
