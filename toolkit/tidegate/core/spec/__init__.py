"""`tidegate.yaml`: from text to a frozen `Spec`, every fault at once with its place."""

from tidegate.core.spec.analysis import Analysis, OwnMetric
from tidegate.core.spec.load import environments, load
from tidegate.core.spec.model import (
    Alerts,
    Channel,
    Collector,
    Container,
    Probe,
    Resources,
    Rollout,
    Scaling,
    SecretRef,
    SmokeCheck,
    Spec,
    State,
    TelemetrySpec,
)
from tidegate.core.spec.policy import load_policy
from tidegate.core.spec.read import MAX_BYTES

__all__ = [
    "MAX_BYTES",
    "Alerts",
    "Analysis",
    "Channel",
    "Collector",
    "Container",
    "OwnMetric",
    "Probe",
    "Resources",
    "Rollout",
    "Scaling",
    "SecretRef",
    "SmokeCheck",
    "Spec",
    "State",
    "TelemetrySpec",
    "environments",
    "load",
    "load_policy",
]
