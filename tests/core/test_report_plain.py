"""The report as text, as Markdown, as a table of several, and as data for scripts."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from core.report_parts import FINE, LEAK, NEW, OLD, START, a_look, never_moved, rolled_back, with_state
from tidegate.core.report import markdown, summary, table, text, why
from tidegate.core.rollout import Phase
from tidegate.core.verdict import Decision

TEXT = f"""\
{NEW} rolled back, {OLD} recovered: {LEAK.sentence}; {OLD} is flat; it needs 25,000

service      orders (demo-project, europe-west1)
url          https://orders.example.com
revision     {NEW}
before       {OLD}
image        demo/orders:v2
traffic      {OLD} 100 %
started      2025-12-31 23:59:58 UTC
ended        2026-01-01 00:00:30 UTC
decided in   20 s
restored in  250 ms
rollout      20260101-000000-abcdef by ci

what was seen
  open_fds (worse)
    open fds per instance climb 323/min on {NEW}
  error_ratio (fine)
    no errors
  latency_p99_ms (not enough data)
    p99 latency: 1 of 8 samples so far
"""


def test_the_text_says_the_outcome_first_and_then_what_it_rests_on() -> None:
    assert text(rolled_back()) == TEXT


def test_what_was_not_decisive_says_so() -> None:
    odd = replace(FINE, decisive=False)
    assert "error_ratio (fine, not decisive)" in text(rolled_back(verdicts=(a_look(20, Decision.HOLD, odd),)))


def test_a_dry_run_says_so_in_every_form() -> None:
    dry = replace(LEAK, metric="cpu_utilization", decisive=False)
    report = rolled_back(verdicts=(a_look(20, Decision.PROMOTE, dry),), dry_run=frozenset({dry.metric}))
    assert "cpu_utilization (worse, dry run)" in text(report)
    assert "| worse, dry run |" in markdown(report)
    (metric,) = summary(report)["metrics"]
    assert (metric["dry_run"], metric["decisive"]) == (True, False)


def test_traffic_that_could_not_be_read_is_not_nothing() -> None:
    lost = rolled_back(traffic=None, last_seen={OLD: 80, NEW: 20})
    told = f"not known, last seen: {OLD} 80 %, {NEW} 20 %"
    assert told in text(lost)
    assert told in markdown(lost)
    found = summary(lost)
    assert (found["traffic"], found["traffic_last_seen"]) == (None, {OLD: 80, NEW: 20})
    unseen = rolled_back(traffic=None)
    assert [
        line.split(maxsplit=1)[1] for line in text(unseen).splitlines() if line.startswith("traffic")
    ] == ["not known"]


def test_an_ended_rollout_without_traffic_has_no_times_it_does_not_have() -> None:
    told = text(never_moved())
    assert "decided in" not in told
    assert "what was seen" not in told
    assert "smoke checks failed, no traffic was moved: 500 instead of 200" in told


@pytest.mark.parametrize("form", [text, markdown])
def test_a_failed_monitoring_root_is_told(form: object) -> None:
    told = form(rolled_back(monitoring_error="quota exceeded"))  # type: ignore[operator]  # either function
    assert "quota exceeded" in told.splitlines()[-1]


@pytest.mark.parametrize("form", [text, markdown])
def test_nothing_reaches_a_terminal_that_it_would_obey(form: object) -> None:
    report = rolled_back(
        url="https://x\x1b]0;owned\x07", monitoring_error="a\x9b2Jb\r\n\N{RIGHT-TO-LEFT OVERRIDE}"
    )
    report = with_state(report, reason="x\x1b[2J\ny")
    told = form(report)  # type: ignore[operator]  # either function
    assert not set(told) & set("\x1b\x07\x9b\r\N{RIGHT-TO-LEFT OVERRIDE}")
    assert "[2J y" in told.splitlines()[0 if form is text else 2].replace("\\", "")


def test_markdown_is_two_tables_under_the_verdict() -> None:
    lines = markdown(rolled_back()).splitlines()
    assert lines[0] == "## orders: rolled back, recovered"
    assert f"| before | {OLD} |" in lines
    assert f"| `open_fds` | worse | open fds per instance climb 323/min on {NEW} |" in lines
    assert "| restored in | 250 ms |" in lines


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a|b", "a\\|b"),
        ("<b>x</b>", "&lt;b>x&lt;/b>"),
        ("[x](https://y)", "\\[x\\](https://y)"),
        ("`x` *y* _z_", "\\`x\\` \\*y\\* \\_z\\_"),
        ("a\\|b", "a\\\\\\|b"),
        ("&lt;", "&amp;lt;"),
        ("a\n\n# b", "a # b"),
    ],
)
def test_markdown_escapes_what_comes_from_outside(given: str, told: str) -> None:
    assert f"| image | {told} |" in markdown(rolled_back(image=given)).splitlines()


def test_the_summary_is_json_without_noise_or_infinities() -> None:
    odd = replace(FINE, low=-4e-14, high=float("inf"), evidence=float("nan"), estimate=1 / 3)
    found = summary(rolled_back(verdicts=(a_look(20, Decision.ROLLBACK, odd),)))
    again = json.loads(json.dumps(found, allow_nan=False))
    [metric] = again["metrics"]
    assert (metric["low"], metric["high"], metric["evidence"]) == (0.0, None, None)
    assert metric["estimate"] == 0.333333


def test_the_summary_names_what_scripts_ask_for() -> None:
    found = summary(rolled_back())
    assert {k: found[k] for k in ("verdict", "phase", "exit_code", "revision", "previous_revision")} == {
        "verdict": "rolled back, recovered",
        "phase": "recovered",
        "exit_code": 6,
        "revision": NEW,
        "previous_revision": OLD,
    }
    assert (found["seconds_to_decide"], found["seconds_to_restore"]) == (20.0, 0.25)
    assert found["attribution"] == "revision"
    assert found["moves"] == [{"time": START, "percent": 20}, {"time": START + 20, "percent": 0}]


def test_the_deciding_look_is_not_one_of_the_recovery() -> None:
    assert [m["metric"] for m in summary(rolled_back())["metrics"]] == [
        "open_fds",
        "error_ratio",
        "latency_p99_ms",
    ]


def test_why_is_what_was_worse_or_else_the_reason() -> None:
    assert why(rolled_back()) == f"open fds per instance climb 323/min on {NEW}"
    assert why(with_state(rolled_back(), phase=Phase.PROMOTED, reason="nothing against it")) == (
        "nothing against it"
    )
    assert why(never_moved()).startswith("smoke checks failed")


def test_several_rollouts_are_a_table() -> None:
    rows = [summary(rolled_back()), summary(never_moved()), summary(with_state(never_moved(), candidate=""))]
    head, rule, *body = table(rows).splitlines()
    assert [re.split(" {2,}", line) for line in (head, *body)] == [
        ["revision", "verdict", "why", "decided in", "restored in"],
        [NEW, "rolled back, recovered", LEAK.sentence, "20 s", "250 ms"],
        [NEW, "aborted", "smoke checks failed, no traffic was moved: 500 instead of 200"],
        ["none", "aborted", "smoke checks failed, no traffic was moved: 500 instead of 200"],
    ]
    columns = [m.start() for m in re.finditer("─+", rule)]
    assert [m.start() for m in re.finditer(r"(?<=  )\S|^\S", head)] == columns
    assert not any(line != line.rstrip() for line in body)


def test_a_long_reason_is_cut_at_a_word() -> None:
    row = summary(with_state(never_moved(), reason="word " * 40))
    assert "word …" in table([row])
