"""The page: what it says, that it is well formed, needs nothing else, and escapes whatever it is given."""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.report_parts import (
    FINE,
    LEAK,
    NEW,
    OLD,
    START,
    Element,
    a_look,
    leaking,
    never_moved,
    read,
    rolled_back,
    series,
    shown,
    template,
    with_state,
)
from tidegate.core.errors import InvalidInput
from tidegate.core.report import TEMPLATE, Report, page
from tidegate.core.rollout import Moved, Phase, sentence
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.verdict import Decision, Finding, MetricResult


def section(root: Element, name: str) -> Element:
    [found] = [s for s in root.all("section") if s.attributes.get("aria-labelledby") == name]
    return found


def rows(table: Element) -> list[list[str]]:
    return [[c.text for c in tr.walk() if c.tag in ("th", "td")] for tr in table.all("tr")][1:]


def facts(root: Element) -> dict[str, str]:
    [found] = section(root, "facts").all("dl")
    return dict(zip(*([e.text for e in found.all(tag)] for tag in ("dt", "dd")), strict=True))


# ---------------------------------------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.PROMOTED, "promoted"),
        (Phase.RECOVERED, "rolled back, recovered"),
        (Phase.NOT_RECOVERED, "rolled back, did not help"),
        (Phase.ROLLED_BACK, "rolled back"),
        (Phase.HELD, "held"),
        (Phase.ABORTED, "aborted"),
        (Phase.NEEDS_PERSON, "needs a person"),
    ],
)
def test_the_verdict_comes_first_in_big_words(phase: Phase, words: str) -> None:
    root = shown(with_state(rolled_back(), phase=phase))
    [big] = root.all("h1")
    assert big.text == words
    assert root.all("title")[0].text == f"orders: {words}"


def test_the_reasons_of_the_verdict_are_separate_lines() -> None:
    report = rolled_back()
    header = shown(report).all("header")[0]
    assert header.all("p", "lead")[0].text == f"{NEW} rolled back, {OLD} recovered"
    assert [li.text for li in header.all("li")] == [
        f"open fds per instance climb 323/min on {NEW}",
        f"{OLD} is flat; it needs 25,000",
    ]


def test_no_word_of_the_sentence_is_lost() -> None:
    report = rolled_back()
    before, after = "first deployment: ", "; the rollback did not help"
    report = with_state(report, reason=f"{before}{report.state.reason}{after}")
    header = shown(report).all("header")[0].text
    for word in re.findall(r"\w+", sentence(report.state)):
        assert word in header


def test_the_header_tells_how_quickly_and_what_serves_now() -> None:
    [tiles] = shown(rolled_back()).all("dl", "tiles")
    told = dict(zip(*([e.text for e in tiles.all(tag)] for tag in ("dt", "dd")), strict=True))
    assert told == {
        "decided in": "20 s",
        "restored in": "250 ms",
        "whole rollout": "31.5 s",
        "looks": "3",
        "traffic now": f"{OLD} 100 %",
    }


def test_the_events_are_listed_with_both_times() -> None:
    assert rows(section(shown(rolled_back()), "traffic").all("table")[0]) == [
        ["\N{MINUS SIGN}1.5 s", "2025-12-31 23:59:58 UTC", "started by ci"],
        ["0 s", "2026-01-01 00:00:00 UTC", f"20 % of the traffic to {NEW}"],
        ["+20 s", "2026-01-01 00:00:20 UTC", "decision: roll back"],
        ["+20 s", "2026-01-01 00:00:20 UTC", f"0 % of the traffic to {NEW}"],
        ["+20.2 s", "2026-01-01 00:00:20 UTC", f"all traffic is effectively on {OLD} again"],
        ["+30 s", "2026-01-01 00:00:30 UTC", "ended: rolled back, recovered"],
    ]


def test_the_timeline_shows_the_share_of_the_candidate_and_every_look() -> None:
    traffic = section(shown(rolled_back()), "traffic")
    titles = [g.all("title")[0].text for g in traffic.all("g") if g.all("rect")]
    assert titles == [
        f"no traffic to {NEW} before",
        f"20 % of the traffic to {NEW} for 20 s",
        f"0 % of the traffic to {NEW} for 10 s",
    ]
    assert [p.all("title")[0].text for p in traffic.all("path", "look")] == [
        "look 1, +10 s: continue",
        "look 2, +20 s: rollback",
        "look 3, +30 s: promote",
    ]
    assert "2026-01-01 00:00:00 UTC" in traffic.text


