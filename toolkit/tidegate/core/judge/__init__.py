"""Samples and a rollout in, a verdict out: is the candidate worse because of itself?

`judge` answers while a rollout runs, `recovery` after a rollback. Both are pure functions of their arguments.
"""

from tidegate.core.judge.criteria import JUDGED, Criteria, Custom, Mode
from tidegate.core.judge.decision import judge
from tidegate.core.judge.recovery import recovery
from tidegate.core.trace import Rollout, Step

__all__ = ["JUDGED", "Criteria", "Custom", "Mode", "Rollout", "Step", "judge", "recovery"]
