"""What the judge says in cases that can be told in a sentence."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from core.judge_rollouts import NEW, OLD, START, Story, exponential, looks, series
from core.judge_samples import result
from tidegate.core.judge import Criteria, Rollout, Step, judge, recovery
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.verdict import Attribution, Decision, Finding, Verdict

HOUR = Story()


def test_nothing_is_known_at_first_and_the_reasons_say_what_is_missing() -> None:
    rollout, samples = HOUR.make(1)
    verdict = judge(samples, rollout, Criteria(), START + 3 * 60)
    assert (verdict.decision, verdict.attribution) == (Decision.CONTINUE, Attribution.UNKNOWN)
    assert not verdict.enough_data
    assert (
        f"open fds per instance: 3 samples of an instance of {NEW} over 2 min; it takes about 5 min more"
        in verdict.reasons
    )


def test_no_samples_at_all_go_on_and_never_promote() -> None:
    rollout, _ = HOUR.make(1)
    for at in (START - 100, START, START + 3600):
        verdict = judge(Samples(), rollout, Criteria(), at)
        assert verdict.decision is Decision.CONTINUE
        assert not verdict.enough_data
        assert verdict.reasons


def test_a_leak_is_told_with_slope_interval_comparison_and_time_left() -> None:
    _, verdict = looks(HOUR.but(leak=5 / 60), 1, Criteria())
    found = result(verdict, "open_fds")
    assert found.finding is Finding.WORSE
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.estimate < found.high
    assert 4 < found.estimate < 7
    for words in (f"on {NEW}", "95 % interval", f"{OLD} is flat", "25,000 reached in"):
        assert words in found.sentence
    assert verdict.reasons == (found.sentence,)


def test_a_leak_that_takes_years_is_reported_and_promoted() -> None:
    story = HOUR.but(leak=5 / 60)
    rollout, samples = story.make(1)
    verdict = judge(samples, rollout, Criteria(leak_horizon=3600), START + 3600)
    found = result(verdict, "open_fds")
    assert (found.finding, found.decisive) == (Finding.WORSE, False)
    assert verdict.decision is Decision.PROMOTE
    assert any("later than" in r for r in verdict.reasons)


def test_growth_with_traffic_is_put_down_to_traffic() -> None:
    _, verdict = looks(HOUR.but(load=20.0), 3, Criteria())
    assert (verdict.decision, verdict.attribution) == (Decision.PROMOTE, Attribution.TRAFFIC)


def test_a_cure_is_promoted_and_said_to_be_one() -> None:
    _, verdict = looks(HOUR.but(old_per_request=0.05), 2, Criteria())
    assert verdict.decision is Decision.PROMOTE
    assert f"climb on {OLD}" in result(verdict, "open_fds").sentence


def test_both_climb_since_the_rollout_began() -> None:
    story = HOUR.but(leak=3 / 60, old_leak=3 / 60, old_leak_from=0.0)
    for seed in range(5):
        _, verdict = looks(story, seed, Criteria(), every=3)
        assert verdict.decision is Decision.HOLD
        assert verdict.attribution is Attribution.SHARED


def test_a_silent_candidate_is_rolled_back_while_the_stable_one_goes_on() -> None:
    rollout, samples = HOUR.but(silent=True).make(1)
    assert judge(samples, rollout, Criteria(), START + 7 * 60).decision is Decision.CONTINUE
    verdict = judge(samples, rollout, Criteria(), START + 8 * 60)
    assert (verdict.decision, verdict.attribution) == (Decision.ROLLBACK, Attribution.REVISION)
    assert "has not been heard of for 8 min" in verdict.reasons[0]
    assert not verdict.enough_data


def test_a_candidate_without_its_required_metric_is_not_promoted() -> None:
    rollout, samples = HOUR.make(1)
    kept = Samples.of(s for k, s in samples.by_key.items() if k.metric != "open_fds" or k.revision != NEW)
    verdict = judge(kept, rollout, Criteria(), START + 3600)
    assert verdict.decision is Decision.CONTINUE
    assert "nothing measured" in verdict.reasons[0]
    only_requests = Criteria(required=("request_count",))
    assert judge(kept, rollout, only_requests, START + 3600).decision is Decision.PROMOTE


def test_a_first_deployment_says_that_only_limits_were_judged() -> None:
    story = HOUR.but(stable=False, shares=(100,), warm=exponential(30, 120))
    _, verdict = looks(story, 1, Criteria(), every=10)
    assert verdict.decision is Decision.PROMOTE
    assert any("no stable revision" in r for r in verdict.reasons)


def test_a_first_deployment_over_its_latency_limit() -> None:
    story = HOUR.but(stable=False, shares=(100,))
    assert looks(story, 1, Criteria(latency_limit_ms=200))[1].decision is Decision.PROMOTE
    _, verdict = looks(story, 1, Criteria(latency_limit_ms=20))
    assert verdict.decision is Decision.ROLLBACK
    assert "20 ms are allowed" in verdict.reasons[0]


def test_one_burst_of_errors_is_not_the_revision() -> None:
    def burst(revision: str, age: np.ndarray) -> np.ndarray:
        return np.where((revision == NEW) & (age > 590) & (age < 610), 0.9, 0.0)

    assert looks(HOUR.but(errors=burst), 1, Criteria())[1].decision is Decision.PROMOTE


def test_a_constant_error_ratio_that_both_have_is_older() -> None:
    _, verdict = looks(HOUR.but(errors=lambda r, age: 0.2 + 0 * age), 1, Criteria())
    assert (verdict.decision, verdict.attribution) == (Decision.HOLD, Attribution.PRE_EXISTING)


def test_errors_that_come_only_with_all_the_traffic() -> None:
    story = HOUR.but(errors=lambda r, age: np.where((r == NEW) & (age > 2700), 0.3, 0.001))
    k, verdict = looks(story, 1, Criteria())
    assert verdict.decision is Decision.ROLLBACK
    assert k > 45
    assert "no traffic any more" in verdict.reasons[0]


@pytest.mark.parametrize(("slow", "decision"), [(1.0, Decision.PROMOTE), (3.0, Decision.ROLLBACK)])
def test_histograms_are_counted(slow: float, decision: Decision) -> None:
    bounds = [10.0, 20, 40, 80, 160, 320, 640, np.inf]
    rng = np.random.default_rng(5)
    rollout, samples = HOUR.make(2)
    found = [s for k, s in samples.by_key.items() if not k.metric.startswith("latency")]
    for revision, factor in ((OLD, 1.0), (NEW, slow)):
        requests = samples.by_key[Key("request_count", revision)]
        drawn = [rng.lognormal(3, 0.5, int(n)) * factor for n in requests.values]
        for bound in bounds:
            values = np.array([float((d <= bound).sum()) for d in drawn])
            key = Key("latency_ms_bucket", revision, "", bound)
            found.append(Series(key, requests.times.copy(), values))
    verdict = judge(Samples.of(found), rollout, Criteria(), START + 1800)
    assert verdict.decision is decision, verdict.reasons
    if decision is Decision.ROLLBACK:
        assert "p99 latency" in verdict.reasons[0]
        assert verdict.decided_at == START + 1800


def test_an_error_ratio_serves_where_errors_were_not_counted() -> None:
    rollout, samples = HOUR.make(2)
    found = [s for k, s in samples.by_key.items() if k.metric != "error_count"]
    for revision, ratio in ((OLD, 0.0), (NEW, 0.2)):
        times = samples.by_key[Key("request_count", revision)].times
        found.append(series("error_ratio", revision, "", times, np.full(times.size, ratio)))
    verdict = judge(Samples.of(found), rollout, Criteria(), START + 1800)
    assert verdict.decision is Decision.ROLLBACK
    assert "20 %" in verdict.reasons[0]


# --------------------------------------------------------------------------------------------- recovery


def after(story: Story, seed: int, minutes: float, criteria: Criteria | None = None) -> Verdict:
    """Look some minutes after a rollback in the middle of the hour."""
    rollout, samples = story.make(seed)
    since = START + 1800
    return recovery(samples, rollout, criteria or Criteria(), since, since + 60 * minutes)


def test_recovery_waits_for_samples() -> None:
    verdict = after(HOUR.but(shares=(5,)), 1, 3)
    assert verdict.decision is Decision.CONTINUE
    assert not verdict.enough_data


def test_a_stable_revision_as_before_has_recovered() -> None:
    for seed in range(5):
        verdict = after(HOUR.but(shares=(5,)), seed, 25)
        assert (verdict.decision, verdict.enough_data) == (Decision.PROMOTE, True), verdict.reasons


def test_a_stable_revision_that_still_fails_has_not_recovered() -> None:
    story = HOUR.but(shares=(5,), errors=lambda r, age: np.where(age > 600, 0.3, 0.001))
    verdict = after(story, 1, 20)
    assert verdict.decision is Decision.HOLD
    assert "before the rollout" in verdict.reasons[0]


def test_a_stable_revision_that_stays_slow_has_not_recovered() -> None:
    story = HOUR.but(shares=(5,), p99=lambda r, age: np.where(age > 600, 900.0, 80.0))
    assert after(story, 1, 25).decision is Decision.HOLD


def test_a_leak_older_than_the_rollout_was_not_mended_by_going_back() -> None:
    verdict = after(HOUR.but(shares=(5,), old_leak=5 / 60), 1, 25)
    assert (verdict.decision, verdict.attribution) == (Decision.HOLD, Attribution.PRE_EXISTING)


def test_a_first_deployment_has_nothing_to_recover() -> None:
    verdict = after(HOUR.but(stable=False, shares=(100,)), 1, 25)
    assert verdict.decision is Decision.HOLD
    assert "no stable revision" in verdict.reasons[0]


# --------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "bad",
    [
        {"alpha": 0},
        {"alpha": 0.7},
        {"warm_up": 0},
        {"latency_ratio": 0.5},
        {"latency_limit_ms": 0},
        {"leak_min_slope": -1},
        {"error_increase": 1},
        {"min_samples": 2},
        {"required": ("goroutines",)},
        {"fd_limit": float("nan")},
    ],
)
def test_settings_that_cannot_be_meant(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Criteria(**bad)  # type: ignore[arg-type]  # that is the point


def test_importing_the_judge_is_light() -> None:
    heavy = "('scipy', 'google', 'pydantic', 'pandas')"
    code = f"import sys, tidegate.core.judge; print(any(m.startswith({heavy}) for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_rollout_of_many_steps_is_judged_on_all_of_them() -> None:
    steps = tuple(Step(START + 60 * i, i) for i in range(1, 50))
    rollout = Rollout("orders", OLD, NEW, steps, None, 60.0, 180.0)
    assert judge(HOUR.make(1)[1], rollout, Criteria(), START + 3600).reasons
