"""Cloud Run over the Admin API v2 (gRPC): implements `ports.CloudRun`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from google.api_core.operation import Operation
from google.cloud import run_v2
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from google.protobuf import field_mask_pb2
from grpc import StatusCode

from tidegate.adapters.channels import CLOUD_RUN, Channels
from tidegate.adapters.grpc_errors import FOREIGN, code_of, is_transient, refused_without_effect, translate
from tidegate.adapters.retry import Retrying
from tidegate.core.errors import NotFound, OutcomeUnknown, Rejected, RemoteError
from tidegate.ports import Condition, ConditionState, Revision, Service, ServiceName, Target

T = TypeVar("T")

# proto-plus gives its message classes untyped constructors.
_messages: Any = run_v2

_UPDATE_TIMEOUT = 30.0

_RESERVED = ("run.googleapis.com", "cloud.googleapis.com", "serving.knative.dev", "autoscaling.knative.dev")
"""Namespaces of annotations that the v2 API refuses to take, though it may show some on an old service."""

_STATES = {
    run_v2.Condition.State.CONDITION_PENDING: ConditionState.PENDING,
    run_v2.Condition.State.CONDITION_RECONCILING: ConditionState.RECONCILING,
    run_v2.Condition.State.CONDITION_FAILED: ConditionState.FAILED,
    run_v2.Condition.State.CONDITION_SUCCEEDED: ConditionState.SUCCEEDED,
}

_LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
_REVISION = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION


class GoogleCloudRun:
    """One client for every region and project. Safe to use from several threads."""

    def __init__(self, channels: Channels, retrying: Retrying) -> None:
        channel = channels.to(CLOUD_RUN)
        self._services = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        self._revisions = run_v2.RevisionsClient(transport=RevisionsGrpcTransport(channel=channel))
        self._retrying = retrying

    def get_service(self, name: ServiceName) -> Service | None:
        request = _messages.GetServiceRequest(name=name.path)
        try:
            found = self._read(self._services.get_service, request, f"read {_place(name)}")
        except NotFound:
            return None
        return _service(name, found)

    def get_revision(self, name: ServiceName, revision: str) -> Revision | None:
        request = _messages.GetRevisionRequest(name=name.revision_path(revision))
        try:
            found = self._read(
                self._revisions.get_revision, request, f"read revision {revision} of {_place(name)}"
            )
        except NotFound:
            return None
        return _revision(found)

    def update(
        self, service: Service, traffic: Sequence[Target], annotations: Mapping[str, str | None]
    ) -> Service:
        """See `ports.CloudRun`. Does not wait for the operation: the service's conditions say how it ends."""
        doing = f"set the traffic of {_place(service.name)}"
        request = _update_request(service, traffic, annotations, doing)
        operation = self._send(request, doing)
        failed = operation.operation.HasField("error")
        accepted = _accepted(operation, request, service.generation)
        if accepted is not None and not failed:
            return _service(service.name, accepted)
        try:
            found = self.get_service(service.name)
        except RemoteError as error:
            raise OutcomeUnknown(
                f"the API accepted to {doing}, but the result cannot be read: {error.message}",
                hint=error.hint,
            ) from error
        if found is None:
            raise NotFound(f"cannot {doing}: the service is gone")
        if failed and found.etag == service.etag:
            raise _operation_error(operation, doing)
        return found

    def check_access(self, project: str, region: str) -> None:
        doing = f"list the services in region {region} of project {project}"
        request = _messages.ListServicesRequest(parent=f"projects/{project}/locations/{region}", page_size=1)
        try:
            self._read(self._services.list_services, request, doing)
        except NotFound as error:
            raise Rejected(
                error.message,
                hint=f"is {region} a region? `gcloud run regions list` shows which exist",
            ) from error

    def _read(self, method: Callable[..., T], request: Any, doing: str) -> T:
        timeout = self._retrying.policy.timeout
        try:
            # retry=None switches the client library's own retry off, so that there is one policy: ours.
            return self._retrying.call(
                lambda: method(request=request, retry=None, timeout=timeout), is_transient
            )
        except FOREIGN as error:
            raise translate(error, doing) from error

    def _send(self, request: Any, doing: str) -> Operation:
        """Sends an update guarded by an etag, again if the server was not available.

        It cannot act twice: the first success changes the etag. But when an attempt whose response was lost
        did act, the next one meets its own change and gets ABORTED; so after such an attempt no failure
        proves anything any more, and all of them come out as OutcomeUnknown.
        """
        in_doubt = False
        for attempt in range(1, self._retrying.policy.attempts + 1):
            try:
                return self._services.update_service(request=request, retry=None, timeout=_UPDATE_TIMEOUT)
            except FOREIGN as error:
                again = attempt < self._retrying.policy.attempts and _may_send_again(error)
                if not again:
                    raise _failed_update(error, doing, in_doubt) from error
                in_doubt = in_doubt or not refused_without_effect(error)
            self._retrying.pause(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _may_send_again(error: Exception) -> bool:
    return is_transient(error) and code_of(error) in (StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED)


def _failed_update(error: Exception, doing: str, in_doubt: bool) -> RemoteError:
    translated = translate(error, doing, writes=True)
    if not in_doubt or isinstance(translated, OutcomeUnknown):
        return translated
    return OutcomeUnknown(
        f"{translated.message}; an earlier attempt got no answer and may have taken effect",
        hint="read it back before anything else",
    )


def _update_request(
    service: Service, traffic: Sequence[Target], annotations: Mapping[str, str | None], doing: str
) -> Any:
    if not service.etag:
        raise Rejected(
            f"cannot {doing}: it was read without an etag, and an unguarded write could undo another's"
        )
    if not traffic or not all(target.revision for target in traffic):
        raise Rejected(f"cannot {doing}: each part of the traffic must name its revision")
    merged = {**service.annotations, **annotations}
    return _messages.UpdateServiceRequest(
        # Nothing but what the mask covers: a template echoed back would be taken for a change of the
        # revision.
        service=_messages.Service(
            name=service.name.path,
            etag=service.etag,
            traffic=[_traffic(target) for target in traffic],
            annotations={k: v for k, v in merged.items() if v is not None and not _reserved(k)},
        ),
        update_mask=field_mask_pb2.FieldMask(paths=["traffic", "annotations"]),
    )


def _reserved(annotation: str) -> bool:
    namespace = annotation.partition("/")[0]
    return any(namespace == one or namespace.endswith(f".{one}") for one in _RESERVED)


def _traffic(target: Target) -> Any:
    return _messages.TrafficTarget(
        type_=_REVISION, revision=target.revision, percent=target.percent, tag=target.tag
    )


def _accepted(operation: Operation, request: Any, before: int) -> run_v2.Service | None:
    """The service inside the operation, if certainly the one after the update; None to read it instead."""
    found = operation.metadata
    if not isinstance(found, run_v2.Service) or not found.etag or found.generation <= before:
        return None
    wanted = [(t.revision, t.percent, t.tag) for t in request.service.traffic]
    shown = [(_short(t.revision), t.percent, t.tag) for t in found.traffic]
    complete = found.name == request.service.name and bool(found.terminal_condition.type_)
    return found if complete and shown == wanted else None


def _operation_error(operation: Operation, doing: str) -> RemoteError:
    finished: Any = operation
    error = finished.exception(timeout=0)
    if isinstance(error, Exception):
        return translate(error, doing, writes=True)
    return OutcomeUnknown(f"cannot {doing}: the operation failed without saying why")


def _service(name: ServiceName, found: run_v2.Service) -> Service:
    return Service(
        name=name,
        uri=found.uri,
        etag=found.etag,
        generation=found.generation,
        observed_generation=found.observed_generation,
        reconciling=found.reconciling,
        terminal_condition=_condition(found.terminal_condition),
        conditions=tuple(map(_condition, found.conditions)),
        traffic=tuple(
            Target("" if t.type_ == _LATEST else _short(t.revision), t.percent, t.tag) for t in found.traffic
        ),
        traffic_statuses=tuple(
            Target(_short(t.revision), t.percent, t.tag, t.uri) for t in found.traffic_statuses
        ),
        latest_ready_revision=_short(found.latest_ready_revision),
        latest_created_revision=_short(found.latest_created_revision),
        annotations=dict(found.annotations),
    )


def _revision(found: run_v2.Revision) -> Revision:
    conditions = tuple(map(_condition, found.conditions))
    serving = next((c for c in found.containers if c.ports), None) or next(iter(found.containers), None)
    return Revision(
        name=_short(found.name),
        image=serving.image if serving else "",
        create_time=_epoch(found.create_time),
        ready=_find(conditions, "Ready") or Condition("Ready", ConditionState.UNKNOWN),
        conditions=conditions,
        reconciling=found.reconciling,
    )


def _epoch(time: Any) -> float:
    return float(time.timestamp()) if time else 0.0


def _find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    return next((c for c in conditions if c.type == kind), None)


def _condition(found: run_v2.Condition) -> Condition:
    reason = found.reason or found.revision_reason or found.execution_reason
    return Condition(
        type=found.type_,
        state=_STATES.get(found.state, ConditionState.UNKNOWN),
        reason=getattr(reason, "name", str(reason)) if reason else "",
        message=found.message,
    )


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _place(name: ServiceName) -> str:
    return f"service {name.service} in {name.region} of project {name.project}"
