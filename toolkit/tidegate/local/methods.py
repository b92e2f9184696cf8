"""The one table of everything the local Cloud Run answers, for gRPC and REST alike.

A `Method` of an API with protobuf messages is served over gRPC under its name and over REST under its bindings. A
method without message classes is REST only: its handler takes the path and query parameters and the JSON body.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.cloud import monitoring_v3, run_v2
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from tidegate.local.world import ApiError, ResponseLost, World
from tidegate.local.world import protos as p

Handler = Callable[[Any], Any]


@dataclass(frozen=True)
class Http:
    """One REST binding: `body` is a field of the request, `*` for all of it, or empty for none."""

    verb: str
    template: str
    body: str = ""


@dataclass(frozen=True)
class Method:
    """`name` is `package.Service/Method`; the gRPC path is that with a slash before it."""

    name: str
    request: Any
    response: Any
    handler: Handler
    http: tuple[Http, ...] = ()


@dataclass(frozen=True)
class Call:
    """What a REST-only handler is given."""

    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]


def invoke(world: World, method: Method, request: Any) -> Any:
    """Perform one call with the faults that were asked for. Raises ApiError or ResponseLost."""
    fault = world.faults.take(method.name)
    if fault is not None and fault.latency:
        time.sleep(fault.latency)
    if fault is not None and fault.code and not fault.response_lost:
        raise ApiError(fault.code, fault.message or f"Injected fault for {method.name}.")
    with world.ground.lock:
        world.tick()
        answer = method.handler(request)
    if fault is not None and fault.response_lost:
        raise ResponseLost(method.name)
    return empty_pb2.Empty() if answer is None else answer


def methods(world: World) -> tuple[Method, ...]:
    return (*_run(world), *_operations(world), *_metrics(world))


def _run(world: World) -> tuple[Method, ...]:
    services, revisions = world.services, world.revisions
    name = "google.cloud.run.v2.Services"
    one, many = "/v2/{name=projects/*/locations/*/services/*}", "/v2/{parent=projects/*/locations/*}/services"
    child = "/v2/{name=projects/*/locations/*/services/*/revisions/*}"
    operation = p.Operation
    return (
        Method(
            f"{name}/CreateService",
            p.raw(run_v2.CreateServiceRequest),
            operation,
            services.create,
            (Http("POST", many, "service"),),
        ),
        Method(
            f"{name}/GetService",
            p.raw(run_v2.GetServiceRequest),
            p.Service,
            services.get,
            (Http("GET", one),),
        ),
        Method(
            f"{name}/ListServices",
            p.raw(run_v2.ListServicesRequest),
            p.ListServicesResponse,
            services.list,
            (Http("GET", many),),
        ),
        Method(
            f"{name}/UpdateService",
            p.raw(run_v2.UpdateServiceRequest),
            operation,
            services.update,
            (Http("PATCH", "/v2/{service.name=projects/*/locations/*/services/*}", "service"),),
        ),
        Method(
            f"{name}/DeleteService",
            p.raw(run_v2.DeleteServiceRequest),
            operation,
            services.delete,
            (Http("DELETE", one),),
        ),
        Method(
            "google.cloud.run.v2.Revisions/GetRevision",
            p.raw(run_v2.GetRevisionRequest),
            p.Revision,
            revisions.get,
            (Http("GET", child),),
        ),
        Method(
            "google.cloud.run.v2.Revisions/ListRevisions",
            p.raw(run_v2.ListRevisionsRequest),
            p.ListRevisionsResponse,
            revisions.list,
            (Http("GET", "/v2/{parent=projects/*/locations/*/services/*}/revisions"),),
        ),
        Method(
            "google.cloud.run.v2.Revisions/DeleteRevision",
            p.raw(run_v2.DeleteRevisionRequest),
            operation,
            revisions.delete,
            (Http("DELETE", child),),
        ),
    )


def _operations(world: World) -> tuple[Method, ...]:
    operations = world.operations
    name = "google.longrunning.Operations"
    one = "/v2/{name=projects/*/locations/*/operations/*}"
    return (
        Method(
            f"{name}/GetOperation",
            operations_pb2.GetOperationRequest,
            p.Operation,
            operations.get,
            (Http("GET", one),),
        ),
        Method(
            f"{name}/ListOperations",
            operations_pb2.ListOperationsRequest,
            operations_pb2.ListOperationsResponse,
            operations.list,
            (Http("GET", "/v2/{name=projects/*/locations/*}/operations"),),
        ),
        Method(
            f"{name}/WaitOperation",
            operations_pb2.WaitOperationRequest,
            p.Operation,
            world.wait_operation,
            (Http("POST", f"{one}:wait", "*"),),
        ),
        Method(
            f"{name}/DeleteOperation",
            operations_pb2.DeleteOperationRequest,
            empty_pb2.Empty,
            operations.delete,
            (Http("DELETE", one),),
        ),
        Method(
            f"{name}/CancelOperation",
            operations_pb2.CancelOperationRequest,
            empty_pb2.Empty,
            operations.cancel,
            (Http("POST", f"{one}:cancel", "*"),),
        ),
    )


def _metrics(world: World) -> tuple[Method, ...]:
    name = "google.monitoring.v3.MetricService"
    series = "/v3/{name=projects/*}/timeSeries"
    kinds = "/v3/{name=projects/*}/metricDescriptors"
    kind = "/v3/{name=projects/*/metricDescriptors/**}"
    return (
        Method(
            f"{name}/ListTimeSeries",
            p.raw(monitoring_v3.ListTimeSeriesRequest),
            p.ListTimeSeriesResponse,
            world.metrics.list,
            (Http("GET", series),),
        ),
        Method(
            f"{name}/CreateTimeSeries",
            p.raw(monitoring_v3.CreateTimeSeriesRequest),
            empty_pb2.Empty,
            world.metrics.create,
            (Http("POST", series, "*"),),
        ),
        Method(
            f"{name}/ListMetricDescriptors",
            p.raw(monitoring_v3.ListMetricDescriptorsRequest),
            p.ListMetricDescriptorsResponse,
            world.descriptors.list,
            (Http("GET", kinds),),
        ),
        Method(
            f"{name}/GetMetricDescriptor",
            p.raw(monitoring_v3.GetMetricDescriptorRequest),
            p.MetricDescriptor,
            world.descriptors.get,
            (Http("GET", kind),),
        ),
        Method(
            f"{name}/CreateMetricDescriptor",
            p.raw(monitoring_v3.CreateMetricDescriptorRequest),
            p.MetricDescriptor,
            world.descriptors.create,
            (Http("POST", kinds, "metric_descriptor"),),
        ),
        Method(
            f"{name}/DeleteMetricDescriptor",
            p.raw(monitoring_v3.DeleteMetricDescriptorRequest),
            empty_pb2.Empty,
            world.descriptors.delete,
            (Http("DELETE", kind),),
        ),
    )
