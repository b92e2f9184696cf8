"""Several regions, wave by wave: how each stands, and what follows for the others from how one ends."""

from tidegate.core.waves.reading import outcome
from tidegate.core.waves.state import Outcome, Region, Stand, Waves, worst
from tidegate.core.waves.table import (
    CONSEQUENCES,
    MOVING,
    Abort,
    Deploy,
    Effect,
    Ended,
    Event,
    Returned,
    Rollback,
    Signalled,
    begin,
    step,
)
from tidegate.core.waves.wording import data, headline, lines

__all__ = [
    "CONSEQUENCES",
    "MOVING",
    "Abort",
    "Deploy",
    "Effect",
    "Ended",
    "Event",
    "Outcome",
    "Region",
    "Returned",
    "Rollback",
    "Signalled",
    "Stand",
    "Waves",
    "begin",
    "data",
    "headline",
    "lines",
    "outcome",
    "step",
    "worst",
]
