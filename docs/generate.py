"""Writes the parts of the manual that are drawn from the code: `python docs/generate.py`.

A test holds the files against what this would write.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tidegate.core.rollout import mermaid
from tidegate.core.spec import Spec

DOCS = Path(__file__).resolve().parent
SPEC_HEAD = """# The spec

`tidegate.yaml` describes one service. Every key, its default, and what it means; unknown keys are errors, and all faults
of a file are told at once with line and column. Durations carry their unit (`250ms`, `90s`, `10m`, `1h30m`), ratios are
between 0 and 1. `[]` stands for the entries of a list, `{}` for keys of your own.

| key | default | meaning |
|---|---|---|
"""
SPEC_TAIL = """
## Environments

`environments` maps names to overlays: `--env NAME` lays one over the rest of the file. Mappings are merged, everything
else is replaced. What only differs between environments (the project, say) may be left out of the base. All overlays are
checked, whichever is used.

```yaml
project: example-project
environments:
  staging:
    project: example-staging
    rollout: {steps: [50], step_duration: 2m}
```
"""
MEANING = {
    "version": "Of this format.",
    "service": "Name of the service.",
    "project": "Project id.",
    "region": "Region, such as `europe-west1`.",
    "containers[]": "One container, or several of which one has a `port`.",
    "containers[].name": "Name of the container.",
    "containers[].image": "Image; that of the ingress container may come from `--image`.",
    "containers[].port": "Marks the ingress container.",
    "containers[].command": "Replaces the image's entry point.",
    "containers[].args": "Replaces the image's arguments.",
    "containers[].resources.cpu": 'CPU, such as `"1"` or `500m`.',
    "containers[].resources.memory": "Memory, such as `512Mi`.",
    "containers[].resources.startup_cpu_boost": "More CPU while an instance starts.",
    "containers[].env": "Environment variables, all texts. No secrets here.",
    "containers[].secrets{}.secret": "Secret Manager secret of an environment variable.",
    "containers[].secrets{}.version": "Its version. `latest` is read anew by every instance.",
    "containers[].probes.PROBE": "`startup` and `liveness`.",
    "containers[].probes.PROBE.http.path": "HTTP probe: its path.",
    "containers[].probes.PROBE.http.port": "Its port, if not the container's.",
    "containers[].probes.PROBE.tcp.port": "TCP probe: its port, if not the container's.",
    "containers[].probes.PROBE.initial_delay": "Before the first attempt.",
    "containers[].probes.PROBE.period": "Between attempts.",
    "containers[].probes.PROBE.timeout": "Of one attempt.",
    "containers[].probes.PROBE.failure_threshold": "Failures in a row until it counts.",
    "containers[].depends_on": "Containers that must have started before; they need a startup probe.",
    "scaling.min_instances": "Instances kept.",
    "scaling.max_instances": "Instances at most.",
    "scaling.concurrency": "Requests an instance handles at a time.",
    "ingress": "Where requests may come from: `all`, `internal`, `internal-and-load-balancer`.",
    "billing": "`instance` (CPU always there, as the collector needs) or `request`.",
    "request_timeout": "Of one request.",
    "service_account": "Email of an existing account; otherwise the service gets its own.",
    "invokers": "IAM members that may call the service.",
    "allow_public": "Says that `allUsers` among the invokers is meant.",
    "deletion_protection": "Terraform refuses to destroy the service.",
    "labels": "Labels of everything that is made.",
    "telemetry.collector.enabled": "The Managed Prometheus sidecar.",
    "telemetry.collector.image": "Its image.",
    "telemetry.collector.path": "Path of the metrics on the ingress container.",
    "telemetry.collector.port": "Their port, if not the container's.",
    "telemetry.collector.interval": "Between scrapes; whole seconds.",
    "telemetry.open_fds": "Prometheus name of the gauge of open file descriptors.",
    "telemetry.max_fds": "Of their limit.",
    "telemetry.tcp_connections": "Of the gauge of TCP connections, with or without a `state` label.",
    "telemetry.fd_limit": "Descriptors an instance can have. Cloud Run: 25,000.",
    "telemetry.sample_period": "Between samples in Cloud Monitoring.",
    "telemetry.ingestion_delay": "Until a sample can certainly be read.",
    "alerts.enabled": "Whether the monitoring root is applied.",
    "alerts.channels[].email": "Who is told: an address.",
    "alerts.channels[].existing": "Or a channel there is: `projects/P/notificationChannels/ID`.",
    "alerts.ALERT": "`fd_growth`, `fd_exhaustion`, `connection_growth`, `error_ratio`, `latency_p99`, `instances`.",
    "alerts.ALERT.enabled": "Each can be switched off.",
    "alerts.ALERT.severity": "`CRITICAL`, `ERROR` or `WARNING`.",
    "alerts.ALERT.for": "How long the condition must hold.",
    "alerts.fd_growth.per_minute": "Growth per minute and instance.",
    "alerts.fd_growth.window": "Over which it is measured.",
    "alerts.connection_growth.per_minute": "Growth per minute and instance.",
    "alerts.connection_growth.window": "Over which it is measured.",
    "alerts.fd_exhaustion.within": "The limit would be reached within this time.",
    "alerts.fd_exhaustion.floor": "And this share of it is used already.",
    "alerts.fd_exhaustion.window": "Over which growth is measured.",
    "alerts.error_ratio.threshold": "Ratio of 5xx answers.",
    "alerts.error_ratio.window": "Over which it is measured.",
    "alerts.error_ratio.min_requests_per_minute": "Below this nothing is said.",
    "alerts.latency_p99.threshold": "p99 latency.",
    "alerts.latency_p99.window": "Over which it is measured.",
    "alerts.latency_p99.min_requests_per_minute": "Below this nothing is said.",
    "alerts.instances.factor": "More than so many times the instances that the requests in flight need.",
    "alerts.instances.minimum": "And more than so many.",
    "rollout.steps": "Percentages the candidate gets before 100, rising.",
    "rollout.step_duration": "How long each is watched.",
    "rollout.bake": "How long 100 % is watched.",
    "rollout.look_every": "Between looks; the sample period if not said.",
    "rollout.recovery": "How long the stable revision is watched after a rollback.",
    "rollout.start_timeout": "Until a revision must be ready.",
    "rollout.smoke[].path": "Smoke check on the candidate's tag address: its path.",
    "rollout.smoke[].status": "The status it must answer.",
    "rollout.smoke[].contains": "A text that must be in the body.",
    "rollout.smoke[].timeout": "Of one attempt.",
    "rollout.smoke[].attempts": "Attempts at most.",
    "analysis.leak_min_slope": "Growth per instance and minute that is not worth a rollback.",
    "analysis.leak_horizon": "A leak that needs longer to reach the limit is reported, not rolled back.",
    "analysis.warm_up": "Typical time an instance takes to fill its pools.",
    "analysis.error_increase": "Error ratio tolerated over the stable revision's.",
    "analysis.error_limit": "Error ratio tolerated on a first deployment.",
    "analysis.latency_ratio": "Latency tolerated, as a multiple of the stable revision's.",
    "analysis.latency_increase": "And in any case so much more.",
    "analysis.latency_limit": "p99 tolerated on a first deployment.",
    "analysis.min_requests": "Requests to the candidate before errors and latency count as judged.",
    "analysis.min_samples": "Samples of an instance before it counts as judged.",
    "analysis.required": "Metrics without which nothing is promoted.",
    "analysis.alpha": "Chance of rolling back a healthy revision, over a whole rollout.",
    "analysis.on_inconclusive": "When too little was seen: `hold`, `rollback` or `promote`.",
    "state.backend": "`local`, or `gcs`.",
    "state.bucket": "With `gcs`: the bucket.",
    "state.prefix": "And the prefix in it.",
}
_SAME = (
    (re.compile(r"probes\.(startup|liveness)"), "probes.PROBE"),
    (re.compile(r"^alerts\.(\w+)(?=$|\.(enabled|severity|for)$)"), "alerts.ALERT"),
)
_ALERTS = ("fd_growth", "fd_exhaustion", "connection_growth", "error_ratio", "latency_p99", "instances")


def spec_page() -> str:
    """Raises KeyError for a key without a meaning, and for a meaning without a key."""
    rows: dict[str, str] = {}
    for path, default in keys(Spec, ""):
        name = _folded(path)
        # Alerts differ in severity and patience; the page names those of the first.
        rows.setdefault(name, f"| `{name}` | {default} | {MEANING[name]} |")
    if unknown := set(MEANING) - set(rows):
        raise KeyError(f"no such keys: {', '.join(sorted(unknown))}")
    return SPEC_HEAD + "\n".join(rows.values()) + "\n" + SPEC_TAIL


def keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    """Path and default of every key, sections only where they have a meaning of their own."""
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        inner = _models(field.annotation)
        if not inner:
            yield path, _default(field)
            continue
        path += _suffix(field.annotation)
        if _folded(path) in MEANING:
            yield path, _default(field) if field.is_required() else ""
        for one in inner:
            yield from keys(one, path + ".")


def _folded(path: str) -> str:
    for pattern, shown in _SAME:
        if shown == "alerts.ALERT" and path.split(".")[1:2] and path.split(".")[1] not in _ALERTS:
            continue
        path = pattern.sub(shown, path)
    return path


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple, dict, typing.Annotated):
        return [m for a in typing.get_args(annotation) for m in _models(a)]
    return []


def _suffix(annotation: Any) -> str:
    return {tuple: "[]", dict: "{}"}.get(typing.get_origin(annotation) or type(None), "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    is_duration = "BeforeValidator" in repr(field.metadata)
    if isinstance(value, float) and is_duration:
        return f"`{_duration(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{1000 * seconds:g}ms" if seconds else "0s"


def rollout_page(present: str) -> str:
    """The page with the states drawn anew."""
    drawn = f"<!-- states -->\n```mermaid\n{mermaid()}\n```\n<!-- /states -->"
    return re.sub(r"<!-- states -->.*<!-- /states -->", lambda _: drawn, present, flags=re.DOTALL)


def pages() -> dict[Path, str]:
    rollout = DOCS / "rollout.md"
    return {DOCS / "spec.md": spec_page(), rollout: rollout_page(rollout.read_text(encoding="utf-8"))}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
