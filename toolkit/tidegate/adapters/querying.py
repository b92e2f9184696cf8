"""Time series queries of Cloud Monitoring over gRPC: a filter and a window in, raw series out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from tidegate.adapters.channels import MONITORING, Channels
from tidegate.adapters.grpc_errors import FOREIGN, code_of, is_transient, translate
from tidegate.adapters.points import Collector, Raw
from tidegate.adapters.retry import Retrying
from tidegate.core.errors import Rejected, Unreachable
from tidegate.core.samples import Window
from tidegate.ports import ServiceName

_LOG = logging.getLogger(__name__)
_PAGE = 20_000
"""Points. A page of distributions is then some 10 MB while it is read, and numbers alone afterwards."""
_MOST_POINTS = 5_000_000

# proto-plus gives its message classes untyped constructors.
_messages: Any = monitoring_v3

OnDropped = Callable[[str, Mapping[str, int]], None]
"""Called with a metric type and how many of its points could not be used, by reason."""


@dataclass(frozen=True)
class Query:
    """One metric type; `filter` selects it and what else is asked for. `counts`: see `Collector`.

    `own`: the filter was written by the user, who must hear that it finds no metric.
    """

    type: str
    filter: str
    counts: bool = False
    own: bool = False


class Queries:
    """Safe to use from several threads. `on_dropped` may be called from any of them."""

    def __init__(
        self,
        channels: Channels,
        retrying: Retrying,
        *,
        on_dropped: OnDropped | None = None,
        page_size: int | None = None,
    ) -> None:
        transport = MetricServiceGrpcTransport(channel=channels.to(MONITORING))
        self._client: Any = monitoring_v3.MetricServiceClient(transport=transport)
        self._retrying = retrying
        self._on_dropped = on_dropped or _log_dropped
        self._page_size = page_size or _PAGE

    def fetch(self, query: Query, name: ServiceName, window: Window) -> list[Raw]:
        """Every series with a point in the window; none where nobody ever wrote the metric.

        Raises Denied, Unreachable, Rejected (a filter that is none, or too many points), and NotFound
        for a metric of the user's own that nobody ever wrote.
        """
        doing = f"read {query.type} of service {name.service} in {name.region} of project {name.project}"
        collector = Collector(window, counts=query.counts)
        request = _messages.ListTimeSeriesRequest(
            name=f"projects/{name.project}",
            filter=query.filter,
            interval=_interval(window),
            view=_messages.ListTimeSeriesRequest.TimeSeriesView.FULL,
            page_size=self._page_size,
        )
        while (page := self._page(request, doing, "" if query.own else query.type)) is not None:
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

    def _page(self, request: Any, doing: str, metric_type: str) -> Any | None:
        """One page as a protobuf message, or None when there is no metric of this type (yet).

        Without `metric_type` that is an error like any other.
        """
        timeout = self._retrying.policy.timeout

        def call() -> Any:
            # retry=None switches the client library's own retry off, so that there is one policy: ours.
            pager = self._client.list_time_series(request=request, retry=None, timeout=timeout)
            return next(iter(pager.pages))

        try:
            page = self._retrying.call(call, is_transient)
        except FOREIGN as error:
            if metric_type and _no_such_metric(error, metric_type):
                return None
            raise translate(error, doing) from error
        message = _messages.ListTimeSeriesResponse.pb(page)
        if message.execution_errors:
            said = "; ".join(status.message for status in message.execution_errors)
            raise Unreachable(f"cannot {doing}: the answer is incomplete: {said}", hint="try again")
        return message


def one_of(label: str, values: Sequence[str]) -> str:
    return f"{label} = one_of({', '.join(map(json.dumps, values))})"


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
