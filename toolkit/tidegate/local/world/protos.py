"""The plain protobuf classes behind the client libraries' wrappers, which carry no usable types."""

from __future__ import annotations

from typing import Any

from google.api import metric_pb2  # type: ignore[import-untyped]  # no stubs
from google.cloud import monitoring_dashboard_v1, monitoring_v3, run_v2
from google.longrunning import operations_pb2


def raw(wrapper: Any) -> Any:
    """The protobuf class of a wrapper."""
    return wrapper.pb()


Service: Any = raw(run_v2.Service)
Revision: Any = raw(run_v2.Revision)
CreateServiceRequest: Any = raw(run_v2.CreateServiceRequest)
RevisionTemplate: Any = raw(run_v2.RevisionTemplate)
Condition: Any = raw(run_v2.Condition)
Job: Any = raw(run_v2.Job)
ListJobsResponse: Any = raw(run_v2.ListJobsResponse)
TrafficTarget: Any = raw(run_v2.TrafficTarget)
ListServicesResponse: Any = raw(run_v2.ListServicesResponse)
ListRevisionsResponse: Any = raw(run_v2.ListRevisionsResponse)
Operation: Any = operations_pb2.Operation
MetricDescriptor: Any = metric_pb2.MetricDescriptor

TimeSeries: Any = raw(monitoring_v3.TimeSeries)
ListTimeSeriesResponse: Any = raw(monitoring_v3.ListTimeSeriesResponse)
ListMetricDescriptorsResponse: Any = raw(monitoring_v3.ListMetricDescriptorsResponse)
AlertPolicy: Any = raw(monitoring_v3.AlertPolicy)
ListAlertPoliciesResponse: Any = raw(monitoring_v3.ListAlertPoliciesResponse)
NotificationChannel: Any = raw(monitoring_v3.NotificationChannel)
MutationRecord: Any = raw(monitoring_v3.MutationRecord)
ListNotificationChannelsResponse: Any = raw(monitoring_v3.ListNotificationChannelsResponse)
WatchedService: Any = raw(monitoring_v3.Service)
ListWatchedServicesResponse: Any = raw(monitoring_v3.ListServicesResponse)
ServiceLevelObjective: Any = raw(monitoring_v3.ServiceLevelObjective)
ListServiceLevelObjectivesResponse: Any = raw(monitoring_v3.ListServiceLevelObjectivesResponse)
Dashboard: Any = raw(monitoring_dashboard_v1.Dashboard)
ListDashboardsResponse: Any = raw(monitoring_dashboard_v1.ListDashboardsResponse)

LATEST = 1
REVISION = 2
PENDING, RECONCILING, FAILED, SUCCEEDED = 1, 2, 3, 4
COMMON_REASONS: dict[str, int] = {reason.name: reason.value for reason in run_v2.Condition.CommonReason}
REVISION_REASONS: dict[str, int] = {reason.name: reason.value for reason in run_v2.Condition.RevisionReason}
