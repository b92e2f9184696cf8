"""What a project needs once, by a real terraform against the local control plane."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

BUCKET = "/storage/v1/b/shop-prod-tidegate-state"
POOL = "/v1/projects/shop-prod/locations/global/workloadIdentityPools/github"
DEPLOYER = "tidegate-deployer@shop-prod.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{DEPLOYER}"
GITHUB = """
  github = {
    owner_id     = "9919"
    repositories = ["example/orders"]
  }
"""


def text(more: str = GITHUB) -> str:
    return f"""
module "bootstrap" {{
  source   = "./modules/bootstrap"
  project  = "shop-prod"
  location = "europe-west1"
{more}
}}
"""


def bindings(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {binding["role"]: binding for binding in policy.get("bindings", [])}


def test_created_changed_and_destroyed_with_nothing_left_to_plan_in_between(cloud: Cloud) -> None:
    folder = cloud.root("bootstrap", text())
    folder.apply()
    folder.plan(code=0)
    bucket = cloud.get(BUCKET)
    assert bucket["versioning"] == {"enabled": True}
    assert bucket["iamConfiguration"] == {
        "publicAccessPrevention": "enforced",
        "uniformBucketLevelAccess": {"enabled": True},
    }
    [rule] = bucket["lifecycle"]["rule"]
    assert rule["action"] == {"type": "Delete"}
    assert rule["condition"] == {"daysSinceNoncurrentTime": 90, "numNewerVersions": 20, "isLive": False}
    provider = cloud.get(f"{POOL}/providers/github")
    assert provider["attributeCondition"] == "assertion.repository_owner_id == '9919'"
    assert provider["oidc"]["issuerUri"] == "https://token.actions.githubusercontent.com"
    enabled = {s["config"]["name"] for s in cloud.get("/v1/projects/shop-prod/services")["services"]}
    assert {"run.googleapis.com", "sts.googleapis.com", "secretmanager.googleapis.com"} <= enabled

    changed = GITHUB.replace(
        '"example/orders"]', '"example/orders", "example/stock"]\n    refs = ["refs/heads/main"]'
    )
    folder = cloud.root("bootstrap", text(changed + "  state = { keep_days = 30 }\n"))
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    provider = cloud.get(f"{POOL}/providers/github")
    assert provider["attributeCondition"].endswith("&& (assertion.ref == 'refs/heads/main')")
    [rule] = cloud.get(BUCKET)["lifecycle"]["rule"]
    assert rule["condition"]["daysSinceNoncurrentTime"] == 30
    may_be = bindings(cloud.post(f"/v1/projects/shop-prod/serviceAccounts/{DEPLOYER}:getIamPolicy", {}))
    pool = cloud.get(POOL)["name"]
    assert pool.split("/")[1].isdigit()
    assert sorted(may_be["roles/iam.workloadIdentityUser"]["members"]) == [
        f"principalSet://iam.googleapis.com/{pool}/attribute.repository/example/orders",
        f"principalSet://iam.googleapis.com/{pool}/attribute.repository/example/stock",
    ]

    folder.destroy()
    assert cloud.status(BUCKET) == 404
    assert cloud.get(POOL)["state"] == "DELETED"
    still = {s["config"]["name"] for s in cloud.get("/v1/projects/shop-prod/services")["services"]}
    assert still == enabled


def test_the_deployer_is_no_owner_and_grants_only_what_it_must(cloud: Cloud) -> None:
    folder = cloud.root("bootstrap", text(""))
    folder.apply()
    folder.plan(code=0)
    found = bindings(
        cloud.post("/v1/projects/shop-prod:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    )
    assert all(binding["members"] == [MEMBER] for binding in found.values())
    assert not {"roles/owner", "roles/editor", "roles/iam.serviceAccountAdmin"} & set(found)
    expression = found["roles/resourcemanager.projectIamAdmin"]["condition"]["expression"]
    assert expression == (
        "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/cloudsql.client', "
        "'roles/logging.logWriter', 'roles/monitoring.metricWriter', 'roles/monitoring.viewer'])"
    )
    assert [
        name for name, binding in found.items() if "condition" in binding
    ] == ["roles/resourcemanager.projectIamAdmin"]  # fmt: skip
    assert bindings(cloud.get(f"{BUCKET}/iam"))["roles/storage.objectUser"]["members"] == [MEMBER]
    assert cloud.status(POOL) == 404


def test_with_accounts_there_are_it_makes_none(cloud: Cloud) -> None:
    cloud.post("/v1/projects/shop-prod/serviceAccounts", {"accountId": "orders", "serviceAccount": {}})
    email = "orders@shop-prod.iam.gserviceaccount.com"
    cloud.root("bootstrap", text(f'  runtime_accounts = ["{email}"]\n')).apply()
    found = bindings(cloud.post("/v1/projects/shop-prod:getIamPolicy", {}))
    assert not {"roles/iam.serviceAccountCreator", "roles/iam.serviceAccountUser"} & set(found)
    assert "roles/resourcemanager.projectIamAdmin" not in found
    act_as = bindings(cloud.post(f"/v1/projects/shop-prod/serviceAccounts/{email}:getIamPolicy", {}))
    assert act_as["roles/iam.serviceAccountUser"]["members"] == [MEMBER]


REFUSED = [
    ('apis = ["sqladmin"]', "such as sqladmin.googleapis.com"),
    ('deployer = "me"', "an account id"),
    ('github = { owner_id = "example", repositories = ["example/orders"] }', "not its name"),
    ('github = { owner_id = "9919" }', "at least one repository"),
    ('github = { repositories = ["example/orders"] }', "name both"),
    ('github = { owner_id = "9919", repositories = ["orders"] }', "OWNER/NAME"),
    ('github = { owner_id = "9919", repositories = ["e/o"], refs = ["main"] }', "refs/heads/main"),
    ('github = { owner_id = "9919", repositories = ["e/o"], pool = "gcp-pool" }', "not starting with gcp-"),
    ("grantable_roles = []", "Between 1 and 10"),
    ('grantable_roles = ["roles/owner"]', "make itself anything"),
    ('grantable_roles = ["x"]', "A role is written"),
    ('location = "here"', "a region such as"),
    ('project = "123456789012"', "not a number"),
    ('roles = ["roles/editor"]', "far more than a deployment needs"),
    ('runtime_accounts = ["orders"]', "an email address"),
    ('state = { bucket = "gs://x" }', "without gs://"),
    ("state = { keep_days = 0 }", "at least 1"),
]


def test_what_an_apply_would_refuse_is_refused_by_the_plan(cloud: Cloud) -> None:
    given = {"project": '"shop-prod"', "location": '"europe-west1"'}
    calls = []
    for argument, _ in REFUSED:
        name, _, value = argument.partition(" = ")
        calls.append("\n".join(f"  {key} = {said}" for key, said in (given | {name: value}).items()))
    said = cloud.refusals("bootstrap", calls)
    assert [case for case, told in zip(REFUSED, said, strict=True) if case[1] not in told] == []
