"""What the alerts' PromQL says to a service's life, computed by Prometheus itself (promtool)."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on the PATH"),
]

MINUTES = 120
Conditions = dict[str, dict[str, Any]]


def gauge(
    metric: str, values: str, revision: str = "r1", instance: str = "i1", service: str = "orders"
) -> dict[str, str]:
    labels = (
        f'project_id="shop-prod",location="europe-west1",cluster="__run__",namespace="{service}",'
        f'service_name="{service}",revision_name="{revision}",instance="{instance}:8080",job="app"'
    )
    return {"series": f"{metric}{{{labels}}}", "values": values}


def run(
    metric: str, values: str, revision: str = "r1", extra: str = "", service: str = "orders"
) -> dict[str, str]:
    labels = (
        'monitored_resource="cloud_run_revision",project_id="shop-prod",location="europe-west1",'
        f'service_name="{service}",revision_name="{revision}",configuration_name="{service}"{extra}'
    )
    return {"series": f"run_googleapis_com:{metric}{{{labels}}}", "values": values}


def fds(values: str, **labels: str) -> dict[str, str]:
    return gauge("process_open_fds", values, **labels)


def requests(per_minute: str, revision: str = "r1", kind: str = "2xx") -> dict[str, str]:
    return run("request_count", per_minute, revision, f',response_code_class="{kind}"')


def instances(values: str, revision: str = "r1", state: str = "active") -> dict[str, str]:
    return run("container_instance_count", values, revision, f',state="{state}"')


def latencies(counts: dict[str, int], kind: str = "2xx", revision: str = "r1") -> list[dict[str, str]]:
    """Requests per minute up to each bound in ms, cumulative."""
    return [
        run(
            "request_latencies_bucket",
            f"0+{count}x{MINUTES}",
            revision,
            f',response_code_class="{kind}",le="{le}"',
        )
        for le, count in counts.items()
    ]


def steady(value: float) -> str:
    return f"{value}x{MINUTES}"


def rising(start: int, step: float) -> str:
    return f"{start}+{step}x{MINUTES}"


TRAFFIC = [requests(rising(0, 60)), instances(steady(2))]
SURGE = f"0+60x60 3600+180x{MINUTES}"  # threefold from minute 61 on


@dataclass
class Case:
    kind: str
    series: list[dict[str, str]]
    fires: list[str] = field(default_factory=list)
    """The revisions it names; an empty name for an alert on the whole service; none: always silent."""
    minute: int = 90


CASES = {
    "a leak": Case("fd_growth", [fds(rising(100, 5)), *TRAFFIC], ["r1"]),
    "a leak of connections": Case(
        "connection_growth", [gauge("tcp_connections", rising(9, 5)), *TRAFFIC], ["r1"]
    ),
    "a leak without any traffic": Case("fd_growth", [fds(rising(100, 5))], ["r1"]),
    "a leak of many instances": Case(
        "fd_growth", [fds(rising(100, 5), instance=f"i{n}") for n in range(9)] + TRAFFIC, ["r1"]
    ),
    "a leak of one revision of two": Case(
        "fd_growth", [fds(rising(100, 5), revision="r2"), fds(steady(80), instance="i2"), *TRAFFIC], ["r2"]
    ),
    "fds of another service": Case("fd_growth", [fds(rising(100, 5), service="other"), *TRAFFIC]),
    "constant fds": Case("fd_growth", [fds(steady(100)), *TRAFFIC]),
    "growth below the threshold": Case("fd_growth", [fds(rising(100, 1)), *TRAFFIC]),
    "fds that swing": Case("fd_growth", [fds(" ".join(["100 140 180 140"] * 30)), *TRAFFIC]),
    "a pool that fills and is full": Case(
        "fd_growth", [fds(f"100+20x15 400x{MINUTES}"), *TRAFFIC], minute=35
    ),
    "an instance younger than the window": Case("fd_growth", [fds(f"_x70 100+20x{MINUTES}"), *TRAFFIC]),
    "no data": Case("fd_growth", TRAFFIC),
    "fds that follow a surge": Case(
        "fd_growth",
        [fds(f"100x60 100+10x20 300x{MINUTES}"), requests(SURGE), instances(steady(2))],
        minute=115,
    ),
    "growth that goes on long after a surge": Case(
        "fd_growth",
        [fds(f"100x60 100+10x{MINUTES}"), requests(SURGE), instances(steady(2))],
        ["r1"],
        minute=100,
    ),
    "growth while more instances take a surge": Case(
        "fd_growth",
        [fds(f"100x60 100+10x{MINUTES}"), requests(SURGE), instances(f"2x60 6x{MINUTES}")],
        ["r1"],
    ),
    "the end in sight": Case("fd_exhaustion", [fds(rising(10000, 60))], ["r1"]),
    "steep but far below the floor": Case("fd_exhaustion", [fds(rising(100, 100))]),
    "half full and constant": Case("fd_exhaustion", [fds(steady(13000))]),
    "nearly full and constant": Case("fd_exhaustion", [fds(steady(23000))], ["r1"]),
    "the process's own limit": Case(
        "fd_exhaustion", [fds(rising(200, 5)), gauge("process_max_fds", steady(1024))], ["r1"]
    ),
    "a process limit above the platform's": Case(
        "fd_exhaustion", [fds(rising(200, 5)), gauge("process_max_fds", steady(1048576))]
    ),
    "one in twenty fails": Case(
        "error_ratio", [requests(rising(0, 57)), requests(rising(0, 3), kind="5xx")], ["r1"]
    ),
    "one in twenty of a handful": Case(
        "error_ratio", [requests(rising(0, 1.9)), requests(rising(0, 0.1), kind="5xx")]
    ),
    "one in a hundred fails": Case(
        "error_ratio", [requests(rising(0, 99)), requests(rising(0, 1), kind="5xx")]
    ),
    "nothing fails": Case("error_ratio", [requests(rising(0, 60))]),
    "everything of the new revision fails": Case(
        "error_ratio",
        [requests(rising(0, 600)), requests(rising(0, 12), "r2", "5xx")],
        ["r2"],
    ),
    "two in a hundred are slow": Case(
        "latency_p99", [*latencies({"1000": 98, "4000": 100, "+Inf": 100}), requests(rising(0, 100))], ["r1"]
    ),
    "one in a thousand is slow": Case(
        "latency_p99", [*latencies({"1000": 999, "4000": 1000, "+Inf": 1000}), requests(rising(0, 1000))]
    ),
    "only the few errors are slow": Case(
        "latency_p99",
        [
            *latencies({"1000": 10000, "4000": 10000, "+Inf": 10000}),
            *latencies({"1000": 0, "4000": 10, "+Inf": 10}, "5xx"),
            requests(rising(0, 10000)),
            requests(rising(0, 10), kind="5xx"),
        ],
    ),
    "a handful of slow requests": Case(
        "latency_p99", [*latencies({"1000": 0, "4000": 3, "+Inf": 3}), requests(rising(0, 3))]
    ),
    "thirty instances at minimal traffic": Case(
        "instances", [instances(steady(30)), run("request_latencies_sum", rising(0, 6000))], [""]
    ),
    "thirty instances, half of them idle, over two revisions": Case(
        "instances",
        [
            instances(steady(15)),
            instances(steady(15), "r2", "idle"),
            run("request_latencies_sum", rising(0, 3000)),
            run("request_latencies_sum", rising(0, 3000), "r2"),
        ],
        [""],
    ),
    "thirty instances that the traffic needs": Case(
        "instances", [instances(steady(30)), run("request_latencies_sum", rising(0, 24_000_000))]
    ),
    "six instances and no request": Case("instances", [instances(steady(6))], [""]),
    "five instances and no request": Case("instances", [instances(steady(5))]),
    "no instance": Case("instances", [run("request_latencies_sum", rising(0, 6000))]),
}


def test_prometheus_accepts_every_query(conditions: Conditions, tmp_path: Path) -> None:
    promtool("check", "rules", str(rules(conditions, tmp_path)))
    assert {case.kind for case in CASES.values()} == set(conditions)


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_it_should(name: str, conditions: Conditions, tmp_path: Path) -> None:
    case = CASES[name]
    expected = [{"exp_labels": {"revision_name": revision} if revision else {}} for revision in case.fires]
    test = {
        "rule_files": [str(rules(conditions, tmp_path))],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": case.series,
                "alert_rule_test": [
                    {"eval_time": f"{minute}m", "alertname": case.kind, "exp_alerts": expected}
                    for minute in ([case.minute] if expected else range(5, case.minute + 1, 3))
                ],
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(test))
    promtool("test", "rules", str(path))


def rules(conditions: Conditions, place: Path) -> Path:
    alerts = [
        {"alert": kind, "expr": condition["query"], "for": condition["duration"]}
        for kind, condition in conditions.items()
    ]
    path = place / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "tidegate", "rules": alerts}]}))
    return path


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
