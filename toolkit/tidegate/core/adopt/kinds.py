"""How each kind of resource is found that exists already: where to look, and which import id it then has.

What has a name of our choosing is asked for by that name. Alert policies, channels and dashboards get theirs
from Cloud Monitoring: they are known by what the monitoring module puts on them.
"""

# ruff: noqa: ARG001 - rows share one signature

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from tidegate.core.spec import Spec

After = Mapping[str, Any]
Answer = Mapping[str, Any] | None
"""What was read; None when there is no such thing. A list is under the key of its collection."""


@dataclass(frozen=True)
class Look:
    """One thing to read. `api` is `run`, `iam`, `projects`, `secrets`, `scheduler`, `storage`, `logging` or
    `monitoring`; `path` is below it.

    `collection` names the list in the answers of a paged listing; all pages are put together.
    """

    api: str
    path: str
    verb: str = "GET"
    collection: str = ""


@dataclass(frozen=True)
class Kind:
    """`looks` says what to read for a planned creation, empty while that cannot be said; `find` gives the
    import id of what is there, empty when there is nothing. `name` is for people."""

    name: str
    looks: Callable[[Spec, After], tuple[Look, ...]]
    find: Callable[[Spec, After, Sequence[Answer]], str]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _project(spec: Spec, after: After) -> str:
    return _text(after.get("project")) or spec.project


# ------------------------------------------------------------------------------------ named by ourselves


def _by_name(api: str, path: Callable[[Spec, After], str]) -> dict[str, Any]:
    def looks(spec: Spec, after: After) -> tuple[Look, ...]:
        place = path(spec, after)
        return (Look(api, place),) if place else ()

    def find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
        return path(spec, after) if answers[0] is not None else ""

    return {"looks": looks, "find": find}


def _below_v3(path: Callable[[Spec, After], str]) -> dict[str, Any]:
    """The same of Cloud Monitoring, whose import ids leave the version out."""

    def looks(spec: Spec, after: After) -> tuple[Look, ...]:
        place = path(spec, after)
        return (Look("monitoring", f"v3/{place}"),) if place else ()

    return {"looks": looks, "find": _by_name("monitoring", path)["find"]}


def _service(spec: Spec, after: After) -> str:
    name, region = _text(after.get("name")), _text(after.get("location")) or spec.region
    # An IAM member of the service may give its full name.
    return f"projects/{_project(spec, after)}/locations/{region}/services/{name.rpartition('/')[2]}" * bool(
        name
    )


def _job(spec: Spec, after: After) -> str:
    name, region = _text(after.get("name")), _text(after.get("location")) or spec.region
    return f"projects/{_project(spec, after)}/locations/{region}/jobs/{name.rpartition('/')[2]}" * bool(name)


def _schedule(spec: Spec, after: After) -> str:
    name, region = _text(after.get("name")), _text(after.get("region")) or spec.region
    return f"projects/{_project(spec, after)}/locations/{region}/jobs/{name}" if name else ""


def _account(spec: Spec, after: After) -> str:
    project = _project(spec, after)
    email = _text(after.get("email"))
    if not email and (account := _text(after.get("account_id"))):
        email = f"{account}@{project}.iam.gserviceaccount.com"
    return f"projects/{project}/serviceAccounts/{email}" if email else ""


def _secret(spec: Spec, after: After) -> str:
    name = _text(after.get("secret_id")).rpartition("/")[2]
    return f"projects/{_project(spec, after)}/secrets/{name}" if name else ""


def _objectives_service(spec: Spec, after: After) -> str:
    name = _text(after.get("service_id"))
    return f"projects/{_project(spec, after)}/services/{name}" if name else ""


def _objective(spec: Spec, after: After) -> str:
    service, name = _text(after.get("service")).rpartition("/")[2], _text(after.get("slo_id"))
    if not (service and name):
        return ""
    return f"projects/{_project(spec, after)}/services/{service}/serviceLevelObjectives/{name}"


