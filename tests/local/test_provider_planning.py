from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.local.provider import schema
from tidegate.local.provider.engine import known, plan, same
from tidegate.local.provider.resources import RESOURCES, customizations
from tidegate.local.provider.rest import Settings
from tidegate.local.provider.wire import UNKNOWN

BLOCK = schema.parse(
    {
        "id": ["string", "oc"],
        "name": ["string", "r", {"force_new": True}],
        "note": ["string", "o"],
        "count": ["number", "o"],
        "mode": ["string", "o", {"default": "slow"}],
        "size": ["number", "oc"],
        "etag": ["string", "c"],
        "secret": ["string", "ow"],
        "tags": [["map", "string"], "o"],
        "zones": [["set", "string"], "o"],
        "part": {
            "$": {"nesting": "list"},
            "key": ["string", "r"],
            "name": ["string", "c"],
            "rate": ["number", "o", {"default": 5}],
        },
        "env": {"$": {"nesting": "set"}, "name": ["string", "r"], "value": ["string", "o", {"default": ""}]},
        "scale": {"$": {"nesting": "list", "max": 1, "computed": True}, "max": ["number", "oc"]},
        "place": {
            "$": {"nesting": "list"},
            "city": ["string", "r", {"force_new": True}],
        },
    }
)


def config(**values: Any) -> dict[str, Any]:
    return {**BLOCK.empty(), "name": "n", **values}


def created(**values: Any) -> dict[str, Any]:
    state = {**BLOCK.empty(), "id": "i", "name": "n", "mode": "slow", "size": 7, "etag": "e"}
    return {**state, "scale": [{"max": 3}], **values}


def test_of_a_new_resource_an_empty_block_that_counts_as_none_is_planned_as_none() -> None:
    block = schema.parse({
        "name": ["string", "r"],
        "scale": {"$": {"nesting": "list", "max": 1, "suppress": "empty_block"}, "max": ["number", "o"]},
    })  # fmt: skip
    assert plan(block, {"name": "n", "scale": [{"max": None}]}, None).state["scale"] == []
    assert plan(block, {"name": "n", "scale": [{"max": 3}]}, None).state["scale"] == [{"max": 3}]


def test_of_a_new_resource_the_computed_part_is_unknown_and_the_omitted_part_its_default() -> None:
    made = plan(BLOCK, config(part=[{"key": "a", "name": None, "rate": None}]), None).state

    assert made["mode"] == "slow"
    assert made["etag"] is UNKNOWN
    assert made["size"] is UNKNOWN
    assert made["scale"] is UNKNOWN
    assert made["note"] is None
    assert made["part"] == [{"key": "a", "name": UNKNOWN, "rate": 5}]


def test_omitted_computed_arguments_and_blocks_keep_what_the_service_answered() -> None:
    prior = created()

    assert plan(BLOCK, config(), prior).state == prior


@pytest.mark.parametrize(
    ("argument", "configured", "stored"),
    [
        ("note", "", None),
        ("note", None, ""),
        ("count", 0, None),
        ("count", None, 0),
        ("tags", {}, None),
        ("zones", ["b", "a"], ["a", "b"]),
        (
            "env",
            [{"name": "B", "value": None}, {"name": "A", "value": "1"}],
            [
                {"name": "A", "value": "1"},
                {"name": "B", "value": None},
            ],
        ),
        ("part", [{"key": "a", "name": None, "rate": None}], [{"key": "a", "name": "n1", "rate": 5}]),
        ("mode", None, "slow"),
        ("place", [], []),
    ],
)
def test_these_differences_are_none(argument: str, configured: Any, stored: Any) -> None:
    prior = created(**{argument: stored})

    made = plan(BLOCK, config(**{argument: configured}), prior)

    assert made.state == prior
    assert made.replace == ()


@pytest.mark.parametrize(
    ("argument", "configured", "stored"),
    [
        ("note", None, "x"),
        ("count", None, 3),
        ("count", 0, 3),
        ("size", 9, 7),
        ("tags", {"a": ""}, None),
        ("mode", None, "fast"),
        ("env", [{"name": "A", "value": "2"}], [{"name": "A", "value": "1"}]),
        ("env", [], [{"name": "A", "value": "1"}]),
        ("part", [], [{"key": "a", "name": "n1", "rate": 5}]),
    ],
)
def test_these_differences_are_planned(argument: str, configured: Any, stored: Any) -> None:
    prior = created(**{argument: stored})

    assert plan(BLOCK, config(**{argument: configured}), prior).state[argument] != stored


