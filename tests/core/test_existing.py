"""A spec written from what the API says of a service."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.core.adopt import Existing, spec_of
from tidegate.core.spec import Spec, load


def service(container: dict[str, Any] | None = None, **template: Any) -> dict[str, Any]:
    one = {"name": "web", "image": "example/web:1", "ports": [{"containerPort": 8080}], **(container or {})}
    whole = {"serviceAccount": "a@shop-prod.iam.gserviceaccount.com", "containers": [one], **template}
    whole.setdefault("scaling", {"maxInstanceCount": 3})
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 240, "timeoutSeconds": 240, "failureThreshold": 1}
    one.setdefault("startupProbe", probe)
    return {"name": "projects/shop-prod/locations/europe-west1/services/orders", "template": whole}


def written(given: dict[str, Any], invokers: list[str] | None = None) -> Existing:
    return spec_of(given, "shop-prod", "europe-west1", [] if invokers is None else invokers)


def spec(given: dict[str, Any], invokers: list[str] | None = None) -> Spec:
    return load(written(given, invokers).text.encode(), "tidegate.yaml")


def test_a_service_as_the_console_makes_it_is_whole_in_a_spec() -> None:
    found = spec(service(timeout="300s", maxInstanceRequestConcurrency=80))
    assert written(service()).left_out == ()
    assert (found.service, found.project, found.region) == ("orders", "shop-prod", "europe-west1")
    assert found.service_account == "a@shop-prod.iam.gserviceaccount.com"
    assert (found.scaling.min_instances, found.scaling.max_instances, found.scaling.concurrency) == (0, 3, 80)
    (container,) = found.containers
    assert (container.name, container.image, container.port) == ("web", "example/web:1", 8080)
    assert container.probes.startup is not None
    assert (container.probes.startup.period, container.probes.startup.failure_threshold) == (240.0, 1)
    assert (found.billing, found.ingress, found.request_timeout) == ("instance", "all", 300.0)
    assert not found.telemetry.collector.enabled


def test_a_rich_service_loads_with_everything_a_spec_can_say() -> None:
    given = service(
        {
            "ports": [{"name": "h2c", "containerPort": 50051}],
            "resources": {"limits": {"cpu": "2", "memory": "2Gi"}, "cpuIdle": True},
            "dependsOn": ["proxy"],
            "volumeMounts": [
                {"name": "cfg", "mountPath": "/cfg"},
                {"name": "sql", "mountPath": "/cloudsql"},
            ],
            "livenessProbe": {"grpc": {"port": 50051, "service": "health"}},
        },
        volumes=[
            {
                "name": "cfg",
                "secret": {
                    "secret": "cfg", "defaultMode": 292, "items": [{"path": "a.yaml", "version": "3"}],
                },
            },
            {"name": "sql", "cloudSqlInstance": {"instances": ["shop-prod:europe-west1:main"]}},
            {"name": "files", "gcs": {"bucket": "shop-files", "readOnly": True}},
        ],
        vpcAccess={"egress": "ALL_TRAFFIC", "networkInterfaces": [{"network": "n", "tags": ["web"]}]},
        executionEnvironment="EXECUTION_ENVIRONMENT_GEN2",
    )  # fmt: skip
    given["template"]["containers"].append(
        {
            "name": "proxy",
            "image": "example/proxy:1",
            "volumeMounts": [{"name": "files", "mountPath": "/files"}],
            "resources": {"cpuIdle": True},
            "startupProbe": {"httpGet": {"path": "/up", "port": 9}, "periodSeconds": 3},
        }
    )
    given |= {
        "ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
        "scaling": {"scalingMode": "MANUAL", "manualInstanceCount": 4},
        "labels": {"team": "shop", "goog-terraform-provisioned": "true"},
        "binaryAuthorization": {"useDefault": True},
    }
    found = spec(given, ["allUsers", "user:anna@example.com"])
    assert written(given, ["allUsers"]).left_out == ()
    web, proxy = found.containers
    assert web.http2
    assert web.depends_on == ("proxy",)
    assert web.mounts == {"cfg": "/cfg"}
    assert proxy.mounts == {"files": "/files"}
    assert found.cloud_sql == ("shop-prod:europe-west1:main",)
    secret = found.volumes["cfg"].secret
    assert secret is not None
    assert (secret.files, secret.mode) == ({"a.yaml": "3"}, "0444")
    assert (found.vpc.network, found.vpc.tags, found.vpc.egress) == ("n", ("web",), "all")
    assert (found.billing, found.ingress) == ("request", "internal-and-load-balancer")
    assert found.scaling.service.instances == 4
    assert (found.allow_public, found.invokers) == (True, ("allUsers", "user:anna@example.com"))
    assert found.labels == {"team": "shop"}
    assert found.binary_authorization.enabled


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"env": [{"name": "DB_URL", "value": "hunter2"}]}, "environment variables of web"),
        ({"args": ["--password", "hunter2"]}, "args of web"),
        ({"args": ["--api-key=hunter2"]}, "args of web"),
        ({"command": ["sh", "-c", "DB_PASSWORD=hunter2 serve"]}, "command of web"),
        (
            {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "hunter2"}]}}},
            "header Authorization of the liveness probe of web",
        ),
    ],
)
def test_what_may_be_secret_is_named_and_never_written(container: dict[str, Any], named: str) -> None:
    found = written(service(container))
    assert "hunter2" not in found.text
    assert "hunter2" not in " ".join(found.left_out)
    assert any(named in one for one in found.left_out)
    assert named in found.text
    load(found.text.encode(), "tidegate.yaml")


def test_a_text_of_the_shape_of_a_secret_is_left_out_wherever_it_stands() -> None:
    token = "ghp_" + "a" * 36
    found = written(service() | {"description": f"use {token}"})
    assert token not in found.text
    assert "description, which looks like a GitHub token" in found.left_out


def test_what_no_spec_has_is_named() -> None:
    given = service(sessionAffinity=True, nodeSelector={"accelerator": "nvidia-l4"}, scaling={})
    del given["template"]["serviceAccount"]
    given["template"]["containers"][0].pop("name")
    left = " ".join(written(given | {"iapEnabled": True}).left_out)
    for what in ("session affinity", "a GPU", "IAP", "default one", "no maximum", "no name"):
        assert what in left
    unread = spec_of(service(), "shop-prod", "europe-west1", None)
    assert "who may call it: that could not be read" in unread.left_out


def test_a_name_with_a_line_break_does_not_become_a_key_of_the_spec() -> None:
    found = written(service({"env": [{"name": "A\nservice: other", "value": "x"}]}))
    assert load(found.text.encode(), "tidegate.yaml").service == "orders"


def test_the_collector_of_a_deployment_is_taken_for_what_it_is() -> None:
    given = service(volumes=[{"name": "collector-config", "secret": {"secret": "orders-collector"}}])
    given["template"]["containers"].append(
        {
            "name": "collector",
            "image": "example/sidecar:1",
            "resources": {"limits": {"cpu": "1", "memory": "256Mi"}},
            "volumeMounts": [{"name": "collector-config", "mountPath": "/etc/rungmp"}],
        }
    )
    found = spec(given)
    assert [container.name for container in found.containers] == ["web"]
    assert found.telemetry.collector.enabled
    assert (found.telemetry.collector.image, found.telemetry.collector.memory) == (
        "example/sidecar:1",
        "256Mi",
    )
    assert found.volumes == {}
    assert "what its collector looks at" in " ".join(written(given).left_out)
