"""Time series as a reader gets them: filters, intervals, aggregation, delays, and what may be written."""

from __future__ import annotations

from typing import Any

import pytest

from local.world_parts import Turned, call, make_world
from tidegate.local.world import ApiError, Distribution, Sample, World

END = 1_800_000_000
COUNT, LATENCY = "run.googleapis.com/request_count", "run.googleapis.com/request_latencies"
ALIGN_DELTA, ALIGN_RATE, ALIGN_MAX, ALIGN_P99 = 1, 2, 11, 18
REDUCE_SUM, REDUCE_P50 = 4, 11


def put(world: World, metric: str, revision: str, start: float, end: float, value: Any, **more: Any) -> None:
    value_type = "DISTRIBUTION" if isinstance(value, Distribution) else "INT64"
    resource = {"project_id": "demo", "service_name": "orders", "revision_name": revision}
    kind = more.pop("kind", "DELTA")
    world.write(
        Sample(
            metric, "cloud_run_revision", resource, more, kind, value_type, "1", start, end, value,
        )
    )  # fmt: skip


def read(world: World, text: str, seconds: int = 120, **more: Any) -> Any:
    interval = {"end_time": {"seconds": END}, "start_time": {"seconds": END - seconds}}
    return call(world, "ListTimeSeries", name="projects/demo", filter=text, interval=interval, **more)


def aggregation(aligner: int, reducer: int = 0, *group: str, period: int = 60) -> dict[str, Any]:
    return {
        "alignment_period": {"seconds": period},
        "per_series_aligner": aligner,
        "cross_series_reducer": reducer,
        "group_by_fields": list(group),
    }


def values(response: Any) -> dict[str, list[float]]:
    return {
        s.resource.labels["revision_name"]: [
            p.value.double_value if p.value.WhichOneof("value") == "double_value" else p.value.int64_value
            for p in s.points
        ]
        for s in response.time_series
    }


def test_raw_points_come_newest_first_and_the_start_is_excluded() -> None:
    world = make_world()
    for i in range(4):
        put(world, COUNT, "a", END - 180 + 60 * i - 60, END - 180 + 60 * i, i, response_code="200")
    assert values(read(world, f'metric.type="{COUNT}"')) == {"a": [3, 2]}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('resource.labels.revision_name = "a"', {"a"}),
        ('resource.label.revision_name != "a"', {"b", "c"}),
        ('resource.labels.revision_name = one_of("a", "c")', {"a", "c"}),
        ('resource.labels."revision_name" = starts_with("b")', {"b"}),
        ('(resource.labels.revision_name="a" OR resource.labels.revision_name="b")', {"a", "b"}),
        ('NOT resource.labels.revision_name = "a"', {"b", "c"}),
        ('metric.label.response_code = "200" resource.type = "cloud_run_revision"', {"a", "b", "c"}),
        ('resource.type = "global"', set()),
    ],
)
def test_filters(condition: str, expected: set[str]) -> None:
    world = make_world()
    for revision in "abc":
        put(world, COUNT, revision, END - 60, END, 1, response_code="200")
    assert set(values(read(world, f'metric.type = "{COUNT}" AND {condition}'))) == expected


def test_a_delta_across_periods_is_shared_and_its_total_kept() -> None:
    world = make_world()
    put(world, COUNT, "a", END - 90, END - 30, 7)
    assert values(read(world, f'metric.type="{COUNT}"', aggregation=aggregation(ALIGN_DELTA))) == {
        "a": [3, 4]
    }


def test_rates_are_per_second() -> None:
    world = make_world()
    put(world, COUNT, "a", END - 60, END, 30)
    assert values(read(world, f'metric.type="{COUNT}"', aggregation=aggregation(ALIGN_RATE))) == {"a": [0.5]}


def test_percentiles_come_from_merged_distributions_not_from_averaged_percentiles() -> None:
    world = make_world()
    bounds = (10.0, 20.0, 1000.0)
    put(world, LATENCY, "a", END - 60, END, Distribution(bounds, (0, 99, 0, 0)), response_code="200")
    put(world, LATENCY, "a", END - 60, END, Distribution(bounds, (0, 0, 1, 0)), response_code="500")
    grouped = aggregation(ALIGN_DELTA, REDUCE_P50, "resource.label.revision_name")
    found = values(read(world, f'metric.type="{LATENCY}"', aggregation=grouped))
    assert found["a"] == [pytest.approx(10 + 10 * 50 / 99)]
    per_series = read(world, f'metric.type="{LATENCY}"', aggregation=aggregation(ALIGN_P99))
    assert len(per_series.time_series) == 2


