"""The one table of everything the local Cloud Run answers, for gRPC and REST alike.

A `Method` of an API with protobuf messages is served over gRPC under its name and over REST under its
bindings. A
method without message classes is REST only: its handler takes the path and query parameters and the JSON
body.
"""

from __future__ import annotations

import time
from typing import Any

from google.cloud import monitoring_dashboard_v1 as dashboards_v1
from google.cloud import monitoring_v3, run_v2
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from tidegate.local.platform_methods import platform_methods
from tidegate.local.table import Call, Http, Method, policy_methods, rest_only
from tidegate.local.world import ApiError, ResponseLost, World
from tidegate.local.world import protos as p
from tidegate.local.world.access import project_of_json


def invoke(world: World, method: Method, request: Any) -> Any:
    """Perform one call with the faults that were asked for. Raises ApiError or ResponseLost."""
    fault = world.faults.take(method.name, _resource(request))
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


def _resource(request: Any) -> str:
    """Name of what is read or written; empty where the request names none."""
    if isinstance(request, Call):
        return request.path.get("name", "")
    if created := getattr(request, "service_id", ""):
        return f"{request.parent}/services/{created}"
    written = getattr(request, "service", None)
    return str(getattr(request, "name", "") or getattr(written, "name", ""))


def methods(world: World) -> tuple[Method, ...]:
    """Everything, in the order in which REST requests are matched."""
    return (
        *_services(world),
        *_revisions(world),
        *_operations(world),
        *_time_series(world),
        *_descriptors(world),
        *_alert_policies(world),
        *_incidents(world),
        *_channels(world),
        *_dashboards(world),
        *_watched_services(world),
        *_objectives(world),
        *_log_metrics(world),
        *_accounts(world),
        *_projects(world),
        *_secrets(world),
        *_secret_versions(world),
        *platform_methods(world),
    )


_SERVICE = "projects/*/locations/*/services/*"
_OPERATION = "/v2/{name=projects/*/locations/*/operations/*}"
_EMPTY = empty_pb2.Empty

# fmt: off
# One row per method, so that the table can be read as one.


def _services(world: World) -> tuple[Method, ...]:
    name, it = "google.cloud.run.v2.Services", world.services
    many = "/v2/{parent=projects/*/locations/*}/services"
    one, updated = f"/v2/{{name={_SERVICE}}}", f"/v2/{{service.name={_SERVICE}}}"
    create, get, listed = run_v2.CreateServiceRequest, run_v2.GetServiceRequest, run_v2.ListServicesRequest
    update, delete = run_v2.UpdateServiceRequest, run_v2.DeleteServiceRequest

    def existing(resource: str) -> str:
        return it.find(resource).path

    return (
        Method(f"{name}/CreateService", p.raw(create), p.Operation, it.create,
               (Http("POST", many, "service"),)),
        Method(f"{name}/GetService", p.raw(get), p.Service, it.get, (Http("GET", one),)),
        Method(f"{name}/ListServices", p.raw(listed), p.ListServicesResponse, it.list, (Http("GET", many),)),
        Method(f"{name}/UpdateService", p.raw(update), p.Operation, it.update,
               (Http("PATCH", updated, "service"),)),
        Method(f"{name}/DeleteService", p.raw(delete), p.Operation, it.delete, (Http("DELETE", one),)),
        *policy_methods(world, name, f"/v2/{{resource={_SERVICE}}}", "GET", existing),
    )


def _revisions(world: World) -> tuple[Method, ...]:
    name, it = "google.cloud.run.v2.Revisions", world.revisions
    many, one = f"/v2/{{parent={_SERVICE}}}/revisions", f"/v2/{{name={_SERVICE}/revisions/*}}"
    get, listed, delete = run_v2.GetRevisionRequest, run_v2.ListRevisionsRequest, run_v2.DeleteRevisionRequest
    return (
        Method(f"{name}/GetRevision", p.raw(get), p.Revision, it.get, (Http("GET", one),)),
        Method(f"{name}/ListRevisions", p.raw(listed), p.ListRevisionsResponse, it.list,
               (Http("GET", many),)),
        Method(f"{name}/DeleteRevision", p.raw(delete), p.Operation, it.delete, (Http("DELETE", one),)),
    )


