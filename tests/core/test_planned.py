"""Plan JSON → blocks: what is known, what is not, and what was never written."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.core.document import Block, Document, Expression, plain
from tidegate.core.errors import UsageError
from tidegate.core.plan.planned import SAID_PUBLIC, planned

KIND = "google_cloud_run_v2_service"


def plan(change: dict[str, Any], expressions: Any = None, **more: Any) -> Document:
    raw = {"address": f"{KIND}.a", "mode": "managed", "type": KIND, "name": "a", "change": change, **more}
    resources = [{"mode": "managed", "type": KIND, "name": "a", "expressions": expressions}]
    configuration = {"root_module": {"resources": resources if expressions is not None else []}}
    return planned(
        {"format_version": "1.2", "resource_changes": [raw], "configuration": configuration}, "p.json"
    )


def only(document: Document) -> Block:
    (block,) = document.blocks
    return block


def test_nested_blocks_maps_and_lists_are_what_they_are_in_a_file() -> None:
    values = {
        "name": "orders",
        "labels": {"owner": "checkout"},
        "template": [{"containers": [{"image": "a", "args": ["x", "y"]}, {"image": "b", "args": []}]}],
        "traffic": [],
    }
    block = only(plan({"after": values}))
    assert block.address == f"{KIND}.a"
    assert plain(block.attributes["labels"]) == {"owner": "checkout"}
    containers = block.all("template", "containers")
    assert [plain(c.attributes["image"]) for c in containers] == ["a", "b"]
    assert plain(containers[0].attributes["args"]) == ["x", "y"]
    assert block.all("traffic") == ()


def test_every_place_is_the_plan_and_the_address() -> None:
    block = only(plan({"after": {"template": [{"timeout": "3s"}]}}, address='module.m["x"].a.b[0]'))
    assert str(block.all("template")[0].attributes["timeout"].place) == 'p.json: module.m["x"].a.b[0]'


def test_what_is_known_after_the_apply_is_an_expression_wherever_it_is() -> None:
    change = {
        "after": {"labels": {"a": "b"}, "template": [{"containers": [{"image": "x"}]}]},
        "after_unknown": {
            "uri": True,
            "labels": {"c": True},
            "template": [{"service_account": True, "containers": [{"args": [False, True]}]}],
            "traffic": True,
        },
    }
    block = only(plan(change))
    assert isinstance(block.attributes["uri"].value, Expression)
    assert block.computed("traffic")
    (template,) = block.all("template")
    assert isinstance(template.attributes["service_account"].value, Expression)
    assert isinstance(plain(block.attributes["labels"])["c"], Expression)


def test_what_the_configuration_leaves_out_is_left_out_though_the_provider_fills_it_in() -> None:
    change = {
        "after": {"name": "orders", "template": [{"timeout": None}]},
        "after_unknown": {"ingress": True, "template": [{"service_account": True}]},
    }
    written = {"name": {"constant_value": "orders"}, "template": [{"timeout": {"references": ["var.t"]}}]}
    block = only(plan(change, written))
    assert block.get("ingress") is None
    assert block.all("template")[0].get("service_account") is None
    looped = only(plan(change, {"name": {"constant_value": "orders"}, "ingress": {"references": ["var.i"]}}))
    assert looped.get("ingress") is not None
    # Of what a loop made, nobody knows what was written.
    assert looped.all("template")[0].get("service_account") is not None


def test_a_sensitive_value_counts_only_where_it_is_spelt_out() -> None:
    change = {
        "after": {"spelt": "hunter2", "given": "hunter2", "tags": {"a": "hunter2"}},
        "after_sensitive": {"spelt": True, "given": True, "tags": {"a": True}},
    }
    written = {
        "spelt": {"constant_value": "hunter2"},
        "given": {"references": ["var.p"]},
        "tags": {"references": ["var.p"]},
    }
    block = only(plan(change, written))
    assert plain(block.attributes["spelt"]) == "hunter2"
    assert isinstance(block.attributes["given"].value, Expression)
    assert "hunter2" not in repr((block.attributes["given"], block.attributes["tags"]))


def test_what_is_deleted_is_not_there() -> None:
    assert plan({"actions": ["delete"], "before": {"name": "a"}, "after": None}).blocks == ()


@pytest.mark.parametrize(
    ("said", "opened"),
    [
        ({}, False),
        ({"allow_public": {"constant_value": False}}, False),
        ({"allow_public": {"constant_value": True}}, True),
        ({"allow_public": {"references": ["var.public"]}}, True),
    ],
)
def test_what_the_module_was_told_of_everybody_is_kept(said: Any, opened: bool) -> None:
    raw = {
        "address": f'module.all.module.service["a"].{KIND}.a',
        "module_address": 'module.all.module.service["a"]',
        "type": KIND,
        "name": "a",
        "change": {"after": {}},
    }
    inner = {"source": "../infra/modules/service", "expressions": said, "module": {}}
    calls = {"all": {"source": "./all", "module": {"module_calls": {"service": inner}}}}
    document = planned(
        {
            "format_version": "1.0",
            "resource_changes": [raw],
            "configuration": {"root_module": {"module_calls": calls}},
        },
        "p.json",
    )
    assert (only(document).get(SAID_PUBLIC) is not None) is opened


def test_a_data_source_that_was_read_for_the_plan_is_seen() -> None:
    read = {"mode": "data", "type": "google_iam_policy", "name": "x", "address": "data.google_iam_policy.x"}
    module = {"resources": [{**read, "values": {"binding": [{"role": "roles/run.invoker"}]}}]}
    state = {"values": {"root_module": {"child_modules": [module]}}}
    document = planned({"format_version": "1.2", "resource_changes": [], "prior_state": state}, "p.json")
    assert only(document).type == "data"
    assert len(only(document).all("binding")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"format_version": "1.2"},
        {"resource_changes": []},
        {"format_version": "2.0", "resource_changes": []},
        {"format_version": "1.2", "resource_changes": ["x"]},
        {"format_version": "1.2", "resource_changes": [{"change": {"after": {}}}]},
        {"format_version": "1.2", "resource_changes": [], "prior_state": []},
    ],
)
def test_what_is_no_plan_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"p\.json is not a plan as JSON"):
        planned(wrong, "p.json")