def test_a_rollback_by_hand_does_not_invent_what_was_before() -> None:
    report = with_state(rolled_back(), moves=(Moved(START, 0),), decided=START)
    traffic = section(shown(report), "traffic")
    assert [g.all("title")[0].text for g in traffic.all("g") if g.all("rect")] == [
        f"0 % of the traffic to {NEW} for 30 s"
    ]
    assert f"when traffic was taken from {NEW}" in traffic.text


def test_the_evidence_is_that_of_the_deciding_look() -> None:
    found = rows(section(shown(rolled_back()), "evidence").all("table")[0])
    assert found == [
        [
            "Open fds per instanceopen_fds", "worse", f"open fds per instance climb 323/min on {NEW}",
            "323/min216/min to 430/min", "6.5 of 5.71", "17",
        ],
        [
            "Error ratioerror_ratio", "fine", "no errors",
            "0 %0 % to 3.53 %", "\N{MINUS SIGN}3.9 of 5.76", "105",
        ],
        [
            "p99 latencylatency_p99_ms", "not enough data", "p99 latency: 1 of 8 samples so far",
            "\N{EN DASH}", "no test", "1",
        ],
    ]  # fmt: skip


def test_what_was_only_tried_is_marked_and_not_painted_as_bad() -> None:
    dry = replace(LEAK, decisive=False)
    look = a_look(20, Decision.PROMOTE, dry)
    told = shown(rolled_back(verdicts=(look,), dry_run=frozenset({dry.metric})))
    marked = [e for e in told.walk() if e.text == "worse, dry run"]
    assert marked
    assert not any("bad" in e.attributes.get("class", "") for e in marked)


def test_growth_of_memory_is_told_in_mebibytes() -> None:
    grows = replace(LEAK, metric="memory_bytes", estimate=3 * 2.0**20, low=2.0**20, high=4 * 2.0**20)
    assert "3 MiB/min" in shown(rolled_back(verdicts=(a_look(20, Decision.ROLLBACK, grows),))).text


def test_a_metric_of_ones_own_has_a_chart_or_a_word_about_it() -> None:
    values = [series("queue_depth", revision, [4, 5, 6], instance="i") for revision in (OLD, NEW)]
    report = rolled_back(samples=Samples.of(values), own={"queue_depth": "jobs", "hits": ""})
    told = shown(report)
    chart = told.chart("Queue depth")
    assert "jobs" in chart.text
    assert {role for line in chart.all("g", "line") for role in line.attributes["class"].split()} >= {
        "candidate",
        "stable",
    }
    assert "hits was never measured" in told.text


def test_looks_are_folded_and_say_what_they_were_about() -> None:
    root = shown(rolled_back())
    [details] = root.all("details")
    assert "open" not in details.attributes
    assert details.all("summary")[0].text == "All looks (3)"
    assert [row[:4] for row in rows(details.all("table")[0])] == [
        ["1", "+10 s", "candidate", "continue"],
        ["2", "+20 s", "candidate", "rollback"],
        ["3", "+30 s", "recovery", "promote"],
    ]


def test_the_facts_name_everything_needed_to_find_it_again() -> None:
    told = facts(shown(rolled_back()))
    assert told["rollout"] == "20260101-000000-abcdef"
    assert told["owner"] == "ci"
    assert told["image"] == "demo/orders:v2"
    assert told["started"] == "2025-12-31 23:59:58 UTC"
    assert told["steps asked for"] == "10 %, 50 %, 60 s each"
    assert told["exit code"] == "6"


def test_a_candidate_that_never_had_traffic_has_no_charts_and_says_why() -> None:
    root = shown(never_moved())
    assert root.all("figure") == []
    assert "The candidate never had traffic." in section(root, "traffic").text
    assert section(root, "unmeasured").text == "No data All metricsthe rollout ended before its first look"
    assert section(root, "evidence").text.endswith("No metric was judged before this ended.")
    assert root.all("details") == []


