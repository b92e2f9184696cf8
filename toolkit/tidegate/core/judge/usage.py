"""Does the candidate need more of the machine for the same work: CPU, memory, billable time?

What a revision should need at the candidate's load is read off the stable revision's own record: a line
through its use against its load, before and since the rollout. The candidate and the stable revision are then
compared by how far each is from that line, so that neither idle time nor a small share of the traffic counts
as a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tidegate.core.judge.chance import KNOWN
from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.shift import FEWEST, Scale, Shift, compare, shared_until
from tidegate.core.judge.together import moved_together
from tidegate.core.judge.view import Binned, IntArray, View, after_start, before_start
from tidegate.core.judge.wording import amount, noun, percent
from tidegate.core.samples import BoolArray, FloatArray
from tidegate.core.verdict import Attribution, Finding, MetricResult

UNEXPLAINED = 0.5
"""Rise of a logarithm tolerated where load is not known: half as much again and more can be traffic."""
MEMORY = 1.5
"""How many samples about the line are worth one: they remember each other."""
REACH = 1.15
"""How far beyond the loads the stable revision has had its line is still believed."""


TRUSTED = 0.25
"""Part of the median use below which it is not known any better."""
IDLE = 0.1
"""Part of the stable revision's mean load under which what is used is not used for requests."""


@dataclass(frozen=True)
class Use:
    """One metric, its load and what is tolerated."""

    metric: str
    tolerated: float
    noise: float
    placement: float
    least: float
    """Level under which a ratio means nothing, in the metric's unit."""
    load: Callable[[View, str], Binned] | None
    full: float = math.inf
    """Level from which on it cannot follow the load any further."""
    whole: bool = False
    """Comes in whole instances: one of them more is rounding."""


def _per_instance(view: View, revision: str) -> Binned:
    """Requests per sample period and instance."""
    requests, instances = view.totals("request_count", revision), _instances(view, revision)
    return Binned(requests.bins, requests.values / np.maximum(instances.at(requests.bins, np.nan), 1.0))


def _instances(view: View, revision: str) -> Binned:
    counted = view.totals("instance_count", revision)
    if len(counted):
        return counted
    for metric in ("open_fds", "memory_bytes", "cpu_utilization"):
        named = [s for s in view.samples.of_metric(metric, revision) if s.key.instance]
        if named:
            return view.alive(named)
    return counted


def _requests(view: View, revision: str) -> Binned:
    return view.totals("request_count", revision)


def uses(criteria: Criteria) -> tuple[Use, ...]:
    return (
        Use("cpu_utilization", criteria.cpu_increase, 0.02, 0.004, 0.01, _per_instance, full=0.95),
        Use("memory_bytes", criteria.memory_increase, 0.01, 0.15, 2.0**23, None),
        Use("memory_utilization", criteria.memory_increase, 0.01, 0.15, 0.02, None),
        Use("billable_instance_seconds", criteria.cost_increase, 0.05, 0.05, 1e-6, _requests, whole=True),
    )


def judge_use(view: View, use: Use) -> Judged:
    names, criteria = view.rollout, view.criteria
    series = view.samples.of_metric(use.metric, names.candidate)
    values = after_start(view.mean(list(series)))
    name = noun(use.metric, criteria)
    if not len(values):
        text = f"{name}: nothing measured for {names.candidate} yet"
        return _judged(use, Finding.NOT_ENOUGH_DATA, text, 0)
    if not names.stable:
        return _judged(
            use, Finding.FINE, f"{name}: nothing to compare with", len(values), None, Attribution.NONE
        )
    found, together = _compared(view, use)
    if found is None:
        text = f"{name}: too few samples at loads that both revisions have had"
        return _judged(use, Finding.NOT_ENOUGH_DATA, text, len(values))
    told = _told(use, criteria, found, names.candidate, names.stable)
    if found.certain:
        return _judged(use, Finding.WORSE, told, found.samples, found, Attribution.REVISION)
    if found.samples < criteria.min_samples:
        text = f"{name}: {found.samples} of {criteria.min_samples} samples so far"
        return _judged(use, Finding.NOT_ENOUGH_DATA, text, found.samples)
    if together:
        text = f"{told}; both need more since the rollout began: not the revision's own doing"
        return _judged(use, Finding.SHARED, text, found.samples, found, Attribution.SHARED)
    return _judged(use, Finding.FINE, told, found.samples, found, Attribution.NONE)


def _compared(view: View, use: Use) -> tuple[Shift | None, bool]:
    """The candidate against the stable revision, and whether both have moved together."""
    names = view.rollout
    mine, theirs = (
        view.mean(list(view.samples.of_metric(use.metric, r))) for r in (names.candidate, names.stable)
    )
    settling = math.ceil(2 * view.criteria.warm_up / names.sample_period)
    candidate = mine.where(mine.bins > settling)
    tolerated = math.log1p(use.tolerated)
    line = _line(view, use, theirs)
    if use.load is not None and line is None:
        tolerated = max(tolerated, UNEXPLAINED)
    if use.whole:
        candidate = Binned(candidate.bins, np.maximum(candidate.values - names.sample_period, use.least))
    if line is not None and use.load is not None:
        candidate = line.beyond(candidate, use.load(view, names.candidate))
        theirs = line.beyond(theirs, use.load(view, names.stable))
    else:
        candidate, theirs = (
            Binned(b.bins, np.log(np.maximum(b.values, use.least))) for b in (candidate, theirs)
        )
    if len(candidate) < FEWEST or len(theirs) < FEWEST:
        return None, False
    scale = Scale(False, tolerated, use.noise, use.placement)
    alpha = view.criteria.alpha_of(use.metric)
    during, before = after_start(theirs), before_start(theirs)
    placement = (2 * scale.placement**2, KNOWN)
    if use.load is None:
        found = compare(candidate, during, before, scale, alpha, placement, shared_until(view, 99))
    elif line is None:
        # Of a load that nobody knows only the whole can be judged, over which it evens out.
        found = compare(candidate, during, before, scale, alpha, placement, 0)
    else:
        doubt = partial(line.doubt, use.load(view, names.candidate))
        found = compare(candidate, during, before, scale, alpha, placement, shared_until(view, 99), doubt)
    return found, moved_together(candidate, theirs, scale, alpha) is not None


