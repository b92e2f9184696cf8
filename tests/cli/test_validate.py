"""`tidegate validate` on specs, directories and plans, and what it writes for other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from tidegate import cli
from tidegate.adapters import rootdir
from tidegate.core.document import MAX_BYTES
from tidegate.core.errors import ExitCode

SPEC = """\
service: orders
project: demo-project
region: europe-west1
scaling: {max_instances: 500}
containers:
  - name: side
    image: shop/side:v1
  - name: app
    port: 8080
    env:
      LEVEL: debug
      DB_PASSWORD: hunter2
    secrets:
      KEY: {secret: orders}
    probes:
      startup: {http: {path: /ready}}
      liveness: {http: {path: /live}}
invokers:
  - group:staff@example.com
  - allUsers
billing: request
environments:
  prod:
    scaling: {max_instances: 600}
"""
PUBLIC = 'resource "google_cloud_run_v2_service_iam_member" "x" {\n  member = "allUsers"\n}\n'
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def start(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["validate", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(code), out, err

    return start


def places(out: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^(\S+:\d+):\d+: \w+ (TG\d+):", out, re.MULTILINE))


# --------------------------------------------------------------------------------------------------- specs


def test_findings_of_a_spec_stand_in_the_line_of_the_spec_that_makes_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    code, out, _ = run("--no-terraform", "--image", "x:v1")
    lines = {rule: SPEC.splitlines()[int(place.partition(":")[2]) - 1].strip() for place, rule in places(out)}
    assert code == ExitCode.INVALID
    assert lines["TG104"] == "DB_PASSWORD: hunter2"
    assert lines["TG109"] == "KEY: {secret: orders}"
    assert lines["TG101"] == "- allUsers"
    assert lines["TG116"] == "scaling: {max_instances: 500}"
    assert lines["TG118"] == "billing: request"
    assert {place.partition(":")[0] for place, _ in places(out)} == {"tidegate.yaml"}


def test_what_an_environment_says_is_found_where_it_says_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    _, out, _ = run("--no-terraform", "--env", "prod", "--format", "json")
    (finding,) = [f for f in json.loads(out)["findings"] if f["rule"] == "TG116"]
    assert (finding["line"], "600" in finding["message"]) == (SPEC.splitlines().index("  prod:") + 2, True)


ACCEPTING = (
    SPEC
    + """\
accept:
  - rule: TG109
    reason: renewed every week
  - {rule: TG101, reason: the landing page}
