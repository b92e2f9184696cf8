"""`alerts` of a spec → the arguments of the monitoring module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tidegate.core.spec import Spec
from tidegate.core.spec.alerts import Alert, Channel, Slo
from tidegate.core.spec.values import cpu_count, memory_bytes

_DURATIONS = frozenset({"for", "window", "within", "compared"})


def watched(spec: Spec, whole: Callable[[str, float], int]) -> dict[str, Any]:
    """Names → plain values: `alerts`, `channels`, `cost` and `slo`.

    `whole(name, seconds)` makes whole seconds of a duration, and keeps what it has against it for later.
    """
    return {
        "alerts": _alerts(spec, whole),
        "channels": _channels(spec.alerts.channels),
        "cost": _cost(spec),
        "slo": _slo(spec.alerts.slo),
    }


def _alerts(spec: Spec, whole: Callable[[str, float], int]) -> dict[str, Any]:
    """What departs from the defaults, which are those of the module."""
    kinds = {name: _alert(name, alert, whole) for name, alert in spec.alerts.kinds.items()}
    # Nothing is promoted without what is required, so that a revision without it has lost it.
    if not spec.telemetry.collector.enabled:
        kinds["telemetry_silent"]["enabled"] = False
    elif "open_fds" in spec.analysis.required:
        kinds["telemetry_silent"]["expected"] = True
    return {"enabled": spec.alerts.enabled, **{name: given for name, given in kinds.items() if given}}


def _alert(name: str, alert: Alert, whole: Callable[[str, float], int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, about in type(alert).model_fields.items():
        value = getattr(alert, field)
        if value == about.default:
            continue
        shown = about.alias or field
        if shown in _DURATIONS or (name, field) == ("latency_p99", "threshold"):
            in_seconds = value if field == "threshold" else whole(f"alerts.{name}.{shown}", value)
            found[f"{shown}_seconds"] = in_seconds
        else:
            found[field] = memory_bytes(value) if field == "per_minute" and isinstance(value, str) else value
    return found


def _channels(channels: Sequence[Channel]) -> dict[str, Any]:
    """By kind; those with a secret by their key, and only the kinds that there are."""
    slack = [c.slack for c in channels if c.slack is not None]
    pagerduty = [c.pagerduty for c in channels if c.pagerduty is not None]
    webhooks = [c.webhook for c in channels if c.webhook is not None]
    keyed: dict[str, dict[str, Any]] = {
        "pagerduty": {one.key: {"version": one.version} for one in pagerduty},
        "slack": {one.key: {"channel_name": one.channel, "version": one.version} for one in slack},
        "webhooks": {one.key: one.model_dump(include={"url", "username", "version"}) for one in webhooks},
    }
    return {
        "emails": sorted({c.email for c in channels if c.email is not None}),
        "existing": sorted({c.existing for c in channels if c.existing is not None}),
        **{kind: dict(sorted(found.items())) for kind, found in keyed.items() if found},
    }


def _cost(spec: Spec) -> dict[str, Any]:
    """What an instance is billed for: all its containers, the collector among them."""
    collector = spec.telemetry.collector
    sizes = [(c.resources.cpu, c.resources.memory) for c in spec.containers]
    sizes += [(collector.cpu, collector.memory)] if collector.enabled else []
    return {
        "billing": spec.billing,
        "vcpu": sum(cpu_count(cpu) for cpu, _ in sizes),
        "memory_gib": sum(memory_bytes(memory) for _, memory in sizes) / 2**30,
    }


def _slo(slo: Slo) -> dict[str, Any]:
    names = {"latency_within": "latency_seconds"}
    return {
        names.get(field, field): getattr(slo, field)
        for field, about in type(slo).model_fields.items()
        if getattr(slo, field) != about.default
    }
