"""Jobs, schedules, buckets, identity pools and APIs of the local control plane, as REST clients see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.world_parts import make_world, rest
from tidegate.local.world import World

PLACE = "projects/demo/locations/europe-west1"
POOLS = "/v1/projects/demo/locations/global/workloadIdentityPools"
JOB: dict[str, Any] = {"template": {"template": {"containers": [{"image": "demo/guard:1"}]}}}
GITHUB = {
    "attributeMapping": {"google.subject": "assertion.sub"},
    "attributeCondition": "assertion.repository_owner_id == '1'",
    "oidc": {"issuerUri": "https://token.actions.githubusercontent.com"},
}


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def base(world: World) -> Iterator[str]:
    with rest(world) as url:
        yield url


def call(base: str, verb: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    answer = requests.request(verb, base + path, json=body, timeout=20)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def schedule(**changes: Any) -> dict[str, Any]:
    target = {"uri": "https://run.googleapis.com/x:run", "oauthToken": {"serviceAccountEmail": "a@b.c"}}
    return {"name": f"{PLACE}/jobs/guard", "schedule": "*/5 * * * *", "httpTarget": target, **changes}


def test_a_job_is_kept_and_completed_and_not_executed(base: str) -> None:
    done = call(base, "POST", f"/v2/{PLACE}/jobs?jobId=guard", JOB)
    assert done["done"] is True
    job = call(base, "GET", f"/v2/{PLACE}/jobs/guard")
    task = job["template"]["template"]
    assert task["timeout"] == "600s"
    assert task["containers"][0]["resources"]["limits"] == {"cpu": "1000m", "memory": "512Mi"}
    assert call(base, "POST", f"/v2/{PLACE}/jobs?jobId=guard", JOB, 409)
    refused = call(base, "POST", f"/v2/{PLACE}/jobs/guard:run", {}, 501)
    assert "does not execute" in refused["error"]["message"]
    changed = {**JOB, "etag": job["etag"], "labels": {"team": "shop"}}
    call(base, "PATCH", f"/v2/{PLACE}/jobs/guard", changed)
    assert call(base, "GET", f"/v2/{PLACE}/jobs/guard")["labels"] == {"team": "shop"}
    assert "stale" in call(base, "PATCH", f"/v2/{PLACE}/jobs/guard", changed, 409)["error"]["message"]
    call(base, "DELETE", f"/v2/{PLACE}/jobs/guard")
    call(base, "GET", f"/v2/{PLACE}/jobs/guard", status=404)


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "hourly"},
        {"schedule": "60 * * * *"},
        {"schedule": "* * * *"},
        {"timeZone": "Nowhere/City"},
        {"httpTarget": None},
        {"httpTarget": {"uri": "ftp://x"}},
        {"httpTarget": {"uri": "https://example.com", "oauthToken": {"serviceAccountEmail": "a@b.c"}}},
        {"name": "guard"},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(base: str, changes: dict[str, Any]) -> None:
    call(base, "POST", f"/v1/{PLACE}/jobs", schedule(**changes), 400)


def test_a_schedule_is_kept_paused_and_resumed(base: str) -> None:
    for cron in ("*/5 * * * *", "0 9-17 * * mon-fri", "every 24 hours"):
        made = call(base, "POST", f"/v1/{PLACE}/jobs", schedule(schedule=cron))
        assert (made["state"], made["timeZone"]) == ("ENABLED", "Etc/UTC")
        assert call(base, "POST", f"/v1/{PLACE}/jobs/guard:pause", {})["state"] == "PAUSED"
        assert call(base, "POST", f"/v1/{PLACE}/jobs/guard:resume", {})["state"] == "ENABLED"
        call(base, "DELETE", f"/v1/{PLACE}/jobs/guard")


def test_a_bucket_that_prevents_public_access_refuses_everybody(base: str) -> None:
    enforced = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": {"enabled": True}}
    made = call(
        base, "POST", "/storage/v1/b?project=demo",
        {"name": "demo-state", "location": "eu", "iamConfiguration": enforced},
    )  # fmt: skip
    assert (made["location"], made["iamConfiguration"]) == ("EU", enforced)
    policy = call(base, "GET", "/storage/v1/b/demo-state/iam")
    policy["bindings"] = [{"role": "roles/storage.objectViewer", "members": ["allUsers"]}]
    call(base, "PUT", "/storage/v1/b/demo-state/iam", policy, 400)
    policy["bindings"][0]["members"] = ["user:anna@example.com"]
    assert call(base, "PUT", "/storage/v1/b/demo-state/iam", policy)["etag"] != policy["etag"]
    call(base, "PUT", "/storage/v1/b/demo-state/iam", policy, 409)
    call(base, "POST", "/storage/v1/b?project=other", {"name": "demo-state"}, 409)
    call(base, "PATCH", "/storage/v1/b/demo-state", {"location": "US"}, 400)


def test_githubs_issuer_needs_a_condition_on_its_claims(base: str) -> None:
    call(base, "POST", f"{POOLS}?workloadIdentityPoolId=github", {})
    one = f"{POOLS}/github/providers?workloadIdentityPoolProviderId=github"
    for condition in ("", "true"):
        refused = call(base, "POST", one, {**GITHUB, "attributeCondition": condition}, 400)
        assert "must reference one of the provider's claims" in refused["error"]["message"]
    call(base, "POST", one, GITHUB)
    call(base, "DELETE", f"{POOLS}/github")
    assert call(base, "GET", f"{POOLS}/github/providers/github")["state"] == "DELETED"
    call(base, "POST", f"{POOLS}?workloadIdentityPoolId=github", {}, 409)
    call(base, "POST", f"{POOLS}/github:undelete", {})
    assert call(base, "GET", f"{POOLS}/github")["state"] == "ACTIVE"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"volumes": [{"name": "x"}]}, "one of secret, cloud_sql_instance"),
        ({"volumes": [{"name": "x", "cloudSqlInstance": {"instances": ["db"]}}]}, "project:region:instance"),
        (
            {"vpcAccess": {"connector": "c", "networkInterfaces": [{"network": "n"}]}},
            "exclude each other",
        ),
        ({"vpcAccess": {"egress": "ALL_TRAFFIC"}}, "needs a connector"),
    ],
)
def test_what_a_service_cannot_stand_on_is_refused(base: str, template: dict[str, Any], told: str) -> None:
    body = {"template": {"containers": [{"image": "demo/orders:1"}], **template}}
    refused = call(base, "POST", f"/v2/{PLACE}/services?serviceId=orders", body, 400)
    assert told in refused["error"]["message"]


def test_containers_that_wait_for_each_other_are_refused(base: str) -> None:
    probe = {"tcpSocket": {"port": 1}}
    body = {
        "template": {
            "containers": [
                {"name": "app", "image": "a", "ports": [{"containerPort": 80}]},
                {"name": "b", "image": "b", "dependsOn": ["c"], "startupProbe": probe},
                {"name": "c", "image": "c", "dependsOn": ["b"], "startupProbe": probe},
            ]
        }
    }
    refused = call(base, "POST", f"/v2/{PLACE}/services?serviceId=orders", body, 400)
    assert "a cycle among b, c" in refused["error"]["message"]


def test_all_of_it_is_there_again_after_a_restart(world: World, base: str) -> None:
    call(base, "POST", f"/v2/{PLACE}/jobs?jobId=guard", JOB)
    call(base, "POST", f"/v1/{PLACE}/jobs", schedule())
    call(base, "POST", "/storage/v1/b?project=demo", {"name": "demo-state"})
    call(base, "POST", f"{POOLS}?workloadIdentityPoolId=github", {})
    call(base, "POST", "/v1/projects/demo/services:batchEnable", {"serviceIds": ["run.googleapis.com"]})
    again = make_world()
    again.load(world.dump())
    with rest(again) as url:
        for path in (
            f"/v2/{PLACE}/jobs/guard", f"/v1/{PLACE}/jobs/guard", "/storage/v1/b/demo-state",
            f"{POOLS}/github", "/v1/projects/demo/services/run.googleapis.com",
        ):  # fmt: skip
            assert call(url, "GET", path) == call(base, "GET", path)
