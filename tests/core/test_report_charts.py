"""What the charts draw of the samples: every extreme, no line over a gap, words where there is nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core.report_parts import NEW, OLD, START, Element, leaking, rolled_back, series, shown, with_state
from tidegate.core.report import Report
from tidegate.core.report.curves import Curve, thinned
from tidegate.core.rollout import Moved, Phase
from tidegate.core.samples import Key, Samples, Series, Window


def with_samples(*extra: Series, only: bool = False) -> Report:
    kept = [] if only else list(leaking().by_key.values())
    return rolled_back(samples=Samples.of([*kept, *extra]))


def paths(chart: Element, kind: str) -> list[str]:
    """Path data of the lines, without the invisible ones that widen them for the pointer."""
    return [
        p.attributes["d"]
        for g in chart.all("g", f"line {kind}")
        for p in g.all("path")
        if "class" not in p.attributes and p.attributes["d"] != "M2,5H32"
    ]


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", path)]


def test_a_leak_climbs_on_the_chart_and_the_stable_revision_is_flat() -> None:
    chart = shown(rolled_back()).chart("Open fds per instance")
    [candidate], [stable] = paths(chart, "candidate"), paths(chart, "stable")
    heights = [y for _, y in points(candidate)]
    assert len(heights) == 20
    assert heights == sorted(heights, reverse=True)
    assert len({y for _, y in points(stable)}) == 1
    assert min(x for x, _ in points(stable)) < min(x for x, _ in points(candidate))


def test_lines_say_what_they_are() -> None:
    chart = shown(rolled_back()).chart("Open fds per instance")
    [title] = [t.text for g in chart.all("g", "line candidate") for t in g.all("title")]
    assert title == f"{NEW} (candidate), instance b1: 10 → 124"
    [svg] = [s for s in chart.all("svg") if s.attributes.get("role") == "img"]
    assert svg.attributes["aria-label"] == (
        f"Open fds per instance, fds: {NEW} (candidate) 10 → 124; {OLD} (stable) 8."
    )


def test_traffic_moves_and_the_decision_are_vertical_lines() -> None:
    chart = shown(rolled_back()).chart("p99 latency")
    moves, [decision] = chart.all("g", "mark move"), chart.all("g", "mark decision")
    assert [m.all("text")[0].text for m in moves] == ["20 %", "0 %"]
    assert [m.all("title")[0].text for m in moves] == [
        f"20 % of the traffic to {NEW}, 0 s",
        f"0 % of the traffic to {NEW}, +20 s",
    ]
    assert decision.all("text")[0].text == "roll back"


def test_marks_too_close_for_their_labels_keep_their_titles() -> None:
    moves = tuple(Moved(START + i / 10, i) for i in range(1, 51))
    report = with_state(rolled_back(), moves=moves)
    found = shown(report).chart("p99 latency").all("g", "mark move")
    assert len(found) == 50
    assert all(g.all("title") for g in found)
    labelled = [g for g in found if g.all("text")]
    assert 1 <= len(labelled) < 10


def test_a_gap_in_the_samples_is_a_gap_in_the_line() -> None:
    times = np.array([1, 2, 3, 12, 13, 14]) + START
    gap = Series(Key("in_flight_requests", NEW), times, np.ones(6))
    assert len(gap) == 6
    holed = Series(Key("open_fds", NEW, "c1"), times, np.arange(6.0))
    [*_, path] = paths(shown(with_samples(holed)).chart("Open fds per instance"), "candidate")
    assert path.count("M") == 2


def test_a_lone_sample_is_a_dot() -> None:
    report = with_samples(series("latency_p99_ms", NEW, [5.0]), only=True)
    chart = shown(report).chart("p99 latency")
    assert [p.attributes["d"].count("M") for p in chart.all("path", "dot")] == [1]
    assert paths(chart, "candidate") == []


def test_rates_are_per_second_whatever_the_sample_period() -> None:
    report = with_samples(series("request_count", NEW, [120, 180]), only=True)
    assert report.rollout is not None
    reading = shown(report).chart("Request rate").all("ul", "readings")[0].text
    assert reading == f"{NEW}: 120 → 180 No data for {OLD}: request_count was never measured."


def test_the_error_ratio_leaves_out_times_without_requests() -> None:
    report = with_samples(
        series("request_count", NEW, [10, 0, 10, 10]), series("error_count", NEW, [1, 0, 2, 5]), only=True
    )
    reading = shown(report).chart("Error ratio").all("ul", "readings")[0].text
    assert reading.startswith(f"{NEW}: 10 % → 50 %")


def test_no_requests_is_said_and_no_ratio_of_zero() -> None:
    report = with_samples(series("request_count", NEW, [0, 0]), series("error_count", NEW, [0, 0]), only=True)
    root = shown(report)
    assert "Error ratio" not in [h.text for h in root.all("h3")]
    told = dict(zip(*([e.text for e in root.all(tag)] for tag in ("dt", "dd")), strict=True))
    assert "there were no requests" in told["Error ratio"]


def test_what_was_never_measured_is_told_with_the_reason() -> None:
    root = shown(with_samples(series("request_count", NEW, [1, 2]), only=True))
    [section] = [s for s in root.all("section") if s.attributes.get("aria-labelledby") == "unmeasured"]
    told = dict(zip(*([e.text for e in section.all(tag)] for tag in ("dt", "dd")), strict=True))
    assert told["Open fds per instance"] == (
        "open_fds was never measured; it is known only where the collector runs beside the application"
    )
    assert told["p99 latency"] == "latency_p99_ms was never measured"
    assert "Memory per instance" not in told


def test_a_revision_without_samples_is_named_under_the_chart_of_the_other() -> None:
    readings = shown(rolled_back()).chart("Median latency").all("li")
    assert readings[-1].text == f"No data for {OLD}: latency_p50_ms was never measured."


def test_many_instances_are_a_band_from_the_lowest_to_the_highest() -> None:
    many = [series("open_fds", NEW, [float(i)] * 20, instance=f"i{i}") for i in range(300)]
    chart = shown(with_samples(*many, only=True)).chart("Open fds per instance")
    [band] = chart.all("path", "band candidate")
    assert len(paths(chart, "candidate")) == 1
    heights = {y for _, y in points(band.attributes["d"])}
    assert len(heights) == 2
    assert "300 instances, 0 to 299 at the end, highest 299" in chart.text


def test_few_instances_are_a_line_each() -> None:
    some = [series("open_fds", NEW, [float(i)] * 20, instance=f"i{i}") for i in range(3)]
    chart = shown(with_samples(*some, only=True)).chart("Open fds per instance")
    assert len(paths(chart, "candidate")) == 3
    assert chart.all("path", "band") == []


@pytest.mark.parametrize("seed", range(5))
def test_thinning_keeps_extremes_ends_and_order(seed: int) -> None:
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0, 1000, 50_000))
    values = random.normal(size=50_000)
    values[random.integers(50_000)] = 99
    values[random.integers(50_000)] = -99
    thin = thinned(Curve("", times, values), Window(0, 1000), 500)
    assert thin.times.size <= 2000
    assert (np.diff(thin.times) >= 0).all()
    assert (thin.values.max(), thin.values.min()) == (99, -99)
    assert (thin.times[0], thin.times[-1]) == (times[0], times[-1])


def test_every_column_of_a_thinned_line_keeps_its_own_extremes() -> None:
    times, values = np.arange(10_000.0), np.sin(np.arange(10_000.0))
    thin = thinned(Curve("", times, values), Window(0, 10_000), 10)
    for start in range(0, 10_000, 1000):
        all_of_it = values[start : start + 1000]
        kept = thin.values[(thin.times >= start) & (thin.times < start + 1000)]
        assert (kept.min(), kept.max()) == (all_of_it.min(), all_of_it.max())


def test_a_page_of_very_many_samples_stays_small_and_shows_the_spike() -> None:
    values = [20.0] * 100_000
    values[77_777] = 4321.0
    long = series("open_fds", NEW, values, instance="b1", period=0.0003)
    chart = shown(with_samples(long, only=True)).chart("Open fds per instance")
    [path] = paths(chart, "candidate")
    assert len(path) < 40_000
    assert "20, highest 4,321" in chart.text
    assert min(y for _, y in points(path)) < 100 < max(y for _, y in points(path))


def test_the_time_before_the_rollout_is_shown_but_does_not_crowd_it_out() -> None:
    early = series("open_fds", OLD, [5.0] * 580 + [8.0] * 40, instance="a1", start=START - 600)
    root = shown(with_samples(early, only=True))
    [path] = paths(root.chart("Open fds per instance"), "stable")
    zero = next(
        float(t.attributes["x"])
        for t in root.chart("Open fds per instance").all("text", "axis")
        if t.text == "0 s"
    )
    xs = [x for x, _ in points(path)]
    assert min(xs) < zero < max(xs)
    assert zero < 300


@pytest.mark.parametrize(
    ("phase", "word"), [(Phase.PROMOTED, "promote"), (Phase.HELD, "hold"), (Phase.NOT_RECOVERED, "roll back")]
)
def test_the_decision_is_named(phase: Phase, word: str) -> None:
    chart = shown(with_state(rolled_back(), phase=phase)).chart("p99 latency")
    assert chart.all("g", "mark decision")[0].all("text")[0].text == word
