"""The control plane of the local Cloud Run: state and rules, with a clock it is given and no I/O."""

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

__all__ = [
    "Container",
    "Distribution",
    "Mount",
    "Probe",
    "Route",
    "Sample",
    "SecretFile",
    "Volume",
    "WantedRevision",
]
