"""Cloud Monitoring: implements `ports.Metrics`.

One ListTimeSeries query per metric type, run side by side, raw points (`core.catalogue` says why). Several
metrics share a type: requests and errors, every figure of the latency. What is only a second source is asked
for only where the first has nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tidegate.adapters import own_metrics
from tidegate.adapters.channels import Channels
from tidegate.adapters.deriving import derive
from tidegate.adapters.points import Raw
from tidegate.adapters.promql import PromQl
from tidegate.adapters.querying import OnDropped, Queries, Query, one_of
from tidegate.adapters.retry import Retrying
from tidegate.core.catalogue import BY_ID, CATALOGUE, CustomMetric, Kind, Metric, Resource, Source
from tidegate.core.errors import RemoteError
from tidegate.core.samples import Samples, Series, Window
from tidegate.ports import ServiceName, Telemetry

_LOG = logging.getLogger(__name__)
_THREADS = 8
REQUESTS = "request_count"

Found = dict[tuple[str, str], list[Series]]
"""Series by metric and revision."""


class CloudMonitoring:
    """`promql` answers for the user's PromQL; without it those metrics are not measured.

    `on_trouble` is told once why a metric of the user's own cannot be read; everything else is as ever.
    """

    def __init__(
        self,
        channels: Channels,
        retrying: Retrying,
        *,
        promql: PromQl | None = None,
        on_trouble: Callable[[str], None] = _LOG.warning,
        on_dropped: OnDropped | None = None,
        page_size: int | None = None,
        catalogue: Sequence[Metric] = CATALOGUE,
    ) -> None:
        self._queries = Queries(channels, retrying, on_dropped=on_dropped, page_size=page_size)
        self._promql = promql
        self._on_trouble = on_trouble
        self._told: set[str] = set()
        self._catalogue = catalogue

    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        """See `ports.Metrics`. Raises Denied, Unreachable, or Rejected for a window of too many points."""
        if not revisions or window.seconds <= 0:
            return Samples.of(())
        wanted, period = sorted(set(revisions)), telemetry.sample_period
        with _threads("metrics") as pool, _threads("own-metrics") as aside:
            own = [
                (metric, aside.submit(self._own, metric, name, wanted, window, period))
                for metric in telemetry.custom
            ]
            found = self._built_in(pool, name, wanted, window, telemetry)
            requests = {r: series[0] for (metric, r), series in found.items() if metric == REQUESTS}
            for metric, running in own:
                raw = self._usable(metric, running.result())
                series = own_metrics.series(metric, raw, requests, period)
                found |= {(metric.id, r): series[r] for r in wanted if r in series}
        return Samples.of(one for series in found.values() for one in series)

    def requests(self, name: ServiceName, window: Window, telemetry: Telemetry) -> Samples:
        """See `ports.Metrics`. Raises like `samples`."""
        (source, *_) = BY_ID[REQUESTS].sources
        raw = self._queries.fetch(_query(source, telemetry, name, ()), name, window)
        found = derive(REQUESTS, source, raw, telemetry.sample_period)
        return Samples.of(one for series in found.values() for one in series)

    def check_access(self, project: str) -> None:
        """Reads time series headers, as that is the permission a rollout needs. Raises a RemoteError."""
        self._queries.check_access(project)

    def find(
        self, metric: CustomMetric, name: ServiceName, window: Window, period: float
    ) -> Mapping[str, int]:
        """How many series of a user's own metric each revision has; under "" those that name none.

        Raises Rejected or NotFound for a query that cannot be answered, Denied, Unreachable.
        """
        raw = self._own(metric, name, (), window, period)
        if isinstance(raw, RemoteError):
            raise raw
        return Counter(own_metrics.revision_of(metric, one) for one in raw)

    # ------------------------------------------------------------------------------------- built in

    def _built_in(
        self,
        pool: ThreadPoolExecutor,
        name: ServiceName,
        revisions: Sequence[str],
        window: Window,
        telemetry: Telemetry,
    ) -> Found:
        """For each metric and revision the series of the first source that has any; never two mixed."""
        found: Found = {}
        fetched: dict[str, list[Raw]] = {}
        for rank in range(max((len(metric.sources) for metric in self._catalogue), default=0)):
            asked = [
                (metric, metric.sources[rank])
                for metric in self._catalogue
                if rank < len(metric.sources) and any((metric.id, r) not in found for r in revisions)
            ]
            queries = {
                query.type: query
                for _, source in asked
                if (query := _query(source, telemetry, name, revisions)).type
            }
            running = {
                kind: pool.submit(self._queries.fetch, query, name, window)
                for kind, query in queries.items()
                if kind not in fetched
            }
            fetched |= {kind: future.result() for kind, future in running.items()}
            for metric, source in asked:
                raw = fetched.get(source.metric_type(_configured(telemetry)), [])
                for revision, series in derive(metric.id, source, raw, telemetry.sample_period).items():
                    if revision in revisions:
                        found.setdefault((metric.id, revision), series)
        return found

    # ------------------------------------------------------------------------------- the user's own

    def _own(
        self,
        metric: CustomMetric,
        name: ServiceName,
        revisions: Sequence[str],
        window: Window,
        period: float,
    ) -> list[Raw] | RemoteError:
        """Raw series, or why there are none: that must not keep anybody from seeing the rest."""
        try:
            if not metric.promql:
                return self._queries.fetch(own_metrics.query(metric, revisions), name, window)
            if self._promql is None:
                return []
            answer = self._promql.query_range(name.project, metric.promql, window, period)
        except RemoteError as error:
            return error
        return [own_metrics.from_labels(*line) for line in answer]

    def _usable(self, metric: CustomMetric, answer: list[Raw] | RemoteError) -> list[Raw]:
        if isinstance(answer, RemoteError):
            self._tell(metric, f"{answer.message} ({answer.hint})" if answer.hint else answer.message)
            return []
        usable = [one for one in answer if own_metrics.revision_of(metric, one)]
        if answer and not usable:
            self._tell(metric, f"none of its series has a label {metric.revision.name}")
        return usable

    def _tell(self, metric: CustomMetric, reason: str) -> None:
        sentence = f"{metric.id} is not measured: {reason}"
        if sentence not in self._told:
            self._told.add(sentence)
            self._on_trouble(sentence)


@contextlib.contextmanager
def _threads(name: str) -> Iterator[ThreadPoolExecutor]:
    """After a failure or Ctrl-C nothing more is asked; what is under way ends by its own deadline."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _configured(telemetry: Telemetry) -> Mapping[str, str]:
    return {
        "open_fds": telemetry.open_fds,
        "max_fds": telemetry.max_fds,
        "tcp_connections": telemetry.tcp_connections,
        "memory_bytes": telemetry.memory_bytes,
    }


def _query(source: Source, telemetry: Telemetry, name: ServiceName, revisions: Sequence[str]) -> Query:
    """Of these revisions; of all where none is named."""
    # The collector writes the revision as a label of the metric, Cloud Run's own metrics as one of the
    # resource.
    kind = source.metric_type(_configured(telemetry))
    if source.resource is Resource.PROMETHEUS:
        labels = {"resource.labels.cluster": "__run__", "resource.labels.namespace": name.service}
        revision = "metric.labels.revision_name"
    else:
        labels = {"resource.labels.service_name": name.service}
        revision = "resource.labels.revision_name"
    labels["resource.labels.location"] = name.region
    terms = {"metric.type": kind, "resource.type": source.resource.value, **labels}
    equal = [f"{label} = {json.dumps(value)}" for label, value in terms.items()]
    text = " AND ".join([*equal, *([one_of(revision, revisions)] if revisions else [])])
    return Query(kind, text, counts=source.kind is Kind.DELTA)
