"""Open incidents over the REST API of Cloud Monitoring: implements `ports.Incidents`.

The API calls an incident an alert (`projects.alerts`); the client library knows nothing of it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tidegate.adapters.rest_errors import Refused, is_passing, said, translated
from tidegate.adapters.retry import Retrying
from tidegate.core.errors import Unreachable
from tidegate.core.incident import Incident
from tidegate.ports import ServiceName

if TYPE_CHECKING:
    import requests

GOOGLE = "https://monitoring.googleapis.com"
_GRANT = "grant roles/monitoring.alertViewer to the account tidegate runs as"
_PAGE = 1000
_MOST_PAGES = 10
_OPEN = "OPEN"
_NOT_BURNING = frozenset(
    {"cost_per_request", "error_burn_slow", "latency_burn_slow", "monthly_cost", "telemetry_silent"}
)
"""Alerts of the monitoring module that tell of money, of past days or of nothing measured: the service may be
as well as ever."""


class MonitoringIncidents:
    """`open_session` makes an HTTP session that carries the credentials; `address` ends without a slash."""

    def __init__(
        self, open_session: Callable[[], requests.Session], retrying: Retrying, address: str = GOOGLE
    ) -> None:
        self._open_session = open_session
        self._retrying = retrying
        self._address = address

    def open_incidents(self, name: ServiceName) -> tuple[Incident, ...]:
        """See `ports.Incidents`. Raises Denied, NotFound, Rejected or Unreachable."""
        doing = f"read the open incidents of project {name.project}"
        try:
            with translated(doing, self._retrying.policy.timeout, denied=_GRANT):
                found = [_incident(alert) for alert in self._alerts(name.project) if concerns(alert, name)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreachable(f"cannot {doing}: the answer is not one of Cloud Monitoring") from error
        return tuple(sorted(found, key=lambda incident: incident.opened or 0.0))

    def _alerts(self, project: str) -> Iterator[Mapping[str, Any]]:
        """Newest first, as the API has them without being told otherwise."""
        url = f"{self._address}/v3/projects/{project}/alerts"
        asked = {"filter": f'state="{_OPEN}"', "pageSize": str(_PAGE)}
        with contextlib.closing(self._open_session()) as session:
            for _ in range(_MOST_PAGES):
                page = self._retrying.call(partial(self._get, session, url, asked), is_passing)
                yield from page.get("alerts", ())
                if not page.get("nextPageToken"):
                    return
                asked = {**asked, "pageToken": page["nextPageToken"]}

    def _get(self, session: requests.Session, url: str, asked: Mapping[str, str]) -> Mapping[str, Any]:
        with contextlib.suppress(ValueError):
            # Proxies of the environment have no business on this machine's own ports.
            session.trust_env = not ipaddress.ip_address(urlsplit(url).hostname or "").is_loopback
        answer = session.get(url, params=asked, timeout=self._retrying.policy.timeout, allow_redirects=False)
        if answer.status_code != 200:
            raise Refused(answer.status_code, said(answer.content))
        page: Mapping[str, Any] = json.loads(answer.content)
        return page


def concerns(alert: Mapping[str, Any], name: ServiceName) -> bool:
    """Whether it is open and says that the service burns, by the labels of its policy or by its resource.

    An answer holds the alerts of the whole metrics scope, so other projects' and regions' may be among them.
    """
    if alert.get("state") != _OPEN:
        return False
    resource = alert.get("resource", {}).get("labels", {})
    labels = alert.get("policy", {}).get("userLabels", {})
    elsewhere = (
        resource.get("project_id", name.project) != name.project
        or resource.get("location", name.region) != name.region
        or labels.get("region", name.region) != name.region
    )
    ours = labels.get("managed_by") == "tidegate" and labels.get("service") == name.service
    if ours and labels.get("alert") in _NOT_BURNING:
        return False
    return not elsewhere and (ours or resource.get("service_name") == name.service)


def _incident(alert: Mapping[str, Any]) -> Incident:
    policy = alert.get("policy", {})
    severity = str(policy.get("severity", ""))
    return Incident(
        str(policy.get("displayName") or policy.get("name") or alert["name"]),
        datetime.fromisoformat(alert["openTime"]).timestamp() if alert.get("openTime") else None,
        "" if severity == "SEVERITY_UNSPECIFIED" else severity,
    )