def test_looks_without_a_sample_are_not_called_no_looks() -> None:
    report = rolled_back(samples=Samples())
    assert "Cloud Monitoring had no sample of either revision" in section(shown(report), "unmeasured").text


def test_a_first_deployment_has_one_revision() -> None:
    report = with_state(rolled_back(), stable="", moves=(Moved(START, 100),), phase=Phase.PROMOTED)
    root = shown(replace(report, samples=Samples.of([series("open_fds", NEW, [7, 6, 6], instance="a")])))
    assert OLD not in root.all("figure")[0].text
    assert [li.text for li in section(root, "traffic").all("li")] == [f"{NEW} candidate"]
    assert section(root, "traffic").all("rect", "part-stable") == []


def test_a_deployment_without_a_new_revision_has_one_revision() -> None:
    report = with_state(never_moved(), candidate=OLD, phase=Phase.PROMOTED)
    assert [li.text for li in section(shown(report), "traffic").all("li")] == [f"{OLD} candidate"]


def test_a_failed_monitoring_root_is_an_alert() -> None:
    root = shown(rolled_back(monitoring_error="quota <exceeded>"))
    [alert] = root.all("p", "alert")
    assert alert.text == "The monitoring root failed: quota <exceeded>"


# ------------------------------------------------------------------------------- what it is made of

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; onload='x",
    "{{ 7 * 7 }}{% include 'x' %}",
    "</title></style><b>",
    "a&amp;b<!--",
    "javascript:alert(1)",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil\x00",
]


def hostile(text: str) -> Report:
    bad = MetricResult(text, Finding.WORSE, text, 1, text, 1.0, 0.5, 2.0, 3.0, 2.0)
    report = rolled_back(
        service=text, project=text, region=text, url=text, environment=text, image=text, traffic={text: 100},
        monitoring_error=text,
        verdicts=(a_look(20, Decision.ROLLBACK, bad, reasons=(text,)),),
        samples=Samples.of([
            series("open_fds", text, [1, 2, 3], instance=text),
            series("open_fds", f"{text}-old", [1, 2, 3], instance=text),
        ]),
    )  # fmt: skip
    return with_state(
        report, id=text, owner=text, reason=text, candidate=text, stable=f"{text}-old", decided=START + 20
    )


def tags(html: str) -> list[str]:
    return [e.tag for e in read(html).walk()]