def test_reduction_keeps_only_the_labels_grouped_by() -> None:
    world = make_world()
    for code in ("200", "500"):
        put(world, COUNT, "a", END - 60, END, 5, response_code=code)
    how = aggregation(ALIGN_DELTA, REDUCE_SUM, "resource.labels.revision_name")
    response = read(world, f'metric.type="{COUNT}"', aggregation=how)
    assert values(response) == {"a": [10]}
    assert not response.time_series[0].metric.labels


def test_a_cumulative_series_survives_a_reset() -> None:
    world = make_world()
    custom = "prometheus.googleapis.com/hits/counter"
    for start, end, value in ((END - 300, END - 120, 50), (END - 300, END - 60, 80), (END - 30, END, 4)):
        put(world, custom, "a", start, end, value, kind="CUMULATIVE")
    found = read(world, f'metric.type="{custom}"', aggregation=aggregation(ALIGN_DELTA))
    assert values(found) == {"a": [4, 30]}


def test_samples_are_invisible_until_the_ingestion_delay_is_over() -> None:
    clock = Turned(END)
    world = make_world(clock, ingestion_delay=30.0)
    put(world, COUNT, "a", END - 10, END, 1)
    assert not read(world, f'metric.type="{COUNT}"').time_series
    clock.now += 30
    assert values(read(world, f'metric.type="{COUNT}"')) == {"a": [1]}


def test_what_nobody_writes_any_more_is_forgotten_after_the_retention() -> None:
    clock = Turned(END - 100)
    world = make_world(clock)
    world.faults.add({"retention": 50})
    put(world, COUNT, "gone", END - 110, END - 100, 1)
    put(world, COUNT, "stays", END - 110, END - 100, 1)
    clock.now = END
    put(world, COUNT, "stays", END - 10, END, 2)
    put(world, COUNT, "new", END - 10, END, 3)
    assert values(read(world, f'metric.type="{COUNT}"')) == {"new": [3], "stays": [2]}


def test_pages_fit_together_although_samples_arrive_in_between() -> None:
    clock = Turned(END - 30)
    world = make_world(clock)
    for i in range(5):
        put(world, COUNT, "a", END - 90 + 10 * i, END - 80 + 10 * i, i)
    text = f'metric.type="{COUNT}"'
    first = read(world, text, page_size=2)
    clock.now = END
    put(world, COUNT, "a", END - 10, END, 9)
    second = read(world, text, page_size=2, page_token=first.next_page_token)
    third = read(world, text, page_size=2, page_token=second.next_page_token)
    assert [values(r)["a"] for r in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert not third.next_page_token


@pytest.mark.parametrize(
    ("text", "how", "code"),
    [
        ('metric.type="custom.googleapis.com/never"', {}, "NOT_FOUND"),
        ('resource.type="cloud_run_revision"', {}, "INVALID_ARGUMENT"),
        (f'metric.type="{COUNT}" AND', {}, "INVALID_ARGUMENT"),
        (f'metric.type="{COUNT}" AND nonsense.x="1"', {}, "INVALID_ARGUMENT"),
        (f'metric.type="{COUNT}"', aggregation(ALIGN_P99), "INVALID_ARGUMENT"),
        (f'metric.type="{COUNT}"', aggregation(0, REDUCE_SUM), "INVALID_ARGUMENT"),
        (f'metric.type="{COUNT}"', aggregation(ALIGN_MAX, period=0), "INVALID_ARGUMENT"),
    ],
)
def test_questions_that_google_refuses(text: str, how: dict[str, Any], code: str) -> None:
    world = make_world()
    put(world, COUNT, "a", END - 60, END, 1)
    with pytest.raises(ApiError) as refused:
        read(world, text, aggregation=how)
    assert refused.value.code == code


def written(
    end: int,
    resource: str = "generic_task",
    labels: tuple[str, ...] = ("location", "namespace", "job", "task_id"),
) -> Any:
    return {
        "metric": {"type": "custom.googleapis.com/x"},
        "resource": {"type": resource, "labels": dict.fromkeys(labels, "v")},
        "points": [{"interval": {"end_time": {"seconds": end}}, "value": {"double_value": 1.5}}],
    }


def test_users_write_one_newer_point_on_resources_that_allow_it() -> None:
    world = make_world()

    def write(*series: Any) -> None:
        call(world, "CreateTimeSeries", name="projects/demo", time_series=list(series))

    write(written(END - 60))
    for series, says in (
        (written(END - 60), "in order"),
        (written(END - 55), "more frequently"),
        (written(END, "cloud_run_revision"), "cannot be written"),
        (written(END, "generic_task", ("job",)), "Missing labels"),
    ):
        with pytest.raises(ApiError, match=says):
            write(series)
    write(written(END))
    assert len(read(world, 'metric.type="custom.googleapis.com/x"').time_series[0].points) == 2
    assert call(
        world, "GetMetricDescriptor", name="projects/demo/metricDescriptors/custom.googleapis.com/x"
    ).value_type
