"""What many outcomes add up to, and whether a target is said to be met."""

from __future__ import annotations

import pytest

from benchmarks.detection import report, table, targets
from benchmarks.detection.families import FAMILIES
from benchmarks.detection.outcome import End, Outcome
from benchmarks.detection.rivals import RIVALS
from benchmarks.detection.table import JUDGE

LEAK, HEALTHY = "leak 1/min on 3 instances", "a/a"


def back(minutes: float, attribution: str = "revision") -> Outcome:
    return Outcome(End.ROLLED_BACK, minutes, attribution, "open_fds", looks=10, seconds=0.1)


def through(attribution: str = "none") -> Outcome:
    return Outcome(End.PROMOTED, 60.0, attribution, looks=60, seconds=0.6)


def results(mine: dict[str, list[Outcome]], rival: list[Outcome] | None = None) -> table.Outcomes:
    return {
        name: {JUDGE: found} | (dict.fromkeys(RIVALS, rival) if rival else {}) for name, found in mine.items()
    }


def row(found: table.Outcomes, what: str) -> targets.Row:
    (one,) = [row for row in targets.rows(found) if row.what.startswith(what)]
    return one


@pytest.mark.parametrize(("minutes", "good"), [(12.0, True), (30.0, True), (31.0, False), (-3.0, False)])
def test_found_is_after_the_fault_began_and_in_time(minutes: float, good: bool) -> None:
    assert back(minutes).found(30) is good
    assert not through().found(30)
    assert not Outcome(End.HELD, 5.0).found(30)


def test_a_target_is_met_or_missed_by_so_much() -> None:
    met = row(results({LEAK: [back(12.0)] * 99 + [through()]}), LEAK)
    assert (met.got, met.verdict) == ("99.0 %; 12 min", "met")
    missed = row(results({LEAK: [back(21.0)] * 90 + [through()] * 10}), LEAK)
    assert missed.verdict == "missed: 9.0 points and 6 min"
    nothing = row(results({LEAK: [through()] * 10}), LEAK)
    assert nothing.verdict == "missed: 99.0 points and no time"


def test_one_healthy_family_over_one_percent_is_a_miss_and_named() -> None:
    what = "healthy rollouts rolled back"
    assert row(results({HEALTHY: [through()] * 100}), what).verdict == "met"
    found = row(results({HEALTHY: [through()] * 97 + [back(30)] * 3, "gc sawtooth": [through()] * 100}), what)
    assert found.verdict == "missed: over 1 %: a/a 3.0 %"


def test_attribution_counts_the_rolled_back_of_a_faulty_family_and_all_of_a_healthy_one() -> None:
    faulty = [back(9), back(9, "shared"), through(), through()]
    assert table.attributed(FAMILIES[LEAK], faulty).value == 0.5
    assert table.attributed(FAMILIES[HEALTHY], [through(), through("shared")]).value == 0.5
    held = Outcome(End.HELD, 20.0, "pre_existing")
    assert table.attributed(FAMILIES["leak in both by time"], [held, through()]).value == 0.5


def test_a_rival_that_is_better_in_either_error_rate_is_told() -> None:
    mine = {HEALTHY: [through()] * 99 + [back(9)], LEAK: [back(9)] * 90 + [through()] * 10}
    found = row(results(mine, rival=[through()] * 100), "against Kayenta")
    assert found.verdict == "missed: false rollbacks 1.0 points more"
    assert (found.target, found.got) == ("under 0.0 %; 100.0 %", "1.0 %; 10.0 %")


def test_pace_is_compared_where_both_find_the_fault() -> None:
    mine = {HEALTHY: [through()] * 10, LEAK: [back(10)] * 10}
    found = results(mine)
    found = {name: {**by_rule, **dict.fromkeys(RIVALS, by_rule[JUDGE])} for name, by_rule in found.items()}
    pace = row(found, "decision time")
    assert pace.verdict == "missed: 5 min"


def test_the_report_names_every_family_and_what_it_cost() -> None:
    text = report.text(
        results({HEALTHY: [through()] * 4, LEAK: [back(9)] * 4}),
        command="make detection",
        seeds=4,
        every=60,
        speed=[],
    )
    assert "| a/a | 4 | 0.0 (0.0\u201349.0) |" in text
    assert "| leak 1/min on 3 instances | 4 | 100.0 (51.0\u2013100.0) | 9 | 9 |" in text
    assert "280 looks, 10.0 ms each" in text
    assert f"- **{HEALTHY}** (healthy, 60 min)." in text


def test_a_crash_is_told_with_its_family() -> None:
    crashed = Outcome(End.CRASHED, 0.0, blamed="ValueError: no")
    assert table.crashes(results({HEALTHY: [crashed, crashed]})) == ["- a/a: ValueError: no (\u00d72)"]