@functools.cache
def plain_tags() -> list[str]:
    return tags(page(hostile("plain"), template()))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    html = page(hostile(text), template())
    assert tags(html) == plain_tags()
    assert all(not name.startswith("on") for e in read(html).walk() for name in e.attributes)
    # A NUL is written as it came; readers show it as a replacement character.
    assert facts(read(html))["owner"] == " ".join(text.split())


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_no_text_at_all_becomes_markup(text: str) -> None:
    assert tags(page(hostile(f"a{text}b"), template())) == plain_tags()


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    html = page(rolled_back(), template())
    root = read(html)
    used = {e.tag for e in root.walk()}
    assert not used & {"script", "link", "img", "iframe", "object", "embed", "image", "use", "base", "form"}
    assert "url(" not in html
    assert "@import" not in html
    loading = {"src", "srcset", "href", "xlink:href", "data", "action", "poster", "background"}
    assert [e for e in root.walk() if loading & set(e.attributes)] == []
    [policy] = [e for e in root.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none';")


def test_the_template_never_turns_escaping_off() -> None:
    assert not re.search(r"\|\s*safe\b|autoescape|\bMarkup\b", template())


def test_the_same_report_is_the_same_page_to_the_byte() -> None:
    first = page(rolled_back(), template())
    shuffled = Samples.of(reversed(list(leaking().by_key.values())))
    again = rolled_back(samples=shuffled, traffic=dict(reversed(list({OLD: 90, NEW: 10}.items()))))
    assert page(rolled_back(), template()) == first
    assert page(again, template()) == page(rolled_back(traffic={OLD: 90, NEW: 10}), template())


def test_the_page_is_accessible_as_far_as_its_structure_goes() -> None:
    root = shown(rolled_back())
    [html] = root.all("html")
    assert html.attributes["lang"] == "en"
    levels = [int(e.tag[1]) for e in root.walk() if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all(th.attributes.get("scope") in ("col", "row") for th in root.all("th"))
    assert all(
        svg.attributes.get("aria-hidden") == "true"
        or (svg.attributes.get("role") == "img" and svg.attributes.get("aria-label"))
        for svg in root.all("svg")
    )
    ids = [e.attributes["id"] for e in root.walk() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    named = {e.attributes["aria-labelledby"] for e in root.walk() if "aria-labelledby" in e.attributes}
    assert named <= set(ids)


def test_revisions_differ_by_more_than_colour() -> None:
    css = template()
    assert re.search(r"\.line\.stable path \{[^}]*stroke-dasharray: \d", css)
    assert not re.search(r"\.line\.candidate path \{[^}]*dasharray", css)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_contrast_is_enough_to_read_in_every_theme(theme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", template(), re.S)
    assert len(blocks) == 3
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[theme]))
    text = [("ink", "card"), ("ink", "page"), ("soft", "card"), ("soft", "page"), ("stable", "card"),
            ("on-fill", "candidate-fill")]  # fmt: skip
    text += [
        (tone, ground) for tone in ("good", "back", "wait", "bad") for ground in ("card", f"{tone}-wash")
    ]
    for ink, ground in text:
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for line in ("candidate", "stable"):
        assert contrast(colours[line], colours["card"]) >= 3, line


# --------------------------------------------------------------------------------------- bad days

_VALUES = st.one_of(st.floats(0, 1e6), st.floats(allow_nan=False, allow_infinity=False, width=64))


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(_VALUES, min_size=1, max_size=30),
    metric=st.sampled_from(["open_fds", "latency_p99_ms", "instance_count", "memory_bytes", "error_ratio"]),
    start=st.floats(-4000, 4000),
    period=st.floats(0.01, 500),
    ended=st.floats(0, 4000),
)
def test_no_measurement_keeps_the_page_from_being_written(
    values: list[float], metric: str, start: float, period: float, ended: float
) -> None:
    found = Samples.of([series(metric, NEW, values, start=START + start, period=period)])
    report = with_state(rolled_back(samples=found), entered=START + ended)
    html = page(report, template())
    paths = [e.attributes["d"] for e in read(html).all("path")]
    assert not [d for d in paths if "nan" in d or "inf" in d]


@pytest.mark.parametrize("evidence", [float("inf"), float("-inf"), float("nan"), None])
def test_unbounded_evidence_is_shown(evidence: float | None) -> None:
    odd = replace(FINE, evidence=evidence, estimate=float("inf"), boundary=5.0)
    root = shown(rolled_back(verdicts=(a_look(20, Decision.ROLLBACK, odd),)))
    widths = [r.attributes["width"] for r in root.all("rect", "fill")]
    assert all(0 <= float(w) <= 96 for w in widths)


def test_everything_at_one_moment_is_still_a_page() -> None:
    one = Samples.of([Series(Key("open_fds", NEW, "a"), np.array([START]), np.array([3.0]))])
    report = with_state(
        rolled_back(samples=one), started=START, entered=START, moves=(Moved(START, 20),), decided=START,
        restored=None,
    )  # fmt: skip
    assert "Open fds per instance" in [h.text for h in shown(report).all("h3")]


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("one\n{% if %}", f"{TEMPLATE}:2", "Expected an expression"),
        ("one\ntwo {{ missing }}", f"{TEMPLATE}:2", "'missing' is undefined"),
        ("{{ looks.append(1) }}", f"{TEMPLATE}:1", ""),
        ("{{ ''.__class__.__mro__ }}", f"{TEMPLATE}:1", ""),
        ("\n\n{{ 1 / 0 }}", f"{TEMPLATE}:3", "division"),
        ("{% include 'other' %}", f"{TEMPLATE}:1", "other"),
    ],
)
def test_a_faulty_template_is_named_with_its_line(text: str, place: str, what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page(rolled_back(), text)
    assert str(refused.value).startswith(place)
    assert what in str(refused.value)
