"""What the monitoring module refuses, by a real terraform: each validation by its words; `terraform test`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.provider_runs import Folder
from tidegate.adapters import rootdir

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

MODULE = Path(__file__).resolve().parents[2] / "infra" / "modules" / "monitoring"
REFUSED = [
    (
        ['alerts = { fd_growth = { severity = "LOUD" } }'],
        "CRITICAL, ERROR or WARNING",
    ),
    (
        ["alerts = { fd_growth = { for_seconds = 0.5 } }"],
        "whole number, not negative",
    ),
    (
        ["alerts = { error_ratio = { window_seconds = 60 } }"],
        "between 120 and 259200",
    ),
    (
        ["alerts = { fd_growth = { window_seconds = 300 } }"],
        "at least 360",
    ),
    (
        ["alerts = { memory_growth = { per_minute = 0 } }"],
        "positive per_minute",
    ),
    (
        ["alerts = { fd_exhaustion = { floor = 1.5 } }"],
        "floor of fd_exhaustion",
    ),
    (
        ["alerts = { memory_growth = { floor = 1.5 } }"],
        "floor of memory_growth",
    ),
    (
        ["alerts = { fd_level = { threshold = 2 } }"],
        "fd_level_critical and error_ratio is between 0 and 1",
    ),
    (
        ["alerts = { fd_level = { threshold = 0.95 } }"],
        "fd_level is not above that of fd_level_critical",
    ),
    (
        ["alerts = { latency_p99 = { threshold_seconds = -1 } }"],
        "threshold_seconds of latency_p99",
    ),
    (
        ["alerts = { telemetry_silent = { min_requests_per_minute = -1 } }"],
        "min_requests_per_minute of an alert",
    ),
    (
        ["alerts = { error_burn_fast = { burns = [{ factor=2, long_seconds=300, short_seconds=300 }] } }"],
        "A burn has a positive factor",
    ),
    (
        ["alerts = { latency_burn_slow = { burns = [] } }"],
        "1 to 4 burns",
    ),
    (
        ["alerts = { instances = { factor = 1 } }"],
        "above 1",
    ),
    (
        ["alerts = { instances = { busy = 2 } }"],
        "busy of the instances alert",
    ),
    (
        ["alerts = { restarts = { minimum = 0 } }"],
        "restarts and of failed_starts",
    ),
    (
        ["alerts = { connection_ratio = { minimum = 0 } }"],
        "minimum of connection_ratio",
    ),
    (
        ["alerts = { fd_errors = { minimum = 0 } }"],
        "minimum of fd_errors",
    ),
    (
        ["alerts = { cost_per_request = { compared_seconds = 60 } }"],
        "compared_seconds",
    ),
    (
        ["alerts = { monthly_cost = { budget = -1 } }"],
        "budget of monthly_cost",
    ),
    (
        ["alerts = { auto_close_seconds = 60 }"],
        "between 1800",
    ),
    (
        ['channels = { emails = ["nobody"] }'],
        "email addresses",
    ),
    (
        ['channels = { existing = ["nobody"] }'],
        "projects/PROJECT/notificationChannels/ID",
    ),
    (
        ['channels = { slack = { chat = { channel_name = "oncall" } } }', 'channel_secrets = { chat = "x" }'],
        "such as #oncall",
    ),
    (
        [
            'channels = { webhooks = { hook = { url = "http://example.com" } } }',
            'channel_secrets = { hook = "x" }',
        ],
        "https:// url",
    ),
    (
        [
            'channels = { slack = { a = { channel_name = "#a" } }, pagerduty = { a = {} } }',
            'channel_secrets = { a = "x" }',
        ],
        "must differ",
    ),
    (
        ["channels = { pagerduty = { pager = {} } }"],
        "needs an entry of its key",
    ),
    (
        ['cost = { billing = "yearly" }'],
        "instance or request",
    ),
    (
        ["cost = { vcpu = 0 }"],
        "vcpu and memory_gib",
    ),
    (
        ['labels = { "Team" = "x" }'],
        "Label keys",
    ),
    (
        ['project = "Shop"'],
        "The project is its id",
    ),
    (
        ['region = "Europe West"'],
        "such as europe-west1",
    ),
    (
        ['rollback_command = "a\\nb"'],
        "one line",
    ),
    (
        ["scaling = { concurrency = 0 }"],
        "at least 1",
    ),
    (
        ['service = "Orders"'],
        "at most 49 lower-case",
    ),
    (
        ["slo = { availability = 1 }"],
        "at most 0.9999",
    ),
    (
        ["slo = { latency = 0.9 }"],
        "burnt that fast",
    ),
    (
        ["slo = { latency_seconds = 0 }"],
        "latency_seconds of slo",
    ),
    (
        ["slo = { days = 365 }"],
        "days of slo",
    ),
    (
        ['telemetry = { open_fds = "a} or vector(1) or b{" }'],
        "letters, digits, _ and :",
    ),
    (
        ["telemetry = { fd_limit = 0 }"],
        "fd_limit is at least 1",
    ),
]
GIVEN = {"project": '"shop-prod"', "region": '"europe-west1"', "service": '"orders"'}


def test_what_an_apply_would_refuse_is_refused_by_the_plan(cloud: Cloud) -> None:
    calls = []
    for arguments, _ in REFUSED:
        given = [f"  {k} = {v}" for k, v in GIVEN.items() if not arguments[0].startswith(f"{k} =")]
        calls.append("\n".join((*given, *arguments)))
    said = cloud.refusals("monitoring", calls)
    assert [case for case, text in zip(REFUSED, said, strict=True) if case[1] not in text] == []
    every = re.findall(r'error_message = "(.*)"', rootdir.module_texts()["monitoring/variables.tf"])
    assert len(every) > 30
    assert [text for text in every if not any(words in text for _, words in REFUSED)] == []


def test_terraform_test_passes_without_a_project(cloud: Cloud, tmp_path: Path) -> None:
    shutil.copytree(MODULE, tmp_path / "module", ignore=shutil.ignore_patterns(".terraform*"))
    folder = Folder(tmp_path / "module", cloud.provider)
    folder.init()
    assert f"Success! {len(REFUSED) + 4} passed, 0 failed." in folder.run("test", "-no-color")
