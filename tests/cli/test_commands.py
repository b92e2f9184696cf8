"""The command line as a whole: help, exit codes, what goes to which stream, and one sentence per trouble."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from tidegate import cli
from tidegate.core.errors import ExitCode
from tidegate.core.policies import POLICIES

SPEC = """\
service: orders
project: demo-project
region: europe-west1
containers:
  - name: app
    port: 8080
    probes:
      startup: {http: {path: /healthz}}
      liveness: {http: {path: /healthz}}
alerts:
  channels: [{email: oncall@example.com}]
environments:
  prod:
    scaling: {max_instances: 5}
"""
IMAGE = ("--image", "demo/orders:v1")


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a good spec, in a surrounding without Google credentials or daemons."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "tidegate.yaml").write_text(SPEC)
    monkeypatch.chdir(work)
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("TIDEGATE_TERRAFORM", "TIDEGATE_LOCAL", "TIDEGATE_WEBHOOKS"):
        monkeypatch.delenv(name, raising=False)
    return work


@pytest.fixture
def run(place: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process. Whatever it prints is no traceback."""

    def start(*arguments: str) -> Ran:
        capfd.readouterr()
        code = cli.main(list(arguments))
        out, err = capfd.readouterr()
        if "--debug" not in arguments:
            assert "Traceback" not in out + err
        return Ran(int(code), out, err)

    return start


def only_sentence(ran: Ran) -> str:
    """The one line on standard error beside hints; nothing is on standard output."""
    assert ran.out == ""
    lines = [line for line in ran.err.splitlines() if not line.startswith("hint: ")]
    assert len(lines) == 1, ran.err
    return lines[0].removeprefix("error: ")


# ------------------------------------------------------------------------------------------------ help


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_the_table_says_what_the_commands_say(name: str, run: Run) -> None:
    entry = cli.COMMANDS[name]
    command = getattr(importlib.import_module(f"tidegate.cli.{entry.module}"), entry.name)
    assert isinstance(command, click.Command)
    assert command.help is not None
    said = " ".join(command.help.split("\n\n")[0].split())
    # A longer description may go on where the table ends.
    assert said.startswith(entry.help.rstrip(".")), said
    ran = run(name, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: tidegate {name}")


def test_help_lists_every_command_and_exit_code(run: Run) -> None:
    ran = run("--help")
    assert ran.code == 0
    for name, entry in cli.COMMANDS.items():
        assert name in ran.out
        assert entry.help.split()[0] in ran.out
    for code in set(ExitCode) - {ExitCode.BUG, ExitCode.TERMINATED}:
        assert str(int(code)) in ran.out


def test_version(run: Run) -> None:
    from tidegate import __version__

    assert run("--version").out == f"tidegate, version {__version__}\n"


def test_help_imports_no_client_library(place: Path) -> None:
    code = (
        "import sys; from tidegate.cli import main; main(['--help']);"
        "heavy = {'google', 'grpc', 'pydantic', 'jinja2', 'numpy', 'rich', 'ruamel'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deplyo"], "deplyo"),
        (["validate", "--fromat", "json"], "--fromat"),
        (["validate", "--format", "xml"], "xml"),
        (["explain"], "RULE"),
    ],
)
def test_a_command_line_that_cannot_be_read(run: Run, arguments: list[str], said: str) -> None:
    ran = run(*arguments)
    assert ran.code == ExitCode.USAGE
    assert said in ran.err
    assert ran.out == ""


# ------------------------------------------------------------------------------------------------ specs


def write(text: bytes) -> Callable[[Path], None]:
    def do(place: Path) -> None:
        (place / "tidegate.yaml").write_bytes(text)

    return do


def directory(place: Path) -> None:
    (place / "tidegate.yaml").unlink()
    (place / "tidegate.yaml").mkdir()


def without(place: Path) -> None:
    (place / "tidegate.yaml").unlink()


