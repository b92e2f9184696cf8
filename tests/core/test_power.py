"""What is said beforehand about a rollout, held against what the judge then does."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tidegate.core.judge import Criteria, Rollout, Step, judge
from tidegate.core.power import (
    FAULTS,
    Noise,
    Part,
    Power,
    Present,
    blind_spots,
    data,
    plan,
    present,
    survey,
)
from tidegate.core.power.wording import about, text
from tidegate.core.samples import Key, NoData, Samples, Series, Window
from tidegate.core.verdict import Decision

OLD, NEW, START, PERIOD = "orders-1", "orders-2", 1_700_000_000.0, 60.0
SHARE, INSTANCES = 20, 5
"""Percent of the traffic to the candidate: one of five instances."""
BUSY = Present(
    rate=10.0, instances=INSTANCES, error_ratio=0.002, p50=20.0, p99=80.0, fds=Noise(2.0, 0.5),
    cpu=Noise(0.05, 0.3),
)  # fmt: skip
STEPS = plan((5, 25, 50), 600.0, 1800.0)
BOUNDS = (*map(float, range(10, 200, 10)), 300.0, 1000.0, math.inf)


def autoregressive(rng: np.random.Generator, n: int, noise: Noise) -> np.ndarray:
    shocks = rng.normal(size=n) * noise.sd * math.sqrt(1 - noise.phi**2)
    found = np.empty(n)
    found[0] = rng.normal() * noise.sd
    for i in range(1, n):
        found[i] = noise.phi * found[i - 1] + shocks[i]
    return found


def simulated(metric: str, size: float, service: Present, seed: int, minutes: int) -> tuple[Rollout, Samples]:
    """A fifth of the traffic to a candidate with one fault from its first request on."""
    rng = np.random.default_rng(seed)
    times = START + PERIOD * np.arange(-30, minutes + 1)
    total = rng.poisson(service.rate * PERIOD, times.size)
    mine = np.where(times > START, rng.binomial(total, SHARE / 100), 0)
    found: list[Series] = []
    for revision, sent, there in ((OLD, total - mine, times > 0), (NEW, mine, times > START)):
        at, requests, bad = times[there], sent[there], size if revision == NEW else 0.0
        for key, values in measured(rng, metric, bad, service, revision, at, requests):
            found.append(Series(key, at.copy(), np.asarray(values, dtype=float)))
    rollout = Rollout("orders", OLD, NEW, (Step(START, SHARE),), None, PERIOD, 0.0)
    return rollout, Samples.of(found)


def measured(
    rng: np.random.Generator, metric: str, bad: float, service: Present, revision: str, at: np.ndarray,
    requests: np.ndarray,
) -> list[tuple[Key, np.ndarray]]:  # fmt: skip
    """What the case at hand needs, and no more: other metrics must not find the fault first."""
    found = [(Key("request_count", revision), requests)]
    if metric == "error_ratio":
        found.append((Key("error_count", revision), rng.binomial(requests, service.error_ratio + bad)))
    if metric == "open_fds":
        assert service.fds is not None
        level = 20 + autoregressive(rng, at.size, service.fds) + bad * (at - at[0]) / PERIOD
        found.append((Key("open_fds", revision, f"{revision}-a"), np.maximum(np.round(level), 0)))
    if metric == "cpu_utilization":
        assert service.cpu is not None
        count = np.where(at <= START, INSTANCES, 1 if revision == NEW else INSTANCES - 1)
        load = requests / count / (service.rate * PERIOD / INSTANCES)
        use = (0.03 + 0.3 * load) * (1 + bad) * np.exp(autoregressive(rng, at.size, service.cpu))
        found += [(Key("instance_count", revision), count), (Key("cpu_utilization", revision), use)]
    if metric == "latency_p99_ms":
        assert service.p50
        assert service.p99
        spread = math.log(service.p99 / service.p50) / 2.3263
        took = [service.p50 * np.exp(spread * rng.normal(size=n)) for n in requests.tolist()]
        # Only the slow ones get slower, or the median would tell of it sooner.
        took = [np.where(t > 0.4 * service.p99, t * (1 + bad), t) for t in took]
        for bound in BOUNDS:
            key = Key("latency_ms_bucket", revision, "", bound)
            found.append((key, np.array([(t <= bound).sum() for t in took])))
    return found


def found_after(metric: str, size: float, service: Present, seed: int, minutes: int) -> float:
    """Minutes until the judge rolls back for this metric, looking every minute."""
    rollout, samples = simulated(metric, size, service, seed, minutes)
    criteria = Criteria(required=("request_count",))
    for minute in range(1, minutes + 1):
        verdict = judge(samples, rollout, criteria, START + PERIOD * minute)
        if verdict.decision is Decision.ROLLBACK:
            assert metric in [m.metric for m in verdict.metrics if m.finding == "worse"]
            return minute
    return math.inf


@pytest.mark.parametrize(
    ("metric", "size", "rate"),
    [
        ("error_ratio", 0.01, 10.0),
        ("error_ratio", 0.10, 0.5),
        ("open_fds", 2.0, 10.0),
        ("latency_p99_ms", 1.0, 2.0),
        ("cpu_utilization", 0.3, 10.0),
    ],
)
def test_the_judge_takes_about_as_long_as_was_said(metric: str, size: float, rate: float) -> None:
    service = replace(BUSY, rate=rate)
    said = seconds(metric, size, service) / 60
    took = [found_after(metric, size, service, seed, math.ceil(2.5 * said)) for seed in range(7)]
    assert said / 2 <= np.median(took) <= 2 * said, (said, sorted(took))


def seconds(metric: str, size: float, service: Present) -> float:
    """What is said a fault takes at a fifth of the traffic, by the smallest change of ever longer steps."""
    low, high = PERIOD, 30 * 86400.0
    while high > 1.02 * low:
        middle = math.sqrt(low * high)
        (sight,) = [
            s for s in survey(service, (Part(SHARE, middle),), Criteria()).sights if s.metric == metric
        ]
        (smallest,) = sight.in_part
        low, high = (low, middle) if smallest is not None and smallest <= size else (middle, high)
    return high


# ------------------------------------------------------------------------------------------- shape


def by_fault(power: Power) -> dict[str, tuple[float | None, ...]]:
    return {d.fault.name: (*d.at_share, d.in_rollout) for d in power.detections}


def test_more_traffic_more_instances_and_less_noise_show_more() -> None:
    power = survey(BUSY, STEPS, Criteria())
    for better in (
        replace(BUSY, rate=100.0), replace(BUSY, instances=50.0), replace(BUSY, fds=Noise(0.5)),
        replace(BUSY, cpu=Noise(0.01)),
    ):  # fmt: skip
        for then, now in zip(survey(better, STEPS, Criteria()).sights, power.sights, strict=True):
            for new, old in zip((*then.in_part, *then.so_far), (*now.in_part, *now.so_far), strict=True):
                assert (math.inf if new is None else new) <= (math.inf if old is None else old) * 1.001


def test_larger_faults_are_found_sooner_and_a_rollout_shows_more_with_every_step() -> None:
    power = survey(BUSY, STEPS, Criteria())
    found = by_fault(power)
    for small, large in (
        ("an error rise of 0.5 points", "an error rise of 3 points"),
        ("a leak of 1 fd/min", "a leak of 5 fds/min"),
    ):
        for slow, fast in zip(found[small], found[large], strict=True):
            assert fast is None or (slow is not None and fast <= slow) or slow is None
    for sight in power.sights:
        seen = [math.inf if s is None else s for s in sight.so_far]
        assert seen == sorted(seen, reverse=True)
        assert seen[-1] > sight.tolerated


def test_what_is_tolerated_is_never_found() -> None:
    lenient = Criteria(error_increase=0.02, latency_ratio=3.0, leak_min_slope=2.0, cpu_increase=0.2)
    for detection in survey(replace(BUSY, rate=1000.0), STEPS, lenient).detections:
        expected = detection.fault.name in {
            "an error rise of 0.5 points", "an error rise of 1 point", "a doubled p99 latency",
            "a leak of 1 fd/min", "10 % more CPU per request",
        }  # fmt: skip
        assert detection.tolerated == expected, detection
        if expected:
            assert detection.in_rollout is None


def test_nothing_is_said_of_what_was_not_measured() -> None:
    bare = survey(Present(rate=1.0), STEPS, Criteria())
    assert [s.metric for s in bare.sights] == ["error_ratio"]
    idle = survey(Present(rate=0.0, fds=Noise(1.0)), STEPS, Criteria())
    assert [s.metric for s in idle.sights] == ["open_fds"]
    assert {f.metric for f in FAULTS} >= {s.metric for s in survey(BUSY, STEPS, Criteria()).sights}


def test_a_smaller_share_of_alpha_takes_longer() -> None:
    strict, lenient = (survey(BUSY, STEPS, Criteria(alpha=a)) for a in (1e-4, 0.1))
    for slow, fast in zip(strict.detections, lenient.detections, strict=True):
        for s, f in zip(slow.at_share, fast.at_share, strict=True):
            assert f is None or s is None or s >= f


# ------------------------------------------------------------------------------------------- words


def test_what_stays_unseen_is_a_sentence_with_what_it_would_take() -> None:
    quiet = replace(BUSY, rate=40 / 60, instances=1.0)
    spots = blind_spots(survey(quiet, STEPS, Criteria()))
    (errors,) = [s for s in spots if "an error rise of " in s]
    assert "% of 40 requests/min an error rise of " in errors
    assert " to detect; this step lasts " in errors
    assert blind_spots(survey(replace(BUSY, rate=1e5, cpu=None), STEPS, Criteria())) == ()


def test_the_text_has_a_column_for_each_step() -> None:
    told = text(survey(BUSY, STEPS, Criteria()), "orders")
    assert told.startswith("orders at present: 10 requests/s, 0.2 % errors, 5 instances, p99 latency 80 ms")
    (head,) = [line for line in told.splitlines() if "for 10 min" in line]
    assert [word for word in head.split() if word.isdigit()] == [
        "5", "10", "25", "10", "50", "10", "100", "30",
    ]  # fmt: skip
    for fault in FAULTS:
        assert (fault.name in told) == (fault.metric != "tcp_connections")


def test_over_how_long_the_traffic_was_measured_is_said_unless_it_was_given() -> None:
    measured = replace(BUSY, seconds=2580.0)
    told = text(survey(measured, STEPS, Criteria()), "orders")
    assert told.startswith("orders at present: 10 requests/s (mean of the last 43 min), 0.2 % errors")
    assert data(survey(measured, STEPS, Criteria()))["present"]["measured_over_seconds"] == 2580.0
    given = text(survey(measured.but(20.0, None, None), STEPS, Criteria()), "orders")
    assert given.startswith("orders at present: 20 requests/s, 0.2 % errors")


def test_the_data_is_json_and_the_same() -> None:
    power = survey(BUSY, STEPS, Criteria())
    found = json.loads(json.dumps(data(power), allow_nan=False))
    assert [s["percent"] for s in found["steps"]] == [5, 25, 50, 100]
    assert {
        f["fault"]: (*f["seconds_at_step"], f["seconds_in_rollout"]) for f in found["faults"]
    } == by_fault(power)
    assert found["blind_spots"] == list(blind_spots(power))


@pytest.mark.parametrize(
    ("given", "told"),
    [(5.0, "5 s"), (90.0, "90 s"), (600.0, "10 min"), (3 * 3600.0, "3 h"), (5 * 86400.0, "5 d")],
)
def test_durations_are_rough(given: float, told: str) -> None:
    assert about(given) == told


# ------------------------------------------------------------------------------------------- measuring


def test_the_present_is_measured_from_the_samples() -> None:
    rng = np.random.default_rng(3)
    times = START + PERIOD * np.arange(1, 241)
    noise = Noise(3.0, 0.6)
    found = []
    for name in ("a", "b"):
        fds = 50 + autoregressive(rng, times.size, noise) + 0.01 * np.arange(times.size)
        found.append(Series(Key("open_fds", OLD, name), times.copy(), fds))
    requests = rng.poisson(300, times.size).astype(float)
    use = (0.1 + 0.001 * requests) * np.exp(autoregressive(rng, times.size, Noise(0.04)))
    for metric, values in (
        ("request_count", requests), ("error_count", rng.binomial(requests.astype(int), 0.01).astype(float)),
        ("latency_p50_ms", np.full(times.size, 12.0)), ("latency_p99_ms", np.full(times.size, 90.0)),
        ("cpu_utilization", use),
    ):  # fmt: skip
        found.append(Series(Key(metric, OLD), times.copy(), values))
    now = present(Samples.of(found), Window(START, START + 240 * PERIOD), PERIOD)
    assert isinstance(now, Present)
    assert (now.rate, now.seconds) == (pytest.approx(5.0, rel=0.05), 240 * PERIOD)
    assert (now.instances, now.p50, now.p99) == (2, 12.0, 90.0)
    assert now.error_ratio == pytest.approx(0.01, rel=0.2)
    assert now.dispersion == pytest.approx(1, abs=0.3)
    assert now.fds is not None
    assert now.fds.sd == pytest.approx(3.0, rel=0.2)
    assert now.fds.phi == pytest.approx(0.6, abs=0.12)
    assert now.cpu is not None
    assert now.cpu.sd == pytest.approx(0.04, rel=0.2)
    assert now.connections is None


@pytest.mark.parametrize(
    "requests",
    [
        [300.0] * 20,  # the same in every period
        [3.0, 3.0 + 4e-16] * 10,  # but for rounding
        [0.0] * 19 + [1e-300],
        [300.0] + [0.0] * 19,  # all at once
    ],
)
@pytest.mark.parametrize("instances", [1.0, 3.0])
def test_a_load_that_hardly_varies_explains_nothing_and_is_no_trouble(
    requests: list[float], instances: float
) -> None:
    """Every warning is an error here."""
    rng = np.random.default_rng(5)
    times = START + PERIOD * np.arange(1, 21)
    use = 0.3 * np.exp(rng.normal(0, 0.05, times.size))
    found = present(
        Samples.of(
            Series(Key(metric, OLD), times.copy(), np.array(values))
            for metric, values in (
                ("request_count", requests), ("cpu_utilization", use),
                ("instance_count", [instances] * 20),
            )
        ),
        Window(START, START + 20 * PERIOD),
        PERIOD,
    )  # fmt: skip
    assert isinstance(found, Present)
    assert found.cpu is not None
    assert found.cpu.sd == pytest.approx(float(np.log(use).std()), rel=0.2)


def test_noise_is_measured_about_the_growth_however_late_and_short_it_is() -> None:
    ripple = np.array([1.0, -1.0] * 10)
    for period in (0.5, 60.0, 3600.0):
        times = START + period * np.arange(1, 21)
        fds = Series(Key("open_fds", OLD, "a"), times, 50 + 7 * np.arange(20) + ripple)
        requests = Series(Key("request_count", OLD), times.copy(), np.full(20, 30.0))
        found = present(Samples.of((fds, requests)), Window(START, START + 20 * period), period)
        assert isinstance(found, Present)
        assert found.fds is not None
        assert found.fds.sd == pytest.approx(1.0, rel=0.05)


def test_no_requests_are_no_data() -> None:
    assert isinstance(present(Samples.of(()), Window(START, START + 60), PERIOD), NoData)
