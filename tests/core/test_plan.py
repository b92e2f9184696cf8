"""Plans as JSON, made by hand in Terraform's form, to summaries and refusals."""

from typing import Any

import pytest

from tidegate.core.errors import TerraformError
from tidegate.core.plan import PROTECTED, Action, Attribute, Change, PlanSummary, refusals, summarize

SERVICE = "google_cloud_run_v2_service"


def plan(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "resource_changes": list(resources), **more}


def resource(kind: str, *actions: str, name: str = "this", **change: Any) -> dict[str, Any]:
    extra = {
        key: change.pop(key) for key in ("previous_address", "action_reason", "deposed") if key in change
    }
    return {
        "address": f"{kind}.{name}",
        "type": kind,
        "name": name,
        "change": {"actions": list(actions), **change},
        **extra,
    }


def update(before: Any, after: Any, **more: Any) -> Change:
    return summarize(plan(resource(SERVICE, "update", before=before, after=after, **more))).changes[0]


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["no-op"], Action.NO_OP),
        (["create"], Action.CREATE),
        (["read"], Action.READ),
        (["update"], Action.UPDATE),
        (["delete", "create"], Action.REPLACE),
        (["create", "delete"], Action.REPLACE),
        (["delete"], Action.DELETE),
        (["forget"], Action.FORGET),
    ],
)
def test_actions(actions: list[str], expected: Action) -> None:
    summary = summarize(plan(resource("x", *actions)))
    assert summary.changes[0].action is expected
    assert summary.counts == {expected: 1}
    assert summary.has_changes is (expected not in (Action.NO_OP, Action.READ))


def test_an_import_without_a_change_is_an_import() -> None:
    assert summarize(plan(resource("x", "no-op", importing={"id": "y"}))).changes[0].action is Action.IMPORT


def test_what_is_imported_and_changed_says_both_and_hides_nothing() -> None:
    before, after = ({f"a{at:02}": f"{side}{at}" for at in range(20)} for side in ("x", "y"))
    summary = summarize(plan(resource("x", "update", before=before, after=after, importing={"id": "y"})))
    assert summary.changes[0].adopted
    assert "import and update" in summary.text()
    assert 'a19: "x19" → "y19"' in summary.text()
    assert summary.headline() == "Plan: 1 to import, 1 to update"
    assert summary.data()["changes"][0]["adopted"] is True


def test_unknown_actions_and_formats_are_refused() -> None:
    with pytest.raises(TerraformError, match="not understood: explode"):
        summarize(plan(resource("x", "explode")))
    with pytest.raises(TerraformError, match=r"only 1\.x"):
        summarize({"format_version": "2.0"})
    with pytest.raises(TerraformError, match="format none"):
        summarize({})


def test_changed_attributes_with_their_paths() -> None:
    change = update(
        {"a": 1, "same": True, "t": [{"image": "v1", "args": ["x"]}], "labels": {"x.y/z": "1"}},
        {"a": 2, "same": True, "t": [{"image": "v2", "args": ["x", "y"]}], "labels": {"x.y/z": "2"}},
    )
    assert change.attributes == (
        Attribute("a", "1", "2"),
        Attribute('labels["x.y/z"]', '"1"', '"2"'),
        Attribute("t[0].args[1]", "none", '"y"'),
        Attribute("t[0].image", '"v1"', '"v2"'),
    )


def test_named_elements_are_compared_by_name_wherever_they_stand() -> None:
    change = update(
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "NEW", "value": "0"}, {"name": "B", "value": "2"}, {"name": "A", "value": "9"}]},
    )
    assert change.changed == ('env["A"].value', 'env["NEW"]')


def test_none_and_absent_are_the_same_and_a_type_is_a_difference() -> None:
    assert update({"a": None}, {}).attributes == ()
    assert update({"a": 1}, {"a": True}).changed == ("a",)


def test_what_is_known_only_after_apply() -> None:
    change = update({"uri": "u", "c": {"d": 1}}, {"c": {}}, after_unknown={"uri": True, "c": {"d": True}})
    assert [(each.path, each.unknown) for each in change.attributes] == [("c.d", True), ("uri", True)]


