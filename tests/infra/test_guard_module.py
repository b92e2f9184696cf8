"""The guard module, alone and rendered from a spec, by a real terraform against the local control plane."""

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

PLACE = "projects/shop-prod/locations/europe-west1"
SERVICE, JOB = f"/v2/{PLACE}/services/orders", f"/v2/{PLACE}/jobs/orders-guard"
SCHEDULE = f"/v1/{PLACE}/jobs/orders-guard"
SPEC = """
service: orders
project: shop-prod
region: europe-west1
containers: [{image: example/orders:1}]
deletion_protection: false
guard: {enabled: true, image: example/tidegate:1, window: 2h, until: 24h}
"""


def members(policy: dict[str, Any]) -> set[tuple[str, str]]:
    return {(b["role"], member) for b in policy.get("bindings", []) for member in b["members"]}


def task(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.get(JOB)["template"]["template"]
    return found


def test_created_changed_and_destroyed_with_nothing_left_to_plan_in_between(cloud: Cloud) -> None:
    folder = cloud.render(SPEC, "service")
    folder.apply()
    folder.plan(code=0)
    look = task(cloud)
    [container] = look["containers"]
    assert container["image"] == "example/tidegate:1"
    assert container["command"] == ["tidegate"]
    assert container["args"] == [
        "guard", "--project", "shop-prod", "--region", "europe-west1", "--service", "orders",
        "--window", "7200s", "--until", "86400s", "--no-rollback",
    ]  # fmt: skip
    assert look.get("maxRetries", 0) == 0
    schedule = cloud.get(SCHEDULE)
    assert (schedule["schedule"], schedule["state"]) == ("*/15 * * * *", "ENABLED")
    assert schedule["httpTarget"]["uri"] == f"https://run.googleapis.com{JOB}:run"

    changed = SPEC.replace("until: 24h", 'until: 48h, schedule: "0 * * * *", paused: true, rollback: true')
    folder = cloud.render(changed, "service")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    assert "--rollback" in task(cloud)["containers"][0]["args"]
    schedule = cloud.get(SCHEDULE)
    assert (schedule["schedule"], schedule["state"]) == ("0 * * * *", "PAUSED")

    cloud.render(SPEC.partition("guard:")[0], "service").apply()
    assert cloud.status(JOB) == cloud.status(SCHEDULE) == 404
    assert cloud.status(SERVICE) == 200
    folder.destroy()
    assert cloud.status(SERVICE) == 404


def test_the_accounts_may_do_what_they_need_and_no_more(cloud: Cloud) -> None:
    cloud.render(SPEC, "service").apply()
    look = f"serviceAccount:{task(cloud)['serviceAccount']}"
    starter = cloud.get(SCHEDULE)["httpTarget"]["oauthToken"]["serviceAccountEmail"]
    runtime = cloud.get(SERVICE)["template"]["serviceAccount"]
    assert members(cloud.get(f"{SERVICE}:getIamPolicy")) == {("roles/run.viewer", look)}
    assert members(cloud.get(f"{JOB}:getIamPolicy")) == {("roles/run.invoker", f"serviceAccount:{starter}")}
    of_project = members(cloud.post("/v1/projects/shop-prod:getIamPolicy", {}))
    assert {(role, member) for role, member in of_project if runtime not in member} == {
        ("roles/monitoring.viewer", look)
    }
    act_as = f"/v1/projects/shop-prod/serviceAccounts/{runtime}:getIamPolicy"
    assert members(cloud.post(act_as, {})) == set()

    cloud.render(SPEC.replace("until: 24h", "until: 24h, rollback: true"), "service").apply()
    assert members(cloud.get(f"{SERVICE}:getIamPolicy")) == {("roles/run.developer", look)}
    assert members(cloud.post(act_as, {})) == {("roles/iam.serviceAccountUser", look)}


def test_who_is_told_comes_from_a_secret(cloud: Cloud) -> None:
    cloud.post("/v1/projects/shop-prod/secrets?secretId=hooks", {"replication": {"automatic": {}}})
    cloud.render(SPEC.replace("until: 24h", "until: 24h, webhooks: {secret: hooks}"), "service").apply()
    env = {e["name"]: e for e in task(cloud)["containers"][0]["env"]}
    reference = env["TIDEGATE_WEBHOOKS"]["valueSource"]["secretKeyRef"]
    assert (reference["secret"], reference["version"]) == ("hooks", "latest")
    look = f"serviceAccount:{task(cloud)['serviceAccount']}"
    assert members(cloud.get("/v1/projects/shop-prod/secrets/hooks:getIamPolicy")) == {
        ("roles/secretmanager.secretAccessor", look)
    }


REFUSED = [
    ('image = " "', "must be named"),
    ('service = "projects/p/services/s"', "not a path"),
    ('region = "europe-west1-b"', "a zone such as"),
    ('schedule = { cron = "hourly" }', "five fields"),
    ("rollback = true", "give service_account_email"),
    ('service_account_email = "nobody"', "must be an email address"),
    ("timeout_seconds = 30", "between 60 and 86400"),
    ("watch = { window_seconds = 30 }", "at least 60"),
    ("watch = { window_seconds = 600, until_seconds = 300 }", "a part of the time"),
    ('webhooks = { secret = "a b" }', "a secret's id"),
    ('labels = { "Team" = "x" }', "Label keys"),
]


def test_what_an_apply_would_refuse_is_refused_by_the_plan(cloud: Cloud) -> None:
    given = {"project": '"shop-prod"', "region": '"europe-west1"', "service": '"orders"', "image": '"x"'}
    calls = []
    for argument, _ in REFUSED:
        name, _, value = argument.partition(" = ")
        calls.append("\n".join(f"  {key} = {text}" for key, text in (given | {name: value}).items()))
    said = cloud.refusals("guard", calls)
    assert [case for case, text in zip(REFUSED, said, strict=True) if case[1] not in text] == []
