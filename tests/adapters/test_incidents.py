"""Open incidents: against the local Cloud Run's REST API, and against servers that misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from google.cloud import monitoring_v3

from adapters.conftest import NOW, FakeClock
from adapters.web import Web, answer, serving
from local.world_parts import call, rest
from tidegate.adapters.incidents import MonitoringIncidents, concerns
from tidegate.adapters.retry import Retrying, RetryPolicy
from tidegate.core.errors import Denied, NotFound, Rejected, RemoteError, Unreachable
from tidegate.core.incident import Incident
from tidegate.local.world import World
from tidegate.ports import ServiceName

NAME = ServiceName("shop-prod", "europe-west1", "orders")
LABELS = {"managed_by": "tidegate", "service": "orders", "region": "europe-west1"}
FIRING: dict[str, Any] = {
    "name": "projects/shop-prod/alerts/0.1",
    "state": "OPEN",
    "openTime": "2026-11-02T10:00:00Z",
    "policy": {"displayName": "orders: 5xx ratio", "severity": "ERROR", "userLabels": LABELS},
}


def reader(address: str, clock: FakeClock) -> MonitoringIncidents:
    return MonitoringIncidents(
        requests.Session, Retrying(clock, RetryPolicy(attempts=2, timeout=5.0)), address
    )


# ------------------------------------------------------------------------------- the local Cloud Run


@pytest.fixture
def base(local_world: World) -> Iterator[str]:
    with rest(local_world) as url:
        yield url


def a_policy(world: World, alert: str, **labels: str) -> str:
    condition = {
        "display_name": "c",
        "condition_prometheus_query_language": {"query": "up", "evaluation_interval": {"seconds": 60}},
    }
    policy = monitoring_v3.AlertPolicy(
        display_name=f"orders: {alert}", combiner="OR", conditions=[condition], severity="ERROR",
        user_labels={**LABELS, "alert": alert, **labels},
    )  # fmt: skip
    made = call(
        world, "CreateAlertPolicy", name="projects/shop-prod",
        alert_policy=monitoring_v3.AlertPolicy.pb(policy),
    )  # fmt: skip
    return str(made.name)


def post(base: str, what: str, **asked: Any) -> requests.Response:
    return requests.post(f"{base}/_local/{what}", json=asked, timeout=10)


def test_policies_that_nobody_fires_have_no_incidents(
    local_world: World, base: str, clock: FakeClock
) -> None:
    a_policy(local_world, "error_ratio")
    assert reader(base, clock).open_incidents(NAME) == ()


def test_an_incident_that_was_opened_is_read_until_it_is_closed(
    local_world: World, base: str, clock: FakeClock
) -> None:
    a_policy(local_world, "error_ratio")
    a_policy(local_world, "latency_p99")
    a_policy(local_world, "fd_growth", service="other")
    assert post(base, "incidents", user_labels={"alert": "error_ratio"}).status_code == 200
    assert post(base, "incidents", user_labels={"service": "other"}).status_code == 200
    assert reader(base, clock).open_incidents(NAME) == (Incident("orders: error_ratio", NOW, "ERROR"),)
    assert len(requests.get(f"{base}/_local/incidents", timeout=10).json()["incidents"]) == 2
    requests.delete(f"{base}/_local/incidents", timeout=10)
    assert reader(base, clock).open_incidents(NAME) == ()


def test_one_policy_can_be_named_with_what_it_is_about(
    local_world: World, base: str, clock: FakeClock
) -> None:
    policy = a_policy(local_world, "mine", managed_by="somebody")
    post(base, "incidents", policy=policy)
    assert reader(base, clock).open_incidents(NAME) == ()
    labels = {"service_name": "orders", "location": "europe-west1", "project_id": "shop-prod"}
    post(base, "incidents", policy=policy, resource={"type": "cloud_run_revision", "labels": labels})
    assert [i.policy for i in reader(base, clock).open_incidents(NAME)] == ["orders: mine"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"policy": "projects/shop-prod/alertPolicies/9", "user_labels": {"a": "b"}}, 400),
        ({"user_labels": {"a": "b"}, "state": "OPEN"}, 400),
        ({"policy": "projects/shop-prod/alertPolicies/9"}, 404),
    ],
)
def test_what_cannot_be_meant_opens_nothing(base: str, asked: dict[str, Any], status: int) -> None:
    assert post(base, "incidents", **asked).status_code == status
    assert requests.get(f"{base}/_local/incidents", timeout=10).json() == {"incidents": []}
    assert post(base, "incident", **asked).status_code == 404


def test_pages_come_newest_first_and_none_is_lost(local_world: World, base: str) -> None:
    for number in range(3):
        a_policy(local_world, f"a{number}")
        post(base, "incidents", user_labels={"alert": f"a{number}"})
    found, token = [], ""
    while True:
        asked = {"pageSize": "2", "pageToken": token}
        page = requests.get(f"{base}/v3/projects/shop-prod/alerts", asked, timeout=10).json()
        found += [alert["policy"]["displayName"] for alert in page["alerts"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert found == ["orders: a2", "orders: a1", "orders: a0"]


# ------------------------------------------------------------------------------- which are the service's


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"state": "CLOSED"}, False),
        ({"policy": {"userLabels": {**LABELS, "region": "us-east1"}}}, False),
        ({"policy": {"userLabels": {"managed_by": "tidegate", "service": "orders"}}}, True),
        ({"policy": {"userLabels": {**LABELS, "service": "payments"}}}, False),
        ({"policy": {"userLabels": {**LABELS, "alert": "monthly_cost"}}}, False),
        ({"policy": {"userLabels": {**LABELS, "alert": "error_burn_fast"}}}, True),
        ({"policy": {"userLabels": {"service": "orders"}}}, False),
        ({"policy": {}, "resource": {"labels": {"service_name": "orders"}}}, True),
        ({"policy": {}, "resource": {"labels": {"service_name": "payments"}}}, False),
        ({"resource": {"labels": {"service_name": "orders", "location": "us-east1"}}}, False),
        ({"resource": {"labels": {"project_id": "shop-test"}}}, False),
    ],
)
def test_an_incident_is_the_services_by_label_or_by_resource(changes: dict[str, Any], ours: bool) -> None:
    assert concerns({**FIRING, **changes}, NAME) is ours


# ------------------------------------------------------------------------------- servers that misbehave


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as opened:
        yield opened


def with_status(status: int, body: bytes) -> Callable[[Any], None]:
    return lambda handler: answer(handler, status, body)


def test_all_pages_are_read_and_only_open_ones_are_asked_for(web: Web, clock: FakeClock) -> None:
    pages = [{"alerts": [FIRING], "nextPageToken": "more"}, {"alerts": [FIRING]}]
    web.respond = lambda handler: answer(handler, 200, json.dumps(pages[len(web.requests) - 1]).encode())
    assert len(reader(web.url, clock).open_incidents(NAME)) == 2
    first, second = (parse_qs(urlsplit(path).query) for path, _, _ in web.requests)
    assert urlsplit(web.requests[0][0]).path == "/v3/projects/shop-prod/alerts"
    assert first["filter"] == ['state="OPEN"']
    assert second["pageToken"] == ["more"]


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, b"{}", Denied, "HTTP 401"),
        (403, b'{"error": {"message": "no alerts for you"}}', Denied, "no alerts for you"),
        (404, b"", NotFound, "HTTP 404"),
        (400, b'{"error": {"message": "bad filter"}}', Rejected, "bad filter"),
        (503, b"busy", Unreachable, "busy"),
        (200, b"<html>", Unreachable, "not one of Cloud Monitoring"),
        (200, b"[]", Unreachable, "not one of Cloud Monitoring"),
        (200, b'{"alerts": ["x"]}', Unreachable, "not one of Cloud Monitoring"),
    ],
)
def test_trouble_is_one_sentence(
    web: Web, clock: FakeClock, status: int, body: bytes, error: type[RemoteError], said: str
) -> None:
    web.respond = with_status(status, body)
    with pytest.raises(error, match=said) as raised:
        reader(web.url, clock).open_incidents(NAME)
    assert raised.value.message.startswith("cannot read the open incidents of project shop-prod: ")
    assert len(web.requests) == (2 if status == 503 else 1)


def test_nobody_there(clock: FakeClock) -> None:
    with serving() as gone:
        url = gone.url
    with pytest.raises(Unreachable, match="Connection refused"):
        reader(url, clock).open_incidents(NAME)
