"""Do the candidate's instances pile up descriptors, connections or memory that the stable ones do not?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tidegate.core.judge.comparison import Comparison, compare, load_ratio
from tidegate.core.judge.criteria import Criteria
from tidegate.core.judge.grown import Grown, Limits, certainty, grow
from tidegate.core.judge.growth import Slope
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.jump import is_a_jump
from tidegate.core.judge.leak_words import Facts, exhausted_in
from tidegate.core.judge.parallel import climbs_too
from tidegate.core.judge.segments import Segment, segments
from tidegate.core.judge.trend import plain_slope
from tidegate.core.judge.view import View
from tidegate.core.judge.wording import duration, noun
from tidegate.core.verdict import Attribution, Finding, MetricResult

SETTLED = 3.5
"""Typical warm-ups an instance must be old before anything is decided: until then a pool may just fill."""
ALTOGETHER = 8.0
"""Typical warm-ups that instances which keep restarting must be old together."""
SUSPECTED = 0.6
"""Part of the evidence asked for from which the stable revision is looked at once more."""
OPEN = 0.2
"""Part of it from which a climb that no warm-up has to explain keeps the question open."""
OLDER = 0.4
"""Part of its present climb that the stable revision may have had before, for that to be called older."""

LASTING = 1 / 3
"""Part of its slope that a climb must keep over its later half: a pool slows down."""


@dataclass(frozen=True)
class Growing:
    """What is judged as growth, in the metric's own unit per minute and instance."""

    metric: str
    tolerated: float
    limit: float | None
    drops: bool
    """Whether a sudden fall means that the instance was restarted: memory is also collected."""
    least: float = 0.0
    """Gain below which nothing is called a climb, whatever its slope: two descriptors more are no leak."""
    holds: bool = True
    """Whether growth that the stable revision has too is worth a hold: caches fill for days."""


def growing(criteria: Criteria) -> tuple[Growing, ...]:
    """Everything that is judged as growth."""
    own = (Growing(c.metric, c.tolerance, None, drops=False) for c in criteria.custom if c.growth)
    return (
        Growing("open_fds", criteria.leak_min_slope, criteria.fd_limit, drops=True, least=3.0),
        Growing("tcp_connections", criteria.leak_min_slope, criteria.connection_limit, drops=True, least=3.0),
        Growing("memory_bytes", criteria.memory_min_slope, criteria.memory_limit, drops=False, holds=False),
        *own,
    )


def judge_leak(view: View, what: Growing) -> Judged:
    """Slopes in the result are per instance and minute."""
    criteria, rollout, metric = view.criteria, view.rollout, what.metric
    candidate, stable = _both(view, what)
    watched = view.cut - rollout.start >= SETTLED * criteria.warm_up
    if not candidate or not watched or not _old_enough(candidate, criteria.warm_up):
        return _too_few(view, what)
    limits = Limits(
        what.tolerated / 60,
        criteria.alpha_of(metric),
        criteria.warm_up,
        rollout.sample_period,
        clocks=2 if what.drops else 1,
    )
    compared = compare(candidate, stable, limits)
    alike = False
    if compared is not None and compared.stable is not None and compared.strength > SUSPECTED:
        beside = _beside(view, what)
        if beside and climbs_too(compared.candidate, beside, _before(view, what, limits), limits):
            # Its quiet past must not make the stable revision look better than it now is.
            alike = True
            compared = compare(candidate, beside, limits)
    if compared is None:
        return _too_few(view, what)
    if rollout.stable and compared.stable is None and view.samples.of_metric(metric, rollout.stable):
        return _too_few(view, what, of=rollout.stable)
    return _conclude(view, what, compared, limits, alike=alike)


def _before(view: View, what: Growing, limits: Limits) -> Grown | None:
    """How the stable revision grew until the candidate got traffic."""
    return grow(_stable(view.cut_at(view.rollout.start), what, -math.inf), limits)


def _beside(view: View, what: Growing) -> tuple[Segment, ...]:
    """The stable revision's segments since the candidate got traffic, under the same shapes."""
    found = _stable(view, what, view.rollout.start)
    return tuple(replace(s, born=True) for s in found if _long_enough(s, view.criteria))


def slopes(view: View, what: Growing) -> tuple[Slope | None, Slope | None]:
    """Growth per second of the candidate and of the stable revision, each as it fits best; None: unknown."""
    criteria = view.criteria
    limits = Limits(what.tolerated / 60, criteria.alpha, criteria.warm_up, view.rollout.sample_period)
    grown = [grow(found, limits) for found in _both(view, what)]
    mine, theirs = (None if g is None else g.slope for g in grown)
    return mine, theirs


def _both(view: View, what: Growing) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """The candidate's segments since it got traffic; the stable ones for as long, and as long before."""
    rollout, criteria = view.rollout, view.criteria
    drops = what.drops and bool(rollout.stable)
    candidate = segments(
        view, what.metric, rollout.candidate, rollout.start, criteria.min_samples, drops=drops
    )
    candidate = tuple(s for s in candidate if _long_enough(s, criteria))
    if not rollout.stable:
        return candidate, ()
    before = max(view.cut - rollout.start, 60 * rollout.sample_period, 20 * criteria.warm_up)
    return candidate, _stable(view, what, rollout.start - before)


def _stable(view: View, what: Growing, since: float) -> tuple[Segment, ...]:
    return segments(
        view, what.metric, view.rollout.stable, since, view.criteria.min_samples, drops=what.drops
    )


