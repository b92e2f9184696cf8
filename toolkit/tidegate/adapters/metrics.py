"""Cloud Monitoring over gRPC: implements `ports.Metrics`.

One ListTimeSeries query per metric type, run side by side, raw points (`core.catalogue` says why). Several
metrics share a type: requests and errors, every figure of the latency.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from tidegate.adapters.channels import MONITORING, Channels
from tidegate.adapters.deriving import derive
from tidegate.adapters.grpc_errors import FOREIGN, code_of, is_transient, translate
from tidegate.adapters.points import Collector, Raw
from tidegate.adapters.retry import Retrying
from tidegate.core.catalogue import CATALOGUE, Kind, Metric, Resource
from tidegate.core.errors import Rejected, Unreachable
from tidegate.core.samples import Samples, Series, Window
from tidegate.ports import ServiceName, Telemetry

_LOG = logging.getLogger(__name__)
_THREADS = 8
_PAGE = 20_000
"""Points. A page of distributions is then some 10 MB while it is read, and numbers alone afterwards."""
_MOST_POINTS = 5_000_000

# proto-plus gives its message classes untyped constructors.
_messages: Any = monitoring_v3


@dataclass(frozen=True)
class _Query:
    type: str
    resource: Resource
    counts: bool


OnDropped = Callable[[str, Mapping[str, int]], None]
"""Called with a metric type and how many of its points could not be used, by reason."""


class CloudMonitoring:
    """Safe to use from several threads. `on_dropped` may be called from any of them."""

    def __init__(
        self,
        channels: Channels,
        retrying: Retrying,
        *,
        on_dropped: OnDropped | None = None,
        page_size: int = _PAGE,
        catalogue: Sequence[Metric] = CATALOGUE,
    ) -> None:
        transport = MetricServiceGrpcTransport(channel=channels.to(MONITORING))
        self._client: Any = monitoring_v3.MetricServiceClient(transport=transport)
        self._retrying = retrying
        self._on_dropped = on_dropped or _log_dropped
        self._page_size = page_size
        self._catalogue = catalogue

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        """See `ports.Metrics`. Raises Denied, Unreachable, or Rejected for a window of too many points."""
        if not revisions or window.seconds <= 0:
            return Samples.of(())
        configured = {
            "open_fds": telemetry.open_fds,
            "max_fds": telemetry.max_fds,
            "tcp_connections": telemetry.tcp_connections,
        }
        queries = {
            _Query(metric_type, source.resource, source.kind is Kind.DELTA): None
            for metric in self._catalogue
            for source in metric.sources
            if (metric_type := source.metric_type(configured))
        }
        found = self._fetch_all(list(queries), name, sorted(set(revisions)), window)
        series: list[Series] = []
        for metric in self._catalogue:
            series.extend(
                _first_with_data(metric, configured, found, telemetry.sample_period, set(revisions))
            )
        return Samples.of(series)

    def check_access(self, project: str) -> None:
        """Reads time series headers, as that is the permission a rollout needs. Raises a RemoteError."""
        now = self._retrying.clock.now()
        request = _messages.ListTimeSeriesRequest(
            name=f"projects/{project}",
            filter='metric.type = "run.googleapis.com/request_count"',
            interval=_interval(Window(now - 300, now)),
            view=_messages.ListTimeSeriesRequest.TimeSeriesView.HEADERS,
            page_size=1,
        )
        self._page(request, f"read the metrics of project {project}", "run.googleapis.com/request_count")

    def _fetch_all(
        self, queries: Sequence[_Query], name: ServiceName, revisions: Sequence[str], window: Window
    ) -> dict[str, list[Raw]]:
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="metrics")
        try:
            running = [pool.submit(self._fetch, query, name, revisions, window) for query in queries]
            results = [future.result() for future in running]
        finally:
            # After a failure or Ctrl-C nothing more is asked; what is under way ends by its own deadline.
            pool.shutdown(wait=False, cancel_futures=True)
        return {query.type: raw for query, raw in zip(queries, results, strict=True)}

    def _fetch(self, query: _Query, name: ServiceName, revisions: Sequence[str], window: Window) -> list[Raw]:
        doing = f"read {query.type} of service {name.service} in {name.region} of project {name.project}"
        collector = Collector(window, counts=query.counts)
        request = _messages.ListTimeSeriesRequest(
            name=f"projects/{name.project}",
            filter=_filter(query, name, revisions),
            interval=_interval(window),
            view=_messages.ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=self._page_size,
        )
        while (page := self._page(request, doing, query.type)) is not None:
            collector.take(page.time_series)
            if collector.points > _MOST_POINTS:
                raise Rejected(
                    f"cannot {doing}: more than {_MOST_POINTS:,} points", hint="ask for a shorter time"
                )
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        series = collector.series()
        dropped = {reason: n for reason, n in collector.dropped.items() if n}
        if dropped:
            self._on_dropped(query.type, dropped)
        return series

    def _page(self, request: Any, doing: str, metric_type: str) -> Any | None:
        """One page as a protobuf message, or None when the metric does not exist (yet)."""
        timeout = self._retrying.policy.timeout

        def call() -> Any:
            # retry=None switches the client library's own retry off, so that there is one policy: ours.
            pager = self._client.list_time_series(request=request, retry=None, timeout=timeout)
            return next(iter(pager.pages))

        try:
            page = self._retrying.call(call, is_transient)
        except FOREIGN as error:
            if _no_such_metric(error, metric_type):
                return None
            raise translate(error, doing) from error
        message = _messages.ListTimeSeriesResponse.pb(page)
        if message.execution_errors:
            said = "; ".join(status.message for status in message.execution_errors)
            raise Unreachable(f"cannot {doing}: the answer is incomplete: {said}", hint="try again")
        return message


def _first_with_data(
    metric: Metric,
    configured: Mapping[str, str],
    found: Mapping[str, list[Raw]],
    period: float,
    revisions: set[str],
) -> list[Series]:
    """For each revision the series of the first source that has any; never two sources mixed."""
    chosen: dict[str, list[Series]] = {}
    for source in metric.sources:
        raw = found.get(source.metric_type(configured), [])
        for revision, series in derive(metric.id, source, raw, period).items():
            if revision in revisions:
                chosen.setdefault(revision, series)
    return [one for series in chosen.values() for one in series]


def _filter(query: _Query, name: ServiceName, revisions: Sequence[str]) -> str:
    # The collector writes the revision as a label of the metric, Cloud Run's own metrics as one of the
    # resource.
    if query.resource is Resource.PROMETHEUS:
        labels = {"resource.labels.cluster": "__run__", "resource.labels.namespace": name.service}
        revision = "metric.labels.revision_name"
    else:
        labels = {"resource.labels.service_name": name.service}
        revision = "resource.labels.revision_name"
    labels["resource.labels.location"] = name.region
    terms = {"metric.type": query.type, "resource.type": query.resource.value, **labels}
    equal = [f"{label} = {json.dumps(value)}" for label, value in terms.items()]
    return " AND ".join([*equal, f"{revision} = one_of({', '.join(map(json.dumps, revisions))})"])


def _interval(window: Window) -> Any:
    return _messages.TimeInterval(start_time=_timestamp(window.start), end_time=_timestamp(window.end))


def _timestamp(epoch: float) -> Timestamp:
    # A float of today's epoch seconds is good to a fraction of a microsecond; more digits would be invented.
    seconds, micros = divmod(round(epoch * 1_000_000), 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def _no_such_metric(error: Exception, metric_type: str) -> bool:
    """A type nobody ever wrote to is answered by NOT_FOUND, or as an invalid filter: both name the metric."""
    if code_of(error) not in (StatusCode.NOT_FOUND, StatusCode.INVALID_ARGUMENT):
        return False
    said = str(getattr(error, "message", "")).lower()
    return metric_type.lower() in said or "cannot find metric" in said or "unknown metric" in said


def _log_dropped(metric_type: str, dropped: Mapping[str, int]) -> None:
    reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(dropped.items()))
    _LOG.info("%s: points not used: %s", metric_type, reasons)
