"""A recorded rollout, judged again: look by look, each seeing only what was known then."""

from tidegate.core.replay.data import data, table_data
from tidegate.core.replay.defaults import required, warm_up
from tidegate.core.replay.doubts import Doubt, doubts
from tidegate.core.replay.looks import look_times
from tidegate.core.replay.stepping import Change, Looked, Policy, Replayed, replay

__all__ = [
    "Change",
    "Doubt",
    "Looked",
    "Policy",
    "Replayed",
    "data",
    "doubts",
    "look_times",
    "replay",
    "required",
    "table_data",
    "warm_up",
]
