"""How a metric is described: what it means, where Cloud Monitoring keeps it, how raw points become one
series.

Points are read raw (`ALIGN_NONE`) and combined by the metrics adapter. The API refuses alignment periods
under 60 s, so an aligned query could not serve a source that samples every second, and raw points are right
at both. `aligner` and `reducer` name the server-side aggregation that shows the same number on a chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PROMETHEUS = "prometheus.googleapis.com"


class Resource(StrEnum):
    """Monitored resource type."""

    REVISION = "cloud_run_revision"
    PROMETHEUS = "prometheus_target"


class Kind(StrEnum):
    GAUGE = "GAUGE"
    DELTA = "DELTA"


class Value(StrEnum):
    INT64 = "INT64"
    DOUBLE = "DOUBLE"
    DISTRIBUTION = "DISTRIBUTION"


class Direction(StrEnum):
    LOWER_IS_BETTER = "lower_is_better"
    HIGHER_IS_BETTER = "higher_is_better"
    NEITHER = "neither"
    """Describes load or a limit: explains the others, is not judged itself."""


class Derive(StrEnum):
    """How the points of all series of one revision (or instance) at one time become one value."""

    TOTAL = "total"
    LEAST = "least"
    MEAN = "mean"
    """Of the merged distribution."""
    BUSIEST_MEAN = "busiest_mean"
    """The highest of the containers' means: a sidecar that idles must not dilute the application."""
    QUANTILE = "quantile"
    """Of the merged distribution, linear inside the bucket."""
    BUCKETS = "buckets"
    """One series per bound of the merged distribution: how many values of the interval were at most that."""


Labels = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Source:
    """One metric type that can feed a metric.

    `type` is a full metric type; `setting` instead names the `Telemetry` field that holds the type, or the
    bare Prometheus name. `only` and `without` select series by metric label; a label that a series does not
    carry never excludes it through `without`.
    """

    type: str = ""
    setting: str = ""
    resource: Resource = Resource.REVISION
    kind: Kind = Kind.GAUGE
    value: Value = Value.INT64
    per_instance: bool = False
    derive: Derive = Derive.TOTAL
    quantile: float | None = None
    only: Labels = ()
    without: Labels = ()
    aligner: str = "ALIGN_MEAN"
    reducer: str = "REDUCE_SUM"
    group_by: tuple[str, ...] = ("resource.label.revision_name",)

    def metric_type(self, configured: Mapping[str, str]) -> str:
        """The full metric type; `configured` maps `Telemetry` fields to names. Empty when switched off."""
        name = configured.get(self.setting, "") if self.setting else self.type
        if not name or "/" in name:
            return name
        return f"{PROMETHEUS}/{name}/gauge"


@dataclass(frozen=True)
class Metric:
    """`id` is the name in samples and traces. `sources` in order of preference: the first with data
    serves."""

    id: str
    what: str
    unit: str
    direction: Direction
    sources: tuple[Source, ...]

    @property
    def per_instance(self) -> bool:
        return self.sources[0].per_instance
