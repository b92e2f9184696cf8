"""The resource types there are: each row says where one lives, how its JSON looks and how it is changed."""

# ruff: noqa: ARG001 - hooks share one signature

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from tidegate.local.provider import schema
from tidegate.local.provider.customize import (
    default_project,
    default_region,
    deletion_policy,
    managed_annotations,
    managed_labels,
    service_account_email,
)
from tidegate.local.provider.dashboard import Dashboard
from tidegate.local.provider.engine import Customize
from tidegate.local.provider.iam import IamMember
from tidegate.local.provider.lifecycle import (
    Behaviour,
    Config,
    Place,
    RestResource,
)
from tidegate.local.provider.mapping import Shape
from tidegate.local.provider.project_parts import IdentityResource, ProjectService
from tidegate.local.provider.rest import Json, Session, Settings
from tidegate.local.provider.scheduler import SchedulerJob, scheduler_in, scheduler_out
from tidegate.local.provider.secret_version import SecretVersion
from tidegate.local.provider.service_account import ServiceAccount
from tidegate.local.provider.storage import Bucket, BucketIamMember, bucket_in, bucket_out


@dataclass(frozen=True)
class ResourceType:
    """One row. `made_by` is the class that carries it out; the customizations run in order after planning."""

    title: str
    place: Place
    shape: Shape = field(default_factory=Shape)
    behaviour: Behaviour = field(default_factory=Behaviour)
    made_by: type[RestResource] = RestResource
    customize: tuple[Callable[[Settings], Customize], ...] = (default_project, deletion_policy)


_EVERYWHERE = {"id", "project", "deletion_policy"}
_LABELLED = {"labels", "effective_labels", "terraform_labels"}
_ANNOTATED = {"annotations", "effective_annotations"}


def _shape(*local: str, **rest: Any) -> Shape:
    return Shape(local=frozenset({*_EVERYWHERE, *local}), **rest)


def _run_imports(kind: str) -> tuple[str, ...]:
    return (
        rf"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/{kind}/(?P<name>[^/]+)",
        r"(?P<project>[^/]+)/(?P<location>[^/]+)/(?P<name>[^/]+)",
        r"(?P<location>[^/]+)/(?P<name>[^/]+)",
    )


def _run(title: str, kind: str, lists: set[str]) -> ResourceType:
    item = f"projects/{{project}}/locations/{{location}}/{kind}/{{name}}"
    collection = f"projects/{{project}}/locations/{{location}}/{kind}?{kind[:-1]}Id={{name}}"
    return ResourceType(
        title,
        Place("cloud_run_v2", collection, item, item, _run_imports(kind)),
        _shape("name", "location", "deletion_protection", *_LABELLED, *_ANNOTATED, lists=frozenset(lists)),
        # No mask and no etag: every update sends the whole of what the plan says.
        Behaviour(long_running=True),
        customize=(default_project, deletion_policy, managed_labels, managed_annotations),
    )


_MEMBER = r"(?P<role>[^ ]+) (?P<member>[^ ]+)(?: (?P<condition_title>.+))?"


def _member(
    service: str, item: str, reads_with: str, imports: Sequence[str], *, resource: str = ""
) -> ResourceType:
    identity = f"{resource or item}/{{role}}/{{member}}"
    return ResourceType(
        "IAM member",
        Place(service, reads_with, item, identity, tuple(f"{form} {_MEMBER}" for form in imports)),
        behaviour=Behaviour(update=""),
        made_by=IamMember,
        customize=(default_project, default_region),
    )


def _channel_out(body: Json, state: Config, config: Config) -> Json:
    """Secrets travel as labels, write-only ones from the configuration alone."""
    written = (config.get("sensitive_labels") or [{}])[0] or {}
    secrets = {
        name: value or written.get(f"{name}_wo")
        for name, value in ((state.get("sensitive_labels") or [{}])[0] or {}).items()
        if name in _SECRET_LABELS
    }
    given = {name: value for name, value in secrets.items() if value}
    return {**body, "labels": {**body.get("labels", {}), **given}}


def _channel_in(answer: Json, state: Config, config: Config) -> Json:
    """The service answers secrets obscured: what the state holds stays, and they are no ordinary labels."""
    own = state.get("labels") or {}
    found = {
        name: value for name, value in (answer.get("labels") or {}).items() if name not in _SECRET_LABELS
    }
    kept = {name: own[name] for name in _SECRET_LABELS if name in own}
    return {**answer, "labels": {**found, **kept}}


