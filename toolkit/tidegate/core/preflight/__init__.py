"""Before a deployment: is what serves healthy now, and would a deployment go on?

What serves is held against absolute limits, as a first deployment is: nothing stands beside it. A finding of
burning does not refuse a deployment. It is likely to be the fix, so it is judged for improvement.
"""

from tidegate.core.preflight.assess import assess, occupied, split, undecided
from tidegate.core.preflight.health import limits, looked_back
from tidegate.core.preflight.model import Finding, Kind, Look, Preflight

__all__ = [
    "Finding",
    "Kind",
    "Look",
    "Preflight",
    "assess",
    "limits",
    "looked_back",
    "occupied",
    "split",
    "undecided",
]