@pytest.mark.parametrize(
    ("before_sensitive", "after_sensitive"),
    [({"env": [{"value": True}]}, {"env": [{"value": True}]}), ({"env": True}, {"env": True}), (True, True)],
)
def test_secrets_are_masked_at_any_depth(before_sensitive: Any, after_sensitive: Any) -> None:
    change = update(
        {"env": [{"value": "old-secret"}]},
        {"env": [{"value": "new-secret"}]},
        before_sensitive=before_sensitive,
        after_sensitive=after_sensitive,
    )
    assert change.attributes == (Attribute("env[0].value", "(sensitive value)", "(sensitive value)"),)


def test_a_secret_is_masked_on_both_sides_when_only_one_is_marked() -> None:
    change = update({"a": "secret"}, {"a": "other"}, before_sensitive={"a": True}, after_sensitive={})
    assert change.attributes[0].before == "(sensitive value)"
    assert change.attributes[0].after == "(sensitive value)"


def test_what_is_made_of_a_secret_is_masked_although_unmarked() -> None:
    change = update(
        {"key": "hunter2!", "url": "https://u:hunter2!@h"},
        {"key": "hunter3!", "url": "https://u:hunter3!@h"},
        before_sensitive={"key": True},
        after_sensitive={"key": True},
    )
    assert {each.after for each in change.attributes} == {"(sensitive value)"}


def test_whole_blocks_show_their_size_only() -> None:
    change = update({"a": None, "b": [1, 2]}, {"a": {"password": "x"}, "b": None})
    assert [(each.before, each.after) for each in change.attributes] == [
        ("none", "{…}"),
        ("[2 items]", "none"),
    ]


def test_long_values_and_line_breaks_stay_on_one_line() -> None:
    change = update({"a": "x"}, {"a": "line\n" * 100})
    assert "\n" not in change.attributes[0].after
    assert len(change.attributes[0].after) <= 60


def replacing(kind: str, **change: Any) -> dict[str, Any]:
    return resource(
        kind,
        "delete",
        "create",
        before={"location": "a", **change.pop("before", {})},
        after={"location": "b"},
        replace_paths=[["location"], ["template", 0, "name"]],
        **change,
    )


def test_the_text() -> None:
    summary = summarize(
        plan(
            resource("b", "create", after={"x": 1}),
            resource("a", "no-op"),
            resource(SERVICE, "update", before={"image": "v1"}, after={"image": "v2"}),
            replacing("c"),
            resource("d", "delete", before={}, action_reason="delete_because_no_resource_config"),
            resource("e", "no-op", previous_address="f.old"),
            output_changes={
                "uri": {"actions": ["create"], "before": None, "after_unknown": True},
                "same": {"actions": ["no-op"], "before": 1, "after": 1},
                "token": {"actions": ["update"], "before": "s", "after": "t", "after_sensitive": True},
            },
            resource_drift=[
                {"address": "g.drifted", "change": {"before": {"name": "a"}, "after": {"name": "b"}}},
                {
                    "address": "h.same",
                    "change": {"before": {"etag": "1"}, "after": {"etag": "2", "traffic": []}},
                },
            ],
        )
    )
    width = len(f"{SERVICE}.this")
    assert summary.text().splitlines() == [
        f"+ {'b.this':<{width}}  create",
        f"± {'c.this':<{width}}  replace  because of location, template[0].name",
        '    location: "a" → "b"  # forces replacement',
        f"- {'d.this':<{width}}  delete  delete because no resource config",
        f"  {'e.this':<{width}}  move  moved from f.old",
        f"~ {SERVICE}.this  update",
        '    image: "v1" → "v2"',
        "  output token: (sensitive value) → (sensitive value)",
        "  output uri: none → (known after apply)",
        "Changed outside Terraform: g.drifted",
        "Plan: 1 to create, 1 to update, 1 to replace, 1 to delete, 1 to move, 2 outputs to change",
    ]


