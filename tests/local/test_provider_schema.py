from __future__ import annotations

import json
from pathlib import Path

import pytest

from tidegate.local.provider import schema
from tidegate.local.provider.resources import RESOURCES
from tidegate.local.provider.schema import derive
from tidegate.local.provider.suppress import RULES

FOLDER = Path(__file__).parents[3] / "shared" / "provider-schema"
"""Full descriptions of the real provider, where a checkout has them beside it."""

HAND_WRITTEN = {
    "google_cloud_run_v2_job_iam_member",
    "google_cloud_run_v2_service_iam_member",
    "google_iam_workload_identity_pool_provider",
    "google_project_iam_member",
    "google_project_service",
    "google_secret_manager_secret_iam_member",
    "google_secret_manager_secret_version",
    "google_service_account_iam_member",
    "google_storage_bucket",
    "google_storage_bucket_iam_member",
}


def _nested(block: schema.Block) -> list[schema.Block]:
    return [block, *(found for one in block.blocks.values() for found in _nested(one.block))]


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_every_resource_type_has_a_schema_whose_rules_exist(name: str) -> None:
    for block in _nested(schema.load(name)):
        extras = [one.extras for one in (*block.attributes.values(), *block.blocks.values())]
        assert {one.suppress for one in extras} - {""} <= set(RULES)
        for attribute in block.attributes.values():
            assert attribute.required or attribute.optional or attribute.computed
            assert not (attribute.required and (attribute.optional or attribute.computed))


@pytest.mark.parametrize("name", sorted(set(RESOURCES) - HAND_WRITTEN))
def test_schemas_say_what_the_description_of_the_real_provider_says(name: str) -> None:
    source = FOLDER / f"{name}.json"
    if not source.is_file():
        pytest.skip(f"no description of the real provider at {FOLDER}: schemas are not compared")
    described = derive.compact(json.loads(source.read_text("utf-8")))
    ours = Path(schema.__file__).parent / f"{name}.json"

    assert json.loads(ours.read_text("utf-8")) == described
    assert ours.read_text("utf-8") == derive.text(described)


def test_every_schema_is_used() -> None:
    found = {name for name in schema.names() if not name.startswith("data.")}

    assert found == {*RESOURCES, "provider"}


def test_an_unknown_resource_type_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="google_nothing"):
        schema.load("google_nothing")


def test_the_folder_form_becomes_one_line_an_argument() -> None:
    document = {
        "resource": "google_x",
        "schema": {
            "version": 2,
            "block": {
                "attributes": {
                    "size": {"type": "number", "optional": True},
                    "pass_wo": {"type": "string", "optional": True},
                },
                "block_types": {
                    "part": {"nesting_mode": "list", "max_items": 1, "block": {"attributes": {}}}
                },
            },
        },
        "behaviour": {
            "computed_blocks": ["part"],
            "defaults": {"size": 3},
            "diff_suppress": {},
            "enums": {},
            "force_new": ["size"],
            "rules": {},
        },
    }

    assert derive.compact(document) == {
        "$": {"version": 2},
        "pass_wo": ["string", "ow"],
        "size": ["number", "o", {"default": 3, "force_new": True}],
        "part": {"$": {"nesting": "list", "max": 1, "computed": True}},
    }