"""
)


def test_a_spec_accepts_findings_with_a_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(ACCEPTING)
    rules = {rule for _, rule in places(run("--no-terraform")[1])}
    assert not {"TG101", "TG109"} & rules
    assert "TG104" in rules
    assert "TG003" not in rules


def test_what_a_spec_accepts_in_vain_is_told_in_its_line(run: Run, tmp_path: Path) -> None:
    text = ACCEPTING + "  - {rule: TG999, reason: no such rule}\n  - {rule: TG201, reason: not broken}\n"
    (tmp_path / "tidegate.yaml").write_text(text + "alerts: {channels: [{email: a@example.com}]}\n")
    lines = text.splitlines()
    found = places(run("--no-terraform")[1])
    assert (f"tidegate.yaml:{len(lines) - 1}", "TG002") in found
    assert (f"tidegate.yaml:{len(lines)}", "TG003") in found


@pytest.mark.parametrize(
    "entry", ["{rule: TG101}", "{rule: TG101, reason: ' '}", "{rule: public, reason: x}"]
)
def test_a_spec_that_gives_no_reason_or_no_id_is_not_valid(run: Run, tmp_path: Path, entry: str) -> None:
    (tmp_path / "tidegate.yaml").write_text(f"{SPEC}accept: [{entry}]\n")
    code, out, err = run("--no-terraform")
    assert (code, out) == (ExitCode.INVALID, "")
    assert f"tidegate.yaml:{len(SPEC.splitlines()) + 1}:" in err


def test_an_accepted_error_does_not_stop_a_deployment_either(run: Run, tmp_path: Path) -> None:
    good = SPEC.replace("      DB_PASSWORD: hunter2\n", "")
    for accept, stopped in (("", True), ("accept: [{rule: TG101, reason: the landing page}]\n", False)):
        (tmp_path / "tidegate.yaml").write_text(good + accept)
        code, *_ = run("--no-terraform", "--image", "x:v1")
        assert (code == ExitCode.INVALID) is stopped


def test_hints_of_a_spec_name_its_keys(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(
        SPEC.replace("liveness:", "startup:").replace("      startup: {http: {path: /ready}}\n", "")
        + "telemetry: {fd_limit: 30000}\n"
    )
    found = json.loads(run("--no-terraform", "--image", "x", "--format", "json")[1])["findings"]
    hints = {finding["rule"]: finding["hint"] for finding in found}
    assert hints["TG101"].endswith("set allow_public: true")
    assert hints["TG105"].startswith("deploy with --image")
    assert hints["TG108"].startswith("add probes.liveness")
    assert hints["TG118"] == "set billing: instance"
    assert hints["TG206"] == "lower telemetry.fd_limit to 25,000 or less, or leave it out"


# --------------------------------------------------------------------------------------------- directories


def test_any_terraform_is_checked_with_paths_as_one_types_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "infra" / "a" / ".terraform").mkdir(parents=True)
    (tmp_path / "infra" / "a" / "main.tf").write_text(PUBLIC)
    (tmp_path / "infra" / "a" / ".terraform" / "main.tf").write_text(PUBLIC)
    (tmp_path / "infra" / "notes.txt").write_text("no Terraform")
    code, out, err = run("--terraform", "infra")
    assert code == ExitCode.INVALID
    assert places(out) == {("infra/a/main.tf:2", "TG101")}
    assert err == "infra: 1 error, 0 warnings\n"


def test_a_warning_alone_is_no_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('module "m" {\n  source = "./modules/monitoring"\n}\n')
    code, out, _ = run("--terraform", ".")
    assert (code, places(out)) == (ExitCode.DONE, {("main.tf:1", "TG201")})


def test_copies_of_the_modules_of_tidegate_are_left_out_and_changed_ones_are_not(
    run: Run, tmp_path: Path
) -> None:
    module = tmp_path / "modules" / "service"
    module.mkdir(parents=True)
    (module / "main.tf").write_text(rootdir.module_texts()["service/main.tf"])
    assert run("--terraform", ".")[0] == ExitCode.DONE
    (module / "main.tf").write_text(rootdir.module_texts()["service/main.tf"] + PUBLIC)
    assert {rule for _, rule in places(run("--terraform", ".")[1])} == {"TG101"}


def test_files_that_cannot_be_read_are_findings_beside_those_of_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.tf").write_text("a = [\n")
    (tmp_path / "b.tf").write_text(PUBLIC)
    (tmp_path / "c.tf").write_bytes(b"\n\xff")
    code, out, err = run("--terraform", ".")
    assert code == ExitCode.INVALID
    assert places(out) == {("below/a.tf:1", "TG004"), ("b.tf:2", "TG101"), ("c.tf:2", "TG004")}
    assert "below/a.tf:1:5: error TG004: [ is opened here" in out
    assert err == ".: 3 errors, 0 warnings\n"


def test_a_file_that_is_too_large_has_no_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text("#" * (MAX_BYTES + 1))
    assert run("--terraform", ".")[1].startswith("a.tf: error TG004: is 262,145 bytes long")
    (finding,) = json.loads(run("--terraform", ".", "--format", "json")[1])["findings"]
    assert (finding["path"], finding["line"]) == ("a.tf", 0)


def test_what_a_file_that_cannot_be_read_may_hold_is_not_said_to_be_missing(run: Run, tmp_path: Path) -> None:
    alert = (
        'resource "google_monitoring_alert_policy" "a" {\n  conditions {\n    condition_threshold {\n'
        '      filter = "metric.type=\\"run.googleapis.com/request_count\\""\n    }\n  }\n}\n'
    )
    (tmp_path / "main.tf").write_text('resource "google_cloud_run_v2_service" "s" {\n}\n' + alert)
    (tmp_path / "leaks.tf").write_text("")
    assert "TG211" in {rule for _, rule in places(run("--terraform", ".")[1])}
    (tmp_path / "leaks.tf").write_text("a = [\n")
    assert "TG211" not in {rule for _, rule in places(run("--terraform", ".")[1])}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--terraform", "nowhere"), "nowhere is not there"),
        (("--terraform", "empty"), "empty has no Terraform files"),
        (("--terraform", "file.txt"), "file.txt is a file, not a directory"),
        (("--plan", "nowhere"), "the plan nowhere cannot be read"),
        (("--plan", "file.txt"), "file.txt is not JSON"),
        (("--plan", "list.json"), "list.json is not a plan"),
        (("--terraform", "empty", "--plan", "list.json"), "give one of them"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "list.json").write_text("[]")
    code, out, err = run(*arguments)
    assert (code, out) == (ExitCode.USAGE, "")
    assert said in err.splitlines()[0]


# --------------------------------------------------------------------------------------------------- plans


def test_a_plan_is_checked_with_addresses(run: Run, tmp_path: Path) -> None:
    kind = "google_cloud_run_v2_service_iam_member"
    raw = {
        "address": f"module.a.{kind}.x",
        "type": kind,
        "name": "x",
        "change": {"after": {"member": "allUsers"}},
    }
    (tmp_path / "plan.json").write_text(json.dumps({"format_version": "1.2", "resource_changes": [raw]}))
    code, out, _ = run("--plan", "plan.json", "--format", "json")
    (finding,) = json.loads(out)["findings"]
    assert code == ExitCode.INVALID
    assert (finding["path"], finding["line"], finding["address"]) == ("plan.json", 0, f"module.a.{kind}.x")
    assert f"plan.json: module.a.{kind}.x: error TG101" in run("--plan", "plan.json")[1]


def test_what_a_module_of_tidegate_makes_in_a_plan_is_mended_in_its_call(run: Run, tmp_path: Path) -> None:
    kind = "google_cloud_run_v2_service"
    after = {"template": [{"containers": [{"image": "a:v1"}]}]}

    def resource(module: str) -> dict[str, Any]:
        address = {"address": f"module.{module}.{kind}.s", "module_address": f"module.{module}"}
        return {**address, "type": kind, "name": "s", "change": {"after": after}}

    sources = {"own": "../tidegate/modules/service", "foreign": "./cloud-run"}
    calls = {name: {"source": source} for name, source in sources.items()}
    plan = {
        "format_version": "1.2",
        "resource_changes": list(map(resource, sources)),
        "configuration": {"root_module": {"module_calls": calls}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    found = json.loads(run("--plan", "plan.json", "--format", "json")[1])["findings"]
    hints = {f["address"].split(".")[1]: f["hint"] for f in found if f["rule"] == "TG110"}
    assert hints["own"].startswith("set max_instances in scaling")
    assert hints["foreign"].startswith("set max_instance_count in scaling")


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"format_version": "2.0", "resource_changes": []},
        {"format_version": "1.2", "resource_changes": [1]},
    ],
)
def test_another_form_of_a_plan_is_refused(run: Run, tmp_path: Path, plan: Any) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    code, out, err = run("--plan", "plan.json")
    assert (code, out) == (ExitCode.USAGE, "")
    assert "terraform show -json" in err


# ------------------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize("form", ["sarif", "junit", "github"])
def test_standard_output_holds_the_document_alone(run: Run, tmp_path: Path, form: str) -> None:
    (tmp_path / "tidegate.yaml").write_text(
        SPEC.replace("region: europe-west1", "regions: [europe-west1, us-east1]")
    )
    (tmp_path / "main.tf").write_text(PUBLIC)
    for arguments in (("--no-terraform",), ("--terraform", ".")):
        code, out, _ = run(*arguments, "--format", form)
        assert code == ExitCode.INVALID
        assert "TG101" in rules_in(form, out)


@pytest.mark.parametrize("form", ["json", "sarif", "junit", "github"])
def test_what_cannot_be_read_is_in_the_document_too(run: Run, tmp_path: Path, form: str) -> None:
    (tmp_path / "tidegate.yaml").write_text("service: s\nproject: [\n")
    (tmp_path / "a.tf").write_text("a = [\n")
    (tmp_path / "b.tf").write_text(PUBLIC)
    code, out, _ = run("--terraform", ".", "--format", form)
    assert (code, sorted(rules_in(form, out))) == (ExitCode.INVALID, ["TG004", "TG101"])
    code, out, err = run("--format", form)
    assert (code, rules_in(form, out)) == (ExitCode.INVALID, ["TG004"])
    assert err.startswith("error: tidegate.yaml:3:1: ")


def test_every_fault_of_a_spec_is_a_finding_in_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC.replace("demo-project", "x") + "color: red\n")
    code, out, _ = run("--format", "json")
    document = json.loads(out)
    lines = SPEC.splitlines()
    assert (code, document["valid"]) == (ExitCode.INVALID, False)
    assert [(f["path"], f["line"]) for f in document["findings"]] == [
        ("tidegate.yaml", lines.index("project: demo-project") + 1),
        ("tidegate.yaml", len(lines) + 1),
    ]


def rules_in(form: str, out: str) -> list[Any]:
    if form == "json":
        return [finding["rule"] for finding in json.loads(out)["findings"]]
    if form == "sarif":
        (one,) = json.loads(out)["runs"]
        return [result["ruleId"] for result in one["results"]]
    if form == "junit":
        return [f.get("type") for f in Xml.fromstring(out.encode()).findall(".//failure")]
    assert all(line.startswith(("::error ", "::warning ")) for line in out.splitlines())
    return re.findall(r"title=(TG\d+)", out)