def _log_metric_looks(spec: Spec, after: After) -> tuple[Look, ...]:
    name = _text(after.get("name"))
    place = f"projects/{_project(spec, after)}/metrics/{quote(name, safe='')}"
    return (Look("logging", place),) if name else ()


def _log_metric_find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
    return f"{_project(spec, after)} {after['name']}" if answers[0] is not None else ""


def _version_looks(spec: Spec, after: After) -> tuple[Look, ...]:
    secret = _text(after.get("secret"))
    return (Look("secrets", f"{secret}/versions", collection="versions"),) if secret else ()


def _version_find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
    """The newest version that can be read. Its own name may have the project's number instead of its id."""
    found = (answers[0] or {}).get("versions", ())
    numbers = [
        int(number)
        for version in found
        if version.get("state") == "ENABLED" and (number := version["name"].rpartition("/")[2]).isdigit()
    ]
    return f"{after['secret']}/versions/{max(numbers)}" if numbers else ""


# ------------------------------------------------------------------------------------------------ access


def _acted_as(spec: Spec, after: After) -> str:
    return _text(after.get("service_account_id"))


def _bucket(spec: Spec, after: After) -> str:
    name = _text(after.get("bucket"))
    return f"b/{name.removeprefix('b/')}" if name else ""


def _member(
    api: str,
    resource: Callable[[Spec, After], str],
    verb: str,
    short: str = "",
    policy: str = ":getIamPolicy",
) -> dict[str, Any]:
    """One member of one role; `short` is taken off the resource's name in the import id, and `policy` comes
    after it where its policy is read."""

    def looks(spec: Spec, after: After) -> tuple[Look, ...]:
        place = resource(spec, after)
        known = place and _text(after.get("role")) and _text(after.get("member"))
        return (Look(api, f"{place}{policy}", verb),) if known else ()

    def find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
        role, member = after["role"], after["member"]
        for binding in (answers[0] or {}).get("bindings", ()):
            granted = {name.lower() for name in binding.get("members", ())}
            if binding.get("role") == role and not binding.get("condition") and member.lower() in granted:
                return f"{resource(spec, after).removeprefix(short)} {role} {member}"
        return ""

    return {"looks": looks, "find": find}


# -------------------------------------------------------------------------------------------- monitoring


def _policies(spec: Spec, after: After) -> Look:
    return Look(
        "monitoring", f"v3/projects/{_project(spec, after)}/alertPolicies", collection="alertPolicies"
    )


def _policy_looks(spec: Spec, after: After) -> tuple[Look, ...]:
    return (_policies(spec, after),)


def own_policies(spec: Spec, answer: Answer) -> Iterator[Mapping[str, Any]]:
    """The alert policies that tidegate made for this service, oldest first.

    Their labels do not tell the region, their titles do.
    """
    found = [
        policy
        for policy in (answer or {}).get("alertPolicies", ())
        if _is_ours(spec, policy)
        and _text(policy.get("displayName")).startswith(f"{spec.service} ({spec.region}): ")
    ]
    yield from sorted(found, key=lambda p: (p.get("creationRecord", {}).get("mutateTime", ""), p["name"]))


def _is_ours(spec: Spec, found: Mapping[str, Any]) -> bool:
    labels = found.get("userLabels") or {}
    return labels.get("managed_by") == "tidegate" and labels.get("service") == spec.service


def _policy_find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
    kind = (after.get("user_labels") or {}).get("alert")
    same = [p for p in own_policies(spec, answers[0]) if p["userLabels"].get("alert") == kind]
    return str(same[0]["name"]) if kind and same else ""


def doubles(spec: Spec, answer: Answer, taken: Collection[str]) -> tuple[str, ...]:
    """Names of this service's policies that say what one of those taken over says as well."""
    policies = list(own_policies(spec, answer))
    kinds = {p["userLabels"].get("alert") for p in policies if p["name"] in taken}
    return tuple(
        str(p["name"]) for p in policies if p["name"] not in taken and p["userLabels"].get("alert") in kinds
    )


