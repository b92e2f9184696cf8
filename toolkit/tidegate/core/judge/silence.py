"""Does the candidate say anything at all, and has it had enough requests?"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.judge.judged import Judged
from tidegate.core.judge.view import Binned, View, after_start, before_start
from tidegate.core.judge.wording import counted, duration
from tidegate.core.verdict import Attribution, Finding, MetricResult

METRIC = "request_count"
EXPECTED = 10
"""Requests the candidate should have had before its silence means anything."""


@dataclass(frozen=True)
class Traffic:
    """`silent`: the candidate should have been heard and was not, while the stable revision goes on."""

    judged: Judged
    silent: bool = False


def judge_traffic(view: View) -> Traffic:
    criteria, rollout = view.criteria, view.rollout
    requests = after_start(view.totals(METRIC, rollout.candidate))
    count = round(float(requests.values.sum()))
    if _is_silent(view):
        since = duration(criteria.silent_intervals * rollout.sample_period)
        text = (
            f"{rollout.candidate} gets {rollout.percent_at(view.cut)} % of the traffic and has not been "
            f"heard of for {since}, while {rollout.stable} goes on as before"
        )
        return Traffic(_judged(Finding.NOT_ENOUGH_DATA, text, count), silent=True)
    if count < criteria.min_requests:
        text = f"{count} of {criteria.min_requests} requests reached {rollout.candidate} so far"
        rate = count / max(view.intervals, 1)
        if rate > 0:
            rest = (criteria.min_requests - count) / rate * rollout.sample_period
            text += f"; the rest takes about {duration(rest)} at this traffic"
        return Traffic(_judged(Finding.NOT_ENOUGH_DATA, text, count))
    text = f"{counted(count, 'request')} reached {rollout.candidate}"
    return Traffic(_judged(Finding.FINE, text, count, Attribution.NONE))


def _is_silent(view: View) -> bool:
    """Nothing of any metric for k periods, although the stable revision's traffic says there was some."""
    rollout, k = view.rollout, view.criteria.silent_intervals
    last = view.intervals
    window_start = view.cut - (k + 1) * rollout.sample_period
    if last < k + 1 or not rollout.percent_at(window_start + rollout.sample_period):
        return False
    if any(
        key.revision == rollout.candidate and float(series.times[-1]) > window_start
        for key, series in view.samples.by_key.items()
    ):
        return False
    stable = view.totals(METRIC, rollout.stable) if rollout.stable else None
    return stable is not None and _expected(view, stable) >= EXPECTED


def _expected(view: View, stable: Binned) -> float:
    """Requests the candidate should have had in the last k periods, by the traffic of the stable revision."""
    rollout, k = view.rollout, view.criteria.silent_intervals
    percent = rollout.percent_at(view.cut - k * rollout.sample_period)
    if percent < 100:
        recent = stable.values[stable.bins > view.intervals - k]
        return float(recent.sum()) * percent / (100 - percent) if recent.size >= k / 2 else 0.0
    # All of it is the candidate's now, so only the past can say how much there is.
    past = before_start(stable)
    return float(past.values.mean()) * k if len(past) else 0.0


def _judged(
    finding: Finding, text: str, count: int, attribution: Attribution = Attribution.UNKNOWN
) -> Judged:
    return Judged(MetricResult(METRIC, finding, text, count, "requests", float(count)), attribution)
