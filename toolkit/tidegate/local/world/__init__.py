"""The control plane of the local Cloud Run: state and rules, with a clock it is given and no I/O."""

from tidegate.local.world.errors import ApiError, ResponseLost
from tidegate.local.world.model import (
    Container,
    Distribution,
    Mount,
    Probe,
    Route,
    Sample,
    SecretFile,
    Volume,
    WantedRevision,
)
from tidegate.local.world.world import World

__all__ = [
    "ApiError",
    "Container",
    "Distribution",
    "Mount",
    "Probe",
    "ResponseLost",
    "Route",
    "Sample",
    "SecretFile",
    "Volume",
    "WantedRevision",
    "World",
]
