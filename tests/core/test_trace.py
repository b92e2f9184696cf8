from __future__ import annotations

import contextlib
import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import METRICS, Rollout, Step, read, write
from tidegate.core.trace.columns import read_columns
from tidegate.core.trace.rows import read_rows

ROLLOUT = Rollout("orders", "orders-1", "orders-2", (Step(100.0, 5), Step(160.5, 50)), 400.0, 60.0, 180.0)
HEADER = "time,metric,revision,instance,value\n"
GOOD = write(ROLLOUT, Samples.of([]))["rollout.json"]


def _faults(rollout_json: str, samples_csv: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read(rollout_json, samples_csv)
    return [str(fault) for fault in caught.value.faults]


finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)


@st.composite
def any_samples(draw: st.DrawFn) -> Samples:
    found = {}
    for _ in range(draw(st.integers(0, 4))):
        metric = draw(st.sampled_from(sorted(METRICS)))
        le = draw(st.floats(0, 1e6) | st.just(math.inf)) if metric == "latency_ms_bucket" else None
        key = Key(metric, draw(names), draw(names | st.just("")), le)
        times = sorted(draw(st.sets(finite, min_size=1, max_size=5)))
        values = draw(st.lists(finite, min_size=len(times), max_size=len(times)))
        found[key] = Series(key, np.array(times), np.array(values))
    return Samples.of(found.values())


@settings(deadline=None)
@given(any_samples())
def test_what_was_written_is_read_back_exactly(samples: Samples) -> None:
    files = write(ROLLOUT, samples)
    rollout, back, warnings = read(files["rollout.json"], files["samples.csv"])
    assert rollout == ROLLOUT
    assert not warnings
    assert back.by_key.keys() == samples.by_key.keys()
    for key, series in samples.by_key.items():
        assert np.array_equal(back.by_key[key].times, series.times)
        assert np.array_equal(back.by_key[key].values, series.values)
    assert write(rollout, back) == files


def test_the_bound_is_a_sixth_column_only_where_there_are_histograms() -> None:
    one = Series(Key("open_fds", "orders-2", "a"), np.array([1.0]), np.array([7.0]))
    two = Series(Key("latency_ms_bucket", "orders-2", "", math.inf), np.array([1.0]), np.array([7.5]))
    assert write(ROLLOUT, Samples.of([one]))["samples.csv"] == HEADER + "1,open_fds,orders-2,a,7\n"
    assert write(ROLLOUT, Samples.of([two, one]))["samples.csv"].splitlines() == [
        "time,metric,revision,instance,value,le",
        "1,latency_ms_bucket,orders-2,,7.5,+Inf",
        "1,open_fds,orders-2,a,7,",
    ]


def test_a_running_first_deployment_has_no_end_and_no_stable() -> None:
    first = Rollout("orders", "", "orders-1", (Step(1.5, 100),), None, 1.0, 0.0)
    files = write(first, Samples.of([]))
    assert json.loads(files["rollout.json"])["end"] is None
    assert read(files["rollout.json"], files["samples.csv"])[0] == first


def test_rows_may_come_in_any_order_and_repeat() -> None:
    text = HEADER + "3,open_fds,r,a,3\n1,open_fds,r,a,1\n\n2,open_fds,r,a,2\n1,open_fds,r,a,1.0\n"
    _, samples, warnings = read("\ufeff" + GOOD, "\ufeff" + text.replace("\n", "\r\n"))
    assert samples.by_key[Key("open_fds", "r", "a")].values.tolist() == [1, 2, 3]
    assert warnings == ("samples.csv: 1 repeated rows are dropped",)


def test_what_is_not_known_is_ignored_with_a_warning() -> None:
    head = GOOD.replace("{", '{"colour": "blue",', 1)
    _, samples, warnings = read(head, HEADER + "1,goroutines,r,,5\n2,goroutines,r,,6\n")
    assert not samples.by_key
    assert warnings == (
        "rollout.json: unknown key 'colour' is ignored",
        "samples.csv: unknown metric 'goroutines' is ignored (2 rows)",
    )


