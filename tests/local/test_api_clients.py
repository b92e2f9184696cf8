"""The real client libraries against the local control plane, over gRPC and over REST."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import monitoring_dashboard_v1, monitoring_v3, run_v2
from google.cloud.monitoring_dashboard_v1.services.dashboards_service import (
    transports as dashboard_transports,
)
from google.cloud.monitoring_v3.services.alert_policy_service.transports import (
    AlertPolicyServiceGrpcTransport,
)
from google.cloud.monitoring_v3.services.notification_channel_service.transports import (
    NotificationChannelServiceGrpcTransport,
)
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport, ServicesRestTransport
from google.iam.v1 import iam_policy_pb2

from local.world_parts import PARENT, SERVICE, make_world, rest, start_all
from tidegate.local import grpc_api
from tidegate.local.world import World

PROJECT = "projects/demo"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def channel(world: World) -> Iterator[grpc.Channel]:
    server, port = grpc_api.serve(world)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    server.stop(0).wait()


@pytest.fixture
def base(world: World) -> Iterator[str]:
    with rest(world) as url:
        yield url


@pytest.fixture(params=["grpc", "rest"])
def services(request: pytest.FixtureRequest) -> run_v2.ServicesClient:
    if request.param == "grpc":
        return run_v2.ServicesClient(
            transport=ServicesGrpcTransport(channel=request.getfixturevalue("channel"))
        )
    host = request.getfixturevalue("base").removeprefix("http://")
    return run_v2.ServicesClient(
        transport=ServicesRestTransport(host=host, url_scheme="http", credentials=AnonymousCredentials())
    )


def wanted() -> run_v2.Service:
    return run_v2.Service(template=run_v2.RevisionTemplate(containers=[run_v2.Container(image="app:1")]))


def test_a_service_lives_and_dies(services: run_v2.ServicesClient, world: World) -> None:
    operation = services.create_service(parent=PARENT, service_id="orders", service=wanted())
    threading.Timer(0.05, start_all, [world]).start()
    made = operation.result(timeout=20)
    assert made.latest_ready_revision.startswith(f"{SERVICE}/revisions/orders-00001-")
    revision = made.latest_ready_revision.rpartition("/")[2]
    target = run_v2.TrafficTarget(type_=2, revision=revision, percent=100, tag="live")
    change = run_v2.Service(name=SERVICE, etag=made.etag, traffic=[target], annotations={"k": "v"})
    mask = {"paths": ["traffic", "annotations"]}
    changed = services.update_service(service=change, update_mask=mask).result(timeout=20)
    assert changed.traffic_statuses[0].revision == revision
    with pytest.raises(exceptions.Conflict):
        services.update_service(service=change, update_mask=mask)
    assert [s.name for s in services.list_services(parent=PARENT)] == [SERVICE]
    policy = services.get_iam_policy(iam_policy_pb2.GetIamPolicyRequest(resource=SERVICE))
    policy.bindings.add(role="roles/run.invoker", members=["allUsers"])
    asked = iam_policy_pb2.SetIamPolicyRequest(resource=SERVICE, policy=policy)
    assert services.set_iam_policy(asked).bindings[0].members == ["allUsers"]
    with pytest.raises(exceptions.Conflict):
        services.set_iam_policy(asked)
    services.delete_service(name=SERVICE).result(timeout=20)
    with pytest.raises(exceptions.NotFound):
        services.get_service(name=SERVICE)


def test_a_lost_response_leaves_the_effect(services: run_v2.ServicesClient, world: World) -> None:
    world.faults.add({"faults": [{"method": "Services/CreateService", "response_lost": True}]})
    with pytest.raises((exceptions.ServiceUnavailable, requests.ConnectionError)):
        services.create_service(parent=PARENT, service_id="orders", service=wanted())
    assert services.get_service(name=SERVICE).name == SERVICE


def test_an_injected_error_has_no_effect(services: run_v2.ServicesClient, world: World) -> None:
    world.faults.add({"faults": [{"method": "CreateService", "code": "RESOURCE_EXHAUSTED", "times": 1}]})
    with pytest.raises(exceptions.TooManyRequests):
        services.create_service(parent=PARENT, service_id="orders", service=wanted())
    assert not list(services.list_services(parent=PARENT))


def test_policies_and_channels(channel: grpc.Channel) -> None:
    channels = monitoring_v3.NotificationChannelServiceClient(
        transport=NotificationChannelServiceGrpcTransport(channel=channel)
    )
    policies = monitoring_v3.AlertPolicyServiceClient(
        transport=AlertPolicyServiceGrpcTransport(channel=channel)
    )
    email = channels.create_notification_channel(
        name=PROJECT,
        notification_channel=monitoring_v3.NotificationChannel(
            type_="email", labels={"email_address": "oncall@example.com"}
        ),
    )
    query = monitoring_v3.AlertPolicy.Condition.PrometheusQueryLanguageCondition(query="up == 0")
    condition = monitoring_v3.AlertPolicy.Condition(
        display_name="down", condition_prometheus_query_language=query
    )
    asked = monitoring_v3.AlertPolicy(
        display_name="down", combiner="OR", conditions=[condition], notification_channels=[email.name]
    )
    policy = policies.create_alert_policy(name=PROJECT, alert_policy=asked)
    assert policy.conditions[0].name.startswith(f"{policy.name}/conditions/")
    assert policy.enabled
    policy.display_name = "renamed"
    again = policies.update_alert_policy(alert_policy=policy, update_mask={"paths": ["display_name"]})
    assert (again.display_name, again.conditions[0].name) == ("renamed", policy.conditions[0].name)
    with pytest.raises(exceptions.FailedPrecondition, match="referenced"):
        channels.delete_notification_channel(name=email.name)
    channels.delete_notification_channel(name=email.name, force=True)
    assert not policies.get_alert_policy(name=policy.name).notification_channels
    threshold = monitoring_v3.AlertPolicy.Condition.MetricThreshold(
        filter='metric.type="custom.googleapis.com/never" AND resource.type="global"',
        comparison="COMPARISON_GT",
    )
    unseen = monitoring_v3.AlertPolicy.Condition(display_name="x", condition_threshold=threshold)
    with pytest.raises(exceptions.NotFound, match="Cannot find metric"):
        policies.create_alert_policy(
            name=PROJECT,
            alert_policy=monitoring_v3.AlertPolicy(display_name="x", combiner="OR", conditions=[unseen]),
        )


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_dashboards(kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "grpc":
        transport = dashboard_transports.DashboardsServiceGrpcTransport(
            channel=request.getfixturevalue("channel")
        )
    else:
        transport = dashboard_transports.DashboardsServiceRestTransport(
            host=request.getfixturevalue("base").removeprefix("http://"),
            url_scheme="http",
            credentials=AnonymousCredentials(),
        )
    client = monitoring_dashboard_v1.DashboardsServiceClient(transport=transport)
    tile = {"width": 48, "height": 8, "widget": {"title": "t", "text": {"content": "hello"}}}
    made = client.create_dashboard(
        {
            "parent": PROJECT,
            "dashboard": {"display_name": "d", "mosaic_layout": {"columns": 48, "tiles": [tile]}},
        }
    )
    stale = made.etag
    made.display_name = "e"
    assert client.update_dashboard({"dashboard": made}).display_name == "e"
    made.etag = stale
    with pytest.raises(exceptions.Conflict):
        client.update_dashboard({"dashboard": made})
    client.delete_dashboard({"name": made.name})
    assert not list(client.list_dashboards({"parent": PROJECT}))
