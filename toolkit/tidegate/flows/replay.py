"""A recorded rollout judged again under a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tidegate.core import trace
from tidegate.core.judge import Criteria
from tidegate.core.replay import Looked, Policy, Replayed, look_times, required, warm_up
from tidegate.core.replay import replay as looks


@dataclass(frozen=True)
class Judging:
    """How to judge. `derive`: what must be seen is worked out from the trace, as no policy names it;
    `by_policy`: the criteria are somebody's choice, and not to be fitted to a short rollout."""

    criteria: Criteria = field(default_factory=Criteria)
    policy: Policy = field(default_factory=Policy)
    derive: bool = True
    by_policy: bool = False


@dataclass(frozen=True)
class Outcome:
    """`warnings` of the reader; `notes` say how the trace was judged where that may surprise."""

    replayed: Replayed
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def replay(
    rollout_json: str,
    samples_csv: str,
    judging: Judging,
    look_every: float | None = None,
    on_look: Callable[[Looked], None] = lambda _: None,
) -> Outcome:
    """Raises InvalidInput for faulty files, UsageError for too many looks."""
    extra = frozenset(custom.metric for custom in judging.criteria.custom)
    rollout, samples, warnings = trace.read(rollout_json, samples_csv, extra)
    criteria = judging.criteria
    notes: tuple[str, ...] = ()
    if judging.derive:
        wanted = tuple(m for m in required(rollout, samples) if m not in criteria.dry_run)
        criteria = replace(criteria, required=wanted)
    if not judging.by_policy and (short := warm_up(rollout, samples)) < criteria.warm_up:
        criteria = replace(criteria, warm_up=short)
        notes = (f"so short a rollout is judged with a warm_up of {short:.3g} s; a policy can say another",)
    running = looks(
        rollout, samples, criteria, judging.policy, times=look_times(rollout, samples, look_every)
    )
    while True:
        try:
            on_look(next(running))
        except StopIteration as ended:
            return Outcome(ended.value, warnings, notes)
