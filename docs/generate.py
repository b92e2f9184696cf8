"""Writes the parts of the manual that are drawn from the code: `python docs/generate.py`.

A test holds the files against what this would write.
"""

from __future__ import annotations

import re
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tidegate.core.catalogue import CATALOGUE, Derive, Direction, Source
from tidegate.core.judge import JUDGED
from tidegate.core.rollout import mermaid
from tidegate.core.spec import Alerts, Spec, TelemetrySpec
from tidegate.core.spec.values import seconds

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

import module_tables  # noqa: E402 - beside this file, which need not be run as a script
import series_table  # noqa: E402

SPEC_HEAD = """# The spec

`tidegate.yaml` describes one service. Every key, its default, and what it means; unknown keys are errors, and all faults
of a file are told at once with line and column; what has to fit together is looked at as far as it can be read. Durations carry their unit (`250ms`, `90s`, `10m`, `1h30m`), ratios are
between 0 and 1. `[]` stands for the entries of a list, `{}` for keys of your own.

| key | default | meaning |
|---|---|---|
"""
SPEC_TAIL = """
## Metrics of your own

Judged like the built-in ones, without code. What the [Managed Prometheus sidecar](metrics.md) collects, what you write
to Cloud Monitoring yourself, what any PromQL can be computed from:

```yaml
analysis:
  metrics:
    goroutines: {promql: 'go_goroutines{service_name="${service}"}', growth: true, tolerance: 5}
    queue_depth:
      filter: metric.type="prometheus.googleapis.com/orders_queued/gauge" AND resource.type="prometheus_target"
      tolerance: 20%
      min_change: 10
      unit: jobs
    cache_misses: {filter: metric.type="prometheus.googleapis.com/cache_misses_total/counter", tolerance: 0.1}
  required: [open_fds, request_count, queue_depth]
  dry_run: [cache_misses]
```

`${service}`, `${project}` and `${region}` stand for those of the spec; otherwise a query is used as you wrote it.

- **Revision.** A series counts for the revision that its label names. PromQL: `revision_name`. Filter: the resource's
  `revision_name` for `run.googleapis.com` metrics, otherwise the metric's, as the sidecar writes it; what you write
  yourself needs such a label, with the value of `K_REVISION`. A series without one counts for nothing.
- **Instance.** `instanceId`, or the host of `instance`; for `generic_task` the task, for `generic_node` the node. With
  none of them the series is the whole revision's. Growth is judged per instance.
- **Values.** Several series of one instance are added up. A distribution gives its mean. A count (delta or cumulative)
  is divided by the requests of the same time, so that revisions with unequal traffic can be compared. PromQL is evaluated
  once per sample period.
- A query that fails, or whose answer has no such label, is told once; the metric then counts as not measured, and a
  rollout that requires it is not promoted. The local Cloud Run executes filters but no PromQL.

## Environments

`environments` maps names to overlays: `--env NAME` lays one over the rest of the file. Mappings are merged, everything
else is replaced. What only differs between environments (the project, say) may be left out of the base. `region` and
`regions` take each other's place, and that of the waves. All overlays are checked, whichever is used.

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
    "regions": "Several regions, such as `[europe-west1, us-central1]`; see [regions](regions.md).",
    "region": "Or one. Exactly one of both keys.",
    "containers[]": "One container, or several of which one has a `port`.",
    "containers[].name": "Name of the container.",
    "containers[].image": "Image; that of the ingress container may come from `--image`.",
    "containers[].port": "Marks the ingress container.",
    "containers[].http2": "Requests come as HTTP/2 in clear text, as gRPC needs.",
    "containers[].command": "Replaces the image's entry point.",
    "containers[].args": "Replaces the image's arguments.",
    "containers[].working_dir": "Where it starts, instead of the image's own directory.",
    "containers[].resources.cpu": 'CPU, such as `"1"` or `500m`.',
    "containers[].resources.memory": "Memory, such as `512Mi`.",
    "containers[].resources.startup_cpu_boost": "More CPU while an instance starts.",
    "containers[].env": "Environment variables, all texts. No secrets here.",
    "containers[].secrets{}.secret": "Secret Manager secret of an environment variable.",
    "containers[].secrets{}.version": "Its version. `latest` is read anew by every instance.",
    "containers[].mounts": "Where volumes appear: `{NAME: /path}`.",
    "containers[].probes.PROBE": "`startup` and `liveness`, each exactly one of `http`, `tcp` and `grpc`. A startup probe has 240 s.",
    "containers[].probes.PROBE.http.path": "HTTP probe: its path.",
    "containers[].probes.PROBE.http.port": "Its port, if not the container's.",
    "containers[].probes.PROBE.http.headers": "Headers of the request.",
    "containers[].probes.PROBE.tcp.port": "TCP probe: its port, if not the container's.",
    "containers[].probes.PROBE.grpc.port": "gRPC health check: its port, if not the container's.",
    "containers[].probes.PROBE.grpc.service": "The service asked about, if not the whole server.",
    "containers[].probes.PROBE.initial_delay": "Before the first attempt.",
    "containers[].probes.PROBE.period": "Between attempts.",
    "containers[].probes.PROBE.timeout": "Of one attempt.",
    "containers[].probes.PROBE.failure_threshold": "Failures in a row until it counts.",
    "containers[].depends_on": "Containers that must have started before; they need a startup probe.",
    "description": "What the service is for.",
    "volumes{}": "A volume by its name, exactly one of `secret`, `bucket` and `memory`.",
    "volumes{}.secret.secret": "Secret Manager secret.",
    "volumes{}.secret.files": 'Its files and the version of each: `{config.yaml: "3"}`. Without them the latest version is a file of the secret\'s name.',
    "volumes{}.secret.mode": "Of the files, in octal.",
    "volumes{}.bucket.name": "Cloud Storage bucket; the service's own account may then read it, or write it too.",
    "volumes{}.bucket.read_only": "Whether it may only be read.",
    "volumes{}.bucket.mount_options": "Of Cloud Storage FUSE, without dashes.",
    "volumes{}.memory.size": "A directory in memory that the containers share; it counts as their memory.",
    "cloud_sql": "Cloud SQL instances, `PROJECT:REGION:INSTANCE`, whose sockets appear in `/cloudsql`.",
    "vpc.network": "Network that requests of the service leave by; see `subnetwork`.",
    "vpc.subnetwork": "Or a subnetwork, in the region of the service.",
    "vpc.tags": "Network tags.",
    "vpc.connector": "Or a connector, instead of both.",
    "vpc.egress": "`private-ranges`, or `all`.",
    "scaling.min_instances": "Instances kept.",
    "scaling.max_instances": "Instances at most.",
    "scaling.concurrency": "Requests an instance handles at a time.",
    "scaling.service.min_instances": "Instances kept of all revisions together, spread by their traffic.",
    "scaling.service.max_instances": "Instances at most of all revisions together.",
    "scaling.service.instances": "A fixed number, without autoscaling.",
    "execution_environment": "`gen1`, `gen2`, or `auto`: as Cloud Run thinks best.",
    "binary_authorization.enabled": "Only images that Binary Authorization lets through are run.",
    "binary_authorization.policy": "By this platform policy; otherwise by the project's.",
    "binary_authorization.breakglass_justification": "Why an image it refuses is run all the same.",
    "encryption_key": "Key of Cloud KMS for the images.",
    "ingress": "Where requests may come from: `all`, `internal`, `internal-and-load-balancer`.",
    "billing": "`instance` (CPU always there, as the collector needs) or `request`.",
    "request_timeout": "Of one request.",
    "service_account": "Email of an existing account; otherwise the service gets its own.",
    "roles": "Further roles on the project for the service's own account.",
    "custom_audiences": "Audiences of identity tokens that are accepted besides the address.",
    "invokers": "IAM members that may call the service.",
    "allow_public": "Says that `allUsers` among the invokers is meant.",
    "deletion_protection": "Terraform refuses to destroy the service.",
    "labels": "Labels of everything that is made.",
    "telemetry.collector.enabled": "The Managed Prometheus sidecar.",
    "telemetry.collector.image": "Its image.",
    "telemetry.collector.path": "Path of the metrics on the ingress container.",
    "telemetry.collector.port": "Their port, if not the container's.",
    "telemetry.collector.interval": "Between scrapes; whole seconds.",
    "telemetry.collector.cpu": "Its CPU.",
    "telemetry.collector.memory": "Its memory.",
    "telemetry.open_fds": "Prometheus name of the gauge of open file descriptors.",
    "telemetry.max_fds": "Of their limit.",
    "telemetry.tcp_connections": "Of the gauge of TCP connections, with or without a `state` label.",
    "telemetry.memory_bytes": "Of the gauge of resident memory, in bytes.",
    "telemetry.fd_limit": "Descriptors an instance can have. Cloud Run: 25,000.",
    "telemetry.sample_period": "Between samples in Cloud Monitoring.",
    "telemetry.ingestion_delay": "Until a sample can certainly be read.",
    "accept[].rule": "A [policy](policies.md) that the service may break.",
    "accept[].reason": "Why.",
    "alerts.enabled": "Whether the monitoring root is applied.",
    "alerts.channels[].email": "Who is told: an address.",
    "alerts.channels[].existing": "Or a channel there is: `projects/P/notificationChannels/ID`.",
    "alerts.channels[].slack.channel": 'Or a Slack channel, such as `"#oncall"`.',
    "alerts.channels[].webhook.url": "Or a webhook, with a name and a password.",
    "alerts.channels[].webhook.username": "Its name.",
    "alerts.channels[].KIND": "`slack`, `webhook`, and `pagerduty`, which has no more than these two:",
    "alerts.channels[].KIND.key": "Which entry of the Terraform variable `channel_secrets` is its secret; see [alerts](alerts.md).",
    "alerts.channels[].KIND.version": "A new one sends the secret again.",
    "alerts.slo.enabled": "Whether the objectives are made in Cloud Monitoring.",
    "alerts.slo.availability": "Share of requests that do not end in a 5xx.",
    "alerts.slo.latency": "Share of requests that are fast enough.",
    "alerts.slo.latency_within": "Which are those that take at most so long.",
    "alerts.slo.days": "Over so many days.",
    "alerts.ALERT": "Each of those in [alerts](alerts.md).",
    "alerts.ALERT.enabled": "Each can be switched off.",
    "alerts.ALERT.severity": "`CRITICAL`, `ERROR` or `WARNING`.",
    "alerts.ALERT.for": "How long the condition must hold.",
    "alerts.ALERT.window": "Over which it is measured; not the same for all.",
    "alerts.ALERT.min_requests_per_minute": "Below this nothing is said.",
    "alerts.fd_growth.per_minute": "Growth per minute and instance.",
    "alerts.connection_growth.per_minute": "Growth per minute and instance.",
    "alerts.memory_growth.per_minute": "Growth per minute and instance.",
    "alerts.memory_growth.floor": "And the fullest instances use this share of their memory.",
    "alerts.fd_exhaustion.within": "The limit would be reached within this time.",
    "alerts.fd_exhaustion.floor": "And this share of it is used already.",
    "alerts.fd_level.threshold": "Share of the descriptors of an instance that are open.",
    "alerts.fd_level_critical.threshold": "As `fd_level`, and not below it.",
    "alerts.fd_errors.minimum": "Log lines within the window.",
    "alerts.connection_ratio.factor": "More than so many connections for each request in flight.",
    "alerts.connection_ratio.minimum": "And more than so many per instance.",
    "alerts.error_ratio.threshold": "Ratio of 5xx answers.",
    "alerts.latency_p99.threshold": "p99 latency.",
    "alerts.instances.factor": "More than so many times the instances that the requests in flight need.",
    "alerts.instances.minimum": "And more than so many.",
    "alerts.instances.busy": "Unless their mean CPU utilisation is above this.",
    "alerts.pending_requests.threshold": "Requests that wait for an instance, on average.",
    "alerts.restarts.factor": "More than so many starts for each instance there was.",
    "alerts.restarts.minimum": "And so many in all.",
    "alerts.failed_starts.factor": "More than so many failed startup probes for each that succeeded.",
    "alerts.failed_starts.minimum": "And so many in all.",
    "alerts.cost_per_request.factor": "More than so many times the billable time per request of before.",
    "alerts.cost_per_request.compared": "Which is so long ago.",
    "alerts.monthly_cost.budget": "Of one month, in the currency of the prices. 0 is no budget and no alert.",
    "rollout.steps": "Percentages the candidate gets before 100, rising, and the word `pause` where a person is waited for.",
    "rollout.step_duration": "How long each is watched.",
    "rollout.bake": "How long 100 % is watched.",
    "rollout.look_every": "Between looks; the sample period if not said.",
    "rollout.recovery": "How long the stable revision is watched after a rollback.",
    "rollout.start_timeout": "Until a revision must be ready.",
    "rollout.smoke[].path": "Smoke check on the candidate's tag address: its path.",
    "rollout.smoke[].status": "The status it must answer.",
    "rollout.smoke[].contains": "A text that must be in the body.",
    "rollout.smoke[].max_latency": "Slowest answer that passes, from the request to its last byte looked at.",
    "rollout.smoke[].timeout": "Of one attempt.",
    "rollout.smoke[].attempts": "Attempts at most.",
    "rollout.on_cancel": "When the rollout is cancelled after traffic has moved: `rollback`, or `keep` it where it is.",
    "rollout.waves": "The regions wave by wave, a list of lists; one after the other if not said.",
    "rollout.hooks[]": "A command or an HTTP call, at most 20; see [gates](gates.md).",
    "rollout.hooks[].when": "`before_apply`, `before_traffic` or `after`.",
    "rollout.hooks[].name": "What it is called in messages; otherwise its program or its host.",
    "rollout.hooks[].command": "Program and arguments; no shell. Exactly one of this and `http`.",
    "rollout.hooks[].http.url": "A text, or `{env: NAME}`.",
    "rollout.hooks[].http.url.prefix": "What stands before the variable's value. A text alone is the same.",
    "rollout.hooks[].http.url.env": "Variable whose value is taken when the hook runs.",
    "rollout.hooks[].http.method": "`POST`, `PUT`, `PATCH` or `GET`.",
    "rollout.hooks[].http.headers{}": "A text, or `{env: NAME}`; a secret must be the latter.",
    "rollout.hooks[].http.headers{}.prefix": "Before the variable's value, such as `Bearer `.",
    "rollout.hooks[].http.headers{}.env": "Variable whose value is taken when the hook runs.",
    "rollout.hooks[].http.body": "Sent as it is; otherwise what the hook is told, as JSON.",
    "rollout.hooks[].http.status": "The status it must answer; any 2xx if not said.",
    "rollout.hooks[].timeout": "Of the whole command or call.",
    "notify[]": "Who is told, at most 20. Exactly one of `webhook`, `slack` and `pubsub`; see [gates](gates.md).",
    "notify[].webhook.env": "Variable that holds the address of a webhook.",
    "notify[].slack.env": "Variable that holds the address of a Slack webhook, or one like it.",
    "notify[].pubsub": "A topic: `projects/PROJECT/topics/TOPIC`.",
    "notify[].events": "Of what they are told.",
    "analysis.leak_min_slope": "Growth per instance and minute that is not worth a rollback.",
    "analysis.leak_horizon": "A leak that needs longer to reach the limit is reported, not rolled back.",
    "analysis.warm_up": "Typical time an instance takes to fill its pools.",
    "analysis.error_increase": "Error ratio tolerated over the stable revision's.",
    "analysis.error_limit": "Error ratio tolerated on a first deployment.",
    "analysis.latency_ratio": "Latency tolerated, as a multiple of the stable revision's.",
    "analysis.latency_increase": "And in any case so much more.",
    "analysis.latency_limit": "p99 tolerated on a first deployment.",
    "analysis.cpu_increase": "CPU per request tolerated over the stable revision's, as `0.05` or `5%`.",
    "analysis.memory_increase": "Memory per instance tolerated over the stable revision's.",
    "analysis.memory_min_slope": "Growth of memory per instance and minute that is not worth a rollback.",
    "analysis.cost_increase": "Billable time per request tolerated over the stable revision's.",
    "analysis.metrics{}": "A metric of your own by its name, at most 20; see below.",
    "analysis.metrics{}.promql": "A PromQL query. Exactly one of this and `filter`.",
    "analysis.metrics{}.filter": "A Cloud Monitoring filter with one `metric.type`.",
    "analysis.metrics{}.direction": "`lower_is_better` or `higher_is_better`.",
    "analysis.metrics{}.growth": "Judge how fast it grows per instance, as a leak, not how high it is.",
    "analysis.metrics{}.tolerance": "Change for the worse that is tolerated: a share of the stable level, `10%` if not said; with `growth` a number per instance and minute.",
    "analysis.metrics{}.min_change": "And in any case so much more, in the metric's own unit.",
    "analysis.metrics{}.unit": "For reports.",
    "analysis.metrics{}.revision_label": "Label that names the revision; `revision_name` if not said.",
    "analysis.metrics{}.instance_label": "Label that names the instance.",
    "analysis.min_requests": "Requests to the candidate before errors and latency count as judged.",
    "analysis.min_samples": "Samples of an instance before it counts as judged.",
    "analysis.required": "Metrics without which nothing is promoted, your own among them.",
    "analysis.dry_run": "Metrics that are judged and reported and never decide, your own among them.",
    "analysis.alpha": "Chance of rolling back a healthy revision, over a whole rollout.",
    "analysis.mode": "`regression`, or `fix`: the candidate is to cure a stable revision that is bad.",
    "analysis.on_pre_existing": "When the stable revision has the same fault: `hold`, `rollback` or `promote`.",
    "analysis.on_inconclusive": "When too little was seen: `hold`, `rollback` or `promote`.",
    "guard.enabled": "Render the scheduled job that goes on watching; see [guard](guard.md).",
    "guard.image": "Image with tidegate that the job runs.",
    "guard.schedule": "When it looks, as five fields of cron.",
    "guard.time_zone": "Of the schedule.",
    "guard.window": "How much of the past a look judges.",
    "guard.until": "How long after the end of a rollout it still looks.",
    "guard.rollback": "Whether it may send the traffic back to the revision before.",
    "guard.paused": "Keep the job, and start none.",
    "guard.webhooks.secret": "Secret with the addresses that are told, separated by blanks.",
    "guard.webhooks.version": "Its version.",
    "state.backend": "`local`, or `gcs`.",
    "state.bucket": "With `gcs`: the bucket.",
    "state.prefix": "And the prefix in it.",
}
_SAME = (
    (re.compile(r"probes\.(startup|liveness)"), "probes.PROBE"),
    (
        re.compile(r"^alerts\.(\w+)(?=$|\.(enabled|severity|for|window|min_requests_per_minute)$)"),
        "alerts.ALERT",
    ),
    (
        re.compile(r"^alerts\.channels\[\]\.(slack|pagerduty|webhook)(?=$|\.(key|version)$)"),
        "alerts.channels[].KIND",
    ),
)
_ALERTS = tuple(Alerts().kinds)


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
    is_duration = any(getattr(m, "func", None) is seconds for m in field.metadata)
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


METRICS_HEAD = """# The metrics

