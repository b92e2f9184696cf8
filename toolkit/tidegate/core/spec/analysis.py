"""The section `analysis`: what is judged, a user's own metrics among it, and what follows from a verdict."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.catalogue import BY_ID
from tidegate.core.catalogue.custom import PLACEHOLDERS, metric_type, unknown_placeholders
from tidegate.core.spec.base import Model
from tidegate.core.spec.suggest import suggest
from tidegate.core.spec.values import (
    Duration,
    Memory,
    PositiveDuration,
    PromLabel,
    SeriesLabel,
    Share,
    Text,
    matching,
    share,
)

JudgedMetric = Literal[
    "request_count",
    "error_ratio",
    "latency_p99_ms",
    "latency_mean_ms",
    "open_fds",
    "tcp_connections",
    "memory_bytes",
    "memory_utilization",
    "cpu_utilization",
    "billable_instance_seconds",
]
JUDGED: tuple[str, ...] = get_args(JudgedMetric)
Wish = Literal["hold", "rollback", "promote"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MOST_OWN = 20
_LONGEST_QUERY = 2000
"""Google allows a filter 2048 characters; the names of the revisions come on top."""
LEVEL_TOLERANCE = 0.1
OWN = "own"
"""Key of the validation context: the names under `analysis.metrics`, as written."""


def _own_name(name: str) -> str:
    if name in JUDGED or name in BY_ID:
        raise PydanticCustomError("own_name", "is built in; give your own metric another name")
    return name


def _query(text: str) -> str:
    if len(text) > _LONGEST_QUERY:
        raise PydanticCustomError("query", "is longer than {most} characters", {"most": _LONGEST_QUERY})
    if wrong := unknown_placeholders(text):
        known = ", ".join(f"${{{name}}}" for name in PLACEHOLDERS)
        raise PydanticCustomError(
            "query",
            "has the placeholder {it}; there are {known}",
            {"it": repr(f"${{{wrong[0]}}}"[:40]), "known": known},
        )
    return text


def _filter(text: str) -> str:
    if not metric_type(text):
        raise PydanticCustomError("filter", 'needs exactly one metric.type = "…"')
    return text


def _label(text: str, info: ValidationInfo) -> str:
    """PromQL knows bare labels, a filter those of the metric and those of the resource."""
    if info.data.get("promql") and not PromLabel.fullmatch(text):
        raise PydanticCustomError("label", "is not a label of PromQL; write it such as revision_name")
    if info.data.get("filter") and not SeriesLabel.fullmatch(text):
        raise PydanticCustomError(
            "label", "is not a label of a filter; write it such as metric.label.revision_name"
        )
    return text


def _tolerance(value: Any, info: ValidationInfo) -> Any:
    if info.data.get("growth") and isinstance(value, str):
        raise PydanticCustomError("tolerance", "is not a growth per instance and minute; write a number")
    return share(value)


def _judged(name: str, info: ValidationInfo) -> str:
    """A built-in metric that is judged, or one of the user's own, even one with faults."""
    own = (info.context or {}).get(OWN, ())
    if name in JUDGED or name in own:
        return name
    known = (*JUDGED, *filter(_NAME.fullmatch, own))
    hint = suggest(name, known) or "there are " + ", ".join(known)
    raise PydanticCustomError("judged", "is not a metric that is judged; {hint}", {"hint": hint})


MetricId = Annotated[
    str,
    matching(
        _NAME.pattern,
        "is not a name for a metric: lower-case letters, digits and _, starting with a letter",
    ),
    AfterValidator(_own_name),
]
Query = Annotated[Text, AfterValidator(_query)]
Label = Annotated[Text, AfterValidator(_label)]
Tolerance = Annotated[float, BeforeValidator(_tolerance), Field(ge=0)]
Judged = Annotated[str, AfterValidator(_judged)]


class OwnMetric(Model):
    """A metric of the user's own: exactly one of `promql` and `filter`."""

    promql: Query | None = None
    filter: Annotated[Query, AfterValidator(_filter)] | None = None
    direction: Literal["lower_is_better", "higher_is_better"] = "lower_is_better"
    growth: bool = False
    tolerance: Tolerance | None = None
    min_change: float = Field(default=0.0, ge=0)
    unit: Annotated[str, Field(max_length=40)] = ""
    revision_label: Label | None = None
    instance_label: Label | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.promql is None) == (self.filter is None):
            raise PydanticCustomError("own", "needs exactly one of promql and filter")
        if self.growth and self.direction == "higher_is_better":
            raise PydanticCustomError("own", "is judged by its growth, which is never better when higher")
        if self.growth and self.tolerance is None:
            raise PydanticCustomError(
                "own", "needs a tolerance: the growth per instance and minute that does not matter"
            )
        return self

    @property
    def tolerated(self) -> float:
        """A ratio of the stable level, or growth per instance and minute."""
        return LEVEL_TOLERANCE if self.tolerance is None else self.tolerance


class Analysis(Model):
    """What the judge asks for; see docs/judge.md."""

    leak_min_slope: float = Field(default=0.2, gt=0)
    leak_horizon: PositiveDuration = 2592000.0
    warm_up: PositiveDuration = 120.0
    error_increase: float = Field(default=0.001, ge=0, lt=1)
    error_limit: float = Field(default=0.05, gt=0, le=1)
    latency_ratio: float = Field(default=1.5, gt=1)
    latency_increase: Duration = 0.01
    latency_limit: PositiveDuration | None = None
    cpu_increase: Share = 0.05
    memory_increase: Share = 0.3
    memory_min_slope: Memory = "512Ki"
    cost_increase: Share = 0.1
    min_requests: int = Field(default=50, ge=1)
    min_samples: int = Field(default=8, ge=6)
    metrics: dict[MetricId, OwnMetric] = Field(default_factory=dict, max_length=_MOST_OWN)
    required: tuple[Judged, ...] = ("open_fds", "request_count")
    dry_run: tuple[Judged, ...] = ()
    alpha: float = Field(default=0.01, gt=0, le=0.2)
    mode: Literal["regression", "fix"] = "regression"
    on_inconclusive: Wish = "hold"
    on_pre_existing: Wish = "hold"

    @model_validator(mode="after")
    def _asks_only_for_what_decides(self) -> Self:
        both = sorted(set(self.required) & set(self.dry_run))
        if both and "required" in self.model_fields_set:
            raise PydanticCustomError(
                "dry_run", "names {names}, which is required: what never decides cannot be",
                {"names": ", ".join(both)},
            )  # fmt: skip
        return self
