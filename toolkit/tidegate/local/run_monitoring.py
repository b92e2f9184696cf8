"""The `RunMonitoring` configuration of the Managed Prometheus sidecar, with its defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_METADATA = ("instance", "revision", "service", "configuration")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_ACTIONS = ("replace", "keep", "drop", "labeldrop", "labelkeep")


class ConfigError(Exception):
    """One sentence on what is wrong."""


@dataclass(frozen=True)
class Rule:
    """One step of `metricRelabeling`, as in Prometheus: the expression must match as a whole."""

    action: str
    source: tuple[str, ...]
    separator: str
    regex: re.Pattern[str]
    target: str
    replacement: str

    def apply(self, labels: Mapping[str, str]) -> dict[str, str] | None:
        """The labels afterwards (`__name__` is one of them), or None when the sample is dropped."""
        if self.action in ("labeldrop", "labelkeep"):
            keep = self.action == "labelkeep"
            return {
                k: v for k, v in labels.items() if bool(self.regex.fullmatch(k)) == keep or k == "__name__"
            }
        found = self.regex.fullmatch(self.separator.join(labels.get(name, "") for name in self.source))
        if self.action == "keep":
            return dict(labels) if found else None
        if self.action == "drop":
            return None if found else dict(labels)
        return {**labels, self.target: found.expand(self.replacement)} if found else dict(labels)


@dataclass(frozen=True)
class Endpoint:
    port: int
    path: str = "/metrics"
    interval: float = 30.0
    """Seconds."""
    timeout: float = 30.0
    """Seconds, at most the interval."""
    params: tuple[tuple[str, str], ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class RunMonitoring:
    endpoints: tuple[Endpoint, ...] = (Endpoint(8080),)
    name: str = "run-gmp-sidecar"
    """Becomes the label `job`."""
    metadata: tuple[str, ...] = _METADATA


def parse(content: bytes | None) -> RunMonitoring:
    """None, no such file, is the default: port 8080, /metrics, every 30 s. Raises ConfigError."""
    if content is None or not content.strip():
        return RunMonitoring()
    try:
        document = YAML(typ="safe").load(content.decode())
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    if not isinstance(document, dict):
        raise ConfigError("not a mapping")
    if document.get("apiVersion") != "monitoring.googleapis.com/v1beta":
        raise ConfigError("apiVersion must be monitoring.googleapis.com/v1beta")
    if document.get("kind") != "RunMonitoring":
        raise ConfigError("kind must be RunMonitoring")
    spec = _mapping(document.get("spec"), "spec")
    metadata = _mapping(spec.get("targetLabels"), "spec.targetLabels").get("metadata", list(_METADATA))
    unknown = [name for name in metadata or () if name not in _METADATA]
    if unknown:
        raise ConfigError(f"metadata label {unknown[0]!r} not allowed, must be one of {', '.join(_METADATA)}")
    endpoints = spec.get("endpoints")
    return RunMonitoring(
        (Endpoint(8080),) if endpoints is None else tuple(_endpoint(one) for one in endpoints),
        str(_mapping(document.get("metadata"), "metadata").get("name", RunMonitoring.name)),
        tuple(metadata or ()),
    )


def seconds(duration: object) -> float:
    """A Prometheus duration such as `30s`, `1m30s`, `500ms`. Raises ConfigError."""
    found = _DURATION.fullmatch(str(duration))
    parts = [int(part or 0) for part in found.groups()] if found and str(duration) else []
    total = sum(n * unit for n, unit in zip(parts, (86_400, 3600, 60, 1, 0.001), strict=False))
    if total <= 0:
        raise ConfigError(f"not a duration: {duration!r}")
    return total


def _endpoint(entry: Any) -> Endpoint:
    fields = _mapping(entry, "an endpoint")
    try:
        port = int(fields.get("port", ""))
    except ValueError:
        raise ConfigError(f"the port of an endpoint is a number, not {fields.get('port')!r}") from None
    interval = seconds(fields.get("interval", "30s"))
    timeout = seconds(fields["timeout"]) if fields.get("timeout") else interval
    if timeout > interval:
        raise ConfigError(
            f"scrape timeout {timeout:g}s must not be greater than scrape interval {interval:g}s"
        )
    params = _mapping(fields.get("params"), "params")
    return Endpoint(
        port,
        str(fields.get("path") or "/metrics"),
        interval,
        timeout,
        tuple((str(key), str(value)) for key, values in params.items() for value in values),
        tuple(_rule(_mapping(rule, "a relabelling rule")) for rule in fields.get("metricRelabeling") or ()),
    )


def _rule(fields: Mapping[str, Any]) -> Rule:
    action = str(fields.get("action", "replace")).lower()
    if action not in _ACTIONS:
        raise ConfigError(f"relabelling action {action!r} is not one of {', '.join(_ACTIONS)}")
    target = str(fields.get("targetLabel", ""))
    if action == "replace" and not target:
        raise ConfigError("a relabelling rule that replaces needs a targetLabel")
    try:
        regex = re.compile(str(fields.get("regex", "(.*)")), re.DOTALL)
    except re.error as error:
        raise ConfigError(f"relabelling regex: {error}") from error
    # $1 and ${name} become what Python expands.
    replacement = re.sub(r"\$(?:\{(\w+)\}|(\w+))", r"\\g<\1\2>", str(fields.get("replacement", "$1")))
    source = tuple(str(name) for name in fields.get("sourceLabels") or ())
    return Rule(action, source, str(fields.get("separator", ";")), regex, target, replacement)


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{what} is not a mapping")
    return value