@pytest.mark.parametrize(
    ("row", "place", "word"),
    [
        ("x,open_fds,r,a,1", "samples.csv:2:1", "time"),
        ("inf,open_fds,r,a,1", "samples.csv:2:1", "time"),
        ("1,open_fds,r,a,nan", "samples.csv:2:16", "value"),
        ("1,open_fds,r,a,-Inf", "samples.csv:2:16", "value"),
        ("1,open_fds,r,a,", "samples.csv:2:16", "value"),
        ("1,open_fds,,a,1", "samples.csv:2:12", "revision"),
        ("1,open_fds,r,1", "samples.csv:2:1", "columns"),
        ("1,latency_ms_bucket,r,,1", "samples.csv:2:26", "upper bound"),
        ('1,open_fds,r,"a,1', "samples.csv:2:1", "CSV"),
    ],
)
def test_a_bad_row_is_named_by_its_place(row: str, place: str, word: str) -> None:
    (fault,) = _faults(GOOD, HEADER + row + "\n")
    assert fault.startswith(place + ": ")
    assert word in fault


def test_two_values_at_one_time_are_a_fault() -> None:
    (fault,) = _faults(GOOD, HEADER + "1,open_fds,r,a,1\n1,open_fds,r,a,2\n")
    assert fault.startswith("samples.csv:3:1: a second value for open_fds")


def test_a_bound_belongs_to_histograms_only() -> None:
    rows = HEADER.strip() + ",le\n1,open_fds,r,a,1,5\n1,latency_ms_bucket,r,,1,nan\n"
    assert [f.split(": ")[0] for f in _faults(GOOD, rows)] == ["samples.csv:2:18", "samples.csv:3:26"]


@pytest.mark.parametrize(("text", "word"), [("", "empty"), ("a,b\n1,2\n", "header")])
def test_samples_without_their_header(text: str, word: str) -> None:
    (fault,) = _faults(GOOD, text)
    assert word in fault


@pytest.mark.parametrize(
    ("change", "place", "word"),
    [
        (lambda t: t[:-3], "rollout.json:", "JSON"),
        (lambda t: "[]", "rollout.json:1:1", "object"),
        (lambda t: "[" * 100_000, "rollout.json", "JSON"),
        (lambda t: t.replace("trace/1", "trace/9"), "rollout.json:2:3", "tidegate-trace/1"),
        (lambda t: t.replace("400", "NaN"), "rollout.json", "NaN"),
        (lambda t: t.replace("400", '"soon"'), "rollout.json:16:3", "end"),
        (lambda t: t.replace("400", "10"), "rollout.json:1:1", "ends after"),
        (lambda t: t.replace("400", "1e999"), "rollout.json:1:1", "ends after"),
        (lambda t: t.replace("400", "1" + "0" * 400), "rollout.json:16:3", "too large"),
        (lambda t: t.replace('"percent": 5\n', '"percent": 5.5\n'), "rollout.json:9:7", "whole"),
        (lambda t: t.replace('"percent": 5\n', '"percent": 500\n'), "rollout.json:1:1", "0 to 100"),
        (lambda t: t.replace("160.5", "16"), "rollout.json:1:1", "forward"),
        (lambda t: t.replace('"orders-2"', '"orders-1"'), "rollout.json:1:1", "same revision"),
        (lambda t: t.replace('"orders-2"', '""'), "rollout.json:1:1", "candidate"),
        (lambda t: t.replace('"orders-2"', "7"), "rollout.json:5:3", "string"),
        (lambda t: t.replace('"sample_period": 60', '"sample_period": 0'), "rollout.json:1:1", "period"),
        (lambda t: t.replace('"sample_period"', '"ingestion_delay"'), "rollout.json", "twice"),
        (lambda t: t.replace('"sample_period"', '"period"'), "rollout.json:1:1", "sample_period"),
    ],
)
def test_a_bad_head_is_named_by_its_place(change: object, place: str, word: str) -> None:
    assert callable(change)
    text = change(GOOD)
    assert text != GOOD
    (fault,) = _faults(text, HEADER)
    assert fault.startswith(place)
    assert word in fault


