"""What a recorded rollout comes to, whatever is in it: a stated verdict, and no promotion out of nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.recorded import (
    DELAY,
    FAILING,
    HEALTHY,
    LEAKING,
    NEW,
    OLD,
    PERIOD,
    START,
    Recorded,
    changed,
    of_revision,
    shifted,
    texts,
)
from tidegate.core.errors import InvalidInput, UsageError
from tidegate.core.judge import Criteria
from tidegate.core.replay import (
    Policy,
    Replayed,
    data,
    look_times,
    replay,
    required,
    stepping,
    table_data,
    warm_up,
)
from tidegate.core.replay.plain import table, text
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Attribution, Decision, Verdict
from tidegate.flows.replay import Judging
from tidegate.flows.replay import replay as judged


def run(
    rollout: Rollout, samples: Samples, policy: Policy | None = None, every: float | None = None
) -> Replayed:
    criteria = Criteria(required=required(rollout, samples))
    running = replay(rollout, samples, criteria, policy, times=look_times(rollout, samples, every))
    while True:
        try:
            next(running)
        except StopIteration as ended:
            replayed: Replayed = ended.value
            return replayed


def of(recorded: Recorded, policy: Policy | None = None) -> Replayed:
    return run(*recorded.make(), policy)


# ------------------------------------------------------------------------------------------- verdicts


def test_a_healthy_candidate_is_promoted_when_the_trace_ends() -> None:
    found = of(HEALTHY)
    assert (found.decision, found.attribution) == (Decision.PROMOTE, Attribution.NONE)
    assert found.decided_at == START + 3600 + DELAY
    assert not found.warnings


@pytest.mark.parametrize(("bad", "metric"), [(FAILING, "error_ratio"), (LEAKING, "open_fds")])
def test_a_faulty_candidate_is_rolled_back_before_the_end(bad: Recorded, metric: str) -> None:
    found = of(bad)
    assert (found.decision, found.attribution) == (Decision.ROLLBACK, Attribution.REVISION)
    assert START + DELAY < found.decided_at < START + 2400
    assert [m.metric for m in found.metrics if m.finding == "worse"] == [metric]
    assert found.changes[-1].time == found.decided_at


def test_what_both_revisions_have_is_held() -> None:
    found = of(replace(HEALTHY, leak=8.0, old_leak=8.0, before=40))
    assert (found.decision, found.attribution) == (Decision.HOLD, Attribution.PRE_EXISTING)
    assert found.decided_at < START + 3600


@pytest.mark.parametrize("enough", [True, False])
@pytest.mark.parametrize("then", ["hold", "rollback", "promote"])
def test_what_was_there_before_goes_by_the_policy(
    then: str, enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge that finds it from the third look on: only a policy that does not mind looks on to the end."""

    def scripted(samples: Samples, rollout: Rollout, criteria: Criteria, at: float) -> Verdict:
        if at < START + DELAY + 180:
            return Verdict(Decision.CONTINUE, Attribution.UNKNOWN, at, ("too early",))
        return Verdict(Decision.HOLD, Attribution.PRE_EXISTING, at, ("both climb",), (), enough)

    monkeypatch.setattr(stepping, "judge", scripted)
    found = of(HEALTHY, Policy(on_pre_existing=then))  # type: ignore[arg-type]
    if then == "promote":
        assert found.decided_at == START + 3600 + DELAY
        # Without enough data there is no promotion, whatever was there before.
        expected = (
            (Decision.PROMOTE, Attribution.PRE_EXISTING) if enough else (Decision.HOLD, Attribution.UNKNOWN)
        )
        assert (found.decision, found.attribution) == expected
    else:
        assert found.decided_at == START + DELAY + 180
        assert (found.decision, found.attribution) == (Decision(then), Attribution.PRE_EXISTING)
    assert "both climb" in found.reasons[0]