GOOD = SPEC.encode()
BAD_SPECS = {
    "invalid yaml": (write(b"service: [orders\nproject: x\n"), ExitCode.INVALID, "tidegate.yaml:"),
    "utf-16": (write(SPEC.encode("utf-16")), ExitCode.INVALID, "tidegate.yaml"),
    "10 MB": (write(b"# " + b"x" * 10_000_000 + b"\n" + GOOD), ExitCode.INVALID, "tidegate.yaml"),
    "directory": (directory, ExitCode.USAGE, "is a directory"),
    "missing": (without, ExitCode.USAGE, "there is no file tidegate.yaml"),
    "empty": (write(b""), ExitCode.INVALID, "tidegate.yaml"),
    "a list": (write(b"- 1\n"), ExitCode.INVALID, "tidegate.yaml"),
    "unknown key": (write(GOOD + b"scalling: {}\n"), ExitCode.INVALID, "scaling"),
    "nul": (write(b"service: \x00\n"), ExitCode.INVALID, "tidegate.yaml"),
    "bombs": (
        write(b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nservice: *c\n"),
        ExitCode.INVALID,
        "tidegate.yaml",
    ),
}
COMMANDS_ON_A_SPEC = (
    ("render",),
    ("validate", "--no-terraform"),
    ("plan",),
    ("deploy", "--auto-approve"),
    ("rollback",),
    ("status",),
    ("power", "--rate", "1"),
    ("record", "trace"),
    ("doctor", "-f", "tidegate.yaml"),
)


@pytest.mark.parametrize("command", COMMANDS_ON_A_SPEC, ids=lambda c: str(c[0]))
@pytest.mark.parametrize("kind", sorted(BAD_SPECS))
def test_a_bad_spec_is_said_in_its_place(run: Run, place: Path, kind: str, command: tuple[str, ...]) -> None:
    make, code, said = BAD_SPECS[kind]
    make(place)
    ran = run(*command)
    assert ran.code == code
    assert ran.out == ""
    assert said in ran.err
    assert len(ran.err) < 4000
    assert all(line.startswith(("error: ", "hint: ")) for line in ran.err.splitlines())
    assert not (place / ".tidegate").exists()


def test_a_byte_order_mark_is_no_fault_or_a_clear_one(run: Run, place: Path) -> None:
    write(b"\xef\xbb\xbf" + GOOD)(place)
    ran = run("validate", "--no-terraform", *IMAGE)
    assert ran.code in (ExitCode.DONE, ExitCode.INVALID)
    if ran.code:
        assert "byte-order mark" in only_sentence(ran)


def test_all_faults_of_a_spec_come_at_once(run: Run, place: Path) -> None:
    write(GOOD.replace(b"europe-west1", b"'Nowhere!'") + b"scalling: {}\nrolout: {}\n")(place)
    ran = run("validate")
    assert ran.code == ExitCode.INVALID
    faults = [line for line in ran.err.splitlines() if line.startswith("error: tidegate.yaml:")]
    assert len(faults) == 3
    assert "scaling" in faults[1]
    assert "rollout" in faults[2]


def test_an_unknown_environment_names_those_there_are(run: Run) -> None:
    ran = run("render", *IMAGE, "--env", "produ")
    assert ran.code in (ExitCode.USAGE, ExitCode.INVALID)
    assert "produ" in ran.err
    assert "prod" in ran.err.replace("produ", "")


@pytest.mark.parametrize("command", [("render",), ("plan",), ("deploy", "--auto-approve")])
def test_a_missing_image_is_asked_for(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command)
    assert ran.code in (ExitCode.USAGE, ExitCode.INVALID)
    assert "image" in ran.err
    assert "--image" in ran.err


# --------------------------------------------------------------------------------------- surroundings


@pytest.mark.parametrize(
    "command",
    [("plan", *IMAGE), ("deploy", "--auto-approve", *IMAGE), ("status",), ("rollback",)],
    ids=lambda c: str(c[0]),
)
def test_without_credentials(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command)
    assert ran.code == ExitCode.REMOTE
    assert "credentials" in only_sentence(ran)
    assert "gcloud auth application-default login" in ran.err


@pytest.mark.parametrize(
    "command",
    [("plan", *IMAGE), ("deploy", "--auto-approve", *IMAGE), ("status",), ("rollback",)],
    ids=lambda c: str(c[0]),
)
def test_a_local_target_without_a_daemon(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command, "--target", "local")
    assert ran.code == ExitCode.USAGE
    assert "no local Cloud Run is running in .tidegate/local" in only_sentence(ran)
    assert "hint: start one with `tidegate local up`" in ran.err


def old(place: Path) -> Path:
    script = place / "old-terraform"
    script.write_text('#!/bin/sh\necho \'{"terraform_version": "1.4.2"}\'\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("kind", ["nowhere", "old"])
def test_a_terraform_that_cannot_be_used(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    named = old(place) if kind == "old" else place / "nowhere"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("TIDEGATE_TERRAFORM", str(named))
    ran = run("validate", *IMAGE)
    assert ran.code == ExitCode.TERRAFORM
    said = only_sentence(ran)
    assert str(named) in said
    assert ("1.4.2, too old" if kind == "old" else "does not exist") in said
    assert "1.11 or newer" in said
    examined = run("doctor")
    assert examined.code != ExitCode.DONE
    assert f"failed   terraform: TIDEGATE_TERRAFORM names {named}" in examined.out


def test_doctor_finds_the_credentials_missing_and_says_what_to_do(run: Run) -> None:
    ran = run("doctor", "-f", "tidegate.yaml", "--format", "json")
    found = {check["check"]: check for check in json.loads(ran.out)["checks"]}
    assert ran.code != ExitCode.DONE
    assert found["terraform"]["state"] == "ok"
    assert found["credentials"]["state"] == "failed"
    assert "gcloud" in found["credentials"]["hint"]
    assert found["Cloud Run API"]["state"] == found["Monitoring API"]["state"] == "skipped"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory(run: Run, place: Path) -> None:
    place.chmod(0o500)
    try:
        ran = run("render", *IMAGE)
    finally:
        place.chmod(0o700)
    assert ran.code == ExitCode.USAGE
    assert ".tidegate" in only_sentence(ran)


def test_a_directory_that_cannot_be_made(run: Run, place: Path) -> None:
    (place / ".tidegate").write_text("a file in the way")
    ran = run("render", *IMAGE)
    assert ran.code == ExitCode.USAGE
    assert ".tidegate" in only_sentence(ran)


def test_nobody_there_to_approve(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = run("deploy", *IMAGE)
    assert ran.code == ExitCode.USAGE
    assert only_sentence(ran) == "nobody is here to approve the plan"


@pytest.mark.parametrize("closed", ["pipe", "closed"])
def test_a_reader_that_has_gone(place: Path, closed: str) -> None:
    command = f"{sys.executable} -m tidegate render --image demo/orders:v1"
    shell = f"{command} >&-" if closed == "closed" else f"{{ sleep 0.3; {command}; echo $? >&3; }} | true"
    code = "cat" if closed == "closed" else "cat code"
    done = subprocess.run(
        ["bash", "-c", f"exec 3>code; {shell}; {code} </dev/null"],
        capture_output=True, text=True, check=False, cwd=place,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_debug_shows_the_traceback_wherever_it_stands(run: Run) -> None:
    for arguments in (("--debug", "status"), ("status", "--debug")):
        ran = run(*arguments)
        assert ran.code == ExitCode.REMOTE
        assert "Traceback" in ran.err
        assert "error: no usable Google credentials" in ran.err
        assert ran.out == ""


def test_what_nobody_foresaw_is_called_a_bug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("tidegate.flows.prepare.read", fail)
    ran = run("render")
    assert ran.code == ExitCode.BUG
    assert only_sentence(ran) == "this is a bug in tidegate: ZeroDivisionError: oops"
    assert "--debug" in ran.err


# --------------------------------------------------------------------------------------------- results


def test_render_writes_what_it_says(run: Run, place: Path) -> None:
    ran = run("render", *IMAGE, "-o", "out", "--format", "json")
    assert ran.code == ExitCode.DONE
    said = json.loads(ran.out)
    there = {str(p.relative_to("out")) for p in Path("out").rglob("*") if p.is_file() and p.name[0] != "."}
    assert set(said["files"]) == set(said["changed"]) == there
    again = json.loads(run("render", *IMAGE, "-o", "out", "--format", "json").out)
    assert (again["changed"], again["removed"]) == ([], [])
    other = json.loads(run("render", *IMAGE, "--env", "prod", "-o", "out", "--format", "json").out)
    assert other["changed"] == ["service/main.tf"] or "service/main.tf" in other["changed"]
    listed = run("render", *IMAGE, "-o", "out")
    assert {line.removeprefix("out/") for line in listed.out.splitlines()} == there


def test_a_template_with_a_missing_variable_is_named_with_its_line(run: Run, place: Path) -> None:
    templates = place / "mine" / "service"
    templates.mkdir(parents=True)
    (templates / "main.tf.j2").write_text(
        "# mine\n\n# {{ spec.service | hcl }}\n# {{ no_such_thing | hcl }}\n"
    )
    ran = run("render", *IMAGE, "--templates", "mine")
    assert ran.code == ExitCode.INVALID
    said = only_sentence(ran)
    assert "service/main.tf.j2:4" in said
    assert "no_such_thing" in said
    assert not (place / ".tidegate").exists()


def test_templates_that_are_not_there(run: Run) -> None:
    ran = run("render", *IMAGE, "--templates", "nowhere")
    assert ran.code in (ExitCode.USAGE, ExitCode.INVALID)
    assert "nowhere" in only_sentence(ran)


def test_validate_says_what_it_found_as_text_and_json(run: Run, place: Path) -> None:
    ran = run("validate", "--no-terraform", *IMAGE)
    assert (ran.code, ran.out) == (ExitCode.DONE, "")
    assert "are fine" in ran.err
    latest = ("--image", "demo/orders:latest")
    text = run("validate", "--no-terraform", *latest)
    data = run("validate", "--no-terraform", *latest, "--format", "json")
    assert text.code == data.code == ExitCode.INVALID
    (finding,) = json.loads(data.out)["findings"]
    assert f"{finding['path']}:{finding['line']}:{finding['column']}" in text.out
    assert finding["rule"] in text.out
    assert json.loads(data.out)["valid"] is False


def test_validate_says_what_a_local_target_cannot_measure(run: Run, place: Path) -> None:
    own = "analysis: {metrics: {routines: {promql: x}}}\n"
    (place / "tidegate.yaml").write_text(SPEC + own)
    local = ("validate", "--no-terraform", "--target", "local", *IMAGE)
    text, data = run(*local), run(*local, "--format", "json")
    assert text.code == data.code == ExitCode.DONE
    sentence = "routines is not measured: the local Cloud Run executes no PromQL"
    assert sentence in text.err
    assert json.loads(data.out)["notes"] == [sentence]


def test_a_finding_stops_a_deployment_before_anybody_is_asked(run: Run) -> None:
    ran = run("deploy", "--auto-approve", "--image", "demo/orders:latest")
    assert ran.code == ExitCode.INVALID
    assert "service/main.tf:" in ran.err
    assert "explain RULE" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("render", *IMAGE), ExitCode.DONE),
        (("validate", "--no-terraform"), ExitCode.DONE),
        (("validate", "--no-terraform", "--image", "x:latest"), ExitCode.INVALID),
        (("doctor",), None),
    ],
)
def test_json_is_all_there_is_on_standard_output(run: Run, arguments: tuple[str, ...], code: object) -> None:
    ran = run(*arguments, "--format", "json")
    json.loads(ran.out)
    assert code is None or ran.code == code


@pytest.mark.parametrize(
    "arguments", [("plan", *IMAGE), ("deploy", "--auto-approve", *IMAGE), ("status",), ("rollback",)]
)
def test_errors_leave_standard_output_empty_for_json_too(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments, "--format", "json")
    assert ran.code == ExitCode.REMOTE
    assert ran.out == ""


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.id)
def test_explain_every_rule(run: Run, policy: object) -> None:
    by_id = run("explain", getattr(policy, "id"))  # noqa: B009
    assert by_id.code == ExitCode.DONE
    assert "Why: " in by_id.out
    assert run("explain", getattr(policy, "name").upper()) == by_id  # noqa: B009


def test_explain_a_rule_there_is_not(run: Run) -> None:
    ran = run("explain", "TG999")
    assert ran.code == ExitCode.USAGE
    assert only_sentence(ran) == "there is no rule 'TG999'"
    assert POLICIES[0].id in ran.err