def test_an_output_of_which_parts_are_not_known_yet_is_known_after_the_apply() -> None:
    outputs = {
        "alert_policies": {"actions": ["create"], "after": {}, "after_unknown": {"fd_level": True}},
        "channels": {
            "actions": ["update"],
            "before": ["a"],
            "after": ["a", None],
            "after_unknown": [False, True],
        },
        "objectives": {"actions": ["create"], "after": {}, "after_unknown": {}},
    }
    assert summarize(plan(output_changes=outputs)).text().splitlines()[:3] == [
        "  output alert_policies: none → (known after apply)",
        "  output channels: [1 item] → (known after apply)",
        "  output objectives: none → {}",
    ]


def test_under_a_name_the_columns_stay_straight() -> None:
    summary = summarize(plan(resource("a", "create"), resource("long_one", "create")))
    name, first, second, _ = summary.titled("service").splitlines()
    assert name == "service:"
    assert first.index("create") == second.index("create")
    assert summarize(plan(resource("x", "no-op"))).titled("service").startswith("service: No changes")


def test_the_text_does_not_depend_on_the_order_of_the_plan() -> None:
    resources = [resource(name, "create") for name in "abc"]
    assert summarize(plan(*resources)).text() == summarize(plan(*reversed(resources))).text()


def test_many_attributes_are_counted() -> None:
    before = {f"k{number:02}": 1 for number in range(20)}
    summary = summarize(plan(resource("x", "update", before=before, after=dict.fromkeys(before, 2))))
    assert "    … and 8 more" in summary.text().splitlines()
    assert len(summary.changes[0].changed) == 20


def test_nothing_to_do() -> None:
    assert summarize(plan(resource("x", "no-op"))).text().startswith("No changes")
    assert PlanSummary(()).headline() == "Plan: no changes"


def test_data_is_plain_and_masked() -> None:
    summary = summarize(
        plan(
            resource(
                SERVICE, "update", before={"a": "xxxx"}, after={"a": "yyyy"}, after_sensitive={"a": True}
            )
        )
    )
    assert summary.data()["changes"] == [
        {
            "address": f"{SERVICE}.this",
            "type": SERVICE,
            "action": "update",
            "adopted": False,
            "replaced_because": [],
            "attributes": [{"path": "a", "before": "(sensitive value)", "after": "(sensitive value)"}],
        }
    ]


def refused(*resources: dict[str, Any], allow: bool = False) -> tuple[str, ...]:
    return refusals(summarize(plan(*resources)), allow)


def test_replacing_the_service_is_refused_with_the_reason() -> None:
    assert refused(replacing(SERVICE)) == (
        f"{SERVICE}.this would be replaced because of location, template[0].name: the service stops serving",
    )
    assert refused(replacing(SERVICE), allow=True) == ()


@pytest.mark.parametrize("kind", [*PROTECTED, "google_sql_database_instance", "google_firestore_database"])
def test_deleting_what_serves_or_keeps_data_is_refused(kind: str) -> None:
    assert len(refused(resource(kind, "delete", before={}))) == 1


@pytest.mark.parametrize(
    "kind",
    [
        "google_monitoring_alert_policy",
        "google_monitoring_dashboard",
        "google_project_iam_member",
        "google_sql_database_iam_member",
        "google_pubsub_topic_iam_member",
        "terraform_data",
    ],
)
def test_what_can_be_made_again_is_not_protected(kind: str) -> None:
    assert refused(resource(kind, "delete", before={}), replacing(kind)) == ()


@pytest.mark.parametrize("action", ["create", "update", "no-op", "read", "forget"])
def test_what_destroys_nothing_is_not_refused(action: str) -> None:
    assert refused(resource(SERVICE, action, before={}, after={})) == ()


def test_what_is_only_abandoned_is_not_refused() -> None:
    assert refused(resource("google_sql_database", "delete", before={"deletion_policy": "ABANDON"})) == ()
    assert refused(resource("google_project_service", "delete", before={"disable_on_destroy": False})) == ()


def test_a_deposed_object_counts_as_destroyed() -> None:
    gone = resource("google_secret_manager_secret_version", "delete", before={}, deposed="0badf00d")
    assert "(deposed 0badf00d)" in refused(gone)[0]
