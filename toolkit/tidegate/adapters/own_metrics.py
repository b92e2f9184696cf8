"""A user's own metric: how Cloud Monitoring is asked for it, and raw series → series per revision and
instance. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tidegate.adapters.deriving import derive
from tidegate.adapters.points import Raw
from tidegate.adapters.querying import Query, one_of
from tidegate.core.catalogue import CustomMetric, Derive, Kind, Source
from tidegate.core.samples import FloatArray, Series

_GAUGE = Source("own", per_instance=True)
_COUNT = Source("own", kind=Kind.DELTA)
_SPREAD = Source("own", per_instance=True, derive=Derive.MEAN)


def query(metric: CustomMetric, revisions: Sequence[str]) -> Query:
    """The user's filter with the revisions added to it; without any, as it is."""
    if not revisions:
        return Query(metric.metric_type, metric.filter, own=True)
    own = f"({metric.filter})" if re.search(r"\bOR\b", metric.filter) else metric.filter
    return Query(metric.metric_type, f"{own} AND {one_of(str(metric.revision), revisions)}", own=True)


def from_labels(labels: Mapping[str, str], times: FloatArray, values: FloatArray) -> Raw:
    """A series of an answer to PromQL, which does not tell a metric's labels from a resource's."""
    return Raw(labels, labels, times, values)


def revision_of(metric: CustomMetric, raw: Raw) -> str:
    """What the series says of which revision it is; empty if nothing."""
    return _value(raw, metric.revision.of, metric.revision.name)


def series(
    metric: CustomMetric, raw: Iterable[Raw], requests: Mapping[str, Series], period: float
) -> dict[str, list[Series]]:
    """Series by revision. `requests` are the counted requests by revision, `period` the sample period."""
    placed = [_placed(metric, one) for one in raw]
    if any(one.histograms for one in placed):
        return derive(metric.id, _SPREAD, placed, period)
    if not any(one.counts for one in placed):
        return derive(metric.id, _GAUGE, placed, period)
    counted = derive(metric.id, _COUNT, placed, period)
    return {
        revision: [ratio]
        for revision, (total,) in counted.items()
        if revision in requests and (ratio := per_request(total, requests[revision])) is not None
    }


def per_request(total: Series, requests: Series) -> Series | None:
    """Amounts per interval over the requests of the same time; None where there were none.

    The two are cut at times of their own. The edges of the coarser one serve both, so that no amount is set
    against the requests of another time for longer than one of its intervals.
    """
    edges = min((total.times, requests.times), key=len)
    amounts, counts = (_summed(one, edges) for one in (total, requests))
    known = counts > 0
    known[0] = False  # where the first interval begins is not known
    first, last = np.searchsorted(edges, total.times[[0, -1]])
    known[:first] = False  # no amount there is none that was measured, not none at all
    known[last + 1 :] = False
    if not known.any():
        return None
    return Series(total.key, edges[known], amounts[known] / counts[known])


def _summed(one: Series, edges: FloatArray) -> FloatArray:
    """The values that fall into (edge before, edge]; what is later than the last edge is left out."""
    index = np.searchsorted(edges, one.times)
    inside = index < edges.size
    sums = np.bincount(index[inside], weights=one.values[inside], minlength=edges.size)
    return np.asarray(sums, dtype=np.float64)


def _placed(metric: CustomMetric, raw: Raw) -> Raw:
    """With the labels where `Raw` looks for revision and instance."""
    revision = revision_of(metric, raw)
    chosen = metric.instance
    instance = raw.instance if chosen is None else _value(raw, chosen.of, chosen.name)
    return replace(raw, metric_labels={"revision_name": revision, "instanceId": instance}, resource_labels={})


def _value(raw: Raw, of: str, name: str) -> str:
    return (raw.metric_labels if of == "metric" else raw.resource_labels).get(name, "")
