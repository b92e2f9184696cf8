"""Taking over what exists, as the flow does it: what is asked, what is written, and what happens without a
right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeTerraform
from flows.rollout_world import SPEC, World
from tidegate.core.adopt import Look
from tidegate.core.errors import Denied, PlanRefused, Unreachable
from tidegate.core.plan import PlanSummary
from tidegate.flows.planning import Plans, Request, Roots, make_plans

SERVICE = "google_cloud_run_v2_service"
ACCOUNT = "google_service_account"
PATHS = {
    SERVICE: "projects/demo-project/locations/europe-west1/services/orders",
    ACCOUNT: "projects/demo-project/serviceAccounts/orders@demo-project.iam.gserviceaccount.com",
}
AFTER: dict[str, dict[str, str]] = {SERVICE: {"name": "orders"}, ACCOUNT: {"account_id": "orders"}}


@dataclass
class FakeEstate:
    """`there` holds what exists by path, or the error of asking for it."""

    there: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, look: Look) -> Mapping[str, Any] | None:
        self.asked.append(look.path)
        found = self.there.get(look.path)
        if isinstance(found, Exception):
            raise found
        return found if found is None else dict(found)


class Planner:
    """Plans to create whatever of the two is not in the files that were written beside the roots."""

    def __init__(self, directory: Path, estate: FakeEstate | None) -> None:
        self.terraform = FakeTerraform(on_plan={"service": self.replan})
        self.beside: dict[str, str] = {}
        self.written: list[dict[str, str]] = []
        self.said: list[str] = []
        roots = Roots(directory, lambda: self.beside.clear(), self.write)
        self.request = Request(
            SPEC, "ci", roots, with_monitoring=False, estate=estate, say=self.said.append
        )  # fmt: skip

    def write(self, files: Mapping[str, str]) -> None:
        self.beside = dict(files)
        self.written.append(self.beside)

    def replan(self) -> None:
        text = self.beside.get("service/imports.tf", "")
        self.terraform.plans["service"] = {
            "format_version": "1.2",
            "resource_changes": [
                {
                    "address": f"module.service.{kind}.this",
                    "module_address": "module.service",
                    "type": kind,
                    "name": "this",
                    "change": {"actions": ["no-op"], "importing": {"id": "x"}}
                    if kind in text
                    else {"actions": ["create"], "after": AFTER[kind]},
                }
                for kind in (SERVICE, ACCOUNT)
            ],
        }

    def plan(self) -> Plans:
        plans = Plans()
        make_plans(self.request, self.terraform, plans)
        return plans

    @property
    def planned(self) -> int:
        return self.terraform.calls.count(("plan", "service"))


def test_a_first_deployment_is_planned_once_and_written_as_rendered(tmp_path: Path) -> None:
    planner = Planner(tmp_path, FakeEstate())
    plans = planner.plan()
    assert plans.summaries["service"].headline() == "Plan: 2 to create"
    assert (planner.planned, planner.written, planner.said) == (1, [], [])


def test_what_exists_is_imported_and_the_blocks_are_taken_away_again(tmp_path: Path) -> None:
    planner = Planner(tmp_path, FakeEstate({path: {} for path in PATHS.values()}))
    plans = planner.plan()
    assert plans.summaries["service"].headline() == "Plan: 2 to import"
    assert "service/imports.tf" in planner.written[0]
    assert planner.written[0]["service/imports.tf"].count("import {") == 2
    assert planner.written[-1] == {}
    assert len(planner.said) == 1


def test_each_thing_is_asked_for_once(tmp_path: Path) -> None:
    estate = FakeEstate({PATHS[SERVICE]: {}})
    Planner(tmp_path, estate).plan()
    assert sorted(estate.asked) == sorted(set(estate.asked))


def test_without_the_right_to_look_it_goes_on_and_says_so(tmp_path: Path) -> None:
    estate = FakeEstate({PATHS[SERVICE]: {}, PATHS[ACCOUNT]: Denied("cannot read the account")})
    planner = Planner(tmp_path, estate)
    assert planner.plan().summaries["service"].headline() == "Plan: 1 to import, 1 to create"
    assert any("cannot read the account" in sentence for sentence in planner.said)


def test_when_nobody_answers_nothing_is_planned_to_be_made_twice(tmp_path: Path) -> None:
    planner = Planner(tmp_path, FakeEstate({PATHS[SERVICE]: Unreachable("no answer")}))
    with pytest.raises(Unreachable):
        planner.plan()
    assert ("apply", "service") not in planner.terraform.calls


def test_blocks_are_taken_away_also_when_the_second_plan_fails(tmp_path: Path) -> None:
    planner = Planner(tmp_path, FakeEstate({PATHS[SERVICE]: {}}))
    replan = planner.replan

    def fail_with_blocks() -> None:
        if planner.beside:
            raise Unreachable("gone meanwhile")
        replan()

    planner.terraform.on_plan["service"] = fail_with_blocks
    with pytest.raises(Unreachable):
        planner.plan()
    assert planner.beside == {}


def test_a_service_never_touched_is_not_even_locked_before_its_plan_is_approved(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(PlanRefused, match="not approved"):
        world.deploy(estate=FakeEstate(), approve=lambda _: False)
    assert world.cloud.writes == []
    assert ("apply", "service") not in world.terraform.calls


def test_the_plan_agreed_on_is_not_asked_for_again_unless_it_changes(tmp_path: Path) -> None:
    asked: list[str] = []

    def approve(summaries: Mapping[str, PlanSummary]) -> bool:
        asked.append(summaries["service"].text())
        return True

    World(tmp_path / "same").deploy(estate=FakeEstate(), approve=approve)
    assert len(asked) == 1
    world = World(tmp_path / "other")

    def change() -> None:
        if world.cloud.writes:
            world.terraform.plans["service"] = {"format_version": "1.2", "resource_changes": []}

    world.terraform.on_plan["service"] = change
    world.deploy(estate=FakeEstate(), approve=approve)
    assert len(asked) == 3


def test_what_tidegate_has_deployed_before_is_locked_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deploy(estate=FakeEstate())
    before = len(world.cloud.writes)
    world.deploy(estate=FakeEstate(), approve=lambda _: False)
    assert len(world.cloud.writes) > before