def _long_enough(segment: Segment, criteria: Criteria) -> bool:
    return segment.span >= 1.5 * criteria.warm_up


def _old_enough(candidate: tuple[Segment, ...], warm_up: float) -> bool:
    longest = max(s.span for s in candidate)
    together = sum(s.span for s in candidate if s.span >= 2 * warm_up)
    return longest >= SETTLED * warm_up or (len(candidate) >= 3 and together >= ALTOGETHER * warm_up)


# ----------------------------------------------------------------------------------------- conclusions


def _conclude(view: View, what: Growing, compared: Comparison, limits: Limits, *, alike: bool) -> Judged:
    """`alike`: both go the same way."""
    criteria, mine = view.criteria, compared.candidate
    delta = what.tolerated / 60
    rising = mine.late_slope() > max(delta, LASTING * mine.slope.value) and mine.gained >= what.least
    if compared.strength > OPEN:
        rising = rising and not is_a_jump(mine)
    facts = Facts(view, what.metric, what.limit, what.tolerated, compared)
    if compared.strength > 1 and rising and mine.outgrows_warm_up() and not alike:
        reported = exhausted_in(compared, what.limit, mine.slope.interval()[1]) > criteria.leak_horizon
        return facts.judged(Finding.WORSE, facts.climbs(), Attribution.REVISION, decisive=not reported)
    stable = compared.stable
    if stable is not None and _climbs_surely(stable, what, compared.boundary):
        return _shared_or_older(facts, what, compared, limits)
    low = min(mine.slope.interval()[0], compared.excess.interval()[0])
    if low > delta and rising and compared.strength > OPEN:
        return facts.judged(Finding.NOT_ENOUGH_DATA, facts.suspected(), Attribution.UNKNOWN)
    if _explained_by_load(compared, delta):
        return facts.judged(Finding.FINE, facts.follows_load(), Attribution.TRAFFIC)
    return facts.judged(Finding.FINE, facts.fine(), Attribution.NONE)


def _climbs_surely(grown: Grown, what: Growing, boundary: float) -> bool:
    delta = what.tolerated / 60
    lasting = grown.late_slope() > delta and grown.gained >= what.least and grown.outgrows_warm_up()
    return lasting and certainty(grown, delta) > min(boundary, 4.0)


def _shared_or_older(facts: Facts, what: Growing, compared: Comparison, limits: Limits) -> Judged:
    """The stable revision climbs for certain: is the candidate a cure, the same, or not yet known?"""
    stable = compared.stable
    assert stable is not None  # noqa: S101  the caller has looked
    mine, delta = compared.candidate.slope, what.tolerated / 60
    ratio = load_ratio(compared.candidate, stable)
    # What the candidate would show with the very same fault, whether that leaks by time or by request.
    same = [stable.slope.value * r for r in (1.0, ratio)]
    least, most = min(same), max(same)
    low, high = mine.interval(0.05)
    if high < 0.5 * least:
        return facts.judged(Finding.FINE, facts.cured(), Attribution.NONE)
    alike = any(0.5 * slope < mine.value < 1.5 * slope + delta for slope in same)
    if low > delta and high < 1.5 * most + delta and alike:
        finding, whose = Finding.PRE_EXISTING, Attribution.PRE_EXISTING
        began = _began_with_rollout(facts.view, what, limits)
        if began:
            finding, whose = Finding.SHARED, Attribution.SHARED
        far = exhausted_in(facts.compared, facts.limit) > facts.view.criteria.leak_horizon
        decisive = what.holds and not far
        return facts.judged(finding, facts.both(since_start=began), whose, decisive=decisive)
    return facts.judged(Finding.NOT_ENOUGH_DATA, facts.undecided(), Attribution.UNKNOWN)


def _began_with_rollout(view: View, what: Growing, limits: Limits) -> bool:
    """Whether the stable revision surely climbed far less until the candidate got traffic than now."""
    before, now = _before(view, what, limits), grow(_beside(view, what), limits)
    return before is not None and now is not None and before.slope.interval(0.05)[1] < OLDER * now.slope.value


def _explained_by_load(compared: Comparison, delta: float) -> bool:
    """A rise in the raw values that is gone once load is taken out."""
    pairs = compared.candidate.unloaded()
    raw = [plain_slope(s.age, s.values) for s, _ in pairs]
    rest = [plain_slope(s.age, unloaded) for s, unloaded in pairs]
    return float(np.mean(raw)) > 5 * delta and float(np.mean(rest)) < 0.3 * float(np.mean(raw))


def _too_few(view: View, what: Growing, of: str = "") -> Judged:
    criteria, rollout = view.criteria, view.rollout
    name = noun(what.metric, criteria)
    every = segments(view, what.metric, rollout.candidate, rollout.start, 1)
    have = max((len(s) for s in every), default=0)
    oldest = max((s.span for s in every), default=0.0)
    if of:
        text = f"{name}: no instance of {of} has {criteria.min_samples} samples yet to compare with"
    elif not have:
        text = f"{name}: nothing measured for {rollout.candidate} since it got traffic"
    else:
        rest = max(
            (criteria.min_samples - have) * rollout.sample_period,
            SETTLED * criteria.warm_up - oldest,
            rollout.sample_period,
        )
        text = (
            f"{name}: {have} samples of an instance of {rollout.candidate} over {duration(oldest)}; "
            f"it takes about {duration(rest)} more"
        )
    result = MetricResult(what.metric, Finding.NOT_ENOUGH_DATA, text, samples=have, unit="per minute")
    return Judged(result, Attribution.UNKNOWN)
