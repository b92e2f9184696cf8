"""A past rollout worked out from what was measured: who took over from whom, and in which steps."""

from tidegate.core.reconstruct.coverage import Coverage, coverage
from tidegate.core.reconstruct.pair import pair
from tidegate.core.reconstruct.shares import Shares, describe
from tidegate.core.reconstruct.steps import steps

__all__ = ["Coverage", "Shares", "coverage", "describe", "pair", "steps"]
