"""`tidegate alerts test`: real Terraform evaluates the alerts of a spec, real Prometheus runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tidegate import cli
from tidegate.core.alerting.subject import Subject
from tidegate.core.errors import ExitCode
from tidegate.core.spec import Alerts, load
from tidegate.settings import read
from tidegate.wiring.alerts import rules

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on the PATH"),
]

DOCS = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"
SPEC = """\
service: orders
project: shop-prod
region: europe-west1
containers: [{}]
"""
OTHER = """\
service: shop-api
project: shop-prod
regions: [us-central1, europe-west1]
containers: [{resources: {cpu: "2", memory: 1Gi}}]
scaling: {min_instances: 20, max_instances: 100, concurrency: 10}
billing: request
telemetry: {open_fds: go_open_fds, tcp_connections: sockets, fd_limit: 5000}
alerts:
  slo: {availability: 0.9995, latency: 0.999, latency_within: 300ms}
  monthly_cost: {budget: 40}
environments:
  patient:
    alerts: {slo: {availability: 0.95, latency: 0.95, latency_within: 20s}, latency_p99: {threshold: 30s}}
"""
OVERRIDDEN = """\
alerts:
  fd_growth: {per_minute: 40}
  memory_growth: {per_minute: 256Ki}
  error_ratio: {threshold: 0.0005}
  connection_ratio: {enabled: false}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def start(spec: str, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "tidegate.yaml").write_text(spec)
        capsys.readouterr()
        code = cli.main(["alerts", "test", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(code), out, err

    return start


def kinds(*names: str) -> list[str]:
    return [word for name in names for word in ("--kind", name)]


# --------------------------------------------------------------------------------------------- what is asked


def test_the_service_is_known_as_terraform_knows_it() -> None:
    found = rules(load(SPEC.encode(), "tidegate.yaml"), read())
    assert found.off == ("monthly_cost",)
    assert found.subject == Subject(instance_month=found.subject.instance_month)
    other = rules(load(OTHER.encode(), "tidegate.yaml").in_region("us-central1"), read()).subject
    assert (other.region, other.latency_ms, other.kept, other.budget) == ("us-central1", 300, 20, 40)
    assert other.metrics["open_fds"] == "go_open_fds"
    assert other.metrics["fd_errors"].endswith("user_tidegate_shop_api_us_central1_emfile")


# -------------------------------------------------------------------------------------- troubles and lives


def test_the_alerts_of_a_plain_spec_fire_in_time_and_stay_quiet(run: Run) -> None:
    code, out, err = run(SPEC, "--format", "json")
    assert code == ExitCode.DONE, out
    found = json.loads(out)
    assert found["off"] == ["monthly_cost"]
    assert {one["alert"] for one in found["alerts"]} == {*Alerts().kinds} - {"monthly_cost"}
    assert all(0 <= one["fired_after_minutes"] <= one["promised_minutes"] for one in found["alerts"])
    assert "20 alerts in 14 healthy lives" in err


@pytest.mark.parametrize(
    ("asked", "environment"),
    [
        (["fd_growth", "fd_errors", "latency_p99", "latency_burn_fast", "instances", "monthly_cost"], []),
        (["error_burn_fast", "latency_p99", "latency_burn_fast"], ["--env", "patient"]),
    ],
)
def test_a_service_with_other_names_and_promises_is_tried_on_its_own_terms(
    run: Run, asked: list[str], environment: list[str]
) -> None:
    code, out, err = run(OTHER, *kinds(*asked), *environment)
    assert code == ExitCode.DONE, out
    assert re.findall(r"^ok +(\w+) +fires after ", out, re.MULTILINE) == asked
    assert err.splitlines()[-1].startswith(f"{len(asked)} of {len(asked)} alerts fire in time")


def test_an_alert_set_too_high_or_too_low_fails_by_name(run: Run) -> None:
    asked = kinds("fd_growth", "memory_growth", "error_ratio", "connection_ratio", "restarts")
    code, out, _ = run(SPEC + OVERRIDDEN, *asked, "--format", "json")
    assert code == ExitCode.INVALID
    found = json.loads(out)
    alerts = {one["alert"]: one for one in found["alerts"]}
    assert found["off"] == ["connection_ratio"]
    assert alerts["restarts"]["passed"]
    assert alerts["fd_growth"]["fired_after_minutes"] is None
    assert alerts["fd_growth"]["fires_in"] == []
    assert alerts["fd_growth"]["hint"].startswith("alerts.fd_growth sets per_minute to 40 instead of 2;")
    assert alerts["error_ratio"]["fired_after_minutes"] <= 9
    assert "nothing happens" in {one["life"] for one in alerts["error_ratio"]["fires_in"]}
    assert [one["life"] for one in alerts["memory_growth"]["fires_in"]] == [
        "a pool and caches that fill for an hour and more"
    ]


# ----------------------------------------------------------------------------------------------- own cases


def test_the_cases_of_the_manual_are_as_they_should_for_whoever_bears_more(run: Run, tmp_path: Path) -> None:
    [example] = re.findall(r"^```yaml\n(cases:\n.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "cases.yaml").write_text(example)
    tolerant = SPEC + "alerts: {fd_growth: {per_minute: 30}}\n"
    assert run(tolerant, *kinds("fd_growth"))[0] == ExitCode.INVALID
    code, out, err = run(tolerant, *kinds("fd_growth", "error_ratio", "latency_p99"), "--cases", "cases.yaml")
    assert code == ExitCode.DONE, out
    assert len(re.findall(r"^ok .*cases\.yaml:\d+: ", out, re.MULTILINE)) == 4
    assert err.splitlines()[-1].endswith("; 4 of 4 cases are as they should")


def test_a_case_that_goes_otherwise_fails_with_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("""\
cases:
  - name: nothing of it
    alert: fd_growth
    series: [{metric: open_fds, revision: r2, values: 100+50x99}]
  - name: in no time
    alert: fd_growth
    series: [{metric: open_fds, values: 100+50x99}]
    fires: [r1]
    within: 5m
  - {name: not asked for, alert: restarts, series: [{metric: starts, values: 0+1x9}]}
""")
    code, out, _ = run(SPEC, *kinds("fd_growth"), "--cases", "cases.yaml", "--format", "junit")
    assert code == ExitCode.INVALID
    suites = {suite.get("name"): suite for suite in Xml.fromstring(out)}
    assert suites["alerts"].get("failures") == "0"
    said = {case.get("line"): case.find("failure") for case in suites["cases"]}
    assert said["10"] is None
    assert [text.get("message") for text in said.values() if text is not None] == [
        "fd_growth fires on r2 at minute 35, and should stay quiet",
        "fd_growth fires only at minute 35 on r1; it should by minute 5",
    ]


def test_a_case_that_prometheus_cannot_read_is_told_by_its_place(run: Run, tmp_path: Path) -> None:
    good = "  - {name: good, alert: fd_growth, series: [{metric: open_fds, values: 1 2}]}\n"
    bad = "  - {name: bad, alert: fd_growth, series: [{series: 'x{a=b}', values: 1 2}]}\n"
    (tmp_path / "cases.yaml").write_text(f"cases:\n{good}{bad}{good}")
    code, _, err = run(SPEC, *kinds("fd_growth"), "--cases", "cases.yaml")
    assert code == ExitCode.INVALID
    [line] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: cases.yaml:3:5: Prometheus cannot run this case: ")
    assert "parse error" in line


# ------------------------------------------------------------------------------------------------- no way on


def test_what_is_missing_or_misspelt_is_one_sentence_with_the_way_out(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(SPEC, *kinds("fd_grow")) == (
        ExitCode.USAGE, "", "error: there is no alert fd_grow\nhint: did you mean fd_growth?\n"
    )  # fmt: skip
    code, _, err = run(SPEC, "--cases", "none.yaml")
    assert (code, err) == (
        ExitCode.USAGE,
        "error: there is no file none.yaml\nhint: say which cases: --cases FILE\n",
    )
    monkeypatch.setenv("TIDEGATE_PROMTOOL", "/no/such/promtool")
    code, _, err = run(SPEC)
    assert code == ExitCode.USAGE
    assert err.startswith("error: TIDEGATE_PROMTOOL names /no/such/promtool, which cannot be run")
    assert "hint: install Prometheus" in err


def test_a_promtool_that_answers_nothing_is_not_taken_for_quiet_alerts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_PROMTOOL", str(shutil.which("true")))
    code, out, err = run(SPEC, *kinds("fd_growth"))
    assert (code, out) == (ExitCode.USAGE, "")
    assert "promtool cannot run 'the trouble of fd_growth'" in err


def test_a_machine_without_a_place_for_temporary_files_is_told_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    code, out, err = run(SPEC, *kinds("fd_growth"))
    assert (code, out) == (ExitCode.USAGE, "")
    assert "error: no temporary directory can be made: No such file" in err
    assert "hint: name one in TMPDIR that can be written" in err


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "alerts", "test"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if "20 alerts in trouble" in line:
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == ExitCode.INTERRUPTED, said
    assert list(scratch.iterdir()) == []