def _operations(world: World) -> tuple[Method, ...]:
    name, it, pb = "google.longrunning.Operations", world.operations, operations_pb2
    one, many = _OPERATION, "/v2/{name=projects/*/locations/*}/operations"
    listed, answer = pb.ListOperationsRequest, pb.ListOperationsResponse
    wait, cancel = Http("POST", f"{one}:wait", "*"), Http("POST", f"{one}:cancel", "*")
    return (
        Method(f"{name}/GetOperation", pb.GetOperationRequest, p.Operation, it.get, (Http("GET", one),)),
        Method(f"{name}/ListOperations", listed, answer, it.list, (Http("GET", many),)),
        Method(f"{name}/WaitOperation", pb.WaitOperationRequest, p.Operation, world.wait_operation, (wait,)),
        Method(f"{name}/DeleteOperation", pb.DeleteOperationRequest, _EMPTY, it.delete,
               (Http("DELETE", one),)),
        Method(f"{name}/CancelOperation", pb.CancelOperationRequest, _EMPTY, it.cancel, (cancel,)),
    )


def _time_series(world: World) -> tuple[Method, ...]:
    name, it, path = "google.monitoring.v3.MetricService", world.metrics, "/v3/{name=projects/*}/timeSeries"
    listed, create = monitoring_v3.ListTimeSeriesRequest, monitoring_v3.CreateTimeSeriesRequest
    return (
        Method(f"{name}/ListTimeSeries", p.raw(listed), p.ListTimeSeriesResponse, it.list,
               (Http("GET", path),)),
        Method(f"{name}/CreateTimeSeries", p.raw(create), _EMPTY, it.create, (Http("POST", path, "*"),)),
    )


def _descriptors(world: World) -> tuple[Method, ...]:
    name, it, m = "google.monitoring.v3.MetricService", world.descriptors, monitoring_v3
    many, one = "/v3/{name=projects/*}/metricDescriptors", "/v3/{name=projects/*/metricDescriptors/**}"
    listed, get = p.raw(m.ListMetricDescriptorsRequest), p.raw(m.GetMetricDescriptorRequest)
    kind = p.MetricDescriptor
    create, delete = p.raw(m.CreateMetricDescriptorRequest), p.raw(m.DeleteMetricDescriptorRequest)
    made = Http("POST", many, "metric_descriptor")
    return (
        Method(f"{name}/ListMetricDescriptors", listed, p.ListMetricDescriptorsResponse, it.list,
               (Http("GET", many),)),
        Method(f"{name}/GetMetricDescriptor", get, kind, it.get, (Http("GET", one),)),
        Method(f"{name}/CreateMetricDescriptor", create, kind, it.create, (made,)),
        Method(f"{name}/DeleteMetricDescriptor", delete, _EMPTY, it.delete, (Http("DELETE", one),)),
    )


def _alert_policies(world: World) -> tuple[Method, ...]:
    name, it, m = "google.monitoring.v3.AlertPolicyService", world.alert_policies, monitoring_v3
    many, one = "/v3/{name=projects/*}/alertPolicies", "/v3/{name=projects/*/alertPolicies/*}"
    made = Http("POST", many, "alert_policy")
    changed = Http("PATCH", "/v3/{alert_policy.name=projects/*/alertPolicies/*}", "alert_policy")
    listed, get, kind = p.raw(m.ListAlertPoliciesRequest), p.raw(m.GetAlertPolicyRequest), p.AlertPolicy
    create, update = p.raw(m.CreateAlertPolicyRequest), p.raw(m.UpdateAlertPolicyRequest)
    delete = p.raw(m.DeleteAlertPolicyRequest)
    return (
        Method(f"{name}/ListAlertPolicies", listed, p.ListAlertPoliciesResponse, it.list,
               (Http("GET", many),)),
        Method(f"{name}/GetAlertPolicy", get, kind, it.get, (Http("GET", one),)),
        Method(f"{name}/CreateAlertPolicy", create, kind, it.create, (made,)),
        Method(f"{name}/UpdateAlertPolicy", update, kind, it.update, (changed,)),
        Method(f"{name}/DeleteAlertPolicy", delete, _EMPTY, it.delete, (Http("DELETE", one),)),
    )


