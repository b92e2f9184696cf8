"""A user's own metric: a PromQL query or a monitoring filter, and the labels that tell revision and instance.

The text may hold `${service}`, `${project}` and `${region}`. A filter is used as written, with the revisions
of the rollout added to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

PLACEHOLDERS = ("service", "project", "region")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")
_METRIC_TYPE = re.compile(r"metric\.type\s*=\s*[\"']([^\"']+)[\"']")
_OF_CLOUD_RUN = re.compile(r"[\"'](?:cloud_run_revision[\"']|run\.googleapis\.com/)")
_LABEL = re.compile(r"(metric|resource)\.labels?\.\"?(\w+)\"?")


@dataclass(frozen=True)
class Label:
    """A label of a time series: `metric.labels.revision_name`."""

    of: str
    """`metric` or `resource`."""
    name: str

    def __str__(self) -> str:
        return f"{self.of}.labels.{self.name}"


@dataclass(frozen=True)
class CustomMetric:
    """Exactly one of `promql` and `filter` is not empty; what they hold has been validated by the spec.

    `revision_label` and `instance_label` are bare names for PromQL, `metric.labels.NAME` or
    `resource.labels.NAME` for a filter; empty for the usual ones.
    """

    id: str
    promql: str = ""
    filter: str = ""
    revision_label: str = ""
    instance_label: str = ""

    @property
    def revision(self) -> Label:
        """Where a series says its revision."""
        if self.promql:
            return Label("metric", self.revision_label or "revision_name")
        if self.revision_label:
            return label(self.revision_label)
        # Cloud Run writes it on the resource; everybody else has only labels of the metric for it.
        return Label("resource" if _OF_CLOUD_RUN.search(self.filter) else "metric", "revision_name")

    @property
    def instance(self) -> Label | None:
        """Where it says its instance; None for the usual places."""
        if not self.instance_label:
            return None
        return Label("metric", self.instance_label) if self.promql else label(self.instance_label)

    @property
    def metric_type(self) -> str:
        return metric_type(self.filter)


def label(text: str) -> Label:
    """`metric.label.x` → Label. Raises ValueError for what is none."""
    found = _LABEL.fullmatch(text)
    if found is None:
        raise ValueError(f"not a label of a time series: {text!r}")
    return Label(found[1], found[2])


def metric_type(text: str) -> str:
    """The one metric type that a filter names; empty if it names none or several."""
    found = set(_METRIC_TYPE.findall(text))
    return found.pop() if len(found) == 1 else ""


def unknown_placeholders(text: str) -> list[str]:
    return [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced. `values` has one for each."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