@pytest.mark.parametrize("then", ["hold", "rollback", "promote"])
def test_too_little_goes_by_the_policy_and_says_what_is_missing(then: str) -> None:
    found = of(replace(HEALTHY, minutes=3), Policy(on_inconclusive=then))  # type: ignore[arg-type]
    assert (found.decision, found.attribution) == (Decision(then), Attribution.UNKNOWN)
    assert "samples of" in " ".join(found.reasons)
    assert (f"on_inconclusive: {then}" in " ".join(found.reasons)) == (then != "hold")


def test_a_faulty_first_deployment_is_told_what_a_rollback_would_meet() -> None:
    found = of(replace(FAILING, stable="", steps=(100,)))
    assert found.decision is Decision.ROLLBACK
    assert "no earlier revision" in found.reasons[-1]
    healthy = of(replace(HEALTHY, stable="", steps=(100,)))
    assert healthy.decision is Decision.PROMOTE
    assert "no stable revision" in " ".join(healthy.reasons)


# ------------------------------------------------------------------------------------------- required


@pytest.mark.parametrize(
    ("leave_out", "expected"),
    [
        ((), ("request_count", "error_ratio", "latency_p99_ms", "open_fds")),
        (("open_fds", "latency_p99_ms"), ("request_count", "error_ratio")),
        (("request_count", "error_count", "latency_p99_ms"), ("open_fds",)),
        (("request_count", "error_count", "latency_p99_ms", "open_fds"), ()),
    ],
)
def test_what_was_measured_is_what_is_required(leave_out: tuple[str, ...], expected: tuple[str, ...]) -> None:
    rollout, samples = replace(HEALTHY, leave_out=leave_out).make()
    assert required(rollout, samples) == expected
    found = run(rollout, samples)
    assert (found.decision is Decision.PROMOTE) == bool(expected)


def test_what_only_the_candidate_lacks_stays_required() -> None:
    rollout, samples = HEALTHY.make()
    without = changed(samples, lambda _: None, lambda k: (k.metric, k.revision) == ("open_fds", NEW))
    found = run(rollout, without)
    assert found.decision is Decision.HOLD
    assert "fds" in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (("error_ratio",), ("error_ratio",)),
        (("error_count",), ()),
        (("latency_mean_ms",), ("latency_mean_ms",)),
        (("latency_mean_ms", "latency_p99_ms"), ("latency_p99_ms",)),
        (("latency_ms_bucket",), ("latency_p99_ms",)),
        (("tcp_connections", "cpu_utilization"), ("tcp_connections",)),
        (("cpu_utilization", "instance_count"), ("cpu_utilization",)),
    ],
)
def test_other_ways_to_measure(metrics: tuple[str, ...], expected: tuple[str, ...]) -> None:
    rollout, _ = HEALTHY.make()
    keys = [Key(m, OLD, "", 5.0 if m == "latency_ms_bucket" else None) for m in metrics]
    samples = Samples.of(Series(k, np.array([START]), np.array([1.0])) for k in keys)
    assert required(rollout, samples) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(60.0, 10.0), (600.0, 100.0), (3600.0, 120.0), (3.0, 1.0), (0.0, 1.0)]
)
def test_a_short_rollout_is_given_a_short_warm_up(seconds: float, expected: float) -> None:
    rollout = Rollout("s", OLD, NEW, (Step(START, 50),), START + seconds, 1.0, 2.0)
    last = Samples.of([Series(Key("open_fds", NEW, "a"), np.array([START + seconds]), np.array([1.0]))])
    assert warm_up(rollout, last) == warm_up(replace(rollout, end=None), last) == expected


# ------------------------------------------------------------------------------------------- looks


def test_a_look_a_period_as_its_samples_can_be_seen() -> None:
    rollout, samples = replace(HEALTHY, minutes=5).make()
    assert look_times(rollout, samples) == tuple(START + DELAY + 60 * k for k in range(1, 6))
    assert look_times(rollout, samples, 120) == (START + 300, START + 420, START + 480)