def _incidents(world: World) -> tuple[Method, ...]:
    """REST only: the client library has no messages for it."""
    return (
        rest_only("google.monitoring.v3.AlertService/ListAlerts", "GET", "/v3/projects/{project}/alerts",
                  lambda c: world.incidents.list(c.path["project"], c.query)),
    )


def _channels(world: World) -> tuple[Method, ...]:
    name, it, m = "google.monitoring.v3.NotificationChannelService", world.channels, monitoring_v3
    many, one = "/v3/{name=projects/*}/notificationChannels", "/v3/{name=projects/*/notificationChannels/*}"
    made = Http("POST", many, "notification_channel")
    way = "/v3/{notification_channel.name=projects/*/notificationChannels/*}"
    changed = Http("PATCH", way, "notification_channel")
    kind, answer = p.NotificationChannel, p.ListNotificationChannelsResponse
    listed, get = p.raw(m.ListNotificationChannelsRequest), p.raw(m.GetNotificationChannelRequest)
    create, update = p.raw(m.CreateNotificationChannelRequest), p.raw(m.UpdateNotificationChannelRequest)
    delete = p.raw(m.DeleteNotificationChannelRequest)
    return (
        Method(f"{name}/ListNotificationChannels", listed, answer, it.list, (Http("GET", many),)),
        Method(f"{name}/GetNotificationChannel", get, kind, it.get, (Http("GET", one),)),
        Method(f"{name}/CreateNotificationChannel", create, kind, it.create, (made,)),
        Method(f"{name}/UpdateNotificationChannel", update, kind, it.update, (changed,)),
        Method(f"{name}/DeleteNotificationChannel", delete, _EMPTY, it.delete, (Http("DELETE", one),)),
    )


def _dashboards(world: World) -> tuple[Method, ...]:
    name, it, d = "google.monitoring.dashboard.v1.DashboardsService", world.dashboards, dashboards_v1
    many, one = "/v1/{parent=projects/*}/dashboards", "/v1/{name=projects/*/dashboards/*}"
    changed = Http("PATCH", "/v1/{dashboard.name=projects/*/dashboards/*}", "dashboard")
    listed, get, kind = p.raw(d.ListDashboardsRequest), p.raw(d.GetDashboardRequest), p.Dashboard
    create, update = p.raw(d.CreateDashboardRequest), p.raw(d.UpdateDashboardRequest)
    delete = p.raw(d.DeleteDashboardRequest)
    return (
        Method(f"{name}/ListDashboards", listed, p.ListDashboardsResponse, it.list, (Http("GET", many),)),
        Method(f"{name}/GetDashboard", get, kind, it.get, (Http("GET", one),)),
        Method(f"{name}/CreateDashboard", create, kind, it.create, (Http("POST", many, "dashboard"),)),
        Method(f"{name}/UpdateDashboard", update, kind, it.update, (changed,)),
        Method(f"{name}/DeleteDashboard", delete, _EMPTY, it.delete, (Http("DELETE", one),)),
    )


