from __future__ import annotations

from typing import Any

import pytest

from tidegate.local.provider import schema
from tidegate.local.provider.checks import Problem, validate
from tidegate.local.provider.wire import UNKNOWN


def _check(name: str, **config: Any) -> list[Problem]:
    block = schema.load(name)
    return list(validate(block, {**block.empty(), **config}))


def _service(**template: Any) -> list[Problem]:
    return _check("google_cloud_run_v2_service", template=[template])


SECRET = "google_secret_manager_secret"
AUTO = {"auto": [{}], "user_managed": []}
MANAGED = {"auto": [], "user_managed": [{"replicas": [{"location": "x"}]}]}
CHANNEL = "google_monitoring_notification_channel"


@pytest.mark.parametrize(
    ("name", "config", "path", "said"),
    [
        (
            "google_cloud_run_v2_service",
            {"ingress": "ALL"},
            ("ingress",),
            'expected ingress to be one of ["INGRESS_TRAFFIC_ALL" "INGRESS_TRAFFIC_INTERNAL_ONLY"',
        ),
        (
            "google_cloud_run_v2_service",
            {"template": [{"execution_environment": "gen2"}]},
            ("template", 0, "execution_environment"),
            "expected template.0.execution_environment to be one of",
        ),
        (
            "google_cloud_run_v2_service",
            {"template": [{"vpc_access": [{"connector": "c", "network_interfaces": [{"network": "n"}]}]}]},
            ("template", 0, "vpc_access", 0, "connector"),
            "conflicts with template.0.vpc_access.0.network_interfaces",
        ),
        (
            SECRET,
            {"replication": [{**AUTO, **{"user_managed": MANAGED["user_managed"]}}]},
            ("replication", 0, "auto"),
            "only one of `replication.0.auto,replication.0.user_managed` can be specified",
        ),
        (
            SECRET,
            {"replication": [{"auto": [], "user_managed": []}]},
            ("replication", 0, "auto"),
            "one of `replication.0.auto,replication.0.user_managed` must be specified",
        ),
        (
            SECRET,
            {"replication": [AUTO], "rotation": [{"rotation_period": "1s"}]},
            ("rotation",),
            "all of `rotation,topics` must be specified",
        ),
        ("google_secret_manager_secret_version", {}, ("secret_data",), "must be specified"),
        (
            CHANNEL,
            {"sensitive_labels": [{"auth_token": "a", "password": "b"}]},
            ("sensitive_labels", 0, "auth_token"),
            "only one of",
        ),
        (
            "google_monitoring_alert_policy",
            {"combiner": "ANY"},
            ("combiner",),
            'expected combiner to be one of ["AND"',
        ),
        (
            "google_monitoring_dashboard",
            {"dashboard_json": "{"},
            ("dashboard_json",),
            "contains an invalid JSON",
        ),
        ("google_service_account", {"account_id": "x"}, ("account_id",), "doesn't match regexp"),
        ("google_project_iam_member", {"member": "nobody"}, ("member",), "invalid value for member"),
        ("google_project_iam_member", {"member": "deleted:user:x"}, ("member",), "deleted principals"),
        (
            "google_service_account_iam_member",
            {"service_account_id": "x@y"},
            ("service_account_id",),
            "doesn't match regexp",
        ),
        (
            "provider",
            {"credentials": "{}", "access_token": "t"},
            ("access_token",),
            "conflicts with credentials",
        ),
    ],
)
def test_faults_are_found_at_their_place(name: str, config: dict[str, Any], path: Any, said: str) -> None:
    found = {problem.path: f"{problem.summary} {problem.detail}" for problem in _check(name, **config)}

    assert said in found[path]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        (SECRET, {"replication": [AUTO]}),
        (SECRET, {"replication": [MANAGED]}),
        (SECRET, {"replication": UNKNOWN}),
        ("google_cloud_run_v2_service", {"ingress": UNKNOWN}),
        ("google_secret_manager_secret_version", {"secret_data": UNKNOWN}),
        ("google_monitoring_dashboard", {"dashboard_json": UNKNOWN}),
        ("google_project_iam_member", {"member": "allUsers"}),
        ("google_project_iam_member", {"member": "serviceAccount:x@y"}),
        (CHANNEL, {"sensitive_labels": [{"auth_token": "a"}]}),
        (CHANNEL, {"sensitive_labels": [{"auth_token": UNKNOWN, "password": UNKNOWN}]}),
        (CHANNEL, {"sensitive_labels": [{"auth_token_wo": "a", "auth_token_wo_version": "1"}]}),
    ],
)
def test_what_is_right_or_not_known_yet_passes(name: str, config: dict[str, Any]) -> None:
    assert _check(name, **config) == []
