"""The monitoring module, by a real terraform against the local control plane."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

SPEC = """
service: orders
project: shop-prod
region: europe-west1
containers: [{image: example/orders:1}]
scaling: {concurrency: 20}
labels: {team: orders}
telemetry: {open_fds: app_open_fds, max_fds: app_max_fds, tcp_connections: "app:tcp"}
alerts:
  channels: [{email: one@example.com}, {email: two@example.com}]
"""
KINDS = {"fd_growth", "fd_exhaustion", "connection_growth", "error_ratio", "latency_p99", "instances"}


def policies(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Policies by kind, as Cloud Monitoring has them."""
    found = cloud.get("/v3/projects/shop-prod/alertPolicies").get("alertPolicies", [])
    return {policy["userLabels"]["alert"]: policy for policy in found}


def channels(cloud: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.get("/v3/projects/shop-prod/notificationChannels").get(
        "notificationChannels", []
    )
    return found


def condition(policy: dict[str, Any]) -> dict[str, Any]:
    [only] = policy["conditions"]
    found: dict[str, Any] = only["conditionPrometheusQueryLanguage"]
    return found


def test_created_changed_and_destroyed_with_nothing_left_to_plan_in_between(cloud: Cloud) -> None:
    folder = cloud.render(SPEC, "monitoring")
    assert "Success" in folder.run("validate", "-no-color")
    folder.apply()
    folder.plan(code=0)
    assert set(policies(cloud)) == KINDS
    assert {channel["labels"]["email_address"] for channel in channels(cloud)} == {
        "one@example.com",
        "two@example.com",
    }
    every = {channel["name"] for channel in channels(cloud)}
    assert all(set(policy["notificationChannels"]) == every for policy in policies(cloud).values())

    # A channel goes while policies name it, an alert is switched off, another changes.
    changed = SPEC.replace("{email: one@example.com}, ", "") + (
        "  instances: {enabled: false}\n  error_ratio: {threshold: 0.5, severity: CRITICAL}\n"
    )
    folder = cloud.render(changed, "monitoring")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    assert set(policies(cloud)) == KINDS - {"instances"}
    assert policies(cloud)["error_ratio"]["severity"] == "CRITICAL"
    assert "> 0.5" in condition(policies(cloud)["error_ratio"])["query"]
    assert len(channels(cloud)) == 1
    folder.destroy()
    assert policies(cloud) == {}
    assert channels(cloud) == []
    assert not cloud.get("/v1/projects/shop-prod/dashboards").get("dashboards")


def test_every_policy_tells_the_person_on_call_what_to_do(cloud: Cloud) -> None:
    cloud.render(SPEC, "monitoring").apply()
    for kind, policy in policies(cloud).items():
        assert policy["severity"] in {"CRITICAL", "ERROR", "WARNING"}
        assert policy["userLabels"] == {
            "team": "orders",
            "service": "orders",
            "managed_by": "tidegate",
            "alert": kind,
            "region": "europe-west1",
        }
        assert policy["alertStrategy"]["autoClose"] == "3600s"
        text = policy["documentation"]["content"]
        assert 500 < len(text) <= 8192
        assert len(policy["documentation"]["subject"]) <= 255
        assert [f"\n{step}. " in text for step in (1, 2, 3)] == [True] * 3
        for words in ("Likely cause:", "rollback", "orders", "--to-revisions=REVISION=100"):
            assert words in text
        assert "${" not in text
        assert "%{" not in text


def test_a_rollback_command_of_ones_own_is_named(cloud: Cloud) -> None:
    folder = cloud.root("monitoring", alone('rollback_command = "tidegate rollback -f orders.yaml"'))
    folder.apply()
    for policy in policies(cloud).values():
        assert "`tidegate rollback -f orders.yaml`" in policy["documentation"]["content"]


def test_conditions_work_before_the_first_sample_and_look_at_this_service_only(cloud: Cloud) -> None:
    cloud.render(SPEC, "monitoring").apply()
    for policy in policies(cloud).values():
        found = condition(policy)
        assert found["disableMetricValidation"] is True
        assert int(found["evaluationInterval"].removesuffix("s")) % 30 == 0
        selectors = re.findall(r"([A-Za-z_:][A-Za-z0-9_:]*)\{([^}]*)\}", found["query"])
        assert selectors
        for metric, labels in selectors:
            assert 'project_id="shop-prod",location="europe-west1"' in labels
            if metric.startswith("run_googleapis_com:"):
                assert 'monitored_resource="cloud_run_revision"' in labels
                assert 'service_name="orders"' in labels
            else:
                assert metric in {"app_open_fds", "app_max_fds", "app:tcp"}
                assert 'cluster="__run__",namespace="orders"' in labels


def test_the_dashboard_shows_everything_and_holds_nothing_the_api_would_drop(cloud: Cloud) -> None:
    folder = cloud.render(SPEC, "monitoring")
    folder.apply()
    [dashboard] = cloud.get("/v1/projects/shop-prod/dashboards")["dashboards"]
    written = folder.state()["google_monitoring_dashboard.this"]["dashboard_json"]
    assert dashboard["mosaicLayout"]["columns"] == 48
    assert list(empties(json.loads(written))) == []
    tiles = dashboard["mosaicLayout"]["tiles"]
    for tile in tiles:
        assert tile.get("xPos", 0) + tile["width"] <= 48
    corners = [(tile.get("xPos", 0), tile.get("yPos", 0)) for tile in tiles]
    assert len(set(corners)) == len(corners)
    queries = [
        data["timeSeriesQuery"]["prometheusQuery"]
        for tile in tiles
        for data in tile["widget"]["xyChart"]["dataSets"]
    ]
    assert all("revision_name" in query for query in queries)
    for metric in (
        "app_open_fds", "app:tcp", "request_latencies_bucket", "request_count", "container_instance_count",
        "container_memory_utilizations_bucket",
    ):  # fmt: skip
        assert any(metric in query for query in queries), metric


def empties(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from empties(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from empties(inner, f"{path}[{at}]")
    if not value:
        yield path


def alone(*arguments: str) -> str:
    lines = "\n".join(f"  {argument}" for argument in arguments)
    return (
        'module "monitoring" {\n  source  = "./modules/monitoring"\n  project = "shop-prod"\n'
        f'  region  = "europe-west1"\n  service = "orders"\n{lines}\n}}\n'
        'output "all" {\n  value = module.monitoring\n}\n'
    )


def test_it_stands_alone_and_uses_channels_that_exist(cloud: Cloud) -> None:
    existing = cloud.post(
        "/v3/projects/shop-prod/notificationChannels",
        {"type": "email", "labels": {"email_address": "old@example.com"}, "displayName": "old"},
    )["name"]
    folder = cloud.root(
        "monitoring", alone(f'channels = {{ existing = ["{existing}"] }}', "dashboard = false")
    )
    folder.apply()
    folder.plan(code=0)
    outputs = json.loads(folder.run("output", "-json"))["all"]["value"]
    assert set(outputs["alert_policies"]) == KINDS
    assert outputs["notification_channels"] == [existing]
    assert outputs["dashboard"] is None
    folder.destroy()
    assert [channel["name"] for channel in channels(cloud)] == [existing]


def test_all_alerts_can_be_switched_off(cloud: Cloud) -> None:
    folder = cloud.render(SPEC + "  enabled: false\n", "monitoring")
    folder.apply()
    folder.plan(code=0)
    assert policies(cloud) == {}


REFUSED = [
    ('alerts = { fd_growth = { severity = "LOUD" } }', "CRITICAL, ERROR or WARNING"),
    ("alerts = { fd_growth = { for_seconds = 0.5 } }", "whole number"),
    ("alerts = { error_ratio = { window_seconds = 60 } }", "between 120 and 86400"),
    ("alerts = { fd_growth = { window_seconds = 300 } }", "at least 360"),
    ("alerts = { fd_growth = { per_minute = 0 } }", "positive per_minute"),
    ("alerts = { fd_exhaustion = { floor = 1.5 } }", "between 0 and 1"),
    ("alerts = { error_ratio = { threshold = 2 } }", "between 0 and 1"),
    ("alerts = { instances = { factor = 1 } }", "above 1"),
    ("alerts = { auto_close_seconds = 60 }", "between 1800"),
    ('channels = { emails = ["nobody"] }', "email addresses"),
    ('channels = { existing = ["nobody"] }', "projects/PROJECT/notificationChannels/ID"),
    ('telemetry = { open_fds = "a} or vector(1) or b{" }', "letters, digits, _ and :"),
    ('rollback_command = "a\\nb"', "one line"),
    ('labels = { "Team" = "x" }', "Label keys"),
    ("scaling = { concurrency = 0 }", "at least 1"),
]


def test_what_an_apply_would_refuse_is_refused_by_the_plan(cloud: Cloud) -> None:
    calls = [
        f'  project = "shop-prod"\n  region = "europe-west1"\n  service = "orders"\n  {argument}'
        for argument, _ in REFUSED
    ]
    said = cloud.refusals("monitoring", calls)
    assert [case for case, text in zip(REFUSED, said, strict=True) if case[1] not in text] == []