def test_the_last_look_sees_the_last_sample_and_none_comes_before_the_end() -> None:
    rollout, samples = replace(HEALTHY, minutes=5).make()
    assert look_times(replace(rollout, end=None), samples)[-1] == START + 300 + DELAY
    assert look_times(replace(rollout, end=START + 9000), samples)[-1] == START + 9000
    assert look_times(replace(rollout, end=rollout.steps[-1].time), samples)[-1] == START + 200 + DELAY
    assert look_times(rollout, Samples.of(()))[-1] == START + 300


def test_what_comes_after_the_traffic_was_taken_back_is_not_looked_at() -> None:
    rollout, samples = HEALTHY.make()
    back = replace(rollout, steps=(Step(START, 10), Step(START + 600, 0)))
    assert look_times(back, samples)[-1] == START + 600 + DELAY


@pytest.mark.parametrize("periods", [400, 401, 5000, 1_000_000])
def test_long_traces_have_some_hundred_looks(periods: int) -> None:
    rollout = Rollout("s", OLD, NEW, (Step(START, 50),), START + periods, 1.0, 0.0)
    one = Samples.of([Series(Key("open_fds", NEW, "a"), np.array([START + periods]), np.array([1.0]))])
    times = np.array(look_times(rollout, one))
    assert 300 < times.size <= 401
    assert (np.diff(times) > 0).all()
    assert times[-1] == START + periods
    assert times[:20].tolist() == [START + k for k in range(1, 21)]
    assert (np.diff(times) <= np.maximum(1, 0.1 * (times[:-1] - START))).all()


def test_an_absurd_number_of_looks_is_refused() -> None:
    rollout, samples = HEALTHY.make()
    with pytest.raises(UsageError, match="looks"):
        look_times(rollout, samples, 0.001)


@settings(deadline=None, max_examples=12)
@given(st.sampled_from([HEALTHY, FAILING, LEAKING]), st.integers(1, 30), st.randoms(use_true_random=False))
def test_no_look_sees_what_was_not_known(recorded: Recorded, minute: int, rng: object) -> None:
    """Up to any look, nothing that came less than the ingestion delay before it has any effect."""
    rollout, samples = recorded.make()
    at = START + DELAY + minute * PERIOD

    def spoilt(series: Series) -> Series:
        late = series.times > at - DELAY
        wild = np.where(late, rng.uniform(0, 1e6), series.values)  # type: ignore[attr-defined]
        return Series(series.key, series.times.copy(), wild)

    criteria = Criteria(required=required(rollout, samples))
    times = tuple(time for time in look_times(rollout, samples) if time <= at)
    assert times[-1] == at
    seen = [
        [looked.verdict for looked in replay(rollout, s, criteria, times=times)]
        for s in (samples, changed(samples, spoilt))
    ]
    assert seen[0] == seen[1]


# ------------------------------------------------------------------------------------------- bad input


def of_texts(rollout_json: str, samples_csv: str) -> Replayed:
    return judged(rollout_json, samples_csv, Judging(), look_every=300.0).replayed


