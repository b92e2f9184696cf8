"""Series as Cloud Monitoring gives them to PromQL, and what Prometheus itself makes of a rule on them."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Series = dict[str, str]
TRACES = Path(__file__).resolve().parents[1] / "traces"


def gauge(
    metric: str,
    values: str,
    revision: str = "r1",
    instance: str = "i1",
    service: str = "orders",
    extra: str = "",
) -> Series:
    """What the sidecar writes for one instance."""
    labels = (
        f'project_id="shop-prod",location="europe-west1",cluster="__run__",namespace="{service}",'
        f'service_name="{service}",revision_name="{revision}",instance="{instance}:8080",job="app"{extra}'
    )
    return {"series": f"{metric}{{{labels}}}", "values": values}


def run(
    metric: str, values: str, revision: str = "r1", extra: str = "", service: str = "orders",
    system: str = "run_googleapis_com",
) -> Series:  # fmt: skip
    """What Cloud Run writes for one revision."""
    labels = (
        'monitored_resource="cloud_run_revision",project_id="shop-prod",location="europe-west1",'
        f'service_name="{service}",revision_name="{revision}",configuration_name="{service}"{extra}'
    )
    return {"series": f"{system}:{metric}{{{labels}}}", "values": values}


def listed(values: Iterable[float | None]) -> str:
    """One value per interval; None where there is no sample."""
    return " ".join("_" if value is None else f"{value:.10g}" for value in values)


def summed(values: Iterable[float | None]) -> str:
    """Counts per interval as a counter."""
    total, found = 0.0, []
    for value in values:
        total += value or 0.0
        found.append(None if value is None else total)
    return listed(found)


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
            made.append(gauge("process_max_fds", f"{max(values.values())}x{samples}", revision, instance))
        elif metric == "instance_count":
            made.append(run("container_instance_count", listed(filled), revision, ',state="active"'))
        elif metric == "request_count":
            failed = points.get(("error_count", revision, ""), {})
            good = [None if v is None else v - failed.get(at, 0.0) for at, v in enumerate(filled)]
            bad = [None if v is None else failed.get(at, 0.0) for at, v in enumerate(filled)]
            for kind, counts in (("2xx", good), ("5xx", bad)):
                label = f',response_code_class="{kind}"'
                made.append(run("request_count", summed(counts), revision, label))
    return made, samples


_PER_INSTANCE: Mapping[str, str] = {
    "open_fds": "process_open_fds",
    "tcp_connections": "tcp_connections",
    "memory_bytes": "process_resident_memory_bytes",
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
