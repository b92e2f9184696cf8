"""A user's own metrics: filters through real gRPC against the local Cloud Run's Monitoring."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from adapters.monitoring_data import GMP, HOUR, NAME, NEW, OLD, START, Data, points
from tidegate.adapters.channels import Channels
from tidegate.adapters.metrics import CloudMonitoring
from tidegate.adapters.own_metrics import per_request
from tidegate.adapters.retry import Retrying
from tidegate.core.catalogue import CustomMetric
from tidegate.core.errors import NotFound, Rejected, RemoteError, Unreachable, UsageError
from tidegate.core.samples import Key, NoData, Samples, Series, Window
from tidegate.local.world import Distribution, World
from tidegate.ports import Telemetry
from tidegate.wiring.checkup import told_series

DEPTH = "custom.googleapis.com/orders/queue_depth"
TASK = {"namespace": "shop", "job": "orders"}
Read = Callable[..., Samples]


@pytest.fixture
def data(local_world: World) -> Data:
    return Data(local_world)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def read(local_api: Channels, retrying: Retrying, told: list[str]) -> Read:
    metrics = CloudMonitoring(local_api, retrying, on_trouble=told.append)

    def call(*custom: CustomMetric) -> Samples:
        return metrics.samples(NAME, (OLD, NEW), HOUR, Telemetry(custom=custom))

    return call


def filtered(text: str, **labels: str) -> CustomMetric:
    return CustomMetric("mine", filter=text, **labels)


def test_a_gauge_that_the_collector_scrapes_comes_per_instance(data: Data, read: Read) -> None:
    for revision in (OLD, NEW, "orders-00000"):
        data.instance("go_goroutines", START, 40, "i1", revision=revision)
        data.instance("go_goroutines", START, 50, "i2", revision=revision)
    found = read(filtered(f'metric.type="{GMP}go_goroutines/gauge"'))
    assert {key.revision for key in found.by_key} == {OLD, NEW}
    assert points(found, "mine", OLD, "i1") == {0: 40}
    assert points(found, "mine", NEW, "i2") == {0: 50}


def test_what_a_service_writes_itself_is_told_apart_by_its_own_labels(data: Data, read: Read) -> None:
    for task, depth in (("t1", 4.0), ("t2", 6.0)):
        for queue in ("in", "out"):
            where = TASK | {"task_id": task}
            data.own(DEPTH, START + 60, depth, where=where, version=NEW, queue=queue)
    text = f'metric.type = "{DEPTH}" AND resource.type = "generic_task"'
    assert points(read(filtered(text, revision_label="metric.label.version")), "mine", NEW, "t1") == {60: 8}
    whole = filtered(text, revision_label="metric.label.version", instance_label="resource.label.nothing")
    assert points(read(whole), "mine", NEW) == {60: 20}


def test_either_of_two_filters_is_still_limited_to_the_revisions(data: Data, read: Read) -> None:
    for revision in (OLD, "orders-00000"):
        for queue in ("in", "out", "dead"):
            data.own(DEPTH, START, 5, where=TASK | {"task_id": "t1"}, revision_name=revision, queue=queue)
    one, other = (f'metric.type="{DEPTH}" AND metric.label.queue="{queue}"' for queue in ("in", "out"))
    found = read(filtered(f"{one} OR {other}"))
    assert [key.revision for key in found.by_key] == [OLD]
    assert points(found, "mine", OLD, "t1") == {0: 10}


def test_a_distribution_gives_the_mean_of_everything_new(data: Data, read: Read) -> None:
    for i, counts in enumerate(((1, 0), (3, 1), (3, 5))):
        total = Distribution((10.0,), counts, mean=(5 * counts[0] + 20 * counts[1]) / sum(counts))
        data.own(
            f"{GMP}job_seconds/histogram", START + 60 * i, total, resource="prometheus_target",
            kind="CUMULATIVE", since=START - 60, where={"instance": "i1:8080"}, revision_name=OLD,
        )  # fmt: skip
    found = read(filtered(f'metric.type="{GMP}job_seconds/histogram"'))
    assert points(found, "mine", OLD, "i1") == {60: pytest.approx(10), 120: pytest.approx(20)}


def test_a_count_is_one_per_request(data: Data, read: Read) -> None:
    """Revisions with unequal traffic are then alike."""
    for revision, requests in ((OLD, 900), (NEW, 100)):
        for i in range(4):
            data.requests(START + 60 * i, requests, revision=revision)
            for instance in ("i1", "i2"):
                data.own(
                    f"{GMP}misses_total/counter", START + 60 * i - 7, requests * i / 20,
                    resource="prometheus_target", kind="CUMULATIVE", since=START - 60,
                    where={"instance": f"{instance}:8080"}, revision_name=revision,
                )  # fmt: skip
    found = read(filtered(f'metric.type="{GMP}misses_total/counter"'))
    assert points(found, "mine", OLD) == {113: 0.1, 173: 0.1}
    assert points(found, "mine", NEW) == {113: 0.1, 173: 0.1}


def test_a_built_in_count_of_bytes_is_one_per_request_too(data: Data, read: Read) -> None:
    for i in range(3):
        data.requests(START + 60 * i, 50)
        data.run("container/network/sent_bytes_count", START + 60 * i, 5000, kind="DELTA", kind_="x")
    found = read(filtered('metric.type="run.googleapis.com/container/network/sent_bytes_count"'))
    assert points(found, "mine", OLD) == {60: 100, 120: 100}


def test_a_count_without_requests_is_not_measured(data: Data, read: Read) -> None:
    data.run("container/network/sent_bytes_count", START, 5000, kind="DELTA")
    found = read(filtered('metric.type="run.googleapis.com/container/network/sent_bytes_count"'))
    assert isinstance(found.get("mine", OLD), NoData)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('metric.type="custom.googleapis.com/typo"', "Cannot find metric"),
        (f'metric.type="{DEPTH}" AND AND', "unexpected text"),
        (f'metric.type="{DEPTH}" AND nonsense.x="1"', "unknown selector"),
    ],
)
def test_a_filter_that_finds_nothing_is_told_once_and_hides_nothing_else(
    text: str, said: str, data: Data, read: Read, told: list[str]
) -> None:
    data.requests(START, 10)
    for _ in range(3):
        found = read(filtered(text))
        assert points(found, "request_count") == {0: 10}
        assert isinstance(found.get("mine", OLD), NoData)
    (sentence,) = told
    assert sentence.startswith("mine is not measured: cannot read ")
    assert said in sentence


def test_what_there_is_can_be_asked_before_a_rollout(
    data: Data, local_api: Channels, retrying: Retrying
) -> None:
    for revision, instance in ((OLD, "i1"), (OLD, "i2"), (NEW, "i1")):
        data.instance("go_goroutines", START, 40, instance, revision=revision)
    metrics = CloudMonitoring(local_api, retrying)
    metric = filtered(f'metric.type="{GMP}go_goroutines/gauge"')
    found = metrics.find(metric, NAME, HOUR, 60.0)
    assert found == {OLD: 2, NEW: 1}
    assert told_series(metric, found) == f"series in the last hour: {OLD} (2), {NEW} (1)"
    elsewhere = filtered(f'metric.type="{GMP}go_goroutines/gauge"', revision_label="metric.label.version")
    with pytest.raises(UsageError, match="none of its 3 series has a label version"):
        told_series(elsewhere, metrics.find(elsewhere, NAME, HOUR, 60.0))
    with pytest.raises(NotFound):
        metrics.find(filtered('metric.type="custom.googleapis.com/typo"'), NAME, HOUR, 60.0)


# ------------------------------------------------------------------------------------------------ PromQL


class Answers:
    """Stands where the PromQL adapter stands."""

    def __init__(self, *lines: Mapping[str, str], error: RemoteError | None = None) -> None:
        self.lines = lines
        self.error = error
        self.asked: list[tuple[str, str, float]] = []

    def query_range(self, project: str, query: str, window: Window, step: float) -> object:
        self.asked.append((project, query, step))
        if self.error:
            raise self.error
        return [(labels, np.array([START, START + 60]), np.array([1.0, 2.0])) for labels in self.lines]


def asked(
    local_api: Channels, retrying: Retrying, told: list[str], answers: object, **labels: str
) -> Samples:
    metrics = CloudMonitoring(local_api, retrying, promql=answers, on_trouble=told.append)  # type: ignore[arg-type]  # as said
    custom = CustomMetric("mine", promql="x", **labels)
    return metrics.samples(NAME, (OLD, NEW), HOUR, Telemetry(custom=(custom,)))


@pytest.mark.parametrize(
    ("line", "settings", "instance"),
    [
        ({"revision_name": OLD, "instanceId": "abc", "instance": "abc:8080"}, {}, "abc"),
        ({"revision_name": OLD, "instance": "abc:8080"}, {}, "abc"),
        ({"revision_name": OLD}, {}, ""),
        ({"version": OLD, "pod": "p"}, {"revision_label": "version", "instance_label": "pod"}, "p"),
    ],
)
def test_an_answer_is_placed_by_its_labels(
    local_api: Channels, retrying: Retrying, line: dict[str, str], settings: dict[str, str], instance: str
) -> None:
    told: list[str] = []
    answers = Answers(line, {"revision_name": "orders-00000"}, {})
    found = asked(local_api, retrying, told, answers, **settings)
    assert points(found, "mine", OLD, instance) == {0: 1, 60: 2}
    assert {key.revision for key in found.by_key} == {OLD}
    assert answers.asked == [("p1", "x", 60.0)]
    assert told == []


def test_an_answer_that_names_no_revision_is_told(local_api: Channels, retrying: Retrying) -> None:
    told: list[str] = []
    found = asked(local_api, retrying, told, Answers({"instance": "abc:8080"}))
    assert isinstance(found.get("mine", OLD), NoData)
    assert told == ["mine is not measured: none of its series has a label revision_name"]


@pytest.mark.parametrize("error", [Unreachable("no answer", hint="try again"), Rejected("parse error")])
def test_a_query_that_fails_is_told(local_api: Channels, retrying: Retrying, error: RemoteError) -> None:
    told: list[str] = []
    found = asked(local_api, retrying, told, Answers(error=error))
    assert isinstance(found.get("mine", OLD), NoData)
    (sentence,) = told
    assert sentence.startswith(f"mine is not measured: {error.message}")


def test_without_a_server_for_promql_it_is_not_measured(local_api: Channels, retrying: Retrying) -> None:
    told: list[str] = []
    assert isinstance(asked(local_api, retrying, told, None).get("mine", OLD), NoData)


# ------------------------------------------------------------------------------------- counts by requests


def series(times: list[float], values: list[float]) -> Series:
    return Series(Key("mine", OLD), np.array(times), np.array(values))


@pytest.mark.parametrize(
    ("amounts", "requests", "expected"),
    [
        (  # scraped twice as often as Cloud Run counts
            ([30, 60, 90, 120], [1, 1, 2, 2]),
            ([60, 120, 180], [10, 20, 20]),
            {120: 0.2},  # the amounts of the last interval are not there yet
        ),
        (  # scraped half as often
            ([100, 220], [6, 12]),
            ([60, 120, 180, 240], [10, 10, 10, 10]),
            {220: 0.6},
        ),
        (([60, 120, 240], [1, 1, 2]), ([60, 120, 180, 240], [10] * 4), {120: 0.1, 240: 0.1}),
        (([60, 120], [1, 1]), ([60, 120], [10, 0]), {}),
        (([60], [1]), ([60], [10]), {}),
    ],
)
def test_amounts_are_set_against_the_requests_of_the_same_time(
    amounts: tuple[list[float], list[float]],
    requests: tuple[list[float], list[float]],
    expected: dict[float, float],
) -> None:
    found = per_request(series(*amounts), series(*requests))
    got = {} if found is None else dict(zip(found.times.tolist(), found.values.tolist(), strict=True))
    assert got == pytest.approx(expected)
