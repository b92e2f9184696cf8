"""The same policies on a plan as on its files: by a real terraform, against the local provider."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.provider_runs import HEADER
from tidegate.core.policy import Finding
from tidegate.flows.check import check_files, check_plan

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]
PROVIDER = HEADER + 'provider "google" {\n  project = "shop-prod"\n  region = "europe-west1"\n}\n'
WHOLE = Path(__file__).parents[1] / "core" / "policies" / "whole"
# What a plan does not say: what is ignored, and how the versions of providers are bound.
ONLY_IN_FILES = {"TG121"}


def planned(cloud: Cloud, text: str) -> dict[str, Any]:
    (cloud.place / "own-none").mkdir(exist_ok=True)
    folder = cloud.root("none", PROVIDER + text)
    folder.run("plan", "-input=false", "-out=p")
    found: dict[str, Any] = json.loads(folder.run("show", "-json", "p"))
    return found


def rules(found: tuple[Finding, ...]) -> list[str]:
    return sorted(f.rule for f in found)


def service(name: str) -> str:
    """One of the whole examples, without what the local provider does not know."""
    text = (WHOLE / name).read_text()
    for block in ("terraform", 'resource "google_compute_region_network_endpoint_group"'):
        text = re.sub(rf"^{block}.*?^}}\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return text


def test_a_bad_service_is_as_bad_in_its_plan(cloud: Cloud) -> None:
    text = service("bad.tf") + service("bad_access.tf")
    in_plan = check_plan(json.dumps(planned(cloud, text)).encode(), "plan.json")
    in_file = check_files({"main.tf": text.encode()})
    assert rules(in_plan) == [rule for rule in rules(in_file) if rule not in ONLY_IN_FILES]
    assert {(f.path, f.line) for f in in_plan} == {("plan.json", 0)}
    invoker = next(f for f in in_plan if f.rule == "TG101")
    assert invoker.address == "google_cloud_run_v2_service_iam_member.everybody"
    assert str(invoker).startswith(f"plan.json: {invoker.address}: error TG101: ")


def test_a_good_service_has_nothing_against_it_in_its_plan(cloud: Cloud) -> None:
    plan = planned(cloud, service("good.tf"))
    assert plan["resource_changes"]
    assert check_plan(json.dumps(plan).encode(), "plan.json") == ()


COMPUTED = """
variable "image" {
  default = "shop/orders:latest"
}

variable "password" {
  default   = "hunter2"
  sensitive = true
}

resource "google_service_account" "runtime" {
  account_id = "orders"
}

resource "google_cloud_run_v2_service" "orders" {
  name     = "orders"
  location = "europe-west1"
  labels   = { owner = "checkout" }
  template {
    service_account = google_service_account.runtime.email
    scaling {
      max_instance_count = 3
    }
    dynamic "containers" {
      for_each = ["app"]
      content {
        name  = containers.value
        image = var.image
        env {
          name  = "DB_PASSWORD"
          value = var.password
        }
        env {
          name  = "API_TOKEN"
          value = google_service_account.runtime.unique_id
        }
        startup_probe {
          tcp_socket {
            port = 8080
          }
        }
        liveness_probe {
          tcp_socket {
            port = 8080
          }
        }
      }
    }
  }
}
"""


def test_what_variables_and_loops_make_is_seen_and_what_is_unknown_or_sensitive_is_not_objected_to(
    cloud: Cloud,
) -> None:
    plan = check_plan(json.dumps(planned(cloud, COMPUTED)).encode(), "plan.json")
    assert [(f.rule, f.address) for f in plan] == [("TG105", "google_cloud_run_v2_service.orders")]
    assert check_files({"main.tf": COMPUTED.encode()}) == ()


OPENED = """
module "service" {
  source       = "./modules/service"
  allow_public = true
}
"""
OPENING = """
variable "allow_public" {
  type = bool
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  location = "europe-west1"
  name     = "orders"
  role     = "roles/run.invoker"
  member   = "allUsers"
}
"""


def test_a_service_that_is_said_to_be_public_is_public_in_its_plan_too(cloud: Cloud) -> None:
    module = cloud.place / "own-none" / "modules" / "service"
    module.mkdir(parents=True)
    (module / "main.tf").write_text(HEADER + OPENING)
    plan = planned(cloud, OPENED)
    assert rules(check_plan(json.dumps(plan).encode(), "plan.json")) == []
    del plan["configuration"]["root_module"]["module_calls"]["service"]["expressions"]["allow_public"]
    (finding,) = check_plan(json.dumps(plan).encode(), "plan.json")
    assert (finding.rule, finding.address) == (
        "TG101",
        "module.service.google_cloud_run_v2_service_iam_member.invoker",
    )