@settings(deadline=None, max_examples=10)
@given(st.sampled_from([HEALTHY, FAILING]), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(recorded: Recorded, rng: object) -> None:
    head, body = texts(recorded)
    header, *rows = body.splitlines()
    rng.shuffle(rows)  # type: ignore[attr-defined]
    assert data(of_texts(head, "\n".join([header, *rows]))) == data(of_texts(head, body))


def test_repeated_rows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    head, body = texts(FAILING)
    rows = body.splitlines()
    again = "\ufeff" + "\r\n".join([*rows, *rows[1:50]]) + "\r\n"
    outcome = judged("\ufeff" + head.replace("\n", "\r\n"), again, Judging(), look_every=300.0)
    assert data(outcome.replayed) == data(of_texts(head, body))
    assert outcome.warnings == ("samples.csv: 49 repeated rows are dropped",)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", "", "many"])
def test_what_is_no_number_is_refused(value: str) -> None:
    head, body = texts(HEALTHY)
    with pytest.raises(InvalidInput, match=r"samples.csv:\d+:\d+: the value must be a finite number"):
        of_texts(head, f"{body}{START + 1},open_fds,{NEW},x,{value}\n")


def test_negative_counts_are_left_out_and_said() -> None:
    rollout, samples = HEALTHY.make()

    def negative(series: Series) -> Series:
        return Series(
            series.key, series.times.copy(), np.where(np.arange(len(series)) < 3, -5, series.values)
        )

    found = run(rollout, changed(samples, negative, lambda k: k.metric == "request_count"))
    assert found.decision in (Decision.PROMOTE, Decision.HOLD)
    assert f"3 values of request_count of {NEW} are below 0 and are left out" in found.warnings


@pytest.mark.parametrize("resets", [False, True])
def test_counters_since_the_start_are_not_taken_for_counts(resets: bool) -> None:
    rollout, samples = HEALTHY.make()

    def counter(series: Series) -> Series:
        total = np.cumsum(series.values + 1)
        if resets:
            total[30:] -= total[30] - 1
        return Series(series.key, series.times.copy(), total)

    found = run(rollout, changed(samples, counter, lambda k: k.metric == "request_count"))
    assert found.decision is not Decision.PROMOTE
    assert "request_count" in found.warnings[0]
    assert "counter" in found.warnings[0]


def test_one_sample() -> None:
    rollout, _ = HEALTHY.make()
    for time in (START - 60, START, START + 60):
        one = Samples.of([Series(Key("open_fds", NEW, "a"), np.array([time]), np.array([3.0]))])
        found = run(rollout, one)
        assert found.decision is Decision.HOLD
        assert found.attribution is Attribution.UNKNOWN


@pytest.mark.parametrize("revision", [OLD, NEW])
@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("hours", [-24, -5, -0.5, 0.5, 5, 1_000_000])
def test_other_clocks_are_not_promoted_and_said(revision: str, hours: float, end: bool) -> None:
    if revision == OLD and abs(hours) < 1:
        return  # how long the quiet time before was is not known, so less than that cannot be told
    rollout, samples = replace(HEALTHY, end=end).make()
    found = run(rollout, shifted(samples, revision, 3600 * hours))
    assert found.decision is not Decision.PROMOTE


@pytest.mark.parametrize(
    ("revision", "hours", "said"),
    [
        (NEW, -5, "240 min or more before the rollout"),
        (NEW, 5, "241 min or more after the rollout"),
        (NEW, -0.5, "begin and end 30 min earlier"),
        (OLD, 5, "220 min or more after the rollout"),
        (OLD, -24, "1,380 min or more before the rollout"),
    ],
)
def test_how_far_a_clock_is_off_is_said(revision: str, hours: float, said: str) -> None:
    rollout, samples = HEALTHY.make()
    found = run(rollout, shifted(samples, revision, 3600 * hours))
    assert any(said in w and revision in w for w in found.warnings), found.warnings


def test_an_end_long_after_the_last_sample_is_not_waited_for_and_promotes_nothing() -> None:
    rollout, samples = HEALTHY.make()
    for end in (START + 3 * 3600, 1e15):
        found = run(replace(rollout, end=end), samples, every=86400.0)
        assert found.decision is not Decision.PROMOTE
        assert found.decided_at < START + 100 * 86400
        assert "min before the rollout does" in found.warnings[0]


def test_milliseconds_are_recognized() -> None:
    rollout, samples = HEALTHY.make()

    def thousandfold(series: Series) -> Series:
        return Series(series.key, series.times * 1000, series.values.copy())

    found = run(rollout, changed(samples, thousandfold))
    assert found.decision is Decision.HOLD
    assert "milliseconds" in found.warnings[0]


@pytest.mark.parametrize("recorded", [HEALTHY, replace(HEALTHY, end=False)])
def test_nothing_of_a_revision(recorded: Recorded) -> None:
    rollout, samples = recorded.make()
    for there, missing in ((OLD, NEW), (NEW, OLD)):
        found = run(rollout, of_revision(samples, there))
        assert found.decision is not Decision.PROMOTE
        assert f"{missing} has no sample at all" in found.warnings[0]
    nothing = run(rollout, Samples.of(()))
    assert (nothing.decision, nothing.attribution) == (Decision.HOLD, Attribution.UNKNOWN)


def test_revisions_that_do_not_take_part_are_left_aside_and_said() -> None:
    rollout, samples = HEALTHY.make()
    third = Series(Key("open_fds", "orders-3", "a"), np.array([START + 60]), np.array([1e4]))
    found = run(rollout, Samples.of([*samples.by_key.values(), third]))
    assert found.decision is Decision.PROMOTE
    assert "orders-3" in " ".join(found.warnings)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_nothing_crashes_and_nothing_is_promoted_out_of_rubbish(rows: st.DataObject) -> None:
    rollout, samples = replace(HEALTHY, minutes=12).make()
    number = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 100)
    found = {}
    for key in rows.draw(st.sets(st.sampled_from(sorted(samples.by_key)), max_size=4)):
        near = st.floats(START - 2000, START + 2000) | number
        times = np.array(sorted(rows.draw(st.sets(near, min_size=1, max_size=6))))
        found[key] = Series(key, times, np.array([rows.draw(number) for _ in times]))
    replayed = run(rollout, Samples.of(found.values()))
    requests = [s.values.sum() for k, s in found.items() if (k.metric, k.revision) == ("request_count", NEW)]
    assert replayed.decision is not Decision.PROMOTE or sum(requests) >= Criteria().min_requests
    json.dumps(data(replayed), allow_nan=False)
    assert text(replayed)


