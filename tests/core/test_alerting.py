"""What an alert is tried on, and what is made of the answer: cases, series, marks, sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tidegate.core.alerting import Rule, Rules
from tidegate.core.alerting.assessment import Assessment, assess
from tidegate.core.alerting.cases import KINDS, Placed, load_cases
from tidegate.core.alerting.junit import junit
from tidegate.core.alerting.lives import LIVES
from tidegate.core.alerting.series import METRICS, samples
from tidegate.core.alerting.stretches import healthy, in_trouble, of_cases
from tidegate.core.alerting.subject import Subject
from tidegate.core.alerting.trial import Fired, Stretch, complaint, fired, trial
from tidegate.core.alerting.troubles import DAYS, TROUBLES
from tidegate.core.errors import InvalidInput
from tidegate.core.spec import Spec, load

DOCS = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"
SUBJECT = Subject("shop-prod", "us-central1", "shop-api", budget=40.0)
RULES = Rules(
    tuple(Rule(kind, kind, "", "", "WARNING", "vector(1)", 60, 36, "") for kind in KINDS), (), SUBJECT
)


def cases(text: str) -> tuple[Placed, ...]:
    return load_cases(text.encode(), "alerts.yaml")


def one(**given: object) -> tuple[Placed, ...]:
    usual = {"name": "a", "alert": "fd_growth", "series": [{"metric": "open_fds", "values": "100+5x99"}]}
    return cases(json.dumps({"cases": [usual | given]}))


# --------------------------------------------------------------------------------------------------- cases


@pytest.mark.parametrize(
    ("case", "place", "said"),
    [
        ("alert: fd_growt", "4:12", "did you mean fd_growth?"),
        ("alert: fd_growth\n    fire: [r1]", "5:5", "did you mean fires?"),
        ("alert: fd_growth\n    fires: [r9]", "3:5", "revision r9, of which it has no series"),
        ("alert: fd_growth\n    fires: 3", "5:12", "neither true, false nor a list"),
        ("alert: fd_growth\n    fires: true\n    since: 90s", "6:12", "whole minutes"),
        ("alert: fd_growth\n    since: 2m", "3:5", "does not say on what it fires"),
    ],
)
def test_a_fault_of_a_case_is_told_with_its_place(case: str, place: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        cases(
            f"cases:\n  # one\n  - name: a\n    {case}\n    series: [{{metric: open_fds, values: 0+1x99}}]\n"
        )
    [fault] = refused.value.faults
    assert str(fault).startswith(f"alerts.yaml:{place}: ")
    assert "cases[0]" in fault.message
    assert said in fault.message


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ({"metric": "open_fd", "values": "1"}, "did you mean open_fds?"),
        ({"metric": "open_fds", "values": "0+1y99"}, "'0+1y99', which is no part of a series"),
        ({"metric": "open_fds", "values": [5]}, "is not a text"),
        ({"metric": "open_fds", "values": True}, "'true', which is no part of a series"),
        ({"metric": "open_fds", "values": "0+1x999999"}, "more than 20000 samples"),
        ({"metric": "open_fds", "values": "1", "code": "5xx"}, "has code, which open_fds has not"),
        ({"metric": "request_count", "values": "1", "code": "500"}, "no class of codes"),
        ({"metric": "latency_ms_bucket", "values": "1"}, "needs le"),
        ({"metric": "latency_ms_bucket", "values": "1", "le": "2s"}, "'2s' is no upper bound of a bucket"),
        ({"values": "1"}, "needs either metric or series"),
        ({"metric": "open_fds", "series": "x", "values": "1"}, "needs either metric or series"),
        ({"series": "1x{}", "values": "1"}, "is no series"),
    ],
)
def test_a_series_that_makes_no_sense_is_refused(series: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        one(series=[series])
    [fault] = refused.value.faults
    assert said in fault.message


@pytest.mark.parametrize(
    ("written", "taken"),
    [("0x20", "0x20"), ("1_0", ""), ("5", "5"), ("1e3", "1e3"), ("2026-01-31", ""), ("'0x20'", "0x20")],
)
def test_values_are_what_is_written_and_no_number_of_yaml(written: str, taken: str) -> None:
    text = f"cases: [{{name: a, alert: fd_growth, series: [{{metric: open_fds, values: {written}}}]}}]"
    if taken:
        assert cases(text)[0].case.series[0].values == taken
    else:
        with pytest.raises(InvalidInput, match=f"'{written}', which is no part of a series"):
            cases(text)


def test_a_bound_is_what_is_written_also_where_it_comes_from_another_series() -> None:
    [placed] = cases("""\
