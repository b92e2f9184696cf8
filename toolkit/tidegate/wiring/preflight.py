"""What `tidegate preflight` and a deployment look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.settings import Settings
from tidegate.wiring import Connected, job, local_cloud, plan

if TYPE_CHECKING:
    from tidegate.core.preflight import Preflight
    from tidegate.core.spec import Spec
    from tidegate.ports import Incidents


def look(spec: Spec, settings: Settings, connected: Connected) -> Preflight:
    """How the service of the spec is now. Raises RemoteError only where the service cannot be read."""
    from tidegate.flows.preflight import check

    return check(job(spec), plan(spec), spec.alerts, connected.tools, incidents(settings))


def incidents(settings: Settings) -> Incidents:
    """Raises Denied without credentials."""
    import requests

    from tidegate.adapters import credentials
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.incidents import MonitoringIncidents
    from tidegate.adapters.retry import BRIEF, Retrying

    # Nobody who deploys a fix wants to wait for the list of incidents.
    retrying = Retrying(SystemClock(), BRIEF)
    cloud = local_cloud(settings)
    if cloud is not None:
        return MonitoringIncidents(requests.Session, retrying, cloud.rest)
    found = credentials.find()
    return MonitoringIncidents(lambda: credentials.session(found), retrying)