_SECRET_LABELS = ("auth_token", "password", "service_key")


def _slo_out(body: Json, state: Config, config: Config) -> Json:
    indicator = {name: body.pop(name) for name in _INDICATORS if name in body}
    for performance in _basic_indicators(indicator):
        if "availability" in performance:
            performance["availability"] = {}
    if days := body.pop("rollingPeriodDays", None):
        body["rollingPeriod"] = f"{days * 86400}s"
    return {**body, "serviceLevelIndicator": indicator}


def _slo_in(answer: Json, state: Config, config: Config) -> Json:
    indicator = json.loads(json.dumps(answer.get("serviceLevelIndicator") or {}))
    for performance in _basic_indicators(indicator):
        if "availability" in performance:
            performance["availability"] = {"enabled": True}
    period = str(answer.get("rollingPeriod") or "")
    days = {"rollingPeriodDays": int(float(period[:-1]) // 86400)} if period else {}
    name = str(answer.get("name", ""))
    return {**answer, **indicator, **days, "sloId": name.rsplit("/", 1)[-1]}


_INDICATORS = ("basicSli", "requestBased", "windowsBased")


def _basic_indicators(indicator: Json) -> list[Json]:
    windows = indicator.get("windowsBased", {}).get("goodTotalRatioThreshold", {}).get("basicSliPerformance")
    return [found for found in (indicator.get("basicSli"), windows) if isinstance(found, dict)]


def _custom_service_out(body: Json, state: Config, config: Config) -> Json:
    return {**body, "custom": {}}


def _custom_service_in(answer: Json, state: Config, config: Config) -> Json:
    return {**answer, "serviceId": str(answer.get("name", "")).rsplit("/", 1)[-1]}


def _identity(
    title: str, collection: str, chosen: str, parameter: str, parents: tuple[str, ...]
) -> ResourceType:
    item = f"{collection}/{{{chosen}}}"
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", item)
    return ResourceType(
        title,
        Place("iam", f"{collection}?{parameter}={{{chosen}}}", item, item, (pattern,)),
        _shape(chosen, *parents),
        Behaviour(long_running=True, update_mask=True),
        made_by=IdentityResource,
    )


_SENT_IF_ZERO = (
    "send_age_if_zero",
    "send_days_since_custom_time_if_zero",
    "send_days_since_noncurrent_time_if_zero",
    "send_num_newer_versions_if_zero",
)

RESOURCES: Final[Mapping[str, ResourceType]] = MappingProxyType(
    {
        "google_cloud_run_v2_service": _run("Service", "services", {"template.containers.ports"}),
        "google_cloud_run_v2_job": _run("Job", "jobs", set()),
        "google_cloud_run_v2_service_iam_member": _member(
            "cloud_run_v2",
            "projects/{project}/locations/{location}/services/{name}",
            "GET",
            _run_imports("services"),
        ),
        "google_cloud_run_v2_job_iam_member": _member(
            "cloud_run_v2",
            "projects/{project}/locations/{location}/jobs/{name}",
            "GET",
            _run_imports("jobs"),
        ),
        "google_service_account": ResourceType(
            "ServiceAccount",
            Place(
                "iam",
                "projects/{project}/serviceAccounts",
                "projects/{project}/serviceAccounts/{email}",
                "projects/{project}/serviceAccounts/{email}",
                (
                    r"projects/(?P<project>[^/]+)/serviceAccounts/(?P<email>[^/]+)",
                    r"(?P<project>[^/]+)/(?P<email>[^/]+)",
                    r"(?P<email>[^/]+)",
                ),
            ),
            _shape("account_id", "create_ignore_already_exists", "member"),
            made_by=ServiceAccount,
            customize=(default_project, deletion_policy, service_account_email),
        ),
        "google_service_account_iam_member": _member(
            "iam", "{service_account_id}", "POST", (r"(?P<service_account_id>[^ ]+)",)
        ),
        "google_project_iam_member": _member(
            "resource_manager",
            "projects/{project}",
            "POST",
            (r"(?:projects/)?(?P<project>[^ ]+)",),
            resource="{project}",
        ),
        "google_secret_manager_secret": ResourceType(
            "Secret",
            Place(
                "secret_manager",
                "projects/{project}/secrets?secretId={secret_id}",
                "projects/{project}/secrets/{secret_id}",
                "projects/{project}/secrets/{secret_id}",
                (
                    r"projects/(?P<project>[^/]+)/secrets/(?P<secret_id>[^/]+)",
                    r"(?P<project>[^/]+)/(?P<secret_id>[^/]+)",
                    r"(?P<secret_id>[^/]+)",
                ),
            ),
            _shape(
                "secret_id",
                "ttl",
                "deletion_protection",
                *_LABELLED,
                *_ANNOTATED,
                names={"replication.auto": "automatic"},
                present=frozenset({"replication.auto"}),
            ),
            Behaviour(update_mask=True),
            customize=(default_project, deletion_policy, managed_labels, managed_annotations),
        ),
        "google_secret_manager_secret_iam_member": _member(
            "secret_manager",
            "projects/{project}/secrets/{secret_id}",
            "GET",
            (
                r"projects/(?P<project>[^/ ]+)/secrets/(?P<secret_id>[^/ ]+)",
                r"(?P<project>[^/ ]+)/(?P<secret_id>[^/ ]+)",
                r"(?P<secret_id>[^/ ]+)",
            ),
        ),
        "google_secret_manager_secret_version": ResourceType(
            "SecretVersion",
            Place(
                "secret_manager",
                "{secret}:addVersion",
                "{name}",
                "{name}",
                (r"projects/(?P<project>[^/]+)/secrets/(?P<secret>[^/]+)/versions/(?P<version>[^/]+)",),
            ),
            Shape(
                local=frozenset(
                    {
                        "id",
                        "deletion_policy",
                        "is_secret_data_base64",
                        "secret",
                        "secret_data",
                        "secret_data_wo_version",
                    }
                )
            ),
            made_by=SecretVersion,
            customize=(),
        ),
        "google_monitoring_alert_policy": ResourceType(
            "AlertPolicy",
            Place(
                "monitoring",
                "v3/projects/{project}/alertPolicies",
                "v3/{name}",
                "{name}",
                (r"(?P<name>projects/(?P<project>[^/]+)/alertPolicies/[^/]+)",),
            ),
            _shape(sent=frozenset({"conditions.name"})),
            Behaviour(update_mask=True),
        ),
        "google_monitoring_notification_channel": ResourceType(
            "NotificationChannel",
            Place(
                "monitoring",
                "v3/projects/{project}/notificationChannels",
                "v3/{name}",
                "{name}",
                (r"(?P<name>projects/(?P<project>[^/]+)/notificationChannels/[^/]+)",),
            ),
            _shape("force_delete", "sensitive_labels"),
            Behaviour(
                encode=_channel_out,
                decode=_channel_in,
                delete_query=lambda state: f"?force={str(bool(state.get('force_delete'))).lower()}",
            ),
        ),
        "google_monitoring_dashboard": ResourceType(
            "Dashboard",
            Place(
                "monitoring",
                "v1/projects/{project}/dashboards",
                "v1/{id}",
                "projects/{project}/dashboards/{dashboard}",
                (r"projects/(?P<project>[^/]+)/dashboards/(?P<dashboard>[^/]+)", r"(?P<dashboard>[^/]+)"),
            ),
            made_by=Dashboard,
        ),
        "google_monitoring_metric_descriptor": ResourceType(
            "MetricDescriptor",
            Place(
                "monitoring",
                "v3/projects/{project}/metricDescriptors",
                "v3/{name}",
                "{name}",
                (r"(?P<name>projects/(?P<project>[^/]+)/metricDescriptors/.+)",),
            ),
            _shape("launch_stage", "metadata"),
            Behaviour(update="POST", update_path="v3/projects/{project}/metricDescriptors"),
        ),
        "google_monitoring_custom_service": ResourceType(
            "Service",
            Place(
                "monitoring",
                "v3/projects/{project}/services?serviceId={service_id}",
                "v3/{name}",
                "{name}",
                (r"(?P<name>projects/(?P<project>[^/]+)/services/[^/]+)",),
            ),
            _shape(),
            Behaviour(update_mask=True, encode=_custom_service_out, decode=_custom_service_in),
        ),
        "google_monitoring_slo": ResourceType(
            "Slo",
            Place(
                "monitoring",
                "v3/projects/{project}/services/{service}/serviceLevelObjectives?serviceLevelObjectiveId={slo_id}",
                "v3/{name}",
                "{name}",
                (
                    r"(?P<name>projects/(?P<project>[^/]+)/services/(?P<service>[^/]+)"
                    r"/serviceLevelObjectives/[^/]+)",
                ),
            ),
            _shape(
                "service",
                names={
                    "request_based_sli": "requestBased",
                    "windows_based_sli": "windowsBased",
                    "windows_based_sli.good_bad_metric_filter": "goodBadMetricFilter",
                },
            ),
            Behaviour(
                update_mask=True,
                mask_names={
                    "basic_sli": "serviceLevelIndicator",
                    "request_based_sli": "serviceLevelIndicator",
                    "windows_based_sli": "serviceLevelIndicator",
                    "rolling_period_days": "rollingPeriod",
                },
                encode=_slo_out,
                decode=_slo_in,
            ),
        ),
        "google_logging_metric": ResourceType(
            "Metric",
            Place(
                "logging",
                "projects/{project}/metrics",
                "projects/{project}/metrics/{%name}",
                "{name}",
                (r"(?P<project>[^ ]+) (?P<name>[^ ]+)", r"(?P<name>[^ ]+)"),
            ),
            _shape(),
            Behaviour(update="PUT"),
        ),
        "google_cloud_scheduler_job": ResourceType(
            "Job",
            Place(
                "cloud_scheduler",
                "projects/{project}/locations/{region}/jobs",
                "projects/{project}/locations/{region}/jobs/{name}",
                "projects/{project}/locations/{region}/jobs/{name}",
                (
                    r"projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)/jobs/(?P<name>[^/]+)",
                    r"(?P<project>[^/]+)/(?P<region>[^/]+)/(?P<name>[^/]+)",
                    r"(?P<region>[^/]+)/(?P<name>[^/]+)",
                ),
            ),
            _shape("region"),
            Behaviour(encode=scheduler_out, decode=scheduler_in),
            made_by=SchedulerJob,
            customize=(default_project, deletion_policy, default_region),
        ),
        "google_storage_bucket": ResourceType(
            "Bucket",
            Place(
                "storage",
                "b?project={project}",
                "b/{name}",
                "{name}",
                (r"(?P<project>[^/]+)/(?P<name>[^/]+)", r"(?P<name>[^/]+)"),
            ),
            _shape(
                "force_destroy",
                "url",
                "self_link",
                "terraform_labels",
                "effective_labels",
                *(f"lifecycle_rule.condition.{name}" for name in _SENT_IF_ZERO),
            ),
            Behaviour(encode=bucket_out, decode=bucket_in),
            made_by=Bucket,
            customize=(default_project, managed_labels),
        ),
        "google_storage_bucket_iam_member": ResourceType(
            "IAM member",
            Place(
                "storage",
                "GET",
                "b/{bucket}",
                "b/{bucket}/{role}/{member}",
                (rf"(?:b/)?(?P<bucket>[^ ]+) {_MEMBER}",),
            ),
            behaviour=Behaviour(update=""),
            made_by=BucketIamMember,
            customize=(),
        ),
        "google_project_service": ResourceType(
            "Project Service",
            Place(
                "service_usage",
                "projects/{project}/services",
                "projects/{project}/services/{service}",
                "{project}/{service}",
                (r"(?P<project>[^/]+)/(?P<service>[^/]+)",),
            ),
            _shape(),
            made_by=ProjectService,
            customize=(default_project,),
        ),
        "google_iam_workload_identity_pool": _identity(
            "WorkloadIdentityPool",
            "projects/{project}/locations/global/workloadIdentityPools",
            "workload_identity_pool_id",
            "workloadIdentityPoolId",
            (),
        ),
        "google_iam_workload_identity_pool_provider": _identity(
            "WorkloadIdentityPoolProvider",
            "projects/{project}/locations/global/workloadIdentityPools/{workload_identity_pool_id}/providers",
            "workload_identity_pool_provider_id",
            "workloadIdentityPoolProviderId",
            ("workload_identity_pool_id",),
        ),
    }
)


def resource(name: str, session: Session) -> RestResource:
    """The resource type `name` over one provider configuration. Raises KeyError for an unknown one."""
    row = RESOURCES[name]
    return row.made_by(row.title, schema.load(name), row.place, row.shape, row.behaviour, session)


def customizations(name: str, settings: Settings) -> tuple[Customize, ...]:
    return tuple(make(settings) for make in RESOURCES[name].customize)
