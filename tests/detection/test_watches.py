"""A fixed part of the guard's benchmark; `python -m benchmarks.guard` runs the whole of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.service import CANDIDATE, EPOCH, STABLE
from benchmarks.detection.simulate import make
from benchmarks.guard import report
from benchmarks.guard.families import FAMILIES, HEALTHY, LEAKS
from benchmarks.guard.watched import Alarmed, Watched, read, watched
from tidegate.core.guard import Alarm, Watch, alarm, look
from tidegate.core.samples import Series
from tidegate.core.verdict import Verdict

ROOT = Path(__file__).parents[2]
HOUR = 3600.0


def watch(name: str, seed: int, *, every: float) -> Watched:
    """Fewer looks than the schedule has, to be quick."""
    watching = FAMILIES[name]
    trace = make(watching.family, seed)
    return watched(
        trace, watching.criteria, Watch(), to_the_end=not watching.family.faulty, every=every * HOUR
    )


def one_look(name: str, seed: int, hours: float) -> tuple[Alarm, Verdict]:
    watching = FAMILIES[name]
    trace = make(watching.family, seed)
    since = trace.rollout.steps[-1].time
    now = since + hours * HOUR
    seen = read(trace, Watch(), since, now)
    verdict = look(seen, trace.rollout, watching.criteria, Watch(), since, now)
    return alarm(verdict, watching.criteria), verdict


@pytest.mark.parametrize("name", ["a/a", "a day of 24 h", "pool warm-up", "load-proportional fds"])
def test_a_healthy_revision_is_watched_for_three_days_without_a_word(name: str) -> None:
    for seed in range(2):
        found = watch(name, seed, every=8)
        assert (found.looks, found.growing, found.told) == (9, None, None)


@pytest.mark.parametrize(
    ("name", "hours"),
    [("40 an hour on 3 instances", 6), ("memory, 60 MiB an hour", 4), ("10 an hour, of 1,024", 8)],
)
def test_a_slow_leak_is_found_within_hours(name: str, hours: float) -> None:
    for seed in range(3):
        found = watch(name, seed, every=2)
        assert found.growing is not None
        assert found.growing.hours <= hours


def test_what_would_take_months_is_left_alone() -> None:
    found = watch("10 an hour on 3 instances", 0, every=12)
    assert (found.growing, found.told) == (None, None)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_cache_that_fills_is_no_leak_while_it_holds_less_than_before(seed: int) -> None:
    said, verdict = one_look("cache that fills", seed, 2)
    assert said is Alarm.UNSURE
    (reason,) = verdict.reasons
    assert reason.endswith(f"so far it holds no more than {STABLE} did before the rollout")
    assert "memory" in reason


def test_what_a_collector_frees_again_and_again_is_nobodys_leak() -> None:
    said, verdict = one_look("gc sawtooth", 3, 5)
    assert said is Alarm.UNSURE
    assert "falls again and again" in verdict.reasons[0]


@pytest.mark.parametrize(("seed", "hours"), [(1, 37), (7, 30)])
def test_a_leak_of_both_is_not_put_down_to_the_candidate_for_what_one_stretch_shows(
    seed: int, hours: float
) -> None:
    said, verdict = one_look("leak in both", seed, hours)
    assert said is Alarm.HELD
    assert "a rollback would not help" in verdict.reasons[0]


def test_a_stretch_to_compare_with_ends_at_the_same_time_and_all_of_it_is_read() -> None:
    watching = Watch(window=6.0, until=30.0)
    for now, begins in ((103.0, (100.0, 101.0)), (112.0, (109.0, 106.0))):
        assert (watching.begin(100.0, now), watching.begin_elsewhere(100.0, now)) == begins
        window = watching.read(100.0, now, 0.1)
        assert window.start == pytest.approx(min(begins) - 0.3)
        assert window.end == now


def test_the_services_are_those_of_the_rollouts_for_three_days_more() -> None:
    trace = make(FAMILIES["2 an hour on 3 instances"].family, 1)
    fds = trace.samples.of_metric("open_fds", CANDIDATE)
    assert len(fds) == 3
    for one in fds:
        assert one.times[-1] - EPOCH > 72 * HOUR
        climb = np.polyfit(one.times[one.times > EPOCH + HOUR], one.values[one.times > EPOCH + HOUR], 1)[0]
        assert climb * HOUR == pytest.approx(2, abs=0.5)
    (before,) = {s.times[0] > EPOCH - 6 * HOUR for s in trace.samples.of_metric("request_count", STABLE)}
    assert before
    requests = trace.samples.get("request_count", STABLE)
    assert isinstance(requests, Series)
    assert requests.values[requests.times > trace.rollout.steps[-1].time + 120].sum() == 0


def test_the_report_tells_shares_and_hours() -> None:
    quiet = Watched(None, None, 36, 72, 0.72)
    leak = Watched(Alarmed(3.0, "open_fds"), None, 2, 3, 0.03)
    wrong = Watched(None, Alarmed(9.0, "error_ratio"), 0, 72, 0.72)
    results = {"a/a": [quiet, quiet, quiet, wrong], "40 an hour on 3 instances": [leak, quiet]}
    text = report.text(results, command="make guard", seeds=4)
    assert "| a/a | 4 | 0.0 (0.0–49.0) | 25.0 (4.6–69.9) | 37.5 | error_ratio ×1 |" in text  # noqa: RUF001
    assert "| 40 an hour on 3 instances | 2 | 50.0 (9.5–90.5) | 3 | 3 | 0.0 (0.0–65.8) |" in text  # noqa: RUF001
    assert "363 looks, 10 ms" in text


def test_the_tables_go_between_their_markers() -> None:
    manual = "# The guard\n<!-- watches -->\nold\n<!-- /watches -->\nmore\n"
    assert report.into(manual, "new\n") == "# The guard\n<!-- watches -->\nnew\n<!-- /watches -->\nmore\n"
    with pytest.raises(ValueError, match="write between"):
        report.into("# The guard\n", "new\n")


def test_the_manual_has_every_family() -> None:
    manual = (ROOT / "docs" / "guard.md").read_text()
    told = set(re.findall(r"^\| ([^|]+) \| \d+ \|", manual, re.MULTILINE))
    assert told == {one.family.name for one in (*HEALTHY, *LEAKS)}
