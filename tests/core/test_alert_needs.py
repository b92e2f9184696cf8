"""What is read off a query: its metrics, those it cannot do without, and how far it looks back."""

from __future__ import annotations

import pytest

from tidegate.core.alerting.needs import metrics_of, needed, reach


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('sum(rate(a{x="1"}[5m])) > 3', "a"),
        ('a{x="1"} / b{x="1"} > 0.5', "a b"),
        ('a{x="1"} > 0 and b{x="1"} > 0', "a b"),
        ('a{x="1"} > 0 unless b{x="1"} > 0', "a"),
        ('a{x="1"} unless on (r) (b{x="1"} and c{x="1"}) and d{x="1"}', "a d"),
        ('a{x="1"} unless (b{x="1"}) or a{x="2"}', "a"),
        ('a{x="1"} or b{x="1"}', ""),
        ('max by (r) (a{x="1"} > 1 or a{x="1"} > b{x="1"})', "a"),
        ('a{x="1"} > 2 * (b{x="1"} or vector(0))', "a"),
        ('clamp_min(a{x="1"} or b{x="1"}, scalar(c{x="1"}))', "c"),
        ('absent(a{x="1"}) and b{x="1"}', "b"),
        ('a{x="or b{y=\\"and\\"} ) ("} > 0', "a"),
        ('# b{x="1"}\na{x="1"}', "a"),
        ("up > 0", ""),
        ('(((a{x="1"}', "a"),
        ('a{x="1"}))) and b{x="1"}', "a"),
    ],
)
def test_what_a_query_cannot_do_without(query: str, names: str) -> None:
    assert needed(query) == frozenset(names.split())


def test_selectors_stand_by_their_metric_and_once() -> None:
    query = 'rate(a{x="1"}[5m]) / rate(a{x="2"}[5m]) > 1 and b:c{x=~"}"} and a{x="1"}'
    assert metrics_of(query) == {"a": ('a{x="1"}', 'a{x="2"}'), "b:c": ('b:c{x=~"}"}',)}


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("a > 1", 0),
        ("rate(a[300s])", 300),
        ("rate(a[5m]) / rate(a[1h30m])", 5400),
        ("rate(a[1h]) > rate(a[1h] offset 1d)", 3600 + 86400),
        ('a{x="[9d]"} > 0', 0),
    ],
)
def test_how_far_a_query_looks_back(query: str, seconds: float) -> None:
    assert reach(query) == seconds