def _watched_services(world: World) -> tuple[Method, ...]:
    name, it, m = "google.monitoring.v3.ServiceMonitoringService", world.service_levels, monitoring_v3
    many, one = "/v3/{parent=projects/*}/services", "/v3/{name=projects/*/services/*}"
    changed = Http("PATCH", "/v3/{service.name=projects/*/services/*}", "service")
    listed, get, kind = p.raw(m.ListServicesRequest), p.raw(m.GetServiceRequest), p.WatchedService
    create, update = p.raw(m.CreateServiceRequest), p.raw(m.UpdateServiceRequest)
    delete = p.raw(m.DeleteServiceRequest)
    return (
        Method(f"{name}/ListServices", listed, p.ListWatchedServicesResponse, it.list_services,
               (Http("GET", many),)),
        Method(f"{name}/GetService", get, kind, it.get_service, (Http("GET", one),)),
        Method(f"{name}/CreateService", create, kind, it.create_service, (Http("POST", many, "service"),)),
        Method(f"{name}/UpdateService", update, kind, it.update_service, (changed,)),
        Method(f"{name}/DeleteService", delete, _EMPTY, it.delete_service, (Http("DELETE", one),)),
    )


def _objectives(world: World) -> tuple[Method, ...]:
    name, it, m = "google.monitoring.v3.ServiceMonitoringService", world.service_levels, monitoring_v3
    many = "/v3/{parent=projects/*/services/*}/serviceLevelObjectives"
    single = "projects/*/services/*/serviceLevelObjectives/*"
    one, body = f"/v3/{{name={single}}}", "service_level_objective"
    changed = Http("PATCH", f"/v3/{{{body}.name={single}}}", body)
    listed, answer = p.raw(m.ListServiceLevelObjectivesRequest), p.ListServiceLevelObjectivesResponse
    get, kind = p.raw(m.GetServiceLevelObjectiveRequest), p.ServiceLevelObjective
    create, update = p.raw(m.CreateServiceLevelObjectiveRequest), p.raw(m.UpdateServiceLevelObjectiveRequest)
    delete = p.raw(m.DeleteServiceLevelObjectiveRequest)
    return (
        Method(f"{name}/ListServiceLevelObjectives", listed, answer, it.list_objectives,
               (Http("GET", many),)),
        Method(f"{name}/GetServiceLevelObjective", get, kind, it.get_objective, (Http("GET", one),)),
        Method(f"{name}/CreateServiceLevelObjective", create, kind, it.create_objective,
               (Http("POST", many, body),)),
        Method(f"{name}/UpdateServiceLevelObjective", update, kind, it.update_objective, (changed,)),
        Method(f"{name}/DeleteServiceLevelObjective", delete, _EMPTY, it.delete_objective,
               (Http("DELETE", one),)),
    )


def _log_metrics(world: World) -> tuple[Method, ...]:
    name, it = "google.logging.v2.MetricsServiceV2", world.log_metrics
    # A name may hold slashes, encoded in the path.
    many, one = "/v2/projects/{project}/metrics", "/v2/{name=projects/*/metrics/**}"
    return (
        rest_only(f"{name}/ListLogMetrics", "GET", many, lambda c: it.list(c.path["project"], c.query)),
        rest_only(f"{name}/CreateLogMetric", "POST", many, lambda c: it.create(c.path["project"], c.body)),
        rest_only(f"{name}/GetLogMetric", "GET", one, lambda c: it.get(c.path["name"])),
        rest_only(f"{name}/UpdateLogMetric", "PUT", one, lambda c: it.update(c.path["name"], c.body)),
        rest_only(f"{name}/DeleteLogMetric", "DELETE", one, lambda c: it.delete(c.path["name"])),
    )