cases:
  - name: a
    alert: latency_p99
    series:
      - &one {metric: latency_ms_bucket, le: 100, values: 0x20}
      - {<<: *one, le: 5e3}
      - {<<: *one, le: +Inf}
      - {<<: *one, code: 5xx}
""")
    assert [series.le for series in placed.case.series] == ["100", "5e3", "+Inf", "100"]
    assert {series.values for series in placed.case.series} == {"0x20"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("100-3x20", "fall from 100 to 97"),
        ("0+5x3 _ 14", "fall from 15 to 14"),
        ("5 NaN 4", "fall from 5 to 4"),
        ("5x3 stale 0+1x9", "fall from 5 to 0"),
    ],
)
def test_a_counter_that_falls_is_refused_at_its_values(values: str, said: str) -> None:
    text = "cases: [{name: a, alert: error_ratio, series: [\n  {metric: open_fds, values: 9-1x9},\n"
    text += f"  {{metric: request_count,\n   values: {values}}}]}}]"
    with pytest.raises(InvalidInput) as refused:
        cases(text)
    [fault] = refused.value.faults
    assert str(fault).startswith(
        f"alerts.yaml:4:12: cases[0].series[1].values {said}, and request_count is a "
    )


@pytest.mark.parametrize("values", ["7x9 7+0x9 8-0x9", "0+1x9 _x3 9", "1 Inf NaN", "3-1x0 3", "-2 -1.5"])
def test_a_counter_may_stand_still_and_be_missing(values: str) -> None:
    one(series=[{"metric": "request_count", "values": values}])


def test_a_gauge_may_fall_and_a_whole_series_does_what_it_likes() -> None:
    for metric in ("open_fds", "instance_count", "pending_requests"):
        one(series=[{"metric": metric, "values": "9-1x9"}])
    one(series=[{"series": "run_googleapis_com:request_count", "values": "9-1x9"}])


FDS = (
    'process_open_fds{project_id="shop-prod",location="us-central1",cluster="__run__",namespace="shop-api",'
    'service_name="shop-api",revision_name="r1",instance="i1:8080",job="app"}'
)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("metric: open_fds", "metric: open_fds"),
        ("metric: open_fds", "metric: open_fds, revision: r1, instance: i1"),
        ("metric: request_count", "metric: request_count, code: 2xx"),
        ("metric: open_fds", f"series: '{FDS}'"),
        ("""series: 'mine{a="b",c="d"}'""", """series: 'mine{c = "d", a="b",}'"""),
        ("series: mine", "series: 'mine{}'"),
    ],
)
def test_a_series_that_is_there_twice_is_refused_with_its_place(first: str, second: str) -> None:
    text = "cases:\n  - name: a\n    alert: fd_growth\n    series:\n"
    for told in (first, "metric: starts", second):
        text += f"      - {{{told}, values: 5}}\n"
    placed = cases(text)
    with pytest.raises(InvalidInput) as refused:
        of_cases(RULES, placed)
    [fault] = refused.value.faults
    assert str(fault).startswith("alerts.yaml:7:9: series[2] of 'a' is the same as series[0]; ")


def test_series_that_differ_in_a_label_are_two() -> None:
    text = "cases:\n  - name: a\n    alert: fd_growth\n    series:\n"
    for told in ("metric: open_fds", "metric: open_fds, instance: i2", "metric: open_fds, revision: r2"):
        text += f"      - {{{told}, values: 5}}\n"
    text += """      - {series: 'mine{a="b"}', values: 5}\n      - {series: 'mine{a="c"}', values: 5}\n"""
    assert len(of_cases(RULES, cases(text))[0].series) == 5


def test_a_case_that_is_over_before_it_is_decided_is_refused() -> None:
    [late] = one(fires=["r1"], since="70m")
    with pytest.raises(InvalidInput, match="end at minute 99, and it must have fired by minute 106"):
        of_cases(RULES, [late])
    assert of_cases(RULES, one(fires=["r1"], since="60m"))


@pytest.mark.parametrize(
    ("values", "count"),
    [("1 2 3", 3), ("0+60x120", 121), ("5x30 _ _x4", 36), ("-1.5e3-.5x1", 2), ("NaN stale 1-2x3", 6)],
)
def test_samples_are_counted_as_promtool_makes_them(values: str, count: int) -> None:
    assert samples(values) == count


def test_a_short_metric_has_the_labels_of_the_spec_s_service() -> None:
    [placed] = one(
        series=[
            {"metric": "open_fds", "values": "1", "revision": "r2", "instance": "i7"},
            {"metric": "request_count", "values": "1", "code": "5xx"},
            {"series": 'mine{a="b"}', "values": "1"},
        ]
    )
    [stretch] = of_cases(RULES, [placed])
    fds, requests, mine = (series["series"] for series in stretch.series)
    assert fds.startswith("process_open_fds{")
    assert {'location="us-central1"', 'namespace="shop-api"', 'revision_name="r2"'} <= labels(fds)
    assert 'instance="i7:8080"' in fds
    assert requests.startswith("run_googleapis_com:request_count{")
    assert {'service_name="shop-api"', 'response_code_class="5xx"'} <= labels(requests)
    assert mine == 'mine{a="b"}'


def labels(series: str) -> set[str]:
    return set(series.partition("{")[2].rstrip("}").split(","))


def test_every_short_metric_is_in_the_manual_and_is_one_of_the_service() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, metric in METRICS.items():
        options = ", ".join(f"`{option}`" for option in metric.options)
        assert f"| `{name}` | {metric.meaning} | {options} |" in text
        assert metric.name in SUBJECT.metrics


# ------------------------------------------------------------------------------------- troubles and lives


def test_every_alert_has_its_trouble_and_is_looked_at_in_a_healthy_life() -> None:
    assert tuple(TROUBLES) == KINDS
    assert {kind for life in healthy(RULES, KINDS) for kind in life.kinds} == set(KINDS)
    assert len(healthy(RULES, KINDS)) == len(LIVES) + len(DAYS)


@pytest.mark.parametrize("name", LIVES)
def test_a_life_has_a_value_for_every_minute(name: str) -> None:
    minutes = {samples(series["values"]) for series in LIVES[name].series(SUBJECT)}
    assert minutes <= {220, 221}


@pytest.mark.parametrize("kind", KINDS)
def test_the_series_of_a_trouble_last_as_long_as_it_is_looked_at(kind: str) -> None:
    trouble = TROUBLES[kind]
    longest = max(samples(series["values"]) for series in trouble.series(SUBJECT)) - 1
    assert longest * trouble.interval >= trouble.since(SUBJECT) + RULES.of(kind).within_minutes


def test_who_promises_more_has_healthier_lives() -> None:
    def failures(subject: Subject) -> float:
        [found] = [s for s in LIVES["nothing happens"].series(subject) if '"5xx"' in s["series"]]
        return float(found["values"].split()[-1])

    strict = failures(replace(SUBJECT, availability=0.9999))
    assert strict < failures(SUBJECT) / 10
    assert failures(replace(SUBJECT, availability=0.9)) == failures(SUBJECT)


# ---------------------------------------------------------------------------------------- promtool's answer


def expressions(document: str) -> list[str]:
    return [e["expr"] for test in json.loads(document)["tests"] for e in test["promql_expr_test"]]


def test_marks_say_what_fired_first_whatever_the_answer_looks_like_otherwise() -> None:
    made = trial([Stretch("s", ("fd_growth",), (), 10, revisions=("r1", ""))], RULES)
    written = expressions(made.files["test-0.json"])
    on_r1 = [text for text in written if 'revision_name="r1"' in text]
    answer = "FAILED in some new format\n" + "\n".join((written[-1], *reversed(on_r1[6:])))
    assert fired(made, answer) == ({("s", "fd_growth", "r1"): 7}, ())


def test_an_answer_without_the_mark_that_is_always_there_says_nothing() -> None:
    made = trial([Stretch("s", ("fd_growth",), (), 10), Stretch("t", ("fd_growth",), (), 10)], RULES)
    heard = expressions(made.files["test-0.json"])[10]
    assert fired(made, heard) == ({}, ("t",))
    said = "Unit Testing:  test-0.json\n  FAILED:\n    1:5: parse error: unexpected end\n"
    assert fired(made, said) == ({}, ("s", "t"))
    assert complaint(said) == "1:5: parse error: unexpected end"


def test_what_promtool_complains_of_is_short_and_nothing_that_a_terminal_would_obey() -> None:
    said = complaint("\x1b[2J\x07 no such \u202e thing\n" + "x " * 9999)
    assert said.startswith("\ufffd[2J\ufffd no such \ufffd thing x x")
    assert len(said) <= 400


def test_the_last_minute_is_looked_at_however_far_apart_the_looks_are() -> None:
    made = trial([Stretch("s", ("fd_growth",), (), 2009, looked=2)], RULES)
    *_, last, canary = expressions(made.files["test-0.json"])
    assert fired(made, f"{last}\n{canary}") == ({("s", "fd_growth", ""): 2009}, ())


def test_stretches_with_the_same_alerts_share_a_document() -> None:
    first, other = Stretch("a", ("fd_growth",), (), 4), Stretch("b", ("restarts",), (), 4)
    made = trial([first, other, replace(first, name="c")], RULES)
    assert [len(json.loads(made.files[name])["tests"]) for name in made.tests] == [2, 1]


# ----------------------------------------------------------------------------------------------- assessment


def assessed(seen: Fired, given: tuple[Placed, ...] = (), spec: str = "", **settings: object) -> Assessment:
    rules = replace(RULES, **settings)  # type: ignore[arg-type]
    return assess(rules, ["fd_growth"], healthy(rules, ["fd_growth"]), given, seen, spec_of(spec).alerts)


def spec_of(alerts: str) -> Spec:
    head = "service: shop-api\nproject: shop-prod\nregion: us-central1\ncontainers: [{}]\n"
    return load(f"{head}{alerts and 'alerts: ' + alerts}\n".encode(), "tidegate.yaml")


def leaks(minute: int) -> Fired:
    return {(in_trouble("fd_growth"), "fd_growth", ""): minute}


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({}, "fd_growth does not fire within 4 h when an instance opens 5 descriptors a minute"),
        (leaks(37), "fd_growth fires after 37 min when"),
        (leaks(35) | {("restarts", "fd_growth", ""): 130},
         "fd_growth fires by minute 130 in the life of a healthy service (restarts)"),
    ],
)  # fmt: skip
def test_an_alert_that_is_late_silent_or_noisy_fails_and_says_so(seen: Fired, said: str) -> None:
    found = assessed(seen, spec="{fd_growth: {per_minute: 40, for: 10m}}")
    assert not found.passed
    [fault] = found.tried[0].faults()
    assert fault.startswith(said)
    hint = found.tried[0].way_out()
    assert hint.startswith(
        "alerts.fd_growth sets for to 600 s instead of 300 s, per_minute to 40 instead of 2;"
    )


def test_an_alert_that_fires_in_time_and_nowhere_else_passes() -> None:
    assert assessed(leaks(36)).passed


def test_an_alert_that_is_off_is_no_failure() -> None:
    on = tuple(rule for rule in RULES.on if rule.kind != "fd_growth")
    found = assessed({}, one(fires=["r1"]), on=on, off=("fd_growth", "restarts"))
    assert found.passed
    assert (found.tried, found.off) == ((), ("fd_growth",))
    assert [case.run for case in found.cases] == [False]


def test_a_case_that_fires_takes_the_place_of_the_built_in_trouble() -> None:
    own, quiet = one(fires=["r1"]), one()
    name = own[0].name
    assert assessed({(name, "fd_growth", "r1"): 30}, own).passed
    assert not assessed({}, quiet).passed
    # But no leave to be loud in a healthy life.
    assert not assessed({(name, "fd_growth", "r1"): 30, ("restarts", "fd_growth", ""): 130}, own).passed


@pytest.mark.parametrize(
    ("given", "seen", "said"),
    [
        ({}, {"r1": 20}, ["fd_growth fires on r1 at minute 20, and should stay quiet"]),
        ({"fires": True}, {}, ["fd_growth does not fire; it should by minute 36"]),
        ({"fires": True, "within": "5m"}, {"r1": 20},
         ["fd_growth fires only at minute 20; it should by minute 5"]),
        ({"fires": True, "since": "30m"}, {"r1": 20}, ["fd_growth fires on r1 at minute 20, before 30"]),
        ({"fires": ["r1"]}, {"r1": 20, "": 20},
         ["fd_growth fires on the whole service at minute 20, where it should not"]),
        ({"fires": ["r1"]}, {"": 20},
         ["fd_growth does not fire on r1; it should by minute 36",
          "fd_growth fires on the whole service at minute 20, where it should not"]),
        ({"fires": ["r1"], "since": "10m"}, {"r1": 20}, []),
        ({"fires": True}, {"": 36}, []),
        ({}, {}, []),
    ],
)  # fmt: skip
def test_a_case_says_what_went_otherwise(
    given: dict[str, object], seen: dict[str, int], said: list[str]
) -> None:
    placed = one(**given)
    observed = {(placed[0].name, "fd_growth", revision): minute for revision, minute in seen.items()}
    found = assessed(leaks(35) | observed, placed)
    assert list(found.cases[0].faults) == said
    assert found.passed == (not said)


def test_junit_counts_what_failed_and_what_was_left_out() -> None:
    found = assessed({}, (*one(), *one(alert="restarts")), off=("fd_level",))
    root = Xml.fromstring(junit([found]))
    counts = {s.get("name"): (s.get("tests"), s.get("failures"), s.get("skipped")) for s in root}
    assert counts == {"alerts": ("1", "1", "0"), "cases": ("2", "0", "1")}
    [failure] = root.iter("failure")
    assert "fd_growth does not fire" in str(failure.get("message"))