def test_the_faults_of_both_files_come_at_once_but_not_without_end() -> None:
    faults = _faults("{", HEADER + "x,open_fds,r,a,1\n" * 1000)
    assert faults[0].startswith("rollout.json:1:2")
    assert 2 < len(faults) <= 50


@settings(deadline=None)
@given(st.text(), st.text())
def test_rubbish_is_refused_and_never_crashes(head: str, rows: str) -> None:
    for rollout_json, samples_csv in ((head, HEADER), (GOOD, rows), (GOOD, HEADER + rows)):
        with contextlib.suppress(InvalidInput):
            read(rollout_json, samples_csv)


def test_the_share_of_traffic_at_a_time() -> None:
    assert [ROLLOUT.percent_at(t) for t in (99, 100, 160, 161)] == [0, 5, 5, 50]


rows_of_text = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "2.0", " 3", "x", "inf", "1e3", ""]),
        st.sampled_from(["open_fds", "latency_ms_bucket", "goroutines", '"open_fds"']),
        st.sampled_from(["r", "s", ""]),
        st.sampled_from(["", "a"]),
        st.sampled_from(["1", "2", "1.0", "-3", "nan", "y"]),
        st.sampled_from(["", "", "5", "5.0", "+Inf", "nan", "z"]),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(rows_of_text, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_both_ways_of_reading_agree(rows: list[tuple[str, ...]], bounds: bool, ending: str) -> None:
    """Read by columns gives up, or finds the same as read row by row, which then finds no fault."""
    width = 6 if bounds else 5
    head = HEADER.strip() + (",le" if bounds else "")
    text = ending.join([head, *(",".join(row[:width]) for row in rows), ""])
    faults: list[Fault] = []
    careful = read_rows(text, METRICS, faults)
    quick = read_columns(text, METRICS)
    assert (quick is None) >= bool(faults)
    if quick is None:
        return
    assert quick.warnings() == careful.warnings()
    assert same(Samples.of(quick.series), Samples.of(careful.series))


def same(one: Samples, other: Samples) -> bool:
    def flat(samples: Samples) -> dict[Key, tuple[list[float], list[float]]]:
        return {k: (s.times.tolist(), s.values.tolist()) for k, s in samples.by_key.items()}

    return flat(one) == flat(other)


@settings(deadline=None)
@given(any_samples(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_nothing(samples: Samples, order: random.Random) -> None:
    files = write(ROLLOUT, samples)
    head, *rows = files["samples.csv"].removesuffix("\n").split("\n")
    if any('"' in row for row in rows):
        return  # a name with a line break in it takes two lines
    order.shuffle(rows)
    _, back, _ = read(files["rollout.json"], "\n".join([head, *rows]))
    assert same(back, samples)


def test_a_large_file_is_read_whole_and_its_one_fault_is_found() -> None:
    rows = [f"{t},open_fds,orders-{t % 2},i{t % 3},{t % 100}" for t in range(50_000)]
    _, samples, warnings = read(GOOD, HEADER + "\n".join(rows))
    assert sum(map(len, samples.by_key.values())) == 50_000
    assert len(samples.by_key) == 6
    assert not warnings
    rows[40_000] = "40000,open_fds,orders-0,i1,many"
    (fault,) = _faults(GOOD, HEADER + "\n".join(rows))
    assert fault == "samples.csv:40002:28: the value must be a finite number, not 'many'"


def test_metrics_of_ones_own_are_read_where_they_are_asked_for() -> None:
    _, samples, warnings = read(GOOD, HEADER + "1,goroutines,r,,5\n", frozenset({"goroutines"}))
    assert samples.by_key[Key("goroutines", "r")].values.tolist() == [5]
    assert not warnings
