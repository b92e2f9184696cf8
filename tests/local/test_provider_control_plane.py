"""A real terraform against the local provider and the local control plane together."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.provider_configurations import CHANGES, POLICY, SECRET, member, service, unexpected
from local.provider_runs import Folder, control_plane
from tidegate.local.provider.server import serve
from tidegate.local.world import World

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

SERVICE = "/v2/projects/demo/locations/europe-west1/services/app"
NEEDED = {
    "service": SECRET % "a" + 'resource "google_secret_manager_secret_version" "it" {\n'
    '  secret = google_secret_manager_secret.it.id\n  secret_data = "one"\n}\n'
}
GROUND = """
resource "google_cloud_run_v2_service" "ground" {
  name                = "app"
  location            = "europe-west1"
  deletion_protection = false

  template {
    containers {
      image = "app:1"
    }
  }
}

resource "google_service_account" "ground" {
  account_id = "ground"
}

resource "google_secret_manager_secret" "ground" {
  secret_id = "ground"

  replication {
    auto {}
  }
}
"""


@pytest.fixture
def world() -> World:
    return World(time.time, lambda service, tag: "http://127.0.0.1:1")


@pytest.fixture
def address(world: World) -> Iterator[str]:
    with control_plane(world) as found:
        yield found


@pytest.fixture
def folder(address: str, tmp_path: Path) -> Iterator[Folder]:
    with serve(address, "demo") as provider:
        yield Folder(tmp_path, provider)


def _grounded(name: str, text: str) -> str:
    """The configuration on resources that exist: the control plane refuses grants on nothing."""
    if name.endswith(" member") or name == "secret version disabled":
        text = text.replace('"projects/demo/serviceAccounts/x@demo.y"', "google_service_account.ground.name")
        text = text.replace('"projects/demo/secrets/x"', "google_secret_manager_secret.ground.id")
        text = text.replace('"projects/demo/secrets/conf"', "google_secret_manager_secret.ground.id")
        text = text.replace('secret_id = "conf"', "secret_id = google_secret_manager_secret.ground.secret_id")
        return GROUND + text.replace('name = "app"', "name = google_cloud_run_v2_service.ground.name", 1)
    if name.startswith("service"):
        text = text.replace('secret  = "conf"', "secret  = google_secret_manager_secret_version.it.secret")
        return NEEDED["service"] + text
    return text


@pytest.mark.parametrize("name", CHANGES)
def test_create_change_and_destroy_leave_no_difference_behind(name: str, folder: Folder) -> None:
    folder.init()
    for text in CHANGES[name]:
        folder.write(_grounded(name, text))
        folder.apply()
        assert "No changes" in folder.plan()
    folder.destroy()

    assert unexpected(folder) == []
    assert folder.state() == {}


def _get(address: str, path: str) -> dict[str, Any]:
    answer = requests.get(address + path, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def test_an_update_puts_a_split_back_that_changed_after_the_plan(folder: Folder, address: str) -> None:
    folder.write(_grounded("service", service()))
    folder.init()
    folder.apply()
    first = _get(address, SERVICE)["latestReadyRevision"].rsplit("/", 1)[-1]
    folder.write(_grounded("service", service(image="app:2")))
    folder.plan("-out=plan", code=2)
    pinned = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": first, "percent": 100}
    body = {"traffic": [pinned]}
    requests.patch(f"{address}{SERVICE}?updateMask=traffic", json=body, timeout=10).raise_for_status()

    folder.run("apply", "-input=false", "-no-color", "plan")

    assert _get(address, SERVICE)["traffic"] == [
        {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}
    ]


def test_a_service_made_elsewhere_is_imported_without_a_difference(folder: Folder, address: str) -> None:
    template = {"containers": [{"image": "app:1"}]}
    target = f"{address}{SERVICE.rsplit('/', 1)[0]}?serviceId=app"
    requests.post(target, json={"template": template}, timeout=10).raise_for_status()
    deadline = time.monotonic() + 30
    while _get(address, SERVICE).get("reconciling"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    folder.write(
        GROUND.split("resource")[1].join(("resource", "")).replace("deletion_protection = false", "")
    )
    folder.init()

    folder.run(
        "import",
        "-input=false",
        "-no-color",
        "google_cloud_run_v2_service.ground",
        SERVICE.removeprefix("/v2/"),
    )

    assert "No changes" in folder.plan()


def test_a_revision_that_does_not_start_taints_and_says_why(
    folder: Folder, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(service: str, revision: str) -> None:
        world.revision_failed(service, revision, "HEALTH_CHECK_CONTAINER_ERROR", "nothing listens on 8080")

    monkeypatch.setattr(world, "revision_started", fail)
    folder.write(_grounded("service", service()))
    folder.init()

    output = " ".join(folder.apply(code=1).replace("│", " ").split())

    assert "Error waiting to create Service" in output
    assert "nothing listens on 8080" in output
    assert folder.state()["google_cloud_run_v2_service.it"]["tainted"]


def test_grants_of_one_run_do_not_lose_each_other(folder: Folder, address: str) -> None:
    grants = [
        (member("project", 'project = "demo"') % name).replace('"it"', f'"{name}"')
        for name in ("a", "b", "c", "d", "e", "f")
    ]
    folder.write("".join(grants))
    folder.init()

    folder.apply()

    policy = requests.post(f"{address}/v1/projects/demo:getIamPolicy", json={}, timeout=10).json()
    members = next(entry["members"] for entry in policy["bindings"] if entry["role"] == "roles/viewer")
    assert len(members) == 6


def test_a_policy_changed_elsewhere_is_put_right(folder: Folder, address: str) -> None:
    folder.write(POLICY % ("one", ""))
    folder.init()
    folder.apply()
    name = folder.state()["google_monitoring_alert_policy.it"]["name"]
    target = f"{address}/v3/{name}?updateMask=displayName"
    requests.patch(target, json={"displayName": "by hand"}, timeout=10).raise_for_status()

    assert '"by hand" -> "one"' in folder.plan(code=2)
    folder.apply()

    assert json.loads(json.dumps(_get(address, f"/v3/{name}")))["displayName"] == "one"


MODULES = Path(__file__).parents[2] / "infra" / "modules"


def test_the_project_s_own_modules_settle_in_one_apply(folder: Folder) -> None:
    folder.write(f"""
module "service" {{
  source              = {json.dumps(str(MODULES / "service"))}
  project             = "demo-project"
  region              = "europe-west1"
  name                = "shop"
  deletion_protection = false
  invokers            = ["serviceAccount:caller@demo-project.iam.gserviceaccount.com"]

  containers = {{
    app = {{
      image         = "shop:1"
      port          = 8080
      env           = {{ MODE = "quiet" }}
      startup_probe = {{ http = {{ path = "/healthz" }} }}
    }}
  }}
}}

module "monitoring" {{
  source   = {json.dumps(str(MODULES / "monitoring"))}
  project  = "demo-project"
  region   = "europe-west1"
  service  = "shop"
  channels = {{ emails = ["team@example.com"] }}
}}
""")
    folder.init()
    folder.run("validate", "-no-color")

    folder.apply()

    assert "No changes" in folder.plan()
    folder.destroy()
    assert unexpected(folder) == []
