"""Monitoring v3: open incidents, which the API calls alerts.

Policies are stored here, not evaluated, so none opens by itself: `/_local/incidents` opens one on demand.
It takes and gives::

    {"policy": "projects/p/alertPolicies/1"}           of this policy; or
    {"user_labels": {"alert": "error_ratio"}}          of every policy that has these labels
    "resource": {"type": "…", "labels": {…}}           what it is about, optional with both

Nothing of it is kept when the local Cloud Run ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.cloud import monitoring_v3

from tidegate.local.world.alerting import Policies
from tidegate.local.world.errors import invalid, not_found
from tidegate.local.world.filters import Lookup, parse
from tidegate.local.world.ground import Ground, rfc3339
from tidegate.local.world.names import page

_FIELDS = frozenset({"policy", "user_labels", "resource"})
_MOST = 50
_LAST = 999_999


class Incidents:
    def __init__(self, ground: Ground, policies: Policies) -> None:
        self._ground = ground
        self._policies = policies
        self._open: dict[str, dict[str, Any]] = {}

    def list(self, project: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer of projects.alerts.list, newest first."""
        chosen = parse(query.get("filter", ""))
        names = [
            name
            for name in sorted(self._open)
            if name.startswith(f"projects/{project}/") and chosen.matches(_lookup_in(self._open[name]))
        ]
        size = query.get("pageSize", "0")
        if not size.isdigit():
            invalid("page_size must be a number.")
        shown, token = page(names, int(size) or _MOST, query.get("pageToken", ""))
        answer: dict[str, Any] = {"totalSize": len(names)} if names else {}
        if shown:
            answer["alerts"] = [self._open[name] for name in shown]
        return answer | ({"nextPageToken": token} if token else {})

    # ------------------------------------------------------------------------------- /_local/incidents

    def add(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Opens an incident of every policy that is asked for; answers with all that are open."""
        if unknown := set(asked) - _FIELDS:
            invalid(f"Unknown fields: {', '.join(sorted(unknown))}.")
        labels, resource = asked.get("user_labels", {}), asked.get("resource", {})
        if not (isinstance(labels, dict) and isinstance(resource, dict)):
            invalid("user_labels and resource must be objects.")
        if bool(asked.get("policy")) == bool(labels):
            invalid("Exactly one of policy and user_labels is needed.")
        with self._ground.lock:
            found = [p for p in self._policies.stored.values() if _is_meant(p, asked.get("policy"), labels)]
            if not found:
                not_found("No stored alert policy is meant.")
            for policy in found:
                self._begin(policy, resource)
            self._ground.touch()
        return self.shown()

    def clear(self) -> dict[str, Any]:
        with self._ground.lock:
            self._open.clear()
            self._ground.touch()
        return self.shown()

    def shown(self) -> dict[str, Any]:
        with self._ground.lock:
            return {"incidents": [dict(alert) for alert in self._open.values()]}

    def _begin(self, policy: Any, resource: Mapping[str, Any]) -> None:
        project = policy.name.split("/")[1]
        # The newest sorts first.
        name = f"projects/{project}/alerts/0.{_LAST - len(self._open)}{self._ground.digits(12)}"
        snapshot = {
            "name": policy.name,
            "displayName": policy.display_name,
            "severity": monitoring_v3.AlertPolicy.Severity(policy.severity).name,
            "userLabels": dict(policy.user_labels),
        }
        self._open[name] = {
            "name": name,
            "state": "OPEN",
            "openTime": rfc3339(self._ground.now()),
            **({"resource": dict(resource)} if resource else {}),
            "policy": snapshot,
        }


def _is_meant(policy: Any, name: Any, labels: Mapping[str, Any]) -> bool:
    if name:
        return bool(policy.name == name)
    return all(policy.user_labels.get(key) == value for key, value in labels.items())


def _lookup_in(alert: Mapping[str, Any]) -> Lookup:
    """Only the state can be filtered by."""
    return lambda selector: str(alert["state"]) if selector == "state" else None