def test_what_a_changed_list_element_computes_stays_and_a_new_one_gets_its_own() -> None:
    prior = created(part=[{"key": "a", "name": "n1", "rate": 5}])
    wanted = [{"key": "b", "name": None, "rate": None}, {"key": "c", "name": None, "rate": 1}]

    made = plan(BLOCK, config(part=wanted), prior).state

    assert made["part"] == [{"key": "b", "name": "n1", "rate": 5}, {"key": "c", "name": UNKNOWN, "rate": 1}]


def test_a_change_of_a_fixed_argument_replaces() -> None:
    assert plan(BLOCK, config(name="other"), created()).replace == (("name",),)


def test_a_replacement_deep_inside_names_the_element_or_the_block_when_it_is_gone() -> None:
    prior = created(place=[{"city": "a"}])

    assert plan(BLOCK, config(place=[{"city": "b"}]), prior).replace == (("place", 0, "city"),)
    assert plan(BLOCK, config(), prior).replace == (("place",),)


def test_an_unknown_fixed_argument_replaces_because_it_may_change() -> None:
    assert plan(BLOCK, config(name=UNKNOWN), created()).replace == (("name",),)


def test_write_only_arguments_are_never_planned() -> None:
    assert plan(BLOCK, config(secret="s"), created()).state["secret"] is None


def test_new_timeouts_alone_are_no_change() -> None:
    block = schema.load("google_monitoring_dashboard")
    prior = {**block.empty(), "id": "x", "dashboard_json": "{}", "project": "p", "deletion_policy": "DELETE"}
    wanted = {**block.empty(), "dashboard_json": "{}", "timeouts": {"create": "5m"}}

    assert plan(block, wanted, prior).state == prior


def test_what_is_known_of_a_plan_has_no_unknown_left() -> None:
    assert known({"a": UNKNOWN, "b": [{"c": UNKNOWN}, 1]}) == {"a": None, "b": [{"c": None}, 1]}


@given(st.lists(st.sampled_from(["", "a", "b", None]), max_size=4), st.randoms())
def test_sets_are_compared_without_order_and_with_repetition(items: list[Any], order: Any) -> None:
    shuffled = list(items)
    order.shuffle(shuffled)

    assert same(items, shuffled, unordered=True)
    assert not same(items, [*shuffled, "z"], unordered=True)


def _plan(name: str, wanted: dict[str, Any], prior: dict[str, Any] | None, **settings: Any) -> dict[str, Any]:
    block = schema.load(name)
    given = Settings(endpoints={}, **{"project": "p", **settings})
    return plan(block, {**block.empty(), **wanted}, prior, customizations(name, given)).state


SECRET = "google_secret_manager_secret"


def _secret(**values: Any) -> dict[str, Any]:
    return {**schema.load(SECRET).empty(), "project": "p", "deletion_policy": "DELETE", **values}


def test_labels_of_configuration_provider_and_attribution_come_together() -> None:
    made = _plan(
        SECRET, {"labels": {"a": "1", "team": "own"}}, None, default_labels={"team": "x", "cost": "y"}
    )

    managed = {"a": "1", "team": "own", "cost": "y", "goog-terraform-provisioned": "true"}
    assert made["terraform_labels"] == managed
    assert made["effective_labels"] == managed


def test_labels_set_by_others_stay_and_dropped_ones_go() -> None:
    prior = _secret(
        labels={"mine": "1", "old": "1"},
        terraform_labels={"mine": "1", "old": "1"},
        effective_labels={"mine": "1", "old": "1", "foreign": "x"},
    )

    made = _plan(SECRET, {"labels": {"mine": "2"}}, prior)

    assert made["effective_labels"] == {"mine": "2", "foreign": "x"}
    assert made["terraform_labels"] == {"mine": "2"}


def test_the_attribution_label_is_not_added_to_what_exists_without_it_unless_asked() -> None:
    prior = _secret(labels=None, terraform_labels={}, effective_labels={})

    assert _plan(SECRET, {}, prior)["terraform_labels"] == {}
    assert _plan(SECRET, {}, prior, attribution_always=True)["terraform_labels"] == {
        "goog-terraform-provisioned": "true"
    }
    assert _plan(SECRET, {}, None, attribution=False)["terraform_labels"] == {}


