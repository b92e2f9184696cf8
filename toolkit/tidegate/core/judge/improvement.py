"""What a candidate that is meant to cure the stable revision makes better, in figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tidegate.core.judge.error_ratio import error_counts
from tidegate.core.judge.leak import growing, slopes
from tidegate.core.judge.view import View, after_start, before_start
from tidegate.core.judge.wording import amount, milliseconds, noun, number, percent

HOURS_A_MONTH = 730.0


def improvements(view: View) -> tuple[str, ...]:
    """One sentence per thing that was measured on both revisions, better or not."""
    if not view.rollout.stable:
        return ()
    return (*_growth(view), *_errors(view), *_latency(view), *_instances(view))


def _growth(view: View) -> Iterator[str]:
    names = view.rollout
    for what in growing(view.criteria):
        mine, theirs = slopes(view, what)
        if mine is not None and theirs is not None:
            yield (
                f"{noun(what.metric, view.criteria)}: {amount(what.metric, 60 * theirs.value)}/min on "
                f"{names.stable}, {amount(what.metric, 60 * mine.value)}/min on {names.candidate}"
            )


def _errors(view: View) -> Iterator[str]:
    names = view.rollout
    mine, theirs = error_counts(view, names.candidate).where(first=1), error_counts(view, names.stable)
    if mine.n and theirs.n:
        yield (
            f"errors: {percent(theirs.ratio)} on {names.stable}, {percent(mine.ratio)} on {names.candidate}"
        )


def _latency(view: View) -> Iterator[str]:
    names = view.rollout
    for metric in ("latency_p99_ms", "latency_mean_ms"):
        mine = after_start(view.averages(metric, names.candidate))
        theirs = view.averages(metric, names.stable)
        if len(mine) and len(theirs):
            then, now = float(np.median(theirs.values)), float(np.median(mine.values))
            name = noun(metric, view.criteria)
            yield f"{name}: {milliseconds(then)} on {names.stable}, {milliseconds(now)} on {names.candidate}"


def _instances(view: View) -> Iterator[str]:
    """Billable time at equal traffic, carried on to a month: what a bill is made of."""
    names = view.rollout
    requests = after_start(view.totals("request_count", names.candidate))
    billed = after_start(view.totals("billable_instance_seconds", names.candidate))
    then_requests = view.totals("request_count", names.stable)
    then_billed = view.totals("billable_instance_seconds", names.stable)
    if not (requests.values.sum() and then_requests.values.sum() and len(billed) and len(then_billed)):
        return
    now = float(billed.values.sum() / requests.values.sum())
    then = float(then_billed.values.sum() / then_requests.values.sum())
    past = before_start(then_requests)
    rate = float((past if len(past) else then_requests).values.mean()) / names.sample_period
    hours = [HOURS_A_MONTH * rate * each for each in (then, now)]
    yield (
        f"billable time: {number(hours[0])} instance hours a month at the present traffic on {names.stable}, "
        f"{number(hours[1])} on {names.candidate}"
    )
