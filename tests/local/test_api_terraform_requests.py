"""Plain HTTP as the Terraform provider sends it: names for enums, strings for int64, no etag."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.world_parts import PARENT, SERVICE, make_world, rest, start_all
from tidegate.local.world import World


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def base(world: World) -> Iterator[str]:
    with rest(world) as url:
        yield url


def ask(verb: str, url: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    with requests.request(verb, url, json=body, timeout=20) as answer:
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


def test_a_service_is_created_polled_patched_and_deleted(base: str, world: World) -> None:
    template = {
        "containers": [{"image": "app:1", "resources": {"cpuIdle": True}}],
        "notYetInvented": {"a": 1},
    }
    body = {
        "template": template,
        "ingress": "INGRESS_TRAFFIC_ALL",
        "labels": {"goog-terraform-provisioned": "true"},
    }
    operation = ask("POST", f"{base}/v2/{PARENT}/services?serviceId=orders&alt=json", body)
    assert "done" not in operation
    start_all(world)
    done = ask("GET", f"{base}/v2/{operation['name']}")
    assert done["done"]
    assert done["response"]["@type"] == "type.googleapis.com/google.cloud.run.v2.Service"
    seen = ask("GET", f"{base}/v2/{SERVICE}")
    assert seen["generation"] == "1"
    assert seen["traffic"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    assert seen["template"]["timeout"] == "300s"
    seen["template"]["containers"][0]["image"] = "app:2"
    patch = {key: seen[key] for key in ("template", "traffic", "labels", "ingress")}
    patch["traffic"][0]["type"] = 1
    ask("PATCH", f"{base}/v2/{SERVICE}", patch)
    start_all(world)
    assert "/orders-00002-" in ask("GET", f"{base}/v2/{SERVICE}")["latestReadyRevision"]
    assert len(ask("GET", f"{base}/v2/{SERVICE}/revisions")["revisions"]) == 2
    assert ask("DELETE", f"{base}/v2/{SERVICE}")["done"]
    missing = ask("GET", f"{base}/v2/{SERVICE}", status=404)
    assert missing["error"]["status"] == "NOT_FOUND"


def test_errors_have_googles_shape(base: str) -> None:
    error = ask("POST", f"{base}/v2/{PARENT}/services?serviceId=Bad", {"template": {}}, 400)["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert ask("GET", f"{base}/v9/nothing", status=404)["error"]["code"] == 404
    assert (
        ask("GET", f"{base}/v2/{PARENT}/services?nonsense=1", status=400)["error"]["status"]
        == "INVALID_ARGUMENT"
    )
    with requests.post(f"{base}/v2/{PARENT}/services?serviceId=orders", data="{", timeout=20) as broken:
        assert broken.status_code == 400


def test_accounts_and_project_policies(base: str) -> None:
    accounts = f"{base}/v1/projects/demo/serviceAccounts"
    made = ask("POST", accounts, {"accountId": "runtime", "serviceAccount": {"displayName": "Runtime"}})
    email = made["email"]
    assert email == "runtime@demo.iam.gserviceaccount.com"
    assert ask("GET", f"{base}/v1/projects/-/serviceAccounts/{email}")["uniqueId"] == made["uniqueId"]
    ask("POST", accounts, {"accountId": "runtime"}, 409)
    change = {"serviceAccount": {"displayName": "New"}, "updateMask": "displayName"}
    assert ask("PATCH", f"{accounts}/{email}", change)["displayName"] == "New"
    ask("POST", f"{accounts}/{email}:disable", {})
    assert ask("GET", f"{accounts}/{email}")["disabled"]
    policy = ask("POST", f"{base}/v1/projects/demo:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    policy["bindings"] = [{"role": "roles/logging.logWriter", "members": [f"serviceAccount:{email}"]}]
    written = {"policy": policy, "updateMask": "bindings,etag,auditConfigs"}
    assert ask("POST", f"{base}/v1/projects/demo:setIamPolicy", written)["etag"] != policy["etag"]
    assert ask("POST", f"{base}/v1/projects/demo:setIamPolicy", written, 409)["error"]["status"] == "ABORTED"
    ask("GET", f"{base}/v2/{SERVICE}:getIamPolicy?options.requestedPolicyVersion=3", status=404)
    assert ask("DELETE", f"{accounts}/{email}") == {}
    ask("GET", f"{accounts}/{email}", status=404)


def test_secrets_and_their_versions(base: str) -> None:
    secrets = f"{base}/v1/projects/demo/secrets"
    ask("POST", f"{secrets}?secretId=db", {"replication": {"automatic": {}}, "labels": {"a": "b"}})
    data = base64.b64encode(b"123456789").decode()
    version = ask("POST", f"{secrets}/db:addVersion", {"payload": {"data": data}})
    assert version["name"].endswith("/versions/1")
    payload = ask("GET", f"{secrets}/db/versions/latest:access")["payload"]
    assert (payload["data"], payload["dataCrc32c"]) == (data, "3808858755")
    ask("PATCH", f"{secrets}/db?updateMask=labels", {"labels": {"c": "d"}})
    assert ask("GET", f"{secrets}/db")["labels"] == {"c": "d"}
    policy = ask("GET", f"{secrets}/db:getIamPolicy?options.requestedPolicyVersion=3")
    policy["bindings"] = [{"role": "roles/secretmanager.secretAccessor", "members": ["allUsers"]}]
    ask("POST", f"{secrets}/db:setIamPolicy", {"policy": policy})
    ask("POST", f"{secrets}/db/versions/1:destroy", {})
    ask("GET", f"{secrets}/db/versions/1:access", status=400)
    assert ask("DELETE", f"{secrets}/db") == {}


def test_monitoring_resources(base: str) -> None:
    channels = f"{base}/v3/projects/demo/notificationChannels"
    slack = {"type": "slack", "labels": {"channel_name": "#x", "auth_token": "very-secret"}, "enabled": True}
    channel = ask("POST", channels, slack)
    assert "very-secret" not in str(ask("GET", f"{base}/v3/{channel['name']}"))
    condition = {
        "displayName": "errors",
        "conditionPrometheusQueryLanguage": {"query": "up", "duration": "60s", "evaluationInterval": "30s"},
    }
    asked = {
        "displayName": "errors",
        "combiner": "OR",
        "conditions": [condition],
        "notificationChannels": [channel["name"]],
    }
    policy = ask("POST", f"{base}/v3/projects/demo/alertPolicies", asked)
    url = f"{base}/v3/{policy['name']}"
    changed = ask(
        "PATCH", f"{url}?updateMask=displayName%2CuserLabels", {"displayName": "e2", "userLabels": {"a": "b"}}
    )
    assert (changed["displayName"], changed["conditions"]) == ("e2", policy["conditions"])
    ask("DELETE", f"{base}/v3/{channel['name']}?force=false", status=400)
    assert ask("DELETE", url) == {}
    ask("DELETE", f"{base}/v3/{channel['name']}")
    kind = {"type": "custom.googleapis.com/x/y", "metricKind": "GAUGE", "valueType": "INT64"}
    made = ask("POST", f"{base}/v3/projects/demo/metricDescriptors", kind)
    assert ask("GET", f"{base}/v3/{made['name']}")["valueType"] == "INT64"
    question = (
        "filter=metric.type%3D%22custom.googleapis.com%2Fx%2Fy%22&interval.endTime=2026-11-23T10:00:00Z"
        "&interval.startTime=2026-11-23T09:00:00Z&aggregation.alignmentPeriod=60s"
        "&aggregation.perSeriesAligner=ALIGN_MAX&aggregation.groupByFields=resource.type"
    )
    assert ask("GET", f"{base}/v3/projects/demo/timeSeries?{question}") == {}
    board = {
        "displayName": "d",
        "mosaicLayout": {"columns": 48, "tiles": [{"width": 4, "height": 4, "widget": {}}]},
    }
    dashboard = ask("POST", f"{base}/v1/projects/demo/dashboards", board)
    assert ask("GET", f"{base}/v1/{dashboard['name']}")["mosaicLayout"]["columns"] == 48
    ask("PATCH", f"{base}/v1/{dashboard['name']}", {**board, "displayName": "e", "etag": dashboard["etag"]})
    ask("DELETE", f"{base}/v1/{dashboard['name']}")


def test_faults_on_demand(base: str, world: World) -> None:
    shown = ask("POST", f"{base}/_local/faults", {
        "faults": [{"method": "Services/ListServices", "code": "UNAVAILABLE", "times": 2}],
        "propagation_delay": 1.5,
        "missing_samples": ["run.googleapis.com/*"],
    })  # fmt: skip
    assert shown["propagation_delay"] == 1.5
    for status in (503, 503, 200):
        ask("GET", f"{base}/v2/{PARENT}/services", status=status)
    assert ask("GET", f"{base}/_local/faults")["faults"] == []
    ask("POST", f"{base}/_local/faults", {"faults": [{"method": "x", "code": "NONSENSE"}]}, 400)
    ask("POST", f"{base}/_local/faults", {"faults": [{"method": "CreateService", "response_lost": True}]})
    with pytest.raises(requests.ConnectionError):
        requests.post(
            f"{base}/v2/{PARENT}/services?serviceId=orders",
            json={"template": {"containers": [{"image": "a"}]}},
            timeout=20,
        )
    assert ask("GET", f"{base}/v2/{SERVICE}")["name"] == SERVICE
    cleared = ask("DELETE", f"{base}/_local/faults")
    assert (cleared["propagation_delay"], cleared["missing_samples"]) == (0.0, [])


def test_a_fault_for_one_resource_leaves_the_others_alone(base: str, world: World) -> None:
    for name in ("orders", "stock"):
        body = {"template": {"containers": [{"image": "app:1"}]}}
        ask("POST", f"{base}/v2/{PARENT}/services?serviceId={name}", body)
    fault = {"method": "Services/*Service", "resource": "services/orders", "code": "UNAVAILABLE", "times": 2}
    ask("POST", f"{base}/_local/faults", {"faults": [fault]})
    ask("GET", f"{base}/v2/{PARENT}/services/stock")
    ask("GET", f"{base}/v2/{SERVICE}", status=503)
    ask("PATCH", f"{base}/v2/{SERVICE}", {"labels": {}}, 503)
    ask("GET", f"{base}/v2/{SERVICE}")


def test_the_journal_tells_every_write_as_it_was_asked_for(base: str, world: World) -> None:
    template = {"containers": [{"image": "app:1"}]}
    for name in ("orders", "stock"):
        ask("POST", f"{base}/v2/{PARENT}/services?serviceId={name}", {"template": template})
    start_all(world)
    revision = ask("GET", f"{base}/v2/{SERVICE}")["latestReadyRevision"].rpartition("/")[2]
    split = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": revision, "percent": 100}]
    patch = {"traffic": split, "annotations": {"tidegate/rollout": "one"}}
    ask("PATCH", f"{base}/v2/{SERVICE}?updateMask=traffic,annotations", patch)
    ask("PATCH", f"{base}/v2/{SERVICE}?updateMask=traffic", {"traffic": [{**split[0], "percent": 40}]}, 400)
    created, moved = ask("GET", f"{base}/_local/journal/{SERVICE}")["writes"]
    assert (created["traffic"][0]["revision"], created["annotations"]) == ("", {})
    assert moved["traffic"] == [{"revision": revision, "percent": 100, "tag": ""}]
    assert moved["annotations"] == {"tidegate/rollout": "one"}
    assert created["generation"] < moved["generation"]
    assert len(ask("GET", f"{base}/_local/journal")["writes"]) == 3
    ask("DELETE", f"{base}/_local/journal")
    assert ask("GET", f"{base}/_local/journal/{SERVICE}")["writes"] == []