def _accounts(world: World) -> tuple[Method, ...]:
    name, it = "google.iam.admin.v1.IAM", world.accounts
    many, one = "/v1/projects/{project}/serviceAccounts", "/v1/{name=projects/*/serviceAccounts/*}"
    return (
        *policy_methods(world, name, "/v1/{resource=projects/*/serviceAccounts/*}", "POST", it.path_of),
        rest_only(f"{name}/ListServiceAccounts", "GET", many, lambda c: it.list(c.path["project"])),
        rest_only(f"{name}/CreateServiceAccount", "POST", many,
                  lambda c: it.create(c.path["project"], c.body)),
        rest_only(f"{name}/GetServiceAccount", "GET", one, lambda c: it.get(c.path["name"])),
        rest_only(f"{name}/PatchServiceAccount", "PATCH", one, lambda c: it.update(c.path["name"], c.body)),
        rest_only(f"{name}/UpdateServiceAccount", "PUT", one, lambda c: it.update(c.path["name"], c.body)),
        rest_only(f"{name}/DeleteServiceAccount", "DELETE", one, lambda c: it.delete(c.path["name"])),
        rest_only(f"{name}/EnableServiceAccount", "POST", f"{one}:enable",
                  lambda c: it.switch(c.path["name"], disabled=False)),
        rest_only(f"{name}/DisableServiceAccount", "POST", f"{one}:disable",
                  lambda c: it.switch(c.path["name"], disabled=True)),
    )


def _projects(world: World) -> tuple[Method, ...]:
    name = "google.cloud.resourcemanager.v1.Projects"
    return (
        *policy_methods(world, name, "/v1/projects/{resource}", "POST",
                        lambda project: f"projects/{project}"),
        rest_only(f"{name}/GetProject", "GET", "/v1/projects/{project}",
                  lambda c: project_of_json(c.path["project"])),
    )


def _secrets(world: World) -> tuple[Method, ...]:
    name, it = "google.cloud.secretmanager.v1.SecretManagerService", world.secrets
    many, one = "/v1/projects/{project}/secrets", "/v1/{name=projects/*/secrets/*}"

    def existing(resource: str) -> str:
        return str(it.find(resource).message["name"])

    return (
        *policy_methods(world, name, "/v1/{resource=projects/*/secrets/*}", "GET", existing),
        rest_only(f"{name}/ListSecrets", "GET", many, lambda c: it.list(c.path["project"])),
        rest_only(f"{name}/CreateSecret", "POST", many,
                  lambda c: it.create(c.path["project"], c.query.get("secretId", ""), c.body)),
        rest_only(f"{name}/AddSecretVersion", "POST", f"{one}:addVersion",
                  lambda c: it.add_version(c.path["name"], c.body)),
        rest_only(f"{name}/GetSecret", "GET", one, lambda c: it.get(c.path["name"])),
        rest_only(f"{name}/UpdateSecret", "PATCH", one,
                  lambda c: it.update(c.path["name"], c.body, c.query.get("updateMask", ""))),
        rest_only(f"{name}/DeleteSecret", "DELETE", one, lambda c: it.delete(c.path["name"])),
    )


def _secret_versions(world: World) -> tuple[Method, ...]:
    name, it = "google.cloud.secretmanager.v1.SecretManagerService", world.secrets
    many, one = "/v1/{name=projects/*/secrets/*}/versions", "/v1/{name=projects/*/secrets/*/versions/*}"
    return (
        rest_only(f"{name}/ListSecretVersions", "GET", many, lambda c: it.list_versions(c.path["name"])),
        rest_only(f"{name}/AccessSecretVersion", "GET", f"{one}:access", lambda c: it.access(c.path["name"])),
        rest_only(f"{name}/GetSecretVersion", "GET", one, lambda c: it.get_version(c.path["name"])),
        rest_only(f"{name}/EnableSecretVersion", "POST", f"{one}:enable",
                  lambda c: it.turn(c.path["name"], "ENABLED")),
        rest_only(f"{name}/DisableSecretVersion", "POST", f"{one}:disable",
                  lambda c: it.turn(c.path["name"], "DISABLED")),
        rest_only(f"{name}/DestroySecretVersion", "POST", f"{one}:destroy",
                  lambda c: it.turn(c.path["name"], "DESTROYED")),
    )


# fmt: on
