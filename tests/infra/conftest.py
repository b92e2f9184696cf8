"""A local control plane with Terraform attached, and root modules on disk."""

from __future__ import annotations

import bisect
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local.provider_runs import Folder, control_plane
from tidegate.adapters import rootdir
from tidegate.core.render import render
from tidegate.core.spec import load
from tidegate.local.provider.server import ProviderServer, serve
from tidegate.local.world import World

BOOTSTRAP = Path(__file__).resolve().parents[2] / "infra" / "bootstrap"

SPEC = """
service: orders
project: shop-prod
region: europe-west1
containers: [{image: example/orders:1}]
scaling: {concurrency: 20}
alerts: {monthly_cost: {budget: 250}}
"""


@dataclass
class Cloud:
    """The control plane as an outsider sees it over REST, and folders whose Terraform works against it."""

    url: str
    provider: ProviderServer
    place: Path
    world: World

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._call("POST", path, body)

    def patch(self, path: str, body: Any) -> dict[str, Any]:
        return self._call("PATCH", path, body)

    def status(self, path: str) -> int:
        return requests.get(self.url + path, timeout=20).status_code

    def _call(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = requests.request(verb, self.url + path, json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def render(self, spec: str, root: str) -> Folder:
        """The rendered root of a spec; rendering again changes the same folder."""
        files = render(load(spec.encode(), "tidegate.yaml"), rootdir.template_texts(), rootdir.module_texts())
        rootdir.write(self.place / "rendered", files)
        return self._ready(self.place / "rendered" / root)

    def root(self, module: str, text: str) -> Folder:
        """A root module of its own beside a copy of a module."""
        folder = self.place / f"own-{module}"
        for path, content in _texts(module).items():
            target = folder / "modules" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        (folder / "main.tf").write_text(text, encoding="utf-8")
        return self._ready(folder)

    def refusals(self, module: str, calls: list[str]) -> list[str]:
        """What one plan of a root with a call of the module for each of these arguments says to each."""
        blocks = [
            f'module "call{at}" {{\n  source = "./modules/{module}"\n{call}\n}}\n'
            for at, call in enumerate(calls)
        ]
        starts = [1 + "".join(blocks[:at]).count("\n") for at in range(len(blocks))]
        said = [""] * len(calls)
        for found in self._diagnostics(module, "".join(blocks)):
            if found["range"]["filename"] == "main.tf":
                said[bisect.bisect_right(starts, found["range"]["start"]["line"]) - 1] += found["detail"]
        # Terraform looks at preconditions only when the arguments of all calls are valid.
        for at, block in enumerate(blocks):
            said[at] = said[at] or "\n".join(found["detail"] for found in self._diagnostics(module, block))
        return said

    def _diagnostics(self, module: str, text: str) -> list[dict[str, Any]]:
        lines = self.root(module, text).run("plan", "-json", code=1).splitlines()
        return [found["diagnostic"] for found in map(json.loads, lines) if "diagnostic" in found]

    def _ready(self, path: Path) -> Folder:
        folder = Folder(path, self.provider, environment={"GOOGLE_OAUTH_ACCESS_TOKEN": "x"})
        if not (path / ".terraform").exists():
            folder.init()
        return folder


def _texts(module: str) -> dict[str, str]:
    if module == BOOTSTRAP.name:
        return {f"{module}/{file.name}": file.read_text(encoding="utf-8") for file in BOOTSTRAP.glob("*.tf")}
    return {path: text for path, text in rootdir.module_texts().items() if path.startswith(f"{module}/")}


@contextmanager
def attached(place: Path) -> Iterator[Cloud]:
    world = World(time.time, lambda service, tag: "http://127.0.0.1:1")
    with control_plane(world) as url, serve(url) as provider:
        yield Cloud(url, provider, place, world)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with attached(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def conditions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The PromQL condition of every alert of a service with concurrency 20 and a budget of 250 a month, by
    kind, as the API has it."""
    with attached(tmp_path_factory.mktemp("queries")) as found:
        found.render(SPEC, "monitoring").apply()
        return _conditions(found)


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The same of the module by itself, without a word about a collector."""
    text = """
module "monitoring" {
  source  = "./modules/monitoring"
  project = "shop-prod"
  region  = "europe-west1"
  service = "orders"
}
"""
    with attached(tmp_path_factory.mktemp("alone")) as found:
        found.root("monitoring", text).apply()
        return _conditions(found)


def _conditions(cloud: Cloud) -> dict[str, dict[str, Any]]:
    policies = cloud.get("/v3/projects/shop-prod/alertPolicies")["alertPolicies"]
    return {
        policy["userLabels"]["alert"]: policy["conditions"][0]["conditionPrometheusQueryLanguage"]
        for policy in policies
    }
