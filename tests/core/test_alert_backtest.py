"""What a rule's history says: fired, quiet, no data, not known; what is noisy; and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tidegate.core.alerting import Rule
from tidegate.core.alerting.backtest import (
    DAY,
    Backtest,
    Coverage,
    Data,
    Outcome,
    concluded,
    covered,
    presence,
)
from tidegate.core.alerting.backtested import document, notes, text
from tidegate.core.alerting.firing import Evaluations, Held, Unread
from tidegate.core.alerting.live import live_rules
from tidegate.core.alerting.strip import stretch, strip
from tidegate.core.samples import NoData
from tidegate.core.spec import load

BEGIN = 1_790_000_040.0
NOTHING = NoData("nothing")


def rule(query: str = 'a{x="1"} > 0', kind: str = "fd_growth", hold: int = 0) -> Rule:
    return Rule(kind, "Title", "", "", "WARNING", query, hold, 0, "")


def whole(days: float, from_day: float = 0.0) -> Coverage:
    """Data of every hour, looked for a day earlier."""
    ends = tuple(BEGIN + 3600.0 * (h + 1) for h in range(int(24 * from_day), int(24 * days)))
    return Coverage(3600.0, ends, BEGIN - DAY)


def backtested(
    minutes: Mapping[str, list[int]] | None = None,
    days: float = 10,
    data: Mapping[str, Data] | None = None,
    unread: tuple[Unread, ...] = (),
    of: Rule | None = None,
) -> Backtest:
    """One rule that held at these minutes of the window, by revision."""
    grid = Evaluations(BEGIN - 60.0, 60.0, int(days * 1440) + 2, 1)
    series = {
        (("revision_name", name),): np.array([m + 1 for m in found], dtype=np.int64)
        for name, found in (minutes or {}).items()
    }
    return concluded(of or rule(), grid, Held(series, unread), data or {"a": whole(days)})


def test_what_never_held_is_quiet_only_where_there_was_data() -> None:
    assert backtested().outcome is Outcome.QUIET
    assert backtested(data={"a": NOTHING}).outcome is Outcome.NO_DATA
    assert backtested(data={"a": None}).outcome is Outcome.UNREAD
    everything = (Unread(0, 14_401, "refused"),)
    assert backtested(unread=everything).outcome is Outcome.UNREAD
    assert backtested({"r1": [7]}, data={"a": NOTHING}).outcome is Outcome.FIRED


def test_data_is_missed_of_what_the_rule_cannot_do_without() -> None:
    spared = rule('a{x="1"} > 0 unless b{x="1"} > 0')
    both = rule('a{x="1"} > 0 and b{x="1"} > 0')
    either = rule('a{x="1"} > 0 or b{x="1"} > 0')
    data: dict[str, Data] = {"a": whole(10), "b": NOTHING}
    assert backtested(data=data, of=spared).outcome is Outcome.QUIET
    assert backtested(data=data, of=both).outcome is Outcome.NO_DATA
    assert backtested(data=data, of=either).outcome is Outcome.QUIET
    assert backtested(data={"a": NOTHING, "b": NOTHING}, of=either).outcome is Outcome.NO_DATA


def test_an_alert_that_fires_more_than_once_a_day_is_noisy() -> None:
    often = [m * 1000 for m in range(14)]
    assert backtested({"r1": often[:10]}).noise == ""
    assert backtested({"r1": often}).noise == "fires 1.4 times a day"
    assert backtested({"r1": often}, data={"a": whole(5)}).noise == "fires 2.8 times a day"
    assert backtested({"r1": often}, data={"a": None}).noise == "fires 1.4 times a day"
    assert backtested(data={"a": NOTHING}).noise == ""
    assert backtested({"r1": [1, 3, 5, 7]}, days=0.5, data={"a": whole(0.5)}).noise == "", (
        "half a day says little"
    )
    assert backtested({"r1": list(range(6 * 1440))}).noise == "was open for 60 % of the time"


def test_revisions_that_trouble_at_once_are_open_once() -> None:
    found = backtested({"r1": list(range(100, 200)), "r2": list(range(150, 250))})
    assert (len(found.episodes), found.most_at_once, found.open_seconds) == (2, 2, 150 * 60.0)
    assert found.revisions == ("r1", "r2")


def test_a_query_that_looks_back_behind_the_beginning_of_the_data_is_told() -> None:
    long = rule('rate(a{x="1"}[3d]) > 0', kind="error_burn_slow")
    data = {"a": whole(10, from_day=2)}
    found = backtested({"r1": [3 * 1440, 9 * 1440]}, of=long, data=data)
    assert found.hasty == 1
    assert (
        "error_burn_slow fired 1 of 2 times before there was data for as long as it looks back, 3 d"
        in notes([found])
    )
    assert any(said.startswith("a was measured only since 2026-09-23 14:14: ") for said in notes([found]))
    assert backtested({"r1": [60]}, of=long, data={"a": whole(10, from_day=-1)}).hasty == 0


def test_the_data_of_a_metric_is_looked_for_by_all_selectors_of_the_rules() -> None:
    rules = [rule('a{x="1"} > b{x="1"}'), rule('a{x="2"} > 0')]
    assert presence(rules, 3600) == {
        "a": 'count(count_over_time(a{x="1"}[3600s])) or count(count_over_time(a{x="2"}[3600s]))',
        "b": 'count(count_over_time(b{x="1"}[3600s]))',
    }


def test_data_before_the_window_alone_is_none() -> None:
    grid = Evaluations(BEGIN, 3600.0, 10, lead=4)

    def found(*indices: int, unread: tuple[Unread, ...] = ()) -> Data:
        return covered(Held({(): np.array(indices, dtype=np.int64)}, unread), grid, "a")

    assert isinstance(found(1, 3), NoData)
    assert found(1, 3, unread=(Unread(5, 6, "refused"),)) is None
    data = found(3, 4, 5)
    assert isinstance(data, Coverage)
    assert (data.first, data.last, data.began) == (BEGIN + 2 * 3600, BEGIN + 5 * 3600, True)
    assert data.seconds(grid.begin - 3600) == 2 * 3600
    assert isinstance(whole_lead := found(0, 1, 2, 3, 4), Coverage)
    assert not whole_lead.began


# ------------------------------------------------------------------------------------------------ shown


def test_a_strip_shows_when_it_was_open_when_quiet_and_when_nothing_is_known() -> None:
    found = backtested(
        {"r1": [*range(1440, 1440 + 240), 3300]},
        days=5,
        data={"a": whole(4)},
        unread=(Unread(1 + 2 * 1440, 2 * 1440 + 300, "refused"),),
    )
    drawn = strip(found)
    assert stretch(5 * DAY) == 7200.0
    assert len(drawn) == 60
    assert drawn[:12] == "············"
    assert drawn[12:15] == "██·"
    assert drawn[15:28] == "·········???▁"
    assert drawn[48:] == " " * 12


@pytest.mark.parametrize("days", [0.02, 0.5, 1, 7, 30, 365])
def test_a_strip_is_never_wider_than_sixty(days: float) -> None:
    assert 1 <= len(strip(backtested(days=days))) <= 60


def test_an_incident_at_the_last_evaluation_is_seen() -> None:
    assert strip(backtested({"r1": [5 * 1440]}, days=5))[-1] == "▁"


def test_the_table_never_says_zero_of_what_is_not_known() -> None:
    said = text([
        backtested({"r1": [10, 11]}, of=rule(kind="fired")),
        backtested(of=rule(kind="quiet")),
        backtested(data={"a": NOTHING}, of=rule(kind="blind")),
        backtested(data={"a": None}, of=rule(kind="unread")),
        backtested(unread=(Unread(100, 200, "too many samples"),), of=rule(kind="partly")),
    ])  # fmt: skip
    rows = {line.split()[0]: line for line in said.splitlines() if line}
    assert rows["quiet"].split() == ["quiet", "WARNING", "0"]
    assert rows["blind"].split() == ["blind", "WARNING", "no", "data"]
    assert rows["unread"].split() == ["unread", "WARNING", "not", "known"]
    assert "0 or more" in said
    assert "partly is not known from 2026-09-21 15:53 to 2026-09-21 17:33: too many samples" in said
    everything = backtested(unread=(Unread(0, 14_401, "refused"),))
    assert "not known from 2026-09-21 14:14 to 2026-10-01 14:14: refused" in text([everything])
    assert "2 min" in next(line for line in said.splitlines() if line.startswith("fired"))


def test_an_incident_that_reaches_beyond_the_window_says_so() -> None:
    always = backtested({"r1": list(range(-1, 14_401))})
    assert "before 2026-09-21 14:14, open" in text([always])


def test_what_comes_from_outside_moves_no_terminal() -> None:
    found = backtested({"r1\x1b[31m": [1]}, of=rule(kind="k\x1b]0;x\x07"))
    assert "\x1b" not in text([found])
    assert "\x07" not in text([found])


def test_json_has_every_episode_with_its_times() -> None:
    [found] = json.loads(json.dumps(document([backtested({"r1": [10, 11, 14_400]})])))
    assert found["outcome"] == "fired"
    assert found["fired"] == 2
    assert found["episodes"] == [
        {
            "opened": "2026-09-21T14:24:00Z",
            "closed": "2026-09-21T14:26:00Z",
            "seen_from": "2026-09-21T14:24:00Z",
            "seen_to": "2026-09-21T14:26:00Z",
            "open_seconds": 120.0,
            "labels": {"revision_name": "r1"},
        },
        {
            "opened": "2026-10-01T14:14:00Z",
            "closed": None,
            "seen_from": "2026-10-01T14:14:00Z",
            "seen_to": "2026-10-01T14:14:00Z",
            "open_seconds": 0.0,
            "labels": {"revision_name": "r1"},
        },
    ]
    assert found["data"]["a"] == {
        "first": "2026-09-21T14:14:00Z",
        "last": "2026-10-01T14:14:00Z",
        "seconds": 864000.0,
    }


# ------------------------------------------------------------------------------------------------- live

SPEC = load(
    b"service: orders\nproject: shop-prod\nregion: europe-west1\ncontainers: [{port: 8080, image: a/b:1}]\n",
    "x",
)


def policy(kind: str, *queries: str, **more: Any) -> dict[str, Any]:
    return {
        "name": f"projects/shop-prod/alertPolicies/{kind}",
        "displayName": "orders (europe-west1): Something",
        "severity": "ERROR",
        "userLabels": {"managed_by": "tidegate", "service": "orders", "alert": kind},
        "conditions": [
            {
                "displayName": "Something",
                "conditionPrometheusQueryLanguage": {"query": query, "duration": "300s"},
            }
            for query in queries
        ],
        **more,
    }


def test_the_policies_of_a_project_are_rules() -> None:
    others = policy("restarts", "x", userLabels={"service": "orders", "alert": "restarts"})
    elsewhere = policy("restarts", "x", displayName="orders (us-east1): Something")
    answer = {"alertPolicies": [policy("error_ratio", "a", "b"), others, elsewhere, policy("fd_growth", "c")]}
    rules, skipped = live_rules(SPEC, answer)
    assert [(r.kind, r.query, r.for_seconds, r.severity) for r in rules.on] == [
        ("fd_growth", "c", 300, "ERROR"),
        ("error_ratio", "a", 300, "ERROR"),
        ("error_ratio", "b", 300, "ERROR"),
    ]
    assert skipped == ()
    assert live_rules(SPEC, None) == live_rules(SPEC, {})


def test_policies_that_cannot_be_evaluated_are_named() -> None:
    threshold = {"displayName": "by hand", "conditionThreshold": {"filter": "x"}}
    off = policy("fd_level", "a", enabled=False)
    mixed = policy("restarts", "a")
    mixed["conditions"].append(threshold)
    rules, skipped = live_rules(SPEC, {"alertPolicies": [off, mixed, policy("instances")]})
    assert rules.kinds == ("restarts",)
    assert len(skipped) == 3
    assert sum("disabled" in one for one in skipped) == 1
    assert sum("not PromQL" in one for one in skipped) == 2
