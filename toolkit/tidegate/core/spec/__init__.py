"""`tidegate.yaml`: from text to a frozen `Spec`, every fault at once with its place."""

from tidegate.core.spec.accepted import Accepted
from tidegate.core.spec.alerts import Alerts, Channel
from tidegate.core.spec.analysis import Analysis, OwnMetric
from tidegate.core.spec.containers import Container, Probe, Resources, SecretRef
from tidegate.core.spec.given import FromEnv, Given
from tidegate.core.spec.guard import Guard
from tidegate.core.spec.hooks import Hook, HttpCall
from tidegate.core.spec.load import environments, load, places
from tidegate.core.spec.model import (
    Collector,
    Spec,
    State,
    TelemetrySpec,
)
from tidegate.core.spec.notify import Listener
from tidegate.core.spec.platform import Scaling
from tidegate.core.spec.policy import load_policy
from tidegate.core.spec.read import MAX_BYTES
from tidegate.core.spec.read import Tree as Places
from tidegate.core.spec.rollout import Rollout, SmokeCheck

__all__ = [
    "MAX_BYTES",
    "Accepted",
    "Alerts",
    "Analysis",
    "Channel",
    "Collector",
    "Container",
    "FromEnv",
    "Given",
    "Guard",
    "Hook",
    "HttpCall",
    "Listener",
    "OwnMetric",
    "Places",
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
    "places",
]
