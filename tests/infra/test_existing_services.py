"""The spec written from a live service says the same as the service, and its monitoring comes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.adoptions import POLICIES, Site, did, site
from tidegate.adapters import rootdir
from tidegate.adapters.clock import SystemClock
from tidegate.adapters.estate import RestEstate, local_addresses, plain_session
from tidegate.adapters.retry import Retrying
from tidegate.core.adopt import Existing
from tidegate.core.errors import NotFound
from tidegate.core.render import render
from tidegate.core.spec import load
from tidegate.flows.planning import Plans, Request, Roots, apply_plans, make_plans
from tidegate.flows.provision import existing, plan_monitoring, provision
from tidegate.ports import ServiceName

PLACE = "/v2/projects/shop-prod/locations/europe-west1/services"
PLAIN: dict[str, Any] = {
    "ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "description": "takes orders",
    "labels": {"team": "shop"},
    "template": {
        "serviceAccount": "billing@shop-prod.iam.gserviceaccount.com",
        "timeout": "120s",
        "maxInstanceRequestConcurrency": 40,
        "executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
        "scaling": {"minInstanceCount": 1, "maxInstanceCount": 7},
        "volumes": [{"name": "scratch", "emptyDir": {"medium": "MEMORY", "sizeLimit": "32Mi"}}],
        "containers": [
            {
                "name": "web",
                "image": "example/invoices:9",
                "command": ["serve"],
                "args": ["--workers", "4"],
                "ports": [{"name": "http1", "containerPort": 9000}],
                "resources": {
                    "limits": {"cpu": "1", "memory": "1Gi"},
                    "cpuIdle": True,
                    "startupCpuBoost": True,
                },
                "env": [{"name": "PW", "valueSource": {"secretKeyRef": {"secret": "pw", "version": "1"}}}],
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                "startupProbe": {
                    "httpGet": {"path": "/ready", "port": 9000},
                    "periodSeconds": 5,
                    "timeoutSeconds": 2,
                    "failureThreshold": 12,
                },
                "livenessProbe": {
                    "tcpSocket": {"port": 9000},
                    "periodSeconds": 15,
                    "timeoutSeconds": 1,
                    "failureThreshold": 3,
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("existing")) as found:
        found.cloud.post(f"{PLACE}?serviceId=billing", PLAIN)
        yield found


def estate(shop: Site) -> RestEstate:
    return RestEstate(plain_session, Retrying(SystemClock()), local_addresses(shop.cloud.url))


def described(shop: Site, service: str = "billing") -> Existing:
    return existing(ServiceName("shop-prod", "europe-west1", service), estate(shop))


def request(shop: Site, text: str) -> Request:
    spec = load(text.encode(), "tidegate.yaml")
    files = render(spec, rootdir.template_texts(), rootdir.module_texts())
    place = shop.place / "billing"
    roots = Roots(
        place,
        lambda: rootdir.write(place, files) and None,
        lambda more: rootdir.write(place, {**files, **more}),
    )
    return Request(spec, "ci", roots, estate=estate(shop), say=shop.said.append)


def test_monitoring_comes_alone_and_leaves_the_service_as_it_is(shop: Site) -> None:
    before = shop.cloud.get(f"{PLACE}/billing")
    asked = request(shop, described(shop).text)
    _, planned = plan_monitoring(asked, shop.terraform)
    assert list(planned.summaries) == ["monitoring"]
    assert shop.cloud.get(POLICIES).get("alertPolicies", []) == []
    plans = provision(asked, shop.terraform)
    assert ("google_monitoring_alert_policy", "create") in did(plans)
    assert {p["userLabels"]["service"] for p in shop.cloud.get(POLICIES)["alertPolicies"]} == {"billing"}
    after = shop.cloud.get(f"{PLACE}/billing")
    assert [after[key] for key in ("generation", "template", "annotations") if key in before] == [
        before[key] for key in ("generation", "template", "annotations") if key in before
    ]
    _, again = plan_monitoring(asked, shop.terraform)
    assert not again.summaries["monitoring"].has_changes


def test_the_written_spec_takes_the_service_over_without_a_new_revision(shop: Site) -> None:
    before = shop.cloud.get(f"{PLACE}/billing")
    found = described(shop)
    assert found.left_out == ()
    plans = Plans()
    make_plans(request(shop, found.text), shop.terraform, plans)
    apply_plans(request(shop, found.text), shop.terraform, plans)
    after = shop.cloud.get(f"{PLACE}/billing")
    assert after["latestCreatedRevision"] == before["latestCreatedRevision"]
    assert after["template"] == before["template"]
    again = Plans()
    make_plans(request(shop, found.text), shop.terraform, again)
    assert not any(summary.has_changes for summary in again.summaries.values())


def test_a_service_that_is_not_there_is_said_to_be_missing(shop: Site) -> None:
    with pytest.raises(NotFound, match="there is no service nobody in europe-west1 of project shop-prod"):
        described(shop, "nobody")
