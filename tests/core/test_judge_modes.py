"""Fix mode and dry run: what is said is the same, what follows from it is not."""

from __future__ import annotations

import re

import pytest

from core.judge_rollouts import NEW, OLD, Array, Story
from core.judge_samples import Made, answers, made, result
from tidegate.core.judge import Criteria, Custom, Mode
from tidegate.core.verdict import Attribution, Decision, Finding

HOUR = Story()
FIX = Criteria(mode=Mode.FIX)
LOOKS = range(4, 61, 4)
SEEDS = 8


def failing(old: float, new: float) -> Story:
    return HOUR.but(errors=lambda revision, age: (new if revision == NEW else old) + 0 * age)


ILL = {
    "both leak": (HOUR.but(leak=2 / 60, old_leak=2 / 60), Attribution.PRE_EXISTING),
    "both leak by request": (
        HOUR.but(leak_per_request=0.05, old_per_request=0.05),
        Attribution.PRE_EXISTING,
    ),
    "both fail": (failing(0.2, 0.2), Attribution.PRE_EXISTING),
    "both begin to leak": (HOUR.but(leak=3 / 60, old_leak=3 / 60, old_leak_from=0.0), Attribution.SHARED),
}


@pytest.mark.parametrize("name", ILL)
def test_what_is_as_ill_as_the_stable_revision_is_held_unless_it_is_meant_to_cure(name: str) -> None:
    story, attribution = ILL[name]
    held = answers(lambda seed: made(story, seed), SEEDS, LOOKS)
    assert {decision for decision, _ in held} == {Decision.HOLD}, held
    assert held[Decision.HOLD, attribution] >= SEEDS - 1, held
    cured = answers(lambda seed: made(story, seed), SEEDS, LOOKS, FIX)
    assert {decision for decision, _ in cured} == {Decision.PROMOTE}, cured


WORSE = {
    "leaks three times as fast": (HOUR.but(old_leak=2 / 60, leak=6 / 60), "open fds per instance climb"),
    "leaks where the stable one fails": (failing(0.1, 0.02).but(leak=5 / 60), "open fds per instance climb"),
    "fails more": (failing(0.1, 0.25), f"{NEW} fails"),
    "fails where the stable one leaks": (failing(0.001, 0.1).but(old_leak=3 / 60), f"{NEW} fails"),
}


@pytest.mark.parametrize("name", WORSE)
def test_a_cure_that_is_worse_is_rolled_back(name: str) -> None:
    story, words = WORSE[name]
    for seed in range(SEEDS):
        _, verdict = made(story, seed).looked_at(LOOKS, FIX)
        assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION)
        assert words in verdict.reasons[0]


def cured(seed: int) -> Made:
    """2 descriptors a minute, 20 % errors, 320 ms, 0.2 s of an instance per request, and a cure for each."""

    def p99(revision: str, age: Array) -> Array:
        return (320 if revision == OLD else 80) + 0 * age

    ill = failing(0.2, 0.01).but(old_leak=2 / 60, p99=p99, shares=(50,))
    billed = {OLD: lambda age, requests: 0.2 * requests, NEW: lambda age, requests: 0.1 * requests}
    return made(ill, seed).plus("billable_instance_seconds", billed, idle=True)


def figures(sentence: str) -> tuple[float, float]:
    """What is said of the stable revision, and of the candidate."""
    found = re.fullmatch(rf".*: (-?[\d,.]+).* on {OLD}, (-?[\d,.]+).* on {NEW}", sentence)
    assert found is not None, sentence
    then, now = (float(number.replace(",", "")) for number in found.groups())
    return then, now


def test_the_improvement_is_told_in_figures() -> None:
    verdict = cured(1).at(60, FIX)
    assert verdict.decision is Decision.PROMOTE
    growth, errors, latency, bill = verdict.reasons[-4:]
    assert not {growth, errors, latency, bill} & set(cured(1).at(60).reasons)
    for sentence, start, (then, now), within in (
        (growth, "open fds per instance", (2.0, 0.0), 0.3),
        (errors, "errors", (20, 1), 1.5),
        (latency, "p99 latency", (320, 80), 16),
        (bill, "billable time", (1460, 730), 30),  # 730 hours, 10 requests a second, 0.2 and 0.1 s each
    ):
        assert sentence.startswith(f"{start}: ")
        assert figures(sentence)[0] == pytest.approx(then, abs=within), sentence
        assert figures(sentence)[1] == pytest.approx(now, abs=within), sentence


def test_what_was_measured_on_one_side_only_is_no_improvement() -> None:
    told = cured(1).where(lambda key: key.revision == NEW or key.metric != "billable_instance_seconds")
    assert not any(reason.startswith("billable time:") for reason in told.at(60, FIX).reasons)
    first = made(HOUR.but(stable=False, shares=(100,)), 1).at(60, FIX)
    assert first.decision is Decision.PROMOTE
    assert not any(OLD in reason for reason in first.reasons)


DRY = Criteria(required=("request_count",), dry_run=("open_fds",))


def test_a_dry_run_is_reported_and_decides_nothing() -> None:
    for seed in range(SEEDS):
        _, verdict = made(HOUR.but(leak=5 / 60), seed).looked_at(LOOKS, DRY)
        found = result(verdict, "open_fds")
        assert (found.finding, found.decisive) == (Finding.WORSE, False)
        assert found.sentence in verdict.reasons
        assert (verdict.decision, verdict.attribution) == (Decision.PROMOTE, Attribution.NONE)


def test_a_dry_run_of_what_both_have_holds_nothing() -> None:
    _, verdict = made(HOUR.but(leak=2 / 60, old_leak=2 / 60), 1).looked_at(LOOKS, DRY)
    assert result(verdict, "open_fds").finding is Finding.PRE_EXISTING
    assert verdict.decision is Decision.PROMOTE


def test_a_dry_run_does_not_excuse_what_else_is_worse() -> None:
    _, verdict = made(failing(0.001, 0.1).but(leak=5 / 60), 1).looked_at(LOOKS, DRY)
    assert verdict.decision is Decision.ROLLBACK
    assert f"{NEW} fails" in verdict.reasons[0]


@pytest.mark.parametrize("dry", [True, False])
def test_a_metric_of_ones_own_can_be_tried_out(dry: bool) -> None:
    criteria = Criteria(custom=(Custom("queue"),), dry_run=("queue",) if dry else ())
    verdict = made(HOUR, 1).plus("queue", {OLD: 10.0, NEW: 30.0}, noise=0.1).at(30, criteria)
    assert result(verdict, "queue").finding is Finding.WORSE
    assert verdict.decision is (Decision.PROMOTE if dry else Decision.ROLLBACK)


@pytest.mark.parametrize("field", ["dry_run", "required"])
def test_only_what_is_judged_can_be_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} names what is not judged: queue"):
        Criteria(**{field: ("queue",)})  # type: ignore[arg-type]  # that is the point
    assert Criteria(custom=(Custom("queue"),), **{field: ("queue",)})  # type: ignore[arg-type]
