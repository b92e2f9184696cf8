"""Watched services, their objectives, and metrics of log entries, as the client library and REST see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.service_monitoring_service.transports import (
    ServiceMonitoringServiceGrpcTransport,
)

from local.world_parts import make_world, rest
from tidegate.local import grpc_api
from tidegate.local.world import World

PROJECT = "projects/demo"
LATENCIES = 'metric.type="run.googleapis.com/request_latencies" resource.type="cloud_run_revision"'


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def client(world: World) -> Iterator[monitoring_v3.ServiceMonitoringServiceClient]:
    server, port = grpc_api.serve(world)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        transport = ServiceMonitoringServiceGrpcTransport(channel=opened)
        yield monitoring_v3.ServiceMonitoringServiceClient(transport=transport)
    server.stop(0).wait()


@pytest.fixture
def base(world: World) -> Iterator[str]:
    with rest(world) as url:
        yield url


def objective(**changes: Any) -> dict[str, Any]:
    cut = {"distribution_filter": LATENCIES, "range_": {"max_": 2000}}
    return {
        "goal": 0.99,
        "rolling_period": {"seconds": 28 * 86400},
        "service_level_indicator": {"request_based": {"distribution_cut": cut}},
        **changes,
    }


def test_a_service_and_its_objectives(client: monitoring_v3.ServiceMonitoringServiceClient) -> None:
    service = client.create_service(
        request={
            "parent": PROJECT,
            "service_id": "orders",
            "service": {"custom": {}, "display_name": "Orders"},
        }
    )
    assert service.name == f"{PROJECT}/services/orders"
    with pytest.raises(exceptions.AlreadyExists):
        client.create_service(request={"parent": PROJECT, "service_id": "orders", "service": {"custom": {}}})
    slow = client.create_service_level_objective(
        request={
            "parent": service.name,
            "service_level_objective_id": "latency",
            "service_level_objective": objective(),
        }
    )
    assert slow.name == f"{service.name}/serviceLevelObjectives/latency"
    slow.goal = 0.95
    client.update_service_level_objective(
        request={"service_level_objective": slow, "update_mask": {"paths": ["goal"]}}
    )
    [found] = client.list_service_level_objectives(parent=service.name)
    assert found.goal == 0.95
    assert found.service_level_indicator.request_based.distribution_cut.range_.max_ == 2000
    assert [one.display_name for one in client.list_services(parent=PROJECT)] == ["Orders"]
    client.delete_service(name=service.name)
    with pytest.raises(exceptions.NotFound):
        client.get_service_level_objective(name=slow.name)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"goal": 1.0}, "goal"),
        ({"rolling_period": {"seconds": 3600}}, "whole days"),
        ({"rolling_period": {"seconds": 31 * 86400}}, "1 to 30"),
        ({"service_level_indicator": {}}, "service_level_indicator is required"),
        (
            {
                "service_level_indicator": {
                    "request_based": {"good_total_ratio": {"good_service_filter": LATENCIES}}
                }
            },
            "exactly two",
        ),
    ],
)
def test_what_cannot_be_promised_is_refused(
    client: monitoring_v3.ServiceMonitoringServiceClient, changes: dict[str, Any], said: str
) -> None:
    client.create_service(request={"parent": PROJECT, "service_id": "orders", "service": {"custom": {}}})
    with pytest.raises(exceptions.InvalidArgument, match=said):
        client.create_service_level_objective(
            request={
                "parent": f"{PROJECT}/services/orders",
                "service_level_objective": objective(**changes),
            }
        )


def ask(verb: str, url: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    with requests.request(verb, url, json=body, timeout=20) as answer:
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


def test_metrics_of_log_entries(base: str) -> None:
    many = f"{base}/v2/{PROJECT}/metrics"
    made = ask("POST", many, {"name": "app/emfile", "filter": '"too many open files"'})
    assert made["metricDescriptor"]["type"] == "logging.googleapis.com/user/app/emfile"
    assert (made["metricDescriptor"]["metricKind"], made["metricDescriptor"]["valueType"]) == (
        "DELTA",
        "INT64",
    )
    ask("POST", many, {"name": "app/emfile", "filter": "x"}, 409)
    ask("POST", many, {"name": "b", "filter": ""}, 400)
    ask("POST", many, {"name": "b", "filter": '"open'}, 400)
    changed = ask("PUT", f"{many}/app%2Femfile", {"name": "app/emfile", "filter": "EMFILE"})
    assert (changed["filter"], changed["createTime"]) == ("EMFILE", made["createTime"])
    assert [metric["name"] for metric in ask("GET", many)["metrics"]] == ["app/emfile"]
    assert ask("DELETE", f"{many}/app%2Femfile") == {}
    ask("GET", f"{many}/app%2Femfile", status=404)
    assert ask("GET", many) == {}


def test_a_restarted_world_still_has_them(base: str, world: World) -> None:
    ask("POST", f"{base}/v3/{PROJECT}/services?serviceId=orders", {"custom": {}})
    body = {
        "goal": 0.99,
        "rollingPeriod": "86400s",
        "serviceLevelIndicator": {
            "requestBased": {"distributionCut": {"distributionFilter": LATENCIES, "range": {"max": 5}}}
        },
    }
    parent = f"{PROJECT}/services/orders/serviceLevelObjectives"
    ask("POST", f"{base}/v3/{parent}?serviceLevelObjectiveId=fast", body)
    ask("POST", f"{base}/v2/{PROJECT}/metrics", {"name": "m", "filter": "x"})
    again = make_world()
    again.load(world.dump())
    with rest(again) as url:
        assert ask("GET", f"{url}/v3/{parent}/fast")["goal"] == 0.99
        assert ask("GET", f"{url}/v2/{PROJECT}/metrics/m")["filter"] == "x"
