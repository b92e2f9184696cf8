"""Services that exist and whose state does not, with real Terraform: one control plane, one story after the
other."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.adoptions import POLICIES, Site, did, site
from tidegate.core.errors import TerraformError

RUN = "/v2/projects/shop-prod/locations"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("shop")) as found:
        found.apply()
        yield found


def imports(shop: Site) -> list[Path]:
    return list(shop.place.rglob("imports.tf"))


def edit_state(shop: Site, place: str, change: Any) -> dict[str, Any]:
    path = shop.place / place / "service" / "terraform.tfstate"
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))
    return dict(state)


def test_a_lost_state_is_found_again_whole_and_nothing_is_made_twice(shop: Site) -> None:
    before = shop.cloud.get(f"{RUN}/europe-west1/services/orders")
    policies = shop.policies()
    shutil.rmtree(shop.place / "first")
    plans = shop.apply()
    assert not {what for what, action in did(plans) if action in ("create", "replace", "delete")}
    service, monitoring = shop.said
    assert "service orders" in service
    assert "service account orders-" in service
    assert "5 grants of access" in service
    assert f"{len(policies)} alert policies" in monitoring
    assert "1 monitored service" in monitoring
    assert "2 objectives" in monitoring
    assert "1 log metric" in monitoring
    assert shop.policies() == policies
    after = shop.cloud.get(f"{RUN}/europe-west1/services/orders")
    assert after["latestCreatedRevision"] == before["latestCreatedRevision"]
    assert not imports(shop)
    assert not any(summary.has_changes for summary in shop.plan().summaries.values())
    assert shop.said == []


def test_a_killed_apply_that_saved_half_of_its_state_is_completed(shop: Site) -> None:
    def forget(state: dict[str, Any]) -> None:
        kept = ("google_cloud_run_v2_service", "google_service_account")
        state["resources"] = [r for r in state["resources"] if r["type"] in kept]
        for resource in state["resources"]:
            resource["instances"][0]["status"] = "tainted"

    edit_state(shop, "first", forget)
    plans = shop.apply()
    assert not {what for what, action in did(plans) if action in ("create", "replace", "delete")}
    assert "secret orders-europe-west1-collector" in shop.said[0]
    assert not any(summary.has_changes for summary in shop.plan().summaries.values())


def test_a_lost_state_with_a_guard_and_a_bucket_is_found_again_whole(shop: Site) -> None:
    shop.cloud.post("/storage/v1/b?project=shop-prod", {"name": "shop-media"})
    spec: dict[str, Any] = {
        "service": "media",
        "containers": [{"name": "app", "image": "example/media:1", "mounts": {"files": "/files"}}],
        "volumes": {"files": {"bucket": {"name": "shop-media"}}},
        "guard": {
            "enabled": True, "image": "example/tidegate:1", "rollback": True, "webhooks": {"secret": "pw"},
        },
    }  # fmt: skip
    made = shop.apply("media", **spec)
    kinds = {
        "google_cloud_run_v2_job", "google_cloud_run_v2_job_iam_member", "google_cloud_scheduler_job",
        "google_service_account_iam_member", "google_storage_bucket_iam_member",
    }  # fmt: skip
    assert kinds <= {what for what, _ in did(made)}
    shutil.rmtree(shop.place / "media")
    plans = shop.apply("media", **spec)
    assert not {what for what, action in did(plans) if action in ("create", "replace", "delete")}
    service = shop.said[0]
    assert "job media-guard" in service
    assert "schedule media-guard" in service
    assert "3 service accounts" in service
    assert not any(summary.has_changes for summary in shop.plan("media", **spec).summaries.values())


def test_a_service_made_by_other_means_keeps_what_the_spec_does_not_know(shop: Site) -> None:
    shop.cloud.post(f"{RUN}/europe-west1/services?serviceId=billing", {
        "template": {
            "serviceAccount": "billing@shop-prod.iam.gserviceaccount.com",
            "volumes": [{"name": "data", "emptyDir": {}}],
            "containers": [{
                "image": "example/invoices:9",
                "ports": [{"containerPort": 8080}],
                "env": [{"name": "DB_URL", "value": "postgres://x"}, {"name": "MODE", "value": "a"}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }],
        },
    })  # fmt: skip
    container = {"name": "app", "image": "example/billing:2", "env": {"MODE": "b"}}
    spec: dict[str, Any] = {"service": "billing", "containers": [container], "invokers": []}
    message = shop.refused("billing", **spec)
    assert "billing@shop-prod.iam.gserviceaccount.com" in message
    assert "environment variable DB_URL" in message
    assert "volume data" in message
    assert "mount /data" in message
    assert "the image invoices" in message
    assert "MODE" not in message
    assert "postgres" not in message
    container |= {"image": "example/invoices:9", "env": {"MODE": "b", "DB_URL": "postgres://x"}}
    spec["service_account"] = "billing@shop-prod.iam.gserviceaccount.com"
    assert "volume data, mount /data" in shop.refused("billing", **spec)
    plans = shop.plan("billing", allow_destroy=True, **spec)
    text = plans.summaries["service"].text()
    assert "import and update" in text
    assert '"a" → "b"' in text
    assert "takes over what exists already and is not in the state: service billing" in shop.said[0]
    assert not imports(shop)


def test_a_renamed_service_is_said_to_be_a_second_one(shop: Site) -> None:
    service = f"{RUN}/europe-west1/services/orders"
    shop.cloud.patch(f"{service}?updateMask=annotations", {"annotations": {"tidegate/history": "[]"}})
    plans = shop.plan("renamed", service="purchases")
    assert ("google_cloud_run_v2_service", "create") in did(plans)
    (note,) = shop.said
    assert "purchases does not exist in europe-west1" in note
    assert "beside orders" in note
    assert "gcloud run services delete orders --project=shop-prod --region=europe-west1" in note


def test_another_region_is_said_to_be_a_second_service_and_shares_nothing(shop: Site) -> None:
    plans = shop.plan("moved", region="us-central1")
    assert {action for what, action in did(plans) if "iam_member" not in what} == {"create"}
    assert any("the one in europe-west1 stays as it is" in note for note in shop.said)
    assert any("gcloud run services delete orders" in note for note in shop.said)


@pytest.mark.parametrize("change", [{"region": "us-central1"}, {"service": "purchases"}])
def test_a_state_of_another_region_or_name_is_never_replaced(shop: Site, change: dict[str, str]) -> None:
    message = shop.refused("first", allow_destroy=True, **change)
    assert "the state holds the service shop-prod europe-west1 orders" in message
    assert "gcloud run services delete orders --project=shop-prod --region=europe-west1" in message
    assert shop.cloud.status(f"{RUN}/europe-west1/services/orders") == 200


def test_a_state_that_could_not_be_saved_is_saved_by_the_next_deployment(shop: Site) -> None:
    shop.apply()
    folder = shop.place / "first" / "service"
    whole = json.loads((folder / "terraform.tfstate").read_text())
    edit_state(shop, "first", lambda state: state.update(resources=[]))
    (folder / "errored.tfstate").write_text(json.dumps({**whole, "serial": whole["serial"] + 1}))
    plans = shop.plan()
    assert not any(summary.has_changes for summary in plans.summaries.values())
    assert "errored.tfstate.saved" in shop.said[0]
    # One that the state has left behind is not forced over it, and not lost.
    (folder / "errored.tfstate").write_text(json.dumps({**whole, "serial": 1}))
    with pytest.raises(TerraformError, match="cannot be saved now either") as caught:
        shop.plan()
    assert str(folder / "errored.tfstate") in caught.value.message
    assert "keep that file" in caught.value.hint
    (folder / "errored.tfstate").unlink()


def test_a_state_held_by_another_run_says_by_whom(shop: Site) -> None:
    folder = shop.place / "first" / "service"
    lock = {"ID": "11111111-2222", "Operation": "OperationTypeApply", "Who": "anna@laptop"}
    lock["Created"] = "2026-11-24T14:00:00Z"
    (folder / ".terraform.tfstate.lock.info").write_text(json.dumps(lock))
    with (folder / "terraform.tfstate").open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        with pytest.raises(TerraformError, match="is locked by anna@laptop since 2026-11-24") as caught:
            shop.plan()
    assert "terraform force-unlock 11111111-2222" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            '{"version": 5, "terraform_version": "99.0.0"}',
            "was written by Terraform 99.0.0",
            "99.0.0 or newer",
        ),
        ('{"version": 4, "ser', "is damaged", "takes over what exists"),
    ],
)
def test_a_state_that_cannot_be_read_says_why(shop: Site, text: str, message: str, hint: str) -> None:
    path = shop.place / "first" / "service" / "terraform.tfstate"
    kept = path.read_text()
    path.write_text(text)
    try:
        with pytest.raises(TerraformError, match=message) as caught:
            shop.plan()
    finally:
        path.write_text(kept)
    assert hint in caught.value.hint


def test_policies_made_twice_are_taken_over_once_and_the_rest_is_named(shop: Site) -> None:
    own = {"service": "orders", "alert": "fd_growth"}
    (double,) = (
        p for p in shop.cloud.get(POLICIES)["alertPolicies"] if own.items() <= p["userLabels"].items()
    )
    made = shop.cloud.post(POLICIES, {k: v for k, v in double.items() if k not in ("name", "creationRecord")})
    shutil.rmtree(shop.place / "first" / "monitoring")
    shop.apply()
    state = (shop.place / "first" / "monitoring" / "terraform.tfstate").read_text()
    assert double["name"] in state
    assert made["name"] not in state
    assert any(made["name"] in note for note in shop.said)
