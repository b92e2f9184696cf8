"""A recorded rollout judged again under a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tidegate.core import trace
from tidegate.core.judge import Criteria
from tidegate.core.replay import Looked, Policy, Replayed, look_times, required
from tidegate.core.replay import replay as looks


@dataclass(frozen=True)
class Judging:
    """How to judge. `derive`: what must be seen is worked out from the trace, no policy names it."""

    criteria: Criteria = field(default_factory=Criteria)
    policy: Policy = field(default_factory=Policy)
    derive: bool = True


def replay(
    rollout_json: str,
    samples_csv: str,
    judging: Judging,
    look_every: float | None = None,
    on_look: Callable[[Looked], None] = lambda _: None,
) -> tuple[Replayed, tuple[str, ...]]:
    """The verdict and the reader's warnings. Raises InvalidInput for faulty files."""
    extra = frozenset(custom.metric for custom in judging.criteria.custom)
    rollout, samples, warnings = trace.read(rollout_json, samples_csv, extra)
    criteria = judging.criteria
    if judging.derive:
        wanted = tuple(m for m in required(rollout, samples) if m not in criteria.dry_run)
        criteria = replace(criteria, required=wanted)
    running = looks(
        rollout, samples, criteria, judging.policy, times=look_times(rollout, samples, look_every)
    )
    while True:
        try:
            on_look(next(running))
        except StopIteration as ended:
            replayed: Replayed = ended.value
            return replayed, warnings