What tidegate reads of a service. All of it is in the evidence and the charts of a report; what is **judged** decides
([how](judge.md)), unless `analysis.dry_run` names it. Metrics of your own come on top ([the spec](spec.md)).

| metric | unit | better | per | judged | what it is |
|---|---|---|---|---|---|
"""
METRICS_TAIL = """
The error ratio is judged from `error_count` and `request_count`; where a trace has only `error_ratio`, from that.

## Where they come from

The first source that has anything for a revision serves. `run.googleapis.com` metrics are Cloud Run's own, on the
resource `cloud_run_revision`; it writes them every minute. `prometheus.googleapis.com` metrics are what the service
exports and the Managed Prometheus sidecar collects, on `prometheus_target`: any Prometheus client exports descriptors
and memory, and OpenTelemetry and Micrometer have names of their own for them. TCP connections are in no standard
exporter: a service counts its own, or `tidegate collect` does it beside it ([how](collect.md)).

| metric | type | how it becomes one value |
|---|---|---|
"""
BETTER = {
    Direction.LOWER_IS_BETTER: "lower",
    Direction.HIGHER_IS_BETTER: "higher",
    Direction.NEITHER: "neither",
}
HOW = {
    Derive.TOTAL: "added up",
    Derive.LEAST: "the lowest",
    Derive.MEAN: "mean of all",
    Derive.BUSIEST_MEAN: "mean, of the container where it is highest",
    Derive.BUCKETS: "counts per bucket",
}


def metrics_page() -> str:
    """The catalogue as a page."""
    judged = {*JUDGED, "error_count", "latency_ms_bucket"}
    return "".join(
        (
            METRICS_HEAD,
            *(
                f"| `{m.id}` | {m.unit} | {BETTER[m.direction]} | {'instance' if m.per_instance else 'revision'} "
                f"| {'yes' if m.id in judged else ''} | {m.what[0].upper()}{m.what[1:]}. |\n"
                for m in CATALOGUE
            ),
            METRICS_TAIL,
            *(f"| `{m.id}` | {_type(s)} | {_how(s)} |\n" for m in CATALOGUE for s in m.sources),
        )
    )


def _type(source: Source) -> str:
    if source.setting:
        default = TelemetrySpec.model_fields[source.setting].default
        return f"`{source.metric_type({source.setting: default})}`, named by `telemetry.{source.setting}`"
    return f"`{source.type}`"


def _how(source: Source) -> str:
    if source.derive is Derive.QUANTILE:
        return f"{100 * (source.quantile or 0):g}th percentile of all"
    only = "".join(f", where `{name}` is {' or '.join(values)}" for name, values in source.only)
    but = "".join(f", without `{name}` {values[0]}" for name, values in source.without)
    return HOW[source.derive] + only + but


def rollout_page(present: str) -> str:
    """The page with the states drawn anew."""
    drawn = f"<!-- states -->\n```mermaid\n{mermaid()}\n```\n<!-- /states -->"
    return re.sub(r"<!-- states -->.*<!-- /states -->", lambda _: drawn, present, flags=re.DOTALL)


def pages() -> dict[Path, str]:
    rollout, alerts = DOCS / "rollout.md", DOCS / "alerts.md"
    return {
        DOCS / "spec.md": spec_page(),
        DOCS / "metrics.md": metrics_page(),
        rollout: rollout_page(rollout.read_text(encoding="utf-8")),
        alerts: series_table.page(module_tables.alerts_page(alerts.read_text(encoding="utf-8"))),
        **dict(module_tables.readmes()),
    }


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
