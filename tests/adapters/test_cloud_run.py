"""The Cloud Run adapter against scripted gRPC servers: what it sends, and what each failure comes out as."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.cloud import run_v2
from google.longrunning import operations_pb2
from google.rpc import code_pb2, status_pb2

from adapters.conftest import FakeClock, ScriptedServer
from tidegate.adapters.channels import Channels, local_channels
from tidegate.adapters.cloud_run import GoogleCloudRun
from tidegate.adapters.retry import Retrying, RetryPolicy
from tidegate.core.errors import Conflict, Denied, OutcomeUnknown, Rejected, Unreachable, UsageError
from tidegate.ports import ConditionState, ServiceName, Target

NAME = ServiceName("p1", "europe-west1", "orders")
SERVICES = "/google.cloud.run.v2.Services/"
REVISIONS = "/google.cloud.run.v2.Revisions/"
_BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
_LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST


def stored(**changes: Any) -> run_v2.Service:
    return run_v2.Service(
        **{
            "name": NAME.path,
            "uri": "https://orders-abc.a.run.app",
            "etag": '"1"',
            "generation": 7,
            "observed_generation": 7,
            "annotations": {"team": "shop", "run.googleapis.com/ingress": "all"},
            "template": {"revision": "orders-00002", "containers": [{"image": "img"}]},
            "terminal_condition": {"type_": "Ready", "state": run_v2.Condition.State.CONDITION_SUCCEEDED},
            "traffic": [{"type_": _BY_NAME, "revision": "orders-00001", "percent": 100}],
            "traffic_statuses": [
                {"type_": _BY_NAME, "revision": "orders-00001", "percent": 100},
                {"type_": _BY_NAME, "revision": "orders-00002", "tag": "next", "uri": "https://next---o.app"},
            ],
            "latest_ready_revision": NAME.revision_path("orders-00001"),
            "latest_created_revision": NAME.revision_path("orders-00002"),
            **changes,
        }
    )


class Backend:
    """Just enough of UpdateService: checks the etag, moves it, answers with an operation."""

    def __init__(self, server: ScriptedServer) -> None:
        self.service = stored()
        self.with_metadata = True
        self.before: Callable[[grpc.ServicerContext], None] = lambda context: None
        self.after: Callable[[grpc.ServicerContext], None] = lambda context: None
        server.on(SERVICES + "GetService", run_v2.GetServiceRequest, lambda request, context: self.service)
        server.on(SERVICES + "UpdateService", run_v2.UpdateServiceRequest, self.update)

    def update(self, request: Any, context: grpc.ServicerContext) -> operations_pb2.Operation:
        self.before(context)
        if request.service.etag != self.service.etag:
            context.abort(grpc.StatusCode.ABORTED, "Conflict for resource 'orders': version mismatch")
        self.service.traffic = request.service.traffic
        self.service.annotations = request.service.annotations
        self.service.generation += 1
        self.service.etag = f'"{self.service.generation}"'
        self.service.reconciling = True
        self.after(context)
        operation = operations_pb2.Operation(name="operations/1")
        if self.with_metadata:
            operation.metadata.Pack(run_v2.Service.pb(self.service))
        return operation


@pytest.fixture
def backend(server: ScriptedServer) -> Backend:
    return Backend(server)


@pytest.fixture
def cloud_run(channels: Channels, retrying: Retrying) -> GoogleCloudRun:
    return GoogleCloudRun(channels, retrying)


def failing(
    times: int, code: grpc.StatusCode, message: str = "try later"
) -> Callable[[grpc.ServicerContext], None]:
    left = [times]

    def fail(context: grpc.ServicerContext) -> None:
        if left[0]:
            left[0] -= 1
            context.abort(code, message)

    return fail


def test_a_service_is_read_as_it_is(backend: Backend, cloud_run: GoogleCloudRun) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    assert service.etag == '"1"'
    assert service.traffic == (Target("orders-00001", 100),)
    assert service.traffic_statuses[1] == Target("orders-00002", 0, "next", "https://next---o.app")
    assert service.latest_ready_revision == "orders-00001"
    assert service.latest_created_revision == "orders-00002"
    assert service.terminal_condition.state is ConditionState.SUCCEEDED
    assert service.settled


def test_traffic_to_latest_has_no_revision(backend: Backend, cloud_run: GoogleCloudRun) -> None:
    backend.service.traffic = [{"type_": _LATEST, "percent": 100}]
    service = cloud_run.get_service(NAME)
    assert service is not None
    assert service.traffic == (Target("", 100),)


def test_calls_carry_the_region_for_routing(
    server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    cloud_run.get_service(NAME)
    assert server.calls[0][2]["x-goog-request-params"] == "location=europe-west1"


def test_what_does_not_exist_is_none(server: ScriptedServer, cloud_run: GoogleCloudRun) -> None:
    missing = failing(9, grpc.StatusCode.NOT_FOUND, "no such thing")
    server.on(SERVICES + "GetService", run_v2.GetServiceRequest, lambda r, context: missing(context))
    server.on(REVISIONS + "GetRevision", run_v2.GetRevisionRequest, lambda r, context: missing(context))
    assert cloud_run.get_service(NAME) is None
    assert cloud_run.get_revision(NAME, "orders-00009") is None


def test_a_failed_revision_says_why(server: ScriptedServer, cloud_run: GoogleCloudRun) -> None:
    revision = run_v2.Revision(
        name=NAME.revision_path("orders-00002"),
        create_time="2026-01-02T03:04:05Z",
        containers=[{"image": "collector"}, {"image": "app:1", "ports": [{"container_port": 8080}]}],
        conditions=[
            {
                "type_": "Ready",
                "state": run_v2.Condition.State.CONDITION_FAILED,
                "message": "The user-provided container failed to start",
                "revision_reason": run_v2.Condition.RevisionReason.HEALTH_CHECK_CONTAINER_ERROR,
            }
        ],
    )
    server.on(REVISIONS + "GetRevision", run_v2.GetRevisionRequest, lambda request, context: revision)
    found = cloud_run.get_revision(NAME, "orders-00002")
    assert found is not None
    assert found.name == "orders-00002"
    assert found.image == "app:1"
    assert found.create_time == 1767323045.0
    assert found.ready.state is ConditionState.FAILED
    assert found.ready.reason == "HEALTH_CHECK_CONTAINER_ERROR"
    assert "failed to start" in found.ready.message


def test_an_update_sends_only_traffic_and_annotations(
    server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    after = cloud_run.update(
        service,
        [Target("orders-00001", 95), Target("orders-00002", 5, "next")],
        {"tidegate/rollout": "{}", "team": None},
    )
    (sent,) = server.requests("UpdateService")
    assert list(sent.update_mask.paths) == ["traffic", "annotations"]
    assert sent.service.etag == '"1"'
    assert not sent.service.template.revision
    assert not sent.service.template.containers
    assert dict(sent.service.annotations) == {"tidegate/rollout": "{}"}
    assert [(t.type_, t.revision, t.percent, t.tag) for t in sent.service.traffic] == [
        (_BY_NAME, "orders-00001", 95, ""),
        (_BY_NAME, "orders-00002", 5, "next"),
    ]
    assert after.generation == 8
    assert after.traffic[1] == Target("orders-00002", 5, "next")
    assert after.reconciling
    assert len(server.requests("GetService")) == 1


def test_an_operation_without_its_service_is_read_back(
    server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    backend.with_metadata = False
    service = cloud_run.get_service(NAME)
    assert service is not None
    after = cloud_run.update(service, [Target("orders-00002", 100)], {})
    assert after.etag == '"8"'
    assert len(server.requests("GetService")) == 2


def test_a_stale_etag_is_a_conflict(backend: Backend, cloud_run: GoogleCloudRun) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    backend.service.etag = '"somebody else"'
    with pytest.raises(Conflict, match="orders in europe-west1"):
        cloud_run.update(service, [Target("orders-00002", 100)], {})


def test_a_response_lost_after_the_effect_is_not_a_conflict(
    backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    backend.after = failing(1, grpc.StatusCode.UNAVAILABLE, "Socket closed")
    with pytest.raises(OutcomeUnknown, match="may have taken effect"):
        cloud_run.update(service, [Target("orders-00002", 100)], {})
    assert backend.service.traffic[0].revision == "orders-00002"


@pytest.mark.parametrize("code", ["DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN", "CANCELLED"])
def test_an_update_that_may_have_acted_is_sent_once(
    code: str, server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    backend.after = failing(9, grpc.StatusCode[code])
    with pytest.raises(OutcomeUnknown):
        cloud_run.update(service, [Target("orders-00002", 100)], {})
    assert len(server.requests("UpdateService")) == 1


def test_an_unavailable_server_gets_the_update_again(
    backend: Backend, cloud_run: GoogleCloudRun, clock: FakeClock
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    backend.before = failing(2, grpc.StatusCode.UNAVAILABLE)
    assert cloud_run.update(service, [Target("orders-00002", 100)], {}).generation == 8
    assert len(clock.slept) == 2


def test_a_server_that_stays_unavailable_leaves_the_outcome_open(
    server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    backend.before = failing(99, grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(OutcomeUnknown):
        cloud_run.update(service, [Target("orders-00002", 100)], {})
    assert len(server.requests("UpdateService")) == 4


def test_a_used_up_quota_had_no_effect(backend: Backend, cloud_run: GoogleCloudRun) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    backend.before = failing(99, grpc.StatusCode.RESOURCE_EXHAUSTED)
    with pytest.raises(Unreachable) as caught:
        cloud_run.update(service, [Target("orders-00002", 100)], {})
    assert "quota" in caught.value.hint


def test_an_operation_that_failed_at_once_without_effect_is_an_error(
    server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    failed = operations_pb2.Operation(
        name="operations/1",
        done=True,
        error=status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message="revision is not ready"),
    )
    server.on(SERVICES + "UpdateService", run_v2.UpdateServiceRequest, lambda request, context: failed)
    with pytest.raises(Rejected, match="revision is not ready"):
        cloud_run.update(service, [Target("orders-00002", 100)], {})


def test_an_accepted_update_that_cannot_be_read_back_is_in_doubt(
    server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    backend.with_metadata = False
    service = cloud_run.get_service(NAME)
    assert service is not None
    denied = failing(9, grpc.StatusCode.PERMISSION_DENIED)
    server.on(SERVICES + "GetService", run_v2.GetServiceRequest, lambda request, context: denied(context))
    with pytest.raises(OutcomeUnknown, match="cannot be read"):
        cloud_run.update(service, [Target("orders-00002", 100)], {})


@pytest.mark.parametrize("traffic", [[], [Target("", 100)]])
def test_latest_is_never_written(
    traffic: list[Target], server: ScriptedServer, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    with pytest.raises(Rejected, match="name its revision"):
        cloud_run.update(service, traffic, {})
    assert not server.requests("UpdateService")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL"])
def test_reads_are_repeated_with_growing_pauses(
    code: str, server: ScriptedServer, cloud_run: GoogleCloudRun, clock: FakeClock
) -> None:
    flaky = failing(3, grpc.StatusCode[code])
    server.on(
        SERVICES + "GetService", run_v2.GetServiceRequest, lambda r, context: flaky(context) or stored()
    )
    assert cloud_run.get_service(NAME) is not None
    assert clock.slept == [0.125, 0.25, 0.5]


def test_a_denied_read_is_not_repeated(server: ScriptedServer, cloud_run: GoogleCloudRun) -> None:
    denied = failing(9, grpc.StatusCode.PERMISSION_DENIED, "Permission 'run.services.get' denied on resource")
    server.on(SERVICES + "GetService", run_v2.GetServiceRequest, lambda request, context: denied(context))
    with pytest.raises(Denied, match=r"run\.services\.get") as caught:
        cloud_run.get_service(NAME)
    assert "roles/run.viewer" in caught.value.hint
    assert len(server.calls) == 1


def test_a_closed_port_is_unreachable_and_nothing_was_sent(retrying: Retrying, backend: Backend) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        with local_channels(f"127.0.0.1:{taken.getsockname()[1]}") as closed:
            cloud_run = GoogleCloudRun(closed, retrying)
            with pytest.raises(Unreachable, match="failed to connect"):
                cloud_run.get_service(NAME)
            with local_channels(f"127.0.0.1:{taken.getsockname()[1]}") as again, pytest.raises(Unreachable):
                GoogleCloudRun(again, retrying).check_access("p1", "europe-west1")


def test_an_update_that_never_left_is_unreachable(
    retrying: Retrying, backend: Backend, cloud_run: GoogleCloudRun
) -> None:
    service = cloud_run.get_service(NAME)
    assert service is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with local_channels(f"127.0.0.1:{taken.getsockname()[1]}") as closed, pytest.raises(Unreachable):
            GoogleCloudRun(closed, retrying).update(service, [Target("orders-00002", 100)], {})


def test_a_silent_server_ends_by_the_deadline(server: ScriptedServer, clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with local_channels(f"127.0.0.1:{port}") as opened:
            cloud_run = GoogleCloudRun(opened, Retrying(clock, RetryPolicy(attempts=1, timeout=0.3)))
            with pytest.raises(Unreachable, match="DEADLINE_EXCEEDED"):
                cloud_run.get_service(NAME)


def test_a_region_that_does_not_exist_is_named(server: ScriptedServer, cloud_run: GoogleCloudRun) -> None:
    unknown = failing(1, grpc.StatusCode.NOT_FOUND, "Location mars-north1 is not found")
    server.on(SERVICES + "ListServices", run_v2.ListServicesRequest, lambda r, context: unknown(context))
    with pytest.raises(Rejected, match="region mars-north1 of project p1") as caught:
        cloud_run.check_access("p1", "mars-north1")
    assert "gcloud run regions list" in caught.value.hint


@pytest.mark.parametrize("address", ["203.0.113.7:8080", "example.com:80", "127.0.0.1", "", "127.0.0.1:http"])
def test_plain_channels_stay_on_this_machine(address: str) -> None:
    with pytest.raises(UsageError):
        local_channels(address)