def test_unknown_labels_make_the_effective_ones_unknown() -> None:
    made = _plan(SECRET, {"labels": {"a": UNKNOWN}, "annotations": UNKNOWN}, None)

    assert made["effective_labels"] is UNKNOWN
    assert made["effective_annotations"] is UNKNOWN


def test_annotations_are_not_authoritative() -> None:
    prior = _secret(annotations={"mine": "1"}, effective_annotations={"mine": "1", "rollout": "50"})

    assert _plan(SECRET, {"annotations": {"new": "2"}}, prior)["effective_annotations"] == {
        "rollout": "50",
        "new": "2",
    }


def test_the_email_of_a_new_account_is_known_in_the_plan() -> None:
    made = _plan("google_service_account", {"account_id": "runner"}, None, project="corp.example:shop")

    assert made["member"] == "serviceAccount:runner@shop.corp.example.iam.gserviceaccount.com"


def _service(container: dict[str, Any], **rest: Any) -> dict[str, Any]:
    block = schema.load("google_cloud_run_v2_service")
    template = block.blocks["template"].block
    one = {**template.blocks["containers"].block.empty(), "image": "i", **container}
    return {"name": "s", "location": "l", **rest, "template": [{**template.empty(), "containers": [one]}]}


def _limits(values: dict[str, str] | None) -> dict[str, Any]:
    return {"resources": [{"cpu_idle": True, "startup_cpu_boost": None, "limits": values}]}


@pytest.mark.parametrize(
    ("configured", "stored", "changes"),
    [
        ({"memory": "1Gi"}, {"memory": "1Gi", "cpu": "1000m"}, False),
        ({"memory": "2Gi"}, {"memory": "1Gi", "cpu": "1000m"}, True),
        ({"memory": "1Gi"}, {"memory": "1Gi", "nvidia.com/gpu": "1"}, True),
        (None, {"memory": "1Gi", "cpu": "1000m"}, False),
    ],
)
def test_only_the_added_cpu_limit_is_forgiven(configured: Any, stored: Any, changes: bool) -> None:
    block = schema.load("google_cloud_run_v2_service")
    prior = {**block.empty(), "deletion_protection": True, **_service(_limits(stored))}

    made = plan(block, {**block.empty(), **_service(_limits(configured))}, prior).state

    assert (made["template"] != prior["template"]) == changes


def test_an_empty_scaling_block_and_none_are_the_same() -> None:
    block = schema.load("google_cloud_run_v2_service")
    scaling = dict.fromkeys(block.blocks["scaling"].block.attributes)
    prior = {**block.empty(), "deletion_protection": True, **_service({})}

    assert plan(block, {**block.empty(), **_service({}), "scaling": [scaling]}, prior).state == prior


@pytest.mark.parametrize(
    ("configured", "stored", "changes"),
    [
        ({"a": 1}, {"name": "n", "etag": "e", "a": 1}, False),
        ({"t": [{"x": 1}]}, {"t": [{"x": 1, "extra": 2}]}, False),
        ({"a": 2}, {"a": 1}, True),
        ({"xPos": 0}, {}, True),  # a zero that the service leaves out is a difference for ever
        ({}, {"a": 1}, False),  # and a key taken out is none
        ({"t": [1, 2]}, {"t": [1]}, True),
    ],
)
def test_dashboards_differ_by_what_the_configuration_says(
    configured: Any, stored: Any, changes: bool
) -> None:
    block = schema.load("google_monitoring_dashboard")
    prior = {**block.empty(), "dashboard_json": json.dumps(stored)}
    wanted = json.dumps(configured, indent=1)

    made = plan(block, {**block.empty(), "dashboard_json": wanted}, prior).state

    assert (made["dashboard_json"] == wanted) == changes


def test_members_differ_by_case_only_where_their_kind_is_case_sensitive() -> None:
    block = schema.load("google_project_iam_member")

    def member(stored: str, configured: str) -> bool:
        prior = {**block.empty(), "project": "p", "role": "r", "member": stored}
        return bool(plan(block, {**prior, "member": configured}, prior).replace)

    assert not member("user:a@x.example", "user:A@x.example")
    assert member("principal://iam/a", "principal://iam/A")


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_nothing_configured_and_nothing_there_is_a_plan_for_every_resource_type(name: str) -> None:
    made = _plan(name, {}, None)

    assert set(made) == {*schema.load(name).attributes, *schema.load(name).blocks}