@dataclass(frozen=True)
class Line:
    """Use = base + slope * load, fitted to the stable revision; loads outside low..high are not believed."""

    base: float
    slope: float
    low: float
    high: float
    least: float
    full: float
    centre: float
    """Load at which the line is surest."""
    typical: float
    """Mean load."""
    noise: float
    """Variance of the line where it is surest."""
    spread: float
    """Variance of the load."""

    def expected(self, load: FloatArray) -> FloatArray:
        return self.base + self.slope * load

    def variance(self, load: float) -> float:
        """Of the line at this load (textbook formula for a prediction's mean)."""
        return self.noise * (1 + (load - self.centre) ** 2 / max(self.spread, 1e-12))

    def within(self, load: FloatArray) -> BoolArray:
        least = max(self.low / REACH, IDLE * self.typical)
        reached = (load >= least) & (load <= self.high * REACH)
        return np.asarray(reached & (self.expected(load) > self.least))

    def beyond(self, use: Binned, load: Binned) -> Binned:
        """Logarithm of the use over what the line says, where the load is within reach."""
        loads = load.at(use.bins, np.nan)
        usable = self.within(loads) & (use.values < self.full)
        values = np.log(np.maximum(use.values[usable], self.least) / self.expected(loads[usable]))
        return Binned(use.bins[usable], values)

    def doubt(self, load: Binned, bins: IntArray) -> float:
        """Variance that the line itself adds to those logarithms."""
        loads = load.at(bins, np.nan)
        usable = self.within(loads)
        if not usable.any():
            return 0.0
        middle = float(np.median(loads[usable]))
        return self.variance(middle) / float(self.expected(np.array(middle))) ** 2


def _line(view: View, use: Use, theirs: Binned) -> Line | None:
    if use.load is None:
        return None
    loads = use.load(view, view.rollout.stable).at(theirs.bins, np.nan)
    known = np.isfinite(loads) & (theirs.values < use.full)
    if known.sum() < 2 * FEWEST:
        return None
    x, y = loads[known], theirs.values[known]
    even = np.ones(x.size)
    base, slope = _straight(x, y, even)
    # Noise is a part of the use, so little of it is known better; but no sample may outweigh all others.
    floor = max(float(np.median(y)) * TRUSTED, use.least)
    weights = np.maximum(base + slope * x, floor) ** -2.0
    base, slope = _straight(x, y, weights)
    rest = y - base - slope * x
    total = float(weights.sum())
    centre = float(weights @ x) / total
    return Line(
        base,
        slope,
        float(np.quantile(x, 0.02)),
        float(np.quantile(x, 0.98)),
        use.least,
        use.full,
        centre,
        float(x.mean()),
        MEMORY * float((weights * rest**2).mean()) / total,
        float(weights @ (x - centre) ** 2) / total,
    )


def _straight(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Base and slope by weighted least squares, neither below 0: more load never needs less."""
    total = float(weights.sum())
    mean_x, mean_y = float(weights @ x) / total, float(weights @ y) / total
    power = float(weights @ (x - mean_x) ** 2)
    slope = max(float(weights @ ((x - mean_x) * y)) / power, 0.0) if power > 0 else 0.0
    base = mean_y - slope * mean_x
    if base < 0:
        return 0.0, float(weights @ (x * y)) / max(float(weights @ (x * x)), 1e-12)
    return base, slope


def _told(use: Use, criteria: Criteria, found: Shift, candidate: str, stable: str) -> str:
    change = math.expm1(min(found.value, 50.0))
    # Nothing needs nothing: what rounds to all of it is what was too little to be measured.
    less = percent(-change) if change > -0.99 else "more than 99 %"
    more = f"{percent(change)} more" if change >= 0 else f"{less} less"
    text = f"{noun(use.metric, criteria)}: {candidate} needs {more} than {stable}"
    if use.load is None:
        levels = [amount(use.metric, math.exp(v)) for v in (found.mine, found.other)]
        text += " ({} against {})".format(*levels)
    return text if found.paired else f"{text} did"


def _judged(
    use: Use,
    finding: Finding,
    text: str,
    count: int,
    found: Shift | None = None,
    attribution: Attribution = Attribution.UNKNOWN,
) -> Judged:
    result = MetricResult(use.metric, finding, text, count, "ratio to stable")
    if found is not None:
        ratio, low, high = (math.exp(min(v, 50.0)) for v in (found.value, found.low, found.high))
        result = replace(
            result, estimate=ratio, low=low, high=high, evidence=found.z, boundary=found.boundary
        )
    return Judged(result, attribution)