def policies_of(project: str) -> Look:
    return Look("monitoring", f"v3/projects/{project}/alertPolicies", collection="alertPolicies")


def _channel_looks(spec: Spec, after: After) -> tuple[Look, ...]:
    place = f"v3/projects/{_project(spec, after)}/notificationChannels"
    return (Look("monitoring", place, collection="notificationChannels"), policies_of(_project(spec, after)))


def _channel_find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
    """Channels say the service and not the region: this service's are those that its policies notify."""
    # A name may have the project's number or its id in it, so that only the end is compared.
    notified = {
        name.rpartition("/")[2]
        for policy in own_policies(spec, answers[1])
        for name in policy.get("notificationChannels", ())
    }
    for channel in (answers[0] or {}).get("notificationChannels", ()):
        same = channel.get("type") == after.get("type") and channel.get("labels") == after.get("labels")
        if same and _is_ours(spec, channel) and channel["name"].rpartition("/")[2] in notified:
            return str(channel["name"])
    return ""


def _dashboard_looks(spec: Spec, after: After) -> tuple[Look, ...]:
    place = f"v1/projects/{_project(spec, after)}/dashboards"
    return (Look("monitoring", place, collection="dashboards"),) if after.get("dashboard_json") else ()


def _dashboard_find(spec: Spec, after: After, answers: Sequence[Answer]) -> str:
    """By title; and by what it shows, for a person may have given the same title to one of their own."""
    planned = json.loads(after["dashboard_json"])
    for dashboard in (answers[0] or {}).get("dashboards", ()):
        same = dashboard.get("displayName") == planned.get("displayName")
        if same and _titles(dashboard) & _titles(planned):
            return f"projects/{_project(spec, after)}/dashboards/{dashboard['name'].rpartition('/')[2]}"
    return ""


def _titles(dashboard: Mapping[str, Any]) -> set[str]:
    tiles = (dashboard.get("mosaicLayout") or {}).get("tiles", ())
    return {_text((tile.get("widget") or {}).get("title")) for tile in tiles} - {""}


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "google_cloud_run_v2_service": Kind("service", **_by_name("run", _service)),
        "google_cloud_run_v2_service_iam_member": Kind("access", **_member("run", _service, "GET")),
        "google_cloud_run_v2_job": Kind("job", **_by_name("run", _job)),
        "google_cloud_run_v2_job_iam_member": Kind("access", **_member("run", _job, "GET")),
        "google_cloud_scheduler_job": Kind("schedule", **_by_name("scheduler", _schedule)),
        "google_service_account": Kind("service account", **_by_name("iam", _account)),
        "google_service_account_iam_member": Kind("access", **_member("iam", _acted_as, "POST")),
        "google_project_iam_member": Kind(
            "access",
            **_member("projects", lambda s, a: f"projects/{_project(s, a)}", "POST", "projects/"),
        ),
        "google_secret_manager_secret": Kind("secret", **_by_name("secrets", _secret)),
        "google_secret_manager_secret_iam_member": Kind("access", **_member("secrets", _secret, "GET")),
        "google_secret_manager_secret_version": Kind("secret version", _version_looks, _version_find),
        "google_storage_bucket_iam_member": Kind(
            "access", **_member("storage", _bucket, "GET", policy="/iam")
        ),
        "google_monitoring_alert_policy": Kind("alert policy", _policy_looks, _policy_find),
        "google_monitoring_notification_channel": Kind(
            "notification channel", _channel_looks, _channel_find
        ),
        "google_monitoring_custom_service": Kind("monitored service", **_below_v3(_objectives_service)),
        "google_monitoring_slo": Kind("objective", **_below_v3(_objective)),
        "google_logging_metric": Kind("log metric", _log_metric_looks, _log_metric_find),
        "google_monitoring_dashboard": Kind("dashboard", _dashboard_looks, _dashboard_find),
    }
)  # fmt: skip
"""By Terraform's resource type."""
