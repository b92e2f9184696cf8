"""What is taken for one's own, how it comes into the state, and what a service would lose by it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.adapters.estate import GOOGLE
from tidegate.adapters.rootdir import module_texts
from tidegate.core.adopt import (
    KINDS,
    Answer,
    creations,
    doubles,
    import_blocks,
    losses,
    moves,
    renames,
    settled_elsewhere,
)
from tidegate.core.document import parse_all
from tidegate.core.spec import load

SPEC = load(
    b"service: orders\nproject: shop-prod\nregion: europe-west1\n"
    b"containers: [{image: europe-docker.pkg.dev/shop/apps/orders:7}]\n",
    "s",
)
SERVICE = "google_cloud_run_v2_service"


def found(kind: str, after: Mapping[str, Any], *answers: Answer) -> str:
    row = KINDS[kind]
    assert len(row.looks(SPEC, after)) == len(answers)
    return row.find(SPEC, after, answers)


def planned(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"format_version": "1.2", "resource_changes": list(resources)}


def creation(**fields: Any) -> dict[str, Any]:
    return {
        "address": "somewhere", "mode": "managed", "type": "google_x", "name": "this",
        "change": {"actions": ["create"], "after": {}}, **fields,
    }  # fmt: skip


# ----------------------------------------------------------------------------------------- import blocks

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@settings(max_examples=60)
@given(key=TEXT, identity=TEXT)
def test_no_key_and_no_id_can_end_its_string(key: str, identity: str) -> None:
    key, identity = (unicodedata.normalize("NFC", text) for text in (key, identity))
    (made,) = creations(planned(creation(module_address="module.service", index=key)))
    text = import_blocks({made.target: identity})
    (document,) = parse_all({"imports.tf": text.encode()})
    (block,) = document.blocks
    assert (block.type, block.labels, set(block.attributes)) == ("import", (), {"to", "id"})
    assert block.attributes["id"].value == identity


@pytest.mark.parametrize(
    "fields",
    [
        {"module_address": 'module.service["x"]'},
        {"module_address": "module.a }"},
        {"type": "google x"},
        {"name": "this }"},
    ],
)
def test_an_address_that_cannot_be_written_safely_is_not_imported(fields: dict[str, str]) -> None:
    (made,) = creations(planned(creation(**fields)))
    assert made.target == ""


def test_only_plain_creations_of_resources_count() -> None:
    data = creation(mode="data")
    replaced = creation(change={"actions": ["create", "delete"], "after": {}})
    assert creations(planned(data, replaced)) == ()
    (made,) = creations(planned(creation(module_address="module.service", index=0)))
    assert made.target == "module.service.google_x.this[0]"


# ------------------------------------------------------------------------------------- what is one's own


def policy(
    number: int, region: str = "europe-west1", *, channels: tuple[str, ...] = (), **labels: str
) -> Any:
    return {
        "name": f"projects/shop-prod/alertPolicies/{number}",
        "displayName": f"orders ({region}): 5xx ratio",
        "userLabels": {"managed_by": "tidegate", "service": "orders", "alert": "error_ratio", **labels},
        "notificationChannels": list(channels),
        "creationRecord": {"mutateTime": f"2026-01-0{number}T00:00:00Z"},
    }


POLICY = {"user_labels": {"alert": "error_ratio"}}


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ([], ""),
        ([policy(2), policy(1)], "projects/shop-prod/alertPolicies/1"),
        ([policy(1, "us-central1")], ""),
        ([policy(1, service="purchases")], ""),
        ([policy(1, managed_by="anna")], ""),
        ([policy(1, alert="latency_p99")], ""),
    ],
    ids=["none", "oldest of two", "other region", "other service", "made by hand", "other alert"],
)
def test_alert_policies_are_known_by_labels_and_region(there: list[Any], taken: str) -> None:
    assert found("google_monitoring_alert_policy", POLICY, {"alertPolicies": there}) == taken


def test_policies_made_twice_are_named() -> None:
    answer = {"alertPolicies": [policy(1), policy(2), policy(3, "us-central1"), policy(4, alert="other")]}
    assert doubles(SPEC, answer, ["projects/shop-prod/alertPolicies/1"]) == (
        "projects/shop-prod/alertPolicies/2",
    )


@pytest.mark.parametrize(
    ("region", "taken"), [("europe-west1", "projects/shop-prod/c/1"), ("us-central1", "")]
)
def test_a_channel_belongs_to_the_region_whose_policies_notify_it(region: str, taken: str) -> None:
    after = {"type": "email", "labels": {"email_address": "a@example.com"}}
    channel = {
        "name": "projects/shop-prod/c/1",
        "userLabels": {"managed_by": "tidegate", "service": "orders"},
    } | after
    policies = {"alertPolicies": [policy(1, region, channels=("projects/shop-prod/c/1",))]}
    kind = "google_monitoring_notification_channel"
    assert found(kind, after, {"notificationChannels": [channel]}, policies) == taken


@pytest.mark.parametrize(
    ("shows", "taken"), [("Latency", "projects/shop-prod/dashboards/9"), ("My notes", "")]
)
def test_a_dashboard_of_the_same_title_that_shows_other_things_is_somebody_elses(
    shows: str, taken: str
) -> None:
    def dashboard(title: str) -> dict[str, Any]:
        tiles = [{"widget": {"title": title}}]
        return {"displayName": "orders (europe-west1)", "mosaicLayout": {"tiles": tiles}}

    after = {"dashboard_json": json.dumps(dashboard("Latency"))}
    there = {"dashboards": [{"name": "projects/123/dashboards/9"} | dashboard(shows)]}
    assert found("google_monitoring_dashboard", after, there) == taken


def test_the_newest_version_that_can_be_read_is_taken() -> None:
    states = {"2": "ENABLED", "10": "ENABLED", "11": "DESTROYED"}
    there = [{"name": f"projects/123/secrets/s/versions/{n}", "state": state} for n, state in states.items()]
    after = {"secret": "projects/shop-prod/secrets/s"}
    kind = "google_secret_manager_secret_version"
    assert found(kind, after, {"versions": there}) == "projects/shop-prod/secrets/s/versions/10"
    assert KINDS[kind].looks(SPEC, {}) == ()


PLACE = "projects/shop-prod/locations/us-central1"
ANNA = {"role": "roles/x", "member": "user:anna@example.com"}
GRANTED = {"bindings": [{"role": "roles/x", "members": ["user:anna@example.com"]}]}


@pytest.mark.parametrize(
    ("kind", "after", "path", "identity"),
    [
        ("cloud_run_v2_job", {"name": "j", "location": "us-central1"}, f"{PLACE}/jobs/j", f"{PLACE}/jobs/j"),
        ("cloud_scheduler_job", {"name": "j", "region": "us-central1"}, f"{PLACE}/jobs/j", f"{PLACE}/jobs/j"),
        (
            "cloud_run_v2_job_iam_member",
            {"name": "j", "location": "us-central1", **ANNA},
            f"{PLACE}/jobs/j:getIamPolicy",
            f"{PLACE}/jobs/j roles/x user:anna@example.com",
        ),
        (
            "service_account_iam_member",
            {"service_account_id": "projects/p/serviceAccounts/a@b", **ANNA},
            "projects/p/serviceAccounts/a@b:getIamPolicy",
            "projects/p/serviceAccounts/a@b roles/x user:anna@example.com",
        ),
        (
            "storage_bucket_iam_member",
            {"bucket": "media", **ANNA},
            "b/media/iam",
            "b/media roles/x user:anna@example.com",
        ),
    ],
)
def test_what_the_guard_and_volumes_bring_is_known_by_name(
    kind: str, after: dict[str, str], path: str, identity: str
) -> None:
    row = KINDS[f"google_{kind}"]
    (look,) = row.looks(SPEC, after)
    assert look.path == path
    assert look.api in GOOGLE
    assert row.find(SPEC, after, [GRANTED]) == identity
    assert row.find(SPEC, after, [None]) == ""
    # Before an apply what it hangs on may have no name yet.
    assert row.looks(SPEC, {}) == ()


def test_every_resource_that_a_rendered_root_can_make_is_looked_for() -> None:
    modules = {p: t for p, t in module_texts().items() if p.endswith(".tf") and "/examples/" not in p}
    texts = "\n".join(modules.values())
    made = set(re.findall(r'^resource "(\w+)"', texts, re.MULTILINE))
    assert len(made) > 15
    assert made <= KINDS.keys()


@pytest.mark.parametrize(
    ("binding", "taken"),
    [
        ({"members": ["user:Anna@example.com"]}, True),
        ({"members": ["user:other@example.com"]}, False),
        ({"members": ["user:anna@example.com"], "condition": {"title": "for a day"}}, False),
        ({"role": "roles/other", "members": ["user:anna@example.com"]}, False),
    ],
)
def test_access_is_there_when_granted_without_condition(binding: dict[str, Any], taken: bool) -> None:
    after = {"role": "roles/viewer", "member": "user:anna@example.com"}
    answer = {"bindings": [{"role": "roles/viewer"} | binding]}
    wanted = "shop-prod roles/viewer user:anna@example.com" if taken else ""
    assert found("google_project_iam_member", after, answer) == wanted


def test_an_account_is_asked_for_by_the_address_it_will_have() -> None:
    after = {"account_id": "orders-1"}
    address = "projects/shop-prod/serviceAccounts/orders-1@shop-prod.iam.gserviceaccount.com"
    assert found("google_service_account", after, {}) == address
    assert found("google_service_account", after, None) == ""


# --------------------------------------------------------------------------------------- what gets lost


def adoption(before: dict[str, Any], after: dict[str, Any], **unknown: Any) -> tuple[str, ...]:
    change = {"actions": ["update"], "importing": {"id": "x"}, "before": before, "after": after}
    return losses(planned({"address": "a", "type": SERVICE, "change": change | {"after_unknown": unknown}}))


def template(**fields: Any) -> dict[str, Any]:
    return {"template": [{"containers": [], **fields}]}


def serving(**fields: Any) -> dict[str, Any]:
    return template(
        containers=[{"name": "", "image": "r/app:1", "ports": [{"container_port": 80}], **fields}]
    )


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (serving(), serving(name="app", image="other.registry/app@sha256:1"), ""),
        (serving(image="r/shop:1"), serving(), "image shop, and the spec's is app"),
        (serving(env=[{"name": "A", "value": "secret"}]), serving(env=[{"name": "B"}]), "variable A"),
        (serving(env=[{"name": "A", "value": "1"}]), serving(env=[{"name": "A", "value": "2"}]), ""),
        (serving(volume_mounts=[{"mount_path": "/d"}]), serving(), "mount /d"),
        (template(volumes=[{"name": "v"}]), template(volumes=[{"name": "w"}]), "volume v"),
        (template(service_account="x@y"), template(service_account="z@y"), "it runs as x@y"),
        (template(service_account="x@y"), template(), "an account of its own"),
        (template(vpc_access=[{"egress": "ALL"}]), template(vpc_access=[]), "template.vpc_access"),
        ({"iap_enabled": True}, {"iap_enabled": False}, "iap_enabled"),
        ({"description": "x"}, {"description": None}, "description"),
        ({"client": "gcloud", "labels": {"a": "b"}}, {}, ""),
        ({"scaling": [{"x": 1}]}, {"scaling": [{"x": 1}]}, ""),
    ],
)
def test_what_an_adopted_service_has_and_would_lose(before: Any, after: Any, lost: str) -> None:
    said = adoption(before, after)
    assert bool(said) is bool(lost)
    assert not said or lost in said[0]
    assert not said or "secret" not in said[0]


def test_a_sidecar_that_the_spec_does_not_know_is_lost_and_a_moved_one_is_not() -> None:
    app, proxy = {"name": "app", "ports": [{}]}, {"name": "proxy"}
    assert adoption(template(containers=[proxy, app]), template(containers=[app, proxy])) == ()
    assert "container proxy" in adoption(template(containers=[proxy, app]), template(containers=[app]))[0]


def test_what_is_known_after_the_apply_only_is_not_lost() -> None:
    assert adoption({"uri": "https://x"}, {}, uri=True) == ()


def test_a_service_of_the_state_may_lose_what_its_spec_takes_away() -> None:
    change = {"actions": ["update"], "before": {"description": "x"}, "after": {}}
    assert losses(planned({"address": "a", "type": SERVICE, "change": change})) == ()


# ---------------------------------------------------------------------------------- renames and moves


def neighbour(
    name: str, image: str = "europe-docker.pkg.dev/shop/apps/orders@sha256:12", note: str = "tidegate/history"
) -> Any:
    return {
        "name": f"projects/shop-prod/locations/europe-west1/services/{name}",
        "annotations": {note: "x"},
        "template": {"containers": [{"image": image}]},
    }


def test_a_rename_shows_by_the_image_of_a_service_that_was_deployed_with_tidegate() -> None:
    services = [
        neighbour("purchases"),
        neighbour("by-hand", note="other/mark"),
        neighbour("other-program", image="europe-docker.pkg.dev/shop/apps/billing:1"),
        neighbour("orders"),
    ]
    assert renames(SPEC, {"services": services}) == ("purchases",)
    assert renames(SPEC, None) == ()


def test_other_regions_show_by_their_alert_policies() -> None:
    there = [policy(1), policy(2, "us-central1"), policy(3, "asia-east1", managed_by="anna")]
    assert settled_elsewhere(SPEC, {"alertPolicies": there}) == ("us-central1",)
    both = SPEC.model_copy(update={"regions": ("europe-west1", "us-central1")})
    assert settled_elsewhere(both, {"alertPolicies": there}) == ()


@pytest.mark.parametrize(
    ("changed", "actions", "refused"),
    [
        ({"location": "us-central1"}, ["delete", "create"], True),
        ({"name": "purchases"}, ["create", "delete"], True),
        ({"tags": ["x"]}, ["delete", "create"], False),
        ({"location": "us-central1"}, ["update"], False),
    ],
)
def test_only_a_replacement_by_another_name_or_place_is_a_move(
    changed: dict[str, Any], actions: list[str], refused: bool
) -> None:
    before = {"project": "shop", "location": "europe-west1", "name": "orders"}
    change = {"actions": actions, "before": before, "after": before | changed}
    assert bool(moves(planned({"address": "a", "type": SERVICE, "change": change}))) is refused
