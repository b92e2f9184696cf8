"""The dashboard as the API has it: what a person on call sees, and whether a second plan is empty."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.conftest import attached
from infra.promtool import SUBJECT, promtool
from tidegate.core.alerting.lives import LIVES, MINUTES

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

Json = dict[str, Any]
MODULE = Path(__file__).resolve().parents[2] / "infra" / "modules" / "monitoring"
SECTIONS = ["Verdict", "Symptoms", "Cause", "Every instance"]
ROOT = """
module "monitoring" {{
  source  = "./modules/monitoring"
  project = "shop-prod"
  region  = "europe-west1"
  service = "orders"
{arguments}
}}
"""
BUDGET = "  alerts = { monthly_cost = { budget = 250 } }\n"


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """That of the module with a budget, as the API returns it."""
    with attached(tmp_path_factory.mktemp("dashboard")) as cloud:
        return made(cloud, BUDGET)


def made(cloud: Cloud, arguments: str) -> Json:
    """Created, and nothing is left to plan: what was sent is what came back."""
    folder = cloud.root("monitoring", ROOT.format(arguments=arguments))
    folder.apply()
    folder.plan(code=0)
    [found] = cloud.get("/v1/projects/shop-prod/dashboards")["dashboards"]
    policies = cloud.get("/v3/projects/shop-prod/alertPolicies").get("alertPolicies", [])
    return {**found, "policies": policies}


def tiles(dashboard: Json) -> list[Json]:
    found: list[Json] = dashboard["mosaicLayout"]["tiles"]
    return found


def widgets(dashboard: Json) -> dict[str, Json]:
    return {tile["widget"]["title"]: tile["widget"] for tile in tiles(dashboard)}


def charts(dashboard: Json) -> dict[str, Json]:
    return {title: w["xyChart"] for title, w in widgets(dashboard).items() if "xyChart" in w}


def queries(dashboard: Json) -> Iterator[tuple[str, str]]:
    for title, chart in charts(dashboard).items():
        for data in chart["dataSets"]:
            yield title, data["timeSeriesQuery"]["prometheusQuery"]


def edges(tile: Json) -> tuple[int, int, int, int]:
    left, top = tile.get("xPos", 0), tile.get("yPos", 0)
    return left, top, left + tile["width"], top + tile["height"]


def meet(one: Json, other: Json) -> bool:
    a, b = edges(one), edges(other)
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def inside(one: Json, other: Json) -> bool:
    a, b = edges(one), edges(other)
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


@pytest.mark.parametrize(
    "arguments",
    [
        BUDGET,
        "  alerts = { enabled = false }\n",
        "  alerts = { error_ratio = { threshold = 0 }, latency_p99 = { threshold_seconds = 0 } }\n",
    ],
    ids=["with a budget", "without alerts", "with thresholds at zero"],
)
def test_tiles_fit_the_columns_do_not_overlap_and_leave_no_gap_below(arguments: str, cloud: Cloud) -> None:
    found = made(cloud, arguments)
    every = tiles(found)
    assert found["mosaicLayout"]["columns"] == 48
    assert all(0 <= edges(tile)[0] < edges(tile)[2] <= 48 for tile in every)
    groups = [tile for tile in every if "collapsibleGroup" in tile["widget"]]
    rest = [tile for tile in every if tile not in groups]
    overlaps = [
        (one["widget"]["title"], other["widget"]["title"])
        for at, one in enumerate(rest)
        for other in rest[:at]
        if meet(one, other)
    ]
    assert overlaps == []
    for group in groups:  # What lies on a group belongs to it.
        members = [tile for tile in rest if meet(tile, group)]
        assert members
        assert all(inside(tile, group) for tile in members)
    bottom = 0
    for tile in sorted(every, key=lambda tile: edges(tile)[1]):
        assert edges(tile)[1] <= bottom, f"a gap above {tile['widget']['title']}"
        bottom = max(bottom, edges(tile)[3])


def test_it_is_read_from_above(dashboard: Json) -> None:
    order = sorted(tiles(dashboard), key=lambda tile: edges(tile)[1::-1])
    titles = [tile["widget"]["title"] for tile in order]
    assert [title for title in titles if title in SECTIONS] == SECTIONS
    starts = [titles.index(section) for section in SECTIONS] + [len(titles)]
    parts = {name: titles[starts[at] : starts[at + 1]] for at, name in enumerate(SECTIONS)}
    assert {"Incidents of this service", "Deployments and shifts of traffic", "Share of traffic"} <= set(
        parts["Verdict"]
    )
    assert {"Latency, p50 and p99", "5xx ratio", "Instances", "Cost, kept up for a month"} <= set(
        parts["Symptoms"]
    )
    for held in ("File descriptors", "TCP connections", "Memory"):
        assert {f"{held}, highest instance", f"{held}, growth", f"{held}, per request in flight"} <= set(
            parts["Cause"]
        )
        assert f"{held}, every instance" in parts["Every instance"]
    assert order[starts[3]]["widget"]["collapsibleGroup"] == {"collapsed": True}


def test_every_tile_has_a_title_and_every_chart_a_unit_and_lines_named_by_revision(dashboard: Json) -> None:
    titles = [tile["widget"].get("title", "") for tile in tiles(dashboard)]
    assert "" not in titles
    assert len(set(titles)) == len(titles)
    for title, chart in charts(dashboard).items():
        assert chart["yAxis"]["label"], title
        legends = [data["legendTemplate"] for data in chart["dataSets"]]
        assert len(set(legends)) == len(legends), title
        for data in chart["dataSets"]:
            assert data["timeSeriesQuery"]["unitOverride"] in {"1", "1/s", "s", "ms", "By", "10^2.%"}, title
            assert "${revision_name}" in data["legendTemplate"]


def test_thresholds_stand_where_alerts_and_limits_are(dashboard: Json) -> None:
    lines = {
        title: {line["label"]: line["value"] for line in chart.get("thresholds", [])}
        for title, chart in charts(dashboard).items()
    }
    levels = {"alert fd_level": 20000, "alert fd_level_critical": 22500, "limit": 25000}
    assert lines["File descriptors, highest instance"] == levels
    assert lines["File descriptors, every instance"] == levels
    assert lines["File descriptors, growth"] == {"alert fd_growth": 2}
    assert lines["TCP connections, per request in flight"] == {"alert connection_ratio": 10}
    assert lines["5xx ratio"] == {"alert error_ratio": 0.02, "objective": 0.005}
    assert lines["Latency, p50 and p99"] == {"alert latency_p99": 2000, "objective": 2000}
    assert lines["Instances"] == {"alert instances, with little traffic": 5, "limit": 10}
    assert lines["Cost, kept up for a month"] == {"alert monthly_cost": 250}
    kinds = {policy["userLabels"]["alert"] for policy in dashboard["policies"]}
    named = {label.split()[1].rstrip(",") for line in lines.values() for label in line if "alert " in label}
    assert named <= kinds
    # The API refuses these two for a chart of lines.
    every = [line for chart in charts(dashboard).values() for line in chart.get("thresholds", [])]
    assert all("color" not in line and "direction" not in line for line in every)


def test_an_alert_that_is_off_has_no_threshold_no_incidents_and_no_metric_of_the_log(cloud: Cloud) -> None:
    found = made(cloud, "  alerts = { fd_growth = { enabled = false }, fd_errors = { enabled = false } }\n")
    assert "thresholds" not in charts(found)["File descriptors, growth"]
    assert "Log lines: too many open files" not in charts(found)
    assert len(widgets(found)["Incidents of this service"]["incidentList"]["policyNames"]) == 18
    found = made(cloud, "  alerts = { enabled = false }\n")
    assert "Incidents of this service" not in widgets(found)
    labels = {line["label"] for chart in charts(found).values() for line in chart.get("thresholds", [])}
    assert labels == {"limit", "objective", "floor of memory_growth"}


def test_incidents_are_those_of_this_services_policies(dashboard: Json) -> None:
    named = widgets(dashboard)["Incidents of this service"]["incidentList"]["policyNames"]
    assert sorted(f"projects/shop-prod/{name}" for name in named) == sorted(
        policy["name"] for policy in dashboard["policies"]
    )


def test_the_text_and_the_logs_are_about_this_service(dashboard: Json) -> None:
    text = widgets(dashboard)["How to read this page"]["text"]
    assert text["format"] == "MARKDOWN"
    for command in ("status", "history", "abort", "rollback"):
        line = f"tidegate {command} --service orders --project shop-prod --region europe-west1\n"
        assert line in text["content"]
    assert "${" not in text["content"]
    logs = [w["logsPanel"]["filter"] for w in widgets(dashboard).values() if "logsPanel" in w]
    assert len(logs) == 2
    for found in logs:
        assert 'resource.labels.service_name="orders" resource.labels.location="europe-west1"' in found


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on the PATH")
def test_prometheus_takes_every_query_and_answers_by_revision(dashboard: Json, tmp_path: Path) -> None:
    """On the life of a service that deploys, every query has an answer for each of the two revisions, and for
    nothing else."""
    every = list(queries(dashboard))
    records = [{"record": f"chart_{at}", "expr": query} for at, (_, query) in enumerate(every)]
    rules = tmp_path / "rules.yaml"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": records}]}))
    promtool("check", "rules", str(rules))
    at_minute = (
        165  # Both revisions of "a deployment" serve, with more than half an hour of samples of the new one.
    )
    revisions = [{"value": 1, "labels": f'{{revision_name="{name}"}}'} for name in ("r1", "r2")]
    tests = [
        {
            "expr": f"group by (revision_name) (chart_{at})",
            "eval_time": f"{at_minute}m",
            "exp_samples": revisions,
        }
        for at in range(len(every))
    ]
    assert at_minute < MINUTES
    series = LIVES["a deployment"].series(SUBJECT)
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "5m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(test))
    promtool("test", "rules", str(path))


def test_queries_look_at_this_service_only(dashboard: Json) -> None:
    for title, query in queries(dashboard):
        for metric, labels in re.findall(r"([A-Za-z_:][A-Za-z0-9_:]*)\{([^}]*)\}", query):
            assert 'project_id="shop-prod",location="europe-west1"' in labels, title
            ours = (
                'namespace="orders"' if metric.startswith(("process_", "tcp_")) else 'service_name="orders"'
            )
            assert ours in labels, title


def test_the_names_of_ones_own_gauges_are_used(cloud: Cloud) -> None:
    names = '{ open_fds = "app_open_fds", tcp_connections = "app:tcp", memory_bytes = "app_bytes" }'
    found = dict(queries(made(cloud, f"  telemetry = {names}\n")))
    for held, name in (
        ("File descriptors", "app_open_fds"),
        ("TCP connections", "app:tcp"),
        ("Memory", "app_bytes"),
    ):
        for shown in ("highest instance", "growth", "per request in flight", "every instance"):
            assert f"{name}{{" in found[f"{held}, {shown}"]


def test_the_readme_names_every_tile(dashboard: Json) -> None:
    readme = (MODULE / "README.md").read_text(encoding="utf-8")
    listed = re.findall(
        r"^\| (.+?) \|",
        readme.partition("## The dashboard")[2].partition("\n## ")[0],
        re.MULTILINE,
    )
    assert listed[1:] == [title for title in widgets(dashboard) if title not in SECTIONS]
