"""Plans and applies of a spec's two roots as a deployment makes them, on a local control plane."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.conftest import Cloud, attached
from tidegate.adapters import rootdir
from tidegate.adapters.clock import SystemClock
from tidegate.adapters.estate import RestEstate, local_addresses, plain_session
from tidegate.adapters.retry import Retrying
from tidegate.adapters.terraform import TerraformCli, find
from tidegate.core.errors import PlanRefused
from tidegate.core.render import render
from tidegate.core.spec import load
from tidegate.flows.planning import Plans, Request, Roots, apply_plans, make_plans

SPEC: Mapping[str, Any] = {
    "service": "orders",
    "project": "shop-prod",
    "region": "europe-west1",
    "containers": [{"name": "app", "image": "example/orders:1", "secrets": {"PW": {"secret": "pw"}}}],
    "invokers": ["user:anna@example.com"],
    "alerts": {"channels": [{"email": "oncall@example.com"}]},
}
PROJECT = "/v1/projects/shop-prod"
POLICIES = "/v3/projects/shop-prod/alertPolicies"


@dataclass
class Site:
    """A place where deployments are planned. `said` is what was told before the last approval."""

    cloud: Cloud
    place: Path
    said: list[str] = field(default_factory=list)

    @property
    def terraform(self) -> TerraformCli:
        attached = {
            "TF_REATTACH_PROVIDERS": json.dumps(self.cloud.provider.reattach()),
            "GOOGLE_OAUTH_ACCESS_TOKEN": "local",
        }
        return TerraformCli(lambda: find(os.environ), environment=os.environ, extra=attached)

    def request(self, place: str = "first", *, allow_destroy: bool = False, **changes: Any) -> Request:
        spec = load(json.dumps({**SPEC, **changes}).encode(), "tidegate.yaml")
        files = render(spec, rootdir.template_texts(), rootdir.module_texts())
        directory = self.place / place

        def write() -> None:
            rootdir.write(directory, files)

        def add(more: Mapping[str, str]) -> None:
            rootdir.write(directory, {**files, **more})

        estate = RestEstate(plain_session, Retrying(SystemClock()), local_addresses(self.cloud.url))
        self.said.clear()
        return Request(
            spec, "ci", Roots(directory, write, add), allow_destroy=allow_destroy, estate=estate,
            say=self.said.append,
        )  # fmt: skip

    def plan(self, place: str = "first", **changes: Any) -> Plans:
        plans = Plans()
        make_plans(self.request(place, **changes), self.terraform, plans)
        return plans

    def apply(self, place: str = "first", **changes: Any) -> Plans:
        plans = Plans()
        request = self.request(place, **changes)
        make_plans(request, self.terraform, plans)
        apply_plans(request, self.terraform, plans)
        assert plans.monitoring_error == ""
        return plans

    def refused(self, place: str = "first", **changes: Any) -> str:
        try:
            self.plan(place, **changes)
        except PlanRefused as error:
            return error.message
        raise AssertionError("the plan was not refused")

    def policies(self) -> list[str]:
        return sorted(p["displayName"] for p in self.cloud.get(POLICIES)["alertPolicies"])


def did(plans: Plans) -> set[tuple[str, str]]:
    """Resource type and action of whatever the plans do."""
    return {(c.type, str(c.action)) for summary in plans.summaries.values() for c in summary.effective}


@contextmanager
def site(place: Path) -> Iterator[Site]:
    with attached(place) as cloud:
        cloud.post(f"{PROJECT}/secrets?secretId=pw", {"replication": {"automatic": {}}})
        cloud.post(f"{PROJECT}/secrets/pw:addVersion", {"payload": {"data": "YQ=="}})
        yield Site(cloud, place / "roots")
