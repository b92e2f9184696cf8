"""The metrics adapter over real gRPC: what it asks, and what it makes of the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import numpy as np
import pytest
from google.cloud import monitoring_v3
from google.rpc import status_pb2

from adapters.conftest import NOW, FakeClock, ScriptedServer
from adapters.monitoring_data import GMP, HOUR, NAME, NEW, OLD, RUN, START, Data, points
from tidegate.adapters.channels import Channels
from tidegate.adapters.metrics import CloudMonitoring
from tidegate.adapters.retry import Retrying
from tidegate.core.catalogue import CATALOGUE
from tidegate.core.errors import Denied, Rejected, Unreachable
from tidegate.core.samples import NoData, Samples, Series, Window, joined
from tidegate.local.world import Distribution, World
from tidegate.ports import Telemetry

LIST = "/google.monitoring.v3.MetricService/ListTimeSeries"
Read = Callable[..., Samples]


@pytest.fixture
def data(local_world: World) -> Data:
    return Data(local_world)


@pytest.fixture
def dropped() -> dict[str, Mapping[str, int]]:
    return {}


@pytest.fixture
def read(local_api: Channels, retrying: Retrying, dropped: dict[str, Mapping[str, int]]) -> Read:
    def call(
        revisions: tuple[str, ...] = (OLD, NEW),
        window: Window = HOUR,
        telemetry: Telemetry | None = None,
        page_size: int = 20_000,
    ) -> Samples:
        metrics = CloudMonitoring(local_api, retrying, on_dropped=dropped.__setitem__, page_size=page_size)
        return metrics.samples(NAME, revisions, window, telemetry or Telemetry())

    return call


# ------------------------------------------------------------------------------------------------- counts


def test_requests_of_every_revision_are_found_without_their_names(
    data: Data, local_api: Channels, retrying: Retrying
) -> None:
    for revision, count in ((OLD, 90), (NEW, 10), ("orders-00003", 5)):
        data.requests(START + 60, count, revision=revision)
        data.requests(START + 60, 1, revision=revision, code=500)
    data.requests(START + 60, 7, service="payments", revision="payments-1")
    found = CloudMonitoring(local_api, retrying).requests(NAME, HOUR, Telemetry())
    assert {k.revision: s.values.tolist() for k, s in found.by_key.items()} == {
        OLD: [91], NEW: [11], "orders-00003": [6],
    }  # fmt: skip
    assert found.metrics() == {"request_count"}


def test_requests_are_added_over_response_codes_and_errors_are_the_5xx(data: Data, read: Read) -> None:
    data.requests(START + 60, 90)
    data.requests(START + 60, 6, code=404)
    data.requests(START + 60, 3, code=500)
    data.requests(START + 60, 1, code=503)
    data.requests(START + 120, 50)
    samples = read()
    assert points(samples, "request_count") == {60: 100, 120: 50}
    assert points(samples, "error_count") == {60: 4, 120: 0}


def test_no_request_is_no_data_and_not_zero_errors(data: Data, read: Read) -> None:
    data.requests(START + 60, 90, revision=OLD)
    samples = read()
    assert isinstance(samples.get("error_count", NEW), NoData)
    assert isinstance(samples.get("request_count", NEW), NoData)


def test_nothing_is_read_of_other_revisions_or_services(data: Data, read: Read) -> None:
    data.requests(START + 60, 1)
    data.requests(START + 60, 10, revision="orders-00003")
    data.requests(START + 60, 100, service="payments")
    assert points(read(), "request_count") == {60: 1}
    assert {key.revision for key in read().by_key} == {OLD}


def test_a_window_excludes_its_start_and_includes_its_end(data: Data, read: Read) -> None:
    for minute in range(1, 6):
        data.requests(START + 60 * minute, minute)
    samples = read(window=Window(START + 120, START + 240))
    assert points(samples, "request_count") == {180: 3, 240: 4}


def test_window_edges_hold_for_fractions_of_seconds(data: Data, read: Read) -> None:
    times = [START + 60.123457, START + 120.123457, START + 180.123457]
    for number, time in enumerate(times):
        data.requests(time, number)
    found = read(window=Window(times[0], times[2])).get("request_count", OLD)
    assert isinstance(found, Series)
    assert found.values.tolist() == [1, 2]


def test_an_empty_window_asks_nothing(read: Read, server: ScriptedServer) -> None:
    assert not read(window=Window(NOW, NOW)).by_key
    assert not read(revisions=()).by_key


@pytest.mark.parametrize("period", [1.0, 60.0])
def test_counts_are_right_at_any_sample_period(data: Data, read: Read, period: float) -> None:
    for i in range(1, 31):
        data.requests(START + i * period, 10, period=period)
        data.requests(START + i * period, 1, code=500, period=period)
    samples = read(telemetry=Telemetry(sample_period=period))
    assert points(samples, "request_count") == {i * period: 11 for i in range(1, 31)}
    assert points(samples, "error_count") == {i * period: 1 for i in range(1, 31)}


def test_series_cut_at_slightly_different_times_share_their_ticks(data: Data, read: Read) -> None:
    for minute in range(1, 4):
        data.requests(START + 60 * minute, 10)
        data.requests(START + 60 * minute + 4, 2, code=500)
    samples = read()
    assert points(samples, "request_count") == {64: 12, 124: 12, 184: 12}
    assert points(samples, "error_count") == {64: 2, 124: 2, 184: 2}


def test_instances_are_added_over_their_states(data: Data, read: Read) -> None:
    for state, count in (("active", 3), ("idle", 2)):
        data.run("container/instance_count", START + 60, count, kind="GAUGE", state=state)
    data.run("container/billable_instance_time", START + 60, 12.5)
    data.run("pending_queue/pending_requests", START + 60, 4, kind="GAUGE")
    samples = read()
    assert points(samples, "instance_count") == {60: 5}
    assert points(samples, "billable_instance_seconds") == {60: 12.5}
    assert points(samples, "pending_requests") == {60: 4}


# ------------------------------------------------------------------------------------------ distributions

BOUNDS = (100.0, 200.0, 400.0)


def test_percentiles_come_from_the_merged_distribution(data: Data, read: Read) -> None:
    # Worked out by hand: of 100 requests 90 took up to 100 ms, 10 took 100 to 200 ms, so p95 is rank 95, the
    # middle of the second bucket; the mean of the two p95 would be 147.2 and is wrong.
    fast, slow = Distribution(BOUNDS, (90, 0, 0, 0), 50.0), Distribution(BOUNDS, (0, 10, 0, 0), 150.0)
    data.run("request_latencies", START + 60, fast, response_code="200", response_code_class="2xx")
    data.run("request_latencies", START + 60, slow, response_code="500", response_code_class="5xx")
    samples = read()
    assert points(samples, "latency_p95_ms") == {60: 150.0}
    assert points(samples, "latency_p99_ms") == {60: pytest.approx(190.0)}
    assert points(samples, "latency_p50_ms") == {60: pytest.approx(100 * 50 / 90)}
    assert points(samples, "latency_mean_ms") == {60: pytest.approx(60.0)}


def test_buckets_are_cumulative_and_the_last_holds_every_request(data: Data, read: Read) -> None:
    data.run("request_latencies", START + 60, Distribution(BOUNDS, (9, 1, 0, 0), 60.0))
    data.run("request_latencies", START + 120, Distribution(BOUNDS, (5, 0, 0, 2), 60.0))
    samples = read()
    assert points(samples, "latency_ms_bucket", le=100.0) == {60: 9, 120: 5}
    assert points(samples, "latency_ms_bucket", le=200.0) == {60: 10, 120: 5}
    assert points(samples, "latency_ms_bucket", le=400.0) == {60: 10, 120: 5}
    assert points(samples, "latency_ms_bucket", le=float("inf")) == {60: 10, 120: 7}


def test_both_revisions_have_the_bounds_where_anything_happens(data: Data, read: Read) -> None:
    bounds = tuple(float(bound) for bound in range(100, 1100, 100))
    quick, slow = (5,) + (0,) * 10, (0,) * 7 + (3,) + (0,) * 3
    data.run("request_latencies", START + 60, Distribution(bounds, quick, 50.0), revision=OLD)
    data.run("request_latencies", START + 60, Distribution(bounds, slow, 750.0), revision=NEW)
    samples = read()
    for revision, counts in ((OLD, [5, 5, 5, 5]), (NEW, [0, 0, 3, 3])):
        series = samples.of_metric("latency_ms_bucket", revision)
        assert [one.key.le for one in series] == [100.0, 700.0, 800.0, float("inf")]
        assert [one.values.tolist() for one in series] == [[count] for count in counts]


def test_a_percentile_beyond_the_last_bound_is_that_bound(data: Data, read: Read) -> None:
    data.run("request_latencies", START + 60, Distribution(BOUNDS, (0, 0, 0, 5), 900.0))
    assert points(read(), "latency_p99_ms") == {60: 400.0}


def test_an_interval_without_requests_has_no_latency(data: Data, read: Read) -> None:
    data.run("request_latencies", START + 60, Distribution(BOUNDS, (5, 0, 0, 0), 50.0))
    data.run("request_latencies", START + 120, Distribution(BOUNDS, (0, 0, 0, 0), 0.0))
    assert points(read(), "latency_p50_ms") == {60: 50.0}


def test_utilization_is_that_of_the_busiest_container(data: Data, read: Read) -> None:
    bounds = (0.25, 0.5, 0.75, 1.0)
    for name, mean in (("app", 0.8), ("collector", 0.1)):
        for what in ("cpu", "memory"):
            value = Distribution(bounds, (0, 0, 0, 2, 0), mean)
            data.run(f"container/{what}/utilizations", START + 60, value, container_name=name)
    samples = read()
    assert points(samples, "cpu_utilization") == {60: pytest.approx(0.8)}
    assert points(samples, "memory_utilization") == {60: pytest.approx(0.8)}


# ------------------------------------------------------------------------------------------- per instance


def test_descriptors_come_per_instance(data: Data, read: Read) -> None:
    for minute in range(1, 4):
        data.instance("process_open_fds", START + 30 * minute, 10 + minute, "i-1", instanceId="i-1")
        data.instance("process_open_fds", START + 30 * minute + 7, 20 + minute, "i-2", instanceId="i-2")
        data.instance("process_open_fds", START + 30 * minute, 90, "i-3", revision=NEW, instanceId="i-3")
    samples = read(telemetry=Telemetry(sample_period=30))
    assert points(samples, "open_fds", OLD, "i-1") == {30: 11, 60: 12, 90: 13}
    assert points(samples, "open_fds", OLD, "i-2") == {37: 21, 67: 22, 97: 23}
    assert points(samples, "open_fds", NEW, "i-3") == {30: 90, 60: 90, 90: 90}
    assert not [key for key in samples.by_key if key.metric == "open_fds" and not key.instance]


def test_an_instance_is_known_by_its_target_when_it_has_no_label(data: Data, read: Read) -> None:
    data.instance("process_open_fds", START + 30, 7, "0087244a80f4")
    assert points(read(), "open_fds", OLD, "0087244a80f4") == {30: 7}


def test_two_processes_of_one_instance_add_up_and_the_lower_limit_holds(data: Data, read: Read) -> None:
    for port, fds, limit in (("8080", 100.0, 25_000.0), ("9090", 11.0, 1024.0)):
        data.instance("process_open_fds", START + 30, fds, "i-1", instanceId="i-1", port=port)
        data.instance("process_max_fds", START + 30, limit, "i-1", instanceId="i-1", port=port)
    samples = read()
    assert points(samples, "open_fds", OLD, "i-1") == {30: 111}
    assert points(samples, "max_fds", OLD, "i-1") == {30: 1024}


def test_connections_are_added_over_states_without_time_wait(data: Data, read: Read) -> None:
    for state, count in (("ESTABLISHED", 40), ("CLOSE_WAIT", 2), ("TIME_WAIT", 500)):
        data.instance("tcp_connections", START + 30, count, "i-1", instanceId="i-1", state=state)
    assert points(read(), "tcp_connections", OLD, "i-1") == {30: 42}


def test_the_names_of_opentelemetry_and_of_the_spec_are_read(data: Data, read: Read) -> None:
    data.instance("process_unix_file_descriptor_count", START + 30, 7, "i-1", instanceId="i-1")
    data.instance("db_pool_sockets", START + 30, 5, "i-1", instanceId="i-1")
    data.instance("jvm_memory_used_bytes", START + 30, 9e7, "i-1", instanceId="i-1")
    named = Telemetry(tcp_connections="db_pool_sockets", memory_bytes="jvm_memory_used_bytes")
    samples = read(telemetry=named)
    assert points(samples, "memory_bytes", OLD, "i-1") == {30: 9e7}
    assert points(samples, "open_fds", OLD, "i-1") == {30: 7}
    assert points(samples, "tcp_connections", OLD, "i-1") == {30: 5}


def test_requests_in_flight_fall_back_to_the_average_of_all_instances(data: Data, read: Read) -> None:
    data.run("container/max_request_concurrencies", START + 60, Distribution((1.0, 2.0), (0, 0, 4), 3.0))
    data.instance("in_flight_requests", START + 60, 2, "i-1", revision=NEW, instanceId="i-1")
    data.run(
        "container/max_request_concurrencies", START + 60, Distribution((1.0,), (0, 4), 3.0), revision=NEW
    )
    samples = read()
    assert points(samples, "in_flight_requests", OLD) == {60: 3}
    assert points(samples, "in_flight_requests", NEW, "i-1") == {60: 2}
    assert isinstance(samples.get("in_flight_requests", NEW), NoData)


# ----------------------------------------------------------------------------------------------- the API


def test_metrics_nobody_ever_wrote_are_simply_not_there(read: Read) -> None:
    assert not read().by_key


@pytest.mark.parametrize("page_size", [1, 7, 64])
def test_pages_fit_together(data: Data, read: Read, page_size: int) -> None:
    for minute in range(1, 10):
        data.requests(START + 60 * minute, minute)
        data.requests(START + 60 * minute, 1, code=500)
        data.instance("process_open_fds", START + 60 * minute, minute, "i-1", instanceId="i-1")
    whole, paged = read(), read(page_size=page_size)
    assert whole.by_key.keys() == paged.by_key.keys()
    assert points(paged, "request_count") == {60 * m: m + 1 for m in range(1, 10)}
    assert points(paged, "open_fds", OLD, "i-1") == {60 * m: m for m in range(1, 10)}


# ------------------------------------------------------------------------ answers a healthy API never gives


@pytest.fixture
def answers(server: ScriptedServer) -> Callable[..., None]:
    """Sets the answer for `metric_type`; every other metric is unknown."""

    def on(metric_type: str, answer: Callable[[Any, grpc.ServicerContext], Any]) -> None:
        def reply(request: Any, context: grpc.ServicerContext) -> Any:
            if f'metric.type = "{metric_type}"' in request.filter:
                return answer(request, context)
            return context.abort(grpc.StatusCode.NOT_FOUND, "Cannot find metric(s) that match type")

        server.on(LIST, monitoring_v3.ListTimeSeriesRequest, reply)

    return on


def page(
    *values: tuple[float, Any], revision: str = OLD, **more: Any
) -> monitoring_v3.ListTimeSeriesResponse:
    series = {
        "metric": {"type": "t", "labels": {}},
        "resource": {"type": "cloud_run_revision", "labels": {"revision_name": revision}},
        "metric_kind": 2,
        "points": [
            {
                "interval": {"start_time": {"seconds": int(t) - 60}, "end_time": {"seconds": int(t)}},
                "value": value,
            }
            for t, value in reversed(values)
        ],
        **more,
    }
    return monitoring_v3.ListTimeSeriesResponse(time_series=[series])


@pytest.fixture
def scripted(
    channels: Channels, retrying: Retrying, dropped: dict[str, Mapping[str, int]]
) -> CloudMonitoring:
    return CloudMonitoring(channels, retrying, on_dropped=dropped.__setitem__)


COUNT = RUN + "request_count"


def test_unusable_points_are_dropped_and_counted(
    answers: Any, scripted: CloudMonitoring, dropped: dict[str, Mapping[str, int]]
) -> None:
    bad = page(
        (START + 60, {"int64_value": 5}),
        (START + 60, {"int64_value": 5}),
        (START + 120, {"double_value": float("nan")}),
        (START + 180, {"double_value": float("inf")}),
        (START + 240, {"int64_value": -3}),
        (START + 300, {"string_value": "many"}),
        (START + 360, {"distribution_value": {"count": 3, "bucket_counts": [3]}}),
        (START + 420, {}),
        (NOW + 60, {"int64_value": 9}),
    )
    answers(COUNT, lambda request, context: bad)
    samples = scripted.samples(NAME, [OLD], HOUR, Telemetry())
    assert points(samples, "request_count") == {60: 5}
    assert dropped[COUNT] == {
        "duplicate": 1,
        "not finite": 2,
        "negative count": 1,
        "not a number": 2,
        "malformed distribution": 1,
        "outside the window": 1,
    }


def test_a_cumulative_counter_becomes_increments(answers: Any, scripted: CloudMonitoring) -> None:
    counter = page(*((START + 60 * i, {"int64_value": 10 * i}) for i in range(1, 4)), metric_kind=3)
    for point in counter.time_series[0].points:
        point.interval.start_time = {"seconds": int(START)}
    answers(COUNT, lambda request, context: counter)
    assert points(scripted.samples(NAME, [OLD], HOUR, Telemetry()), "request_count") == {120: 10, 180: 10}


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({"linear_buckets": {"num_finite_buckets": 2, "width": 5, "offset": 10}}, [10, 15, 20, np.inf]),
        (
            {"exponential_buckets": {"num_finite_buckets": 2, "growth_factor": 2, "scale": 3}},
            [3, 6, 12, np.inf],
        ),
        ({"explicit_buckets": {"bounds": [1, 2, 4]}}, [1, 2, 4, np.inf]),
    ],
)
def test_every_kind_of_bucket_is_understood(
    answers: Any, scripted: CloudMonitoring, options: dict[str, Any], bounds: list[float]
) -> None:
    value = {
        "distribution_value": {"count": 4, "mean": 9, "bucket_options": options, "bucket_counts": [1] * 4}
    }
    answers(RUN + "request_latencies", lambda request, context: page((START + 60, value)))
    series = scripted.samples(NAME, [OLD], HOUR, Telemetry()).of_metric("latency_ms_bucket", OLD)
    assert [one.key.le for one in series] == bounds


def test_the_request_is_raw_and_names_the_revisions(
    server: ScriptedServer, scripted: CloudMonitoring, answers: Any
) -> None:
    answers(COUNT, lambda request, context: page())
    scripted.samples(NAME, [NEW, OLD], HOUR, Telemetry())
    (request,) = [r for r in server.requests("ListTimeSeries") if COUNT in r.filter]
    assert request.name == "projects/p1"
    assert 'resource.labels.revision_name = one_of("orders-00001", "orders-00002")' in request.filter
    assert 'resource.labels.service_name = "orders"' in request.filter
    assert request.aggregation == monitoring_v3.Aggregation()
    types = [r.filter.split('"')[1] for r in server.requests("ListTimeSeries")]
    assert len(types) == len(set(types)), "one query per metric type, however many metrics it feeds"


def test_a_second_source_is_asked_only_where_the_first_has_nothing(
    server: ScriptedServer, scripted: CloudMonitoring, answers: Any
) -> None:
    fds, otel = f"{GMP}process_open_fds/gauge", f"{GMP}process_unix_file_descriptor_count/gauge"
    value = (START, {"double_value": 9.0})
    answers(fds, lambda request, context: page(value))
    for revisions, second in (([OLD], False), ([OLD, NEW], True)):
        server.calls.clear()
        scripted.samples(NAME, revisions, HOUR, Telemetry())
        types = [r.filter.split('"')[1] for r in server.requests("ListTimeSeries")]
        assert (types.count(fds), types.count(otel)) == (1, int(second))


def test_the_queries_of_one_look_run_side_by_side(
    answers: Any, server: ScriptedServer, scripted: CloudMonitoring
) -> None:
    together = threading.Barrier(4)

    def wait(request: Any, context: grpc.ServicerContext) -> Any:
        if any(
            name in request.filter for name in ("request_count", "request_latencies", "cpu", "memory/util")
        ):
            together.wait(20)  # breaks, and fails the call, unless four are under way at once
        return page()

    server.on(LIST, monitoring_v3.ListTimeSeriesRequest, wait)
    scripted.samples(NAME, [OLD], HOUR, Telemetry())


def test_a_passing_outage_is_ridden_out(answers: Any, scripted: CloudMonitoring, clock: FakeClock) -> None:
    left = [2]

    def flaky(request: Any, context: grpc.ServicerContext) -> Any:
        if left[0]:
            left[0] -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "try later")
        return page((START + 60, {"int64_value": 5}))

    answers(COUNT, flaky)
    assert points(scripted.samples(NAME, [OLD], HOUR, Telemetry()), "request_count") == {60: 5}
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("PERMISSION_DENIED", "Permission monitoring.timeSeries.list denied", Denied),
        ("UNAVAILABLE", "down", Unreachable),
        ("INVALID_ARGUMENT", "Field interval had an invalid value", Rejected),
    ],
)
def test_errors_are_errors_and_not_missing_data(
    answers: Any, scripted: CloudMonitoring, code: str, message: str, kind: type[Exception]
) -> None:
    answers(COUNT, lambda request, context: context.abort(grpc.StatusCode[code], message))
    with pytest.raises(kind, match="request_count of service orders"):
        scripted.samples(NAME, [OLD], HOUR, Telemetry())


def test_an_unknown_type_reported_as_an_invalid_filter_is_missing_data(
    answers: Any, scripted: CloudMonitoring
) -> None:
    said = f'The supplied filter does not specify a valid combination: unknown metric "{COUNT}"'
    answers(COUNT, lambda request, context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, said))
    assert not scripted.samples(NAME, [OLD], HOUR, Telemetry()).by_key


def test_an_incomplete_answer_is_not_taken_for_a_whole_one(answers: Any, scripted: CloudMonitoring) -> None:
    partial = page((START + 60, {"int64_value": 5}))
    partial.execution_errors.append(status_pb2.Status(code=4, message="a shard timed out"))
    answers(COUNT, lambda request, context: partial)
    with pytest.raises(Unreachable, match="a shard timed out"):
        scripted.samples(NAME, [OLD], HOUR, Telemetry())


def test_access_is_checked_with_the_permission_that_is_needed(
    answers: Any, server: ScriptedServer, scripted: CloudMonitoring
) -> None:
    answers(COUNT, lambda request, context: page())
    scripted.check_access("p1")
    answers(COUNT, lambda request, context: context.abort(grpc.StatusCode.PERMISSION_DENIED, "no"))
    with pytest.raises(Denied, match="project p1"):
        scripted.check_access("p1")


@pytest.mark.parametrize("minutes", [7, 20, 44])
def test_what_is_read_in_two_pieces_is_what_is_read_at_once(data: Data, read: Read, minutes: int) -> None:
    for i in range(50):
        at = START + 60 * i
        for revision, slow in ((OLD, 0), (NEW, i)):
            data.requests(at, 10 + i, revision=revision)
            data.requests(at, i % 3, revision=revision, code=500)
            counts = [0] * 200
            counts[20 + i % 7 + slow] = 10 + i
            counts[120] = i % 4
            bounds = tuple(float(10 * b) for b in range(1, 200))
            data.run("request_latencies", at, Distribution(bounds, tuple(counts), 30.0), revision=revision)
            if not 15 < i < 25:
                data.instance("process_open_fds", at + 3, i, f"i{i // 30}", revision=revision)
    at_once = read()
    seam = START + 60 * minutes
    pieces = (read(window=Window(HOUR.start, seam)), read(window=Window(seam - 180, HOUR.end)))
    found = joined(*pieces, seam)
    assert found.by_key.keys() == at_once.by_key.keys()
    for key, series in found.by_key.items():
        assert series.times.tolist() == at_once.by_key[key].times.tolist()
        assert series.values.tolist() == at_once.by_key[key].values.tolist()


def test_every_catalogue_metric_can_be_read(data: Data, read: Read) -> None:
    for metric in CATALOGUE:
        for source in metric.sources[:1]:
            name = source.metric_type({
                "open_fds": "process_open_fds", "max_fds": "process_max_fds",
                "tcp_connections": "tcp_connections", "memory_bytes": "process_resident_memory_bytes",
            })  # fmt: skip
            if source.per_instance:
                bare = name.removeprefix(GMP).removesuffix("/gauge")
                data.instance(bare, START + 60, 5, "i-1", instanceId="i-1")
            elif source.value == "DISTRIBUTION":
                data.run(name.removeprefix(RUN), START + 60, Distribution((1.0,), (1, 1), 1.0))
            elif not metric.id.startswith(("request", "error")):
                data.run(name.removeprefix(RUN), START + 60, 3, kind=source.kind)
    data.requests(START + 60, 5)
    assert read().metrics() == {metric.id for metric in CATALOGUE}
