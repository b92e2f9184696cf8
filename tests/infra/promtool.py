"""What Prometheus itself makes of a rule on series, and the series of recorded rollouts."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.core.alerting.subject import Series, Subject, listed, summed

TRACES = Path(__file__).resolve().parents[1] / "traces"
SUBJECT = Subject()
"""The service of the fixtures that have an API."""


def gauge(
    metric: str,
    values: str,
    revision: str = "r1",
    instance: str = "i1",
    service: str = "orders",
    labels: str = "",
) -> Series:
    return replace(SUBJECT, service=service).gauge(metric, values, revision, instance, labels)


def run(
    metric: str,
    values: str,
    revision: str = "r1",
    labels: str = "",
    service: str = "orders",
    suffix: str = "",
) -> Series:
    return replace(SUBJECT, service=service).counted(metric, values, revision, labels, suffix)


def recorded(trace: str) -> tuple[list[Series], int]:
    """A recorded rollout, a value per sample, and how many samples. Real processes wrote these numbers."""
    points: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
    with (TRACES / trace / "samples.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    start = min(float(row["time"]) for row in rows)
    for row in rows:
        at = round(float(row["time"]) - start)
        points[row["metric"], row["revision"], row["instance"]][at] = float(row["value"])
    samples = 1 + max(at for values in points.values() for at in values)
    made: list[Series] = []
    for (metric, revision, instance), values in points.items():
        filled = [values.get(at) for at in range(samples)]
        if metric in _PER_INSTANCE:
            made.append(gauge(_PER_INSTANCE[metric], listed(filled), revision, instance))
        elif metric == "max_fds":
            made.append(gauge("max_fds", f"{max(values.values())}x{samples}", revision, instance))
        elif metric == "instance_count":
            made.append(run("instances", listed(filled), revision, ',state="active"'))
        elif metric == "request_count":
            failed = points.get(("error_count", revision, ""), {})
            good = [None if v is None else v - failed.get(at, 0.0) for at, v in enumerate(filled)]
            bad = [None if v is None else failed.get(at, 0.0) for at, v in enumerate(filled)]
            for kind, counts in (("2xx", good), ("5xx", bad)):
                label = f',response_code_class="{kind}"'
                made.append(run("requests", summed(counts), revision, label))
    return made, samples


_PER_INSTANCE: Mapping[str, str] = {
    "open_fds": "open_fds",
    "tcp_connections": "tcp_connections",
    "memory_bytes": "memory",
}


def rules(conditions: Mapping[str, Mapping[str, Any]], kinds: Iterable[str], place: Path) -> Path:
    """A rule file with the queries and durations of these kinds, as the API has them."""
    alerts = [
        {"alert": kind, "expr": conditions[kind]["query"], "for": conditions[kind]["duration"]}
        for kind in kinds
    ]
    path = place / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "tidegate", "rules": alerts}]}))
    return path


def expectation(kind: str, minute: int, revisions: Sequence[str]) -> dict[str, Any]:
    """What is open at a minute: an empty name is an alert on the whole service."""
    alerts = [{"exp_labels": {"revision_name": name} if name else {}} for name in revisions]
    return {"eval_time": f"{minute}m", "alertname": kind, "exp_alerts": alerts}


def verify(
    rule_file: Path,
    series: Sequence[Series],
    expected: Sequence[Mapping[str, Any]],
    interval: int = 1,
    evaluated: int = 0,
) -> None:
    """Hold Prometheus's own evaluation against `expected`. In minutes: `interval` is between samples,
    `evaluated` between evaluations, as often if not said."""
    test = {
        "rule_files": [str(rule_file)],
        "evaluation_interval": f"{evaluated or interval}m",
        "tests": [
            {"interval": f"{interval}m", "input_series": list(series), "alert_rule_test": list(expected)}
        ],
    }
    path = rule_file.with_name("test.yaml")
    path.write_text(json.dumps(test))
    promtool("test", "rules", str(path))


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