# ------------------------------------------------------------------------------------------- shown


def test_the_data_of_one_trace() -> None:
    found = data(of(FAILING))
    assert list(found) == ["verdict", "attribution", "decided_at", "reasons", "metrics"]
    assert (found["verdict"], found["attribution"]) == ("rollback", "revision")
    for metric in found["metrics"]:
        assert list(metric) == [
            "metric", "finding", "estimate", "low", "high", "unit", "evidence", "boundary", "samples",
            "decisive", "sentence",
        ]  # fmt: skip


def test_no_number_of_the_data_is_infinite() -> None:
    found = of(HEALTHY)
    odd = replace(found.metrics[0], estimate=math.inf, low=-math.inf, high=math.nan, evidence=1.5)
    (metric,) = data(replace(found, metrics=(odd,)))["metrics"]
    assert [metric[k] for k in ("estimate", "low", "high", "evidence")] == [None, None, None, 1.5]


def test_the_text_tells_the_verdict_the_metrics_and_the_story() -> None:
    found = of(LEAKING)
    told = text(found)
    assert told.startswith(f"rollback {NEW} (attribution: revision), decided ")
    assert "10 % of the traffic to orders-00042" in told
    lines = told.splitlines()
    (row,) = [line for line in lines if line.startswith("open_fds")]
    assert "worse" in row
    assert "required" in row
    assert any(line.lstrip().startswith("+") and "open_fds: worse" in line for line in lines)
    assert lines[-1].endswith("rollback")
    assert "\x1b" not in text(replace(found, reasons=("\x1b[31mred",)))


def test_the_table_has_a_line_for_each_and_counts() -> None:
    results = {"good": of(HEALTHY), "bad": of(FAILING), "broken": "samples.csv:2:1: the time is missing"}
    told = table(results).splitlines()
    assert [line.split()[:2] for line in told[2:5]] == [
        ["good", "promote"], ["bad", "rollback"], ["broken", "error"],
    ]  # fmt: skip
    assert told[-1] == "3 traces: 1 promote, 1 rollback, 1 error"
    rows = {n: {"error": f} if isinstance(f, str) else data(f) for n, f in results.items()}
    found = table_data(rows)
    assert [row["trace"] for row in found["traces"]] == ["good", "bad", "broken"]
    assert found["summary"] == {"traces": 3, "promote": 1, "rollback": 1, "hold": 0, "errors": 1}
