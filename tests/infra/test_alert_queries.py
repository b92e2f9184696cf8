"""What the alerts' PromQL says to a service's life, computed by Prometheus itself (promtool).

The queries and durations are those of the policies as the module renders them and the API has them.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hcl2
import pytest

from infra.conftest import SPEC
from infra.promtool import SUBJECT, expectation, gauge, promtool, recorded, rules, run, verify
from tidegate.adapters import rootdir
from tidegate.core.alerting.lives import LIVES, MINUTES, NO_COLLECTOR
from tidegate.core.alerting.needs import metrics_of
from tidegate.core.alerting.subject import Series, listed
from tidegate.core.spec import Alerts, load
from tidegate.settings import read
from tidegate.wiring.alerts import rules as evaluated

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on the PATH"),
]

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "alerts.md"
LONG = 150
Conditions = dict[str, dict[str, Any]]


def within() -> dict[str, int]:
    """The promise of the module: the minutes after which an alert has fired, by kind."""
    read = hcl2.loads(rootdir.module_texts()["monitoring/catalogue.tf"])
    [found] = [block["catalogue"] for block in read["locals"]]
    return {kind: int(about["within_minutes"]) for kind, about in found.items() if kind.isidentifier()}


WITHIN = within()


def fds(values: str, **labels: str) -> Series:
    return gauge("open_fds", values, **labels)


def connections(values: str, **labels: str) -> Series:
    return gauge("tcp_connections", values, **labels)


def memory(values: str, **labels: str) -> Series:
    return gauge("memory", values, **labels)


def requests(per_minute: str, revision: str = "r1", kind: str = "2xx") -> Series:
    return run("requests", per_minute, revision, f',response_code_class="{kind}"')


def instances(values: str, revision: str = "r1", state: str = "active") -> Series:
    return run("instances", values, revision, f',state="{state}"')


def billable(values: str) -> Series:
    return run("billable", values)


def pending(values: str) -> Series:
    return run("pending", values)


def starts(values: str) -> Series:
    return run("starts", values, suffix="_count")


def probes(values: str, healthy: str, kind: str = "startup") -> Series:
    return run("probes", values, "r1", f',probe_type="{kind}",is_healthy="{healthy}"')


def log_lines(values: str) -> Series:
    return run("fd_errors", values)


def in_flight(count: float, values: str = "") -> Series:
    """The latency sum that grows by so many milliseconds per minute: Little's law backwards."""
    return run("latencies", values or f"0+{60_000 * count:g}x{LONG}", suffix="_sum")


def utilization(le: str, count: int = 4) -> list[Series]:
    """Every instance below `le` and above what is under it."""
    bounds = ["0.25", "0.5", "0.75", "1", "+Inf"]
    reached = bounds.index(le)
    return [
        run(
            "memory_ratio",
            f"0+{count if at >= reached else 0}x{LONG}",
            "r1",
            f',container_name="app",le="{bound}"',
            suffix="_bucket",
        )
        for at, bound in enumerate(bounds)
    ]


def latencies(values: dict[str, str], kind: str = "2xx", revision: str = "r1") -> list[Series]:
    """Requests up to each bound in ms, cumulative in both ways."""
    return [
        run("latencies", counts, revision, f',response_code_class="{kind}",le="{le}"', suffix="_bucket")
        for le, counts in values.items()
    ]


def steady(value: float) -> str:
    return f"{value}x{LONG}"


def rising(start: float, step: float) -> str:
    return f"{start}+{step}x{LONG}"


def turning(first: float, second: float, turn: int, steps: int = LONG) -> str:
    """A counter that grows by `first` per interval up to `turn`, and by `second` afterwards."""
    return f"0+{first:g}x{turn} {first * turn + second:g}+{second:g}x{steps}"


TRAFFIC = [requests(rising(0, 60)), instances(steady(2))]
SURGE = turning(60, 180, 60)
SLOW = {"1000": turning(100, 100, 60), "4000": turning(100, 100, 60), "+Inf": turning(100, 100, 60)}


@dataclass
class Case:
    """`since` is the minute at which what it is about begins: before it the alert is silent, and the minutes
    that the module promises later it fires. `fires`: the revisions it names, an empty name for an alert on
    the whole service, none for a case in which it stays silent to the end. `interval` in minutes."""

    kind: str
    series: list[Series]
    fires: list[str] = field(default_factory=list)
    since: int = 0
    interval: int = 1
    end: int = LONG
    after: int = 0
    """Minutes of its own in which it fires, where the module's promise is about something more violent."""


def slow(series: list[Series], fires: list[str] | None = None) -> dict[str, Any]:
    """Of a case over six days, three of them before it begins."""
    begins = 3 * 1440 if fires else 0
    return {"series": series, "fires": fires or [], "since": begins, "interval": 10, "end": 6 * 1440}


def daily(series: list[Series], fires: list[str] | None = None) -> dict[str, Any]:
    """Of a case over three days, two of them before it begins."""
    begins = 2 * 1440 if fires else 0
    return {"series": series, "fires": fires or [], "since": begins, "interval": 5, "end": 3 * 1440}


DAYS = 6 * 144
TWO, THREE = 2 * 288, 3 * 288

CASES = {
    # ------------------------------------------------------------------------------------------- descriptors
    "a leak": Case("fd_growth", [fds(rising(100, 5)), *TRAFFIC], ["r1"]),
    "a leak without any traffic": Case("fd_growth", [fds(rising(100, 5))], ["r1"]),
    "a leak of many instances": Case(
        "fd_growth", [fds(rising(100, 5), instance=f"i{n}") for n in range(9)] + TRAFFIC, ["r1"]
    ),
    "a leak of one revision of two": Case(
        "fd_growth", [fds(rising(100, 5), revision="r2"), fds(steady(80), instance="i2"), *TRAFFIC], ["r2"]
    ),
    "a leak that begins on an old instance": Case(
        "fd_growth", [fds(f"100x60 105+5x{LONG}"), *TRAFFIC], ["r1"], since=60
    ),
    "fds of another service": Case("fd_growth", [fds(rising(100, 5), service="other"), *TRAFFIC]),
    "growth below the threshold": Case("fd_growth", [fds(rising(100, 1)), *TRAFFIC]),
    "fds that swing": Case("fd_growth", [fds(" ".join(["100 140 180 140"] * 30)), *TRAFFIC]),
    "a pool that fills and is full": Case("fd_growth", [fds(f"100+20x15 400x{LONG}"), *TRAFFIC]),
    "an instance younger than the window": Case("fd_growth", [fds(f"_x70 100+20x{LONG}"), *TRAFFIC], end=99),
    "fds that follow a surge": Case(
        "fd_growth", [fds(f"100x60 100+10x20 300x{LONG}"), requests(SURGE), instances(steady(2))]
    ),
    "growth that goes on long after a surge": Case(
        "fd_growth", [fds(f"100x60 100+10x{LONG}"), requests(SURGE), instances(steady(2))], ["r1"], since=60
    ),
    "growth while more instances take a surge": Case(
        "fd_growth",
        [fds(f"100x60 100+10x{LONG}"), requests(SURGE), instances(f"2x60 6x{LONG}")],
        ["r1"],
        since=60,
    ),
    "the floor is passed with the end in sight": Case(
        "fd_exhaustion", [fds(rising(7500, 60))], ["r1"], since=84
    ),
    "the process's own limit": Case(
        "fd_exhaustion", [fds(rising(112, 5)), gauge("max_fds", steady(1024))], ["r1"], since=80
    ),
    "steep but far below the floor": Case("fd_exhaustion", [fds(rising(100, 50))]),
    "half full and constant": Case("fd_exhaustion", [fds(steady(13000))]),
    "a process limit above the platform's": Case(
        "fd_exhaustion", [fds(rising(200, 5)), gauge("max_fds", steady(1048576))]
    ),
    "above the floor and falling": Case("fd_exhaustion", [fds(f"20000-50x{LONG}")]),
    "eight tenths full": Case("fd_level", [fds(f"19000x60 20100x{LONG}")], ["r1"], since=60),
    "eight tenths of a process's own limit": Case(
        "fd_level",
        [fds(f"700x60 830x{LONG}"), gauge("max_fds", steady(1024))],
        ["r1"],
        since=60,
    ),
    "not quite eight tenths": Case("fd_level", [fds(steady(19900))]),
    "full for two minutes": Case("fd_level", [fds(f"100x60 24000x1 100x{LONG}")]),
    "many instances that are full only together": Case(
        "fd_level", [fds(steady(9000), instance=f"i{n}") for n in range(9)]
    ),
    "nine tenths full": Case("fd_level_critical", [fds(f"20100x60 22600x{LONG}")], ["r1"], since=60),
    "eight tenths are not critical": Case("fd_level_critical", [fds(steady(22000))]),
    "another service is full": Case("fd_level_critical", [fds(steady(25000), service="other")]),
    "the process says it": Case("fd_errors", [log_lines(f"0x60 1+2x{LONG}")], ["r1"], since=60),
    "nobody ever said it": Case("fd_errors", [log_lines(steady(0))]),
    "it was said long ago": Case("fd_errors", [log_lines(steady(7))]),
    "another service says it": Case(
        "fd_errors",
        [run("fd_errors", rising(0, 5), service="other")],
    ),
    # ------------------------------------------------------------------------------------------- connections
    "a leak of connections": Case("connection_growth", [connections(rising(9, 5)), *TRAFFIC], ["r1"]),
    "connections in a state that is none": Case(
        "connection_growth", [connections(rising(9, 50), labels=',state="TIME_WAIT"'), *TRAFFIC]
    ),
    "a pool of connections that fills": Case(
        "connection_growth", [connections(f"0+10x12 120x{LONG}"), *TRAFFIC]
    ),
    "connections that come with traffic": Case(
        "connection_growth",
        [connections(f"40x60 40+10x20 240x{LONG}"), requests(SURGE), instances(steady(2))],
    ),
    "connections that are not let go": Case(
        "connection_ratio", [connections(f"20x60 700x{LONG}"), in_flight(2), *TRAFFIC], ["r1"], since=60
    ),
    "connections with nothing in flight": Case(
        "connection_ratio", [connections(f"20x60 700x{LONG}")], ["r1"], since=60
    ),
    "connections that requests are in flight on": Case(
        "connection_ratio", [connections(steady(700)), in_flight(90), *TRAFFIC]
    ),
    "a pool of ninety and no request": Case("connection_ratio", [connections(steady(90))]),
    "ninety each on ten instances": Case(
        "connection_ratio", [connections(steady(90), instance=f"i{n}") for n in range(10)]
    ),
    "a thousand that were closed": Case(
        "connection_ratio",
        [
            connections(steady(1000), labels=',state="time_wait"'),
            connections(steady(9), labels=',state="open"'),
        ],
    ),
    # ------------------------------------------------------------------------------------------------ memory
    "a leak of memory": Case("memory_growth", [memory(rising(2e8, 3e6)), *utilization("0.75")], ["r1"]),
    "memory that grows far from its end": Case(
        "memory_growth", [memory(rising(2e8, 3e6)), *utilization("0.25")]
    ),
    "a cache that fills": Case("memory_growth", [memory(f"2e8+2e7x15 5e8x{LONG}"), *utilization("0.75")]),
    "memory that is collected": Case(
        "memory_growth", [memory(" ".join(["2e8+5e6x9"] * 15)), *utilization("0.75")]
    ),
    "memory that grows with the traffic": Case(
        "memory_growth",
        [
            memory(f"2e8x60 2e8+4e6x40 3.6e8x{LONG}"),
            *utilization("0.75"),
            requests(SURGE),
            instances(steady(2)),
        ],
    ),
    # ------------------------------------------------------------------------------------------------ errors
    "one in twenty fails": Case(
        "error_ratio", [requests(rising(0, 57)), requests(turning(0, 3, 60), kind="5xx")], ["r1"], since=60
    ),
    "everything of the new revision fails": Case(
        "error_ratio", [requests(rising(0, 600)), requests(rising(0, 12), "r2", "5xx")], ["r2"]
    ),
    "one in twenty of a handful": Case(
        "error_ratio", [requests(rising(0, 1.9)), requests(rising(0, 0.1), kind="5xx")]
    ),
    "one in a hundred fails": Case(
        "error_ratio", [requests(rising(0, 99)), requests(rising(0, 1), kind="5xx")]
    ),
    "nothing fails": Case("error_ratio", [requests(rising(0, 60))]),
    "everything fails": Case(
        "error_burn_fast",
        [requests(turning(60, 0, 60)), requests(turning(0, 60, 60), kind="5xx")],
        [""],
        since=60,
    ),
    "five in a hundred fail for hours": Case(
        "error_burn_fast",
        [requests(turning(300, 285, 144, DAYS)), requests(turning(0, 15, 144, DAYS), kind="5xx")],
        [""],
        since=720,
        interval=5,
        after=240,
    ),
    "two minutes in which everything fails": Case(
        "error_burn_fast",
        [requests(f"0+60x360 21600x2 21660+60x{LONG}"), requests(f"0x360 60 120x{LONG}", kind="5xx")],
        end=450,
    ),
    "everything fails, of a handful": Case("error_burn_fast", [requests(rising(0, 2), kind="5xx")]),
    "one in a hundred fails for hours": Case(
        "error_burn_fast", [requests(rising(0, 99)), requests(rising(0, 1), kind="5xx")]
    ),
    "errors that are over": Case(
        "error_burn_fast",
        [requests(f"0+60x1 60x5 120+60x{LONG}"), requests(f"0 0 0+60x4 240x{LONG}", kind="5xx")],
        end=5,
    ),
    "five in a hundred fail for a day": Case(
        "error_burn_slow",
        **slow(
            [requests(turning(600, 570, 432, DAYS)), requests(turning(0, 30, 432, DAYS), kind="5xx")], [""]
        ),
    ),
    "four in a thousand fail": Case(
        "error_burn_slow", **slow([requests(f"0+996x{DAYS}"), requests(f"0+4x{DAYS}", kind="5xx")])
    ),
    "an hour of errors in six days": Case(
        "error_burn_slow",
        **slow(
            [
                requests(f"0+600x432 {600 * 432}x6 {600 * 433}+600x{DAYS}"),
                requests(f"0x432 0+100x5 500x{DAYS}", kind="5xx"),
            ]
        ),
    ),
    "always failing, once an hour": Case("error_burn_slow", **slow([requests(f"0+0.2x{DAYS}", kind="5xx")])),
    # ----------------------------------------------------------------------------------------------- latency
    "one in ten is slow": Case(
        "latency_p99",
        [
            *latencies({"1000": turning(100, 90, 60), "4000": rising(0, 100), "+Inf": rising(0, 100)}),
            requests(rising(0, 100)),
        ],
        ["r1"],
        since=60,
    ),
    "one in a thousand is slow": Case(
        "latency_p99",
        [
            *latencies({"1000": rising(0, 999), "4000": rising(0, 1000), "+Inf": rising(0, 1000)}),
            requests(rising(0, 1000)),
        ],
    ),
    "only the few errors are slow": Case(
        "latency_p99",
        [
            *latencies({"1000": rising(0, 10000), "4000": rising(0, 10000), "+Inf": rising(0, 10000)}),
            *latencies({"1000": steady(0), "4000": rising(0, 10), "+Inf": rising(0, 10)}, "5xx"),
            requests(rising(0, 10000)),
            requests(rising(0, 10), kind="5xx"),
        ],
    ),
    "a handful of slow requests": Case(
        "latency_p99",
        [
            *latencies({"1000": steady(0), "4000": rising(0, 3), "+Inf": rising(0, 3)}),
            requests(rising(0, 3)),
        ],
    ),
    "everything is slow": Case(
        "latency_burn_fast",
        [
            *latencies({"1000": turning(100, 0, 60), "4000": rising(0, 100), "+Inf": rising(0, 100)}),
            requests(rising(0, 100)),
        ],
        [""],
        since=60,
    ),
    "three in a hundred are slow": Case(
        "latency_burn_fast",
        [
            *latencies({"1000": rising(0, 97), "4000": rising(0, 100), "+Inf": rising(0, 100)}),
            requests(rising(0, 100)),
        ],
    ),
    "everything is slow, of a handful": Case(
        "latency_burn_fast",
        [
            *latencies({"1000": steady(0), "4000": rising(0, 2), "+Inf": rising(0, 2)}),
            requests(rising(0, 2)),
        ],
    ),
    "everything is fast": Case(
        "latency_burn_fast", [*latencies(dict.fromkeys(SLOW, rising(0, 100))), requests(rising(0, 100))]
    ),
    "one in ten is slow for a day": Case(
        "latency_burn_slow",
        **slow(
            [
                *latencies(
                    {
                        "1000": turning(1000, 900, 432, DAYS),
                        "2000": turning(1000, 900, 432, DAYS),
                        "4000": f"0+1000x{DAYS}",
                        "+Inf": f"0+1000x{DAYS}",
                    }
                ),
                requests(f"0+1000x{DAYS}"),
            ],
            [""],
        ),
    ),
    "five in a thousand are slow for days": Case(
        "latency_burn_slow",
        **slow(
            [
                *latencies({"1000": f"0+995x{DAYS}", "4000": f"0+1000x{DAYS}", "+Inf": f"0+1000x{DAYS}"}),
                requests(f"0+1000x{DAYS}"),
            ]
        ),
    ),
    "one in ten was slow until a day ago": Case(
        "latency_burn_slow",
        **slow(
            [
                *latencies(
                    {
                        "1000": f"{DAYS * 500}+1000x{DAYS}",
                        "4000": f"{DAYS * 500}+1000x{DAYS}",
                        "+Inf": f"{DAYS * 500}+1000x{DAYS}",
                    }
                ),
                requests(f"0+1000x{DAYS}"),
            ]
        ),
    ),
    # --------------------------------------------------------------------------------------------- instances
    "thirty instances at minimal traffic": Case(
        "instances", [instances(f"2x60 30x{LONG}"), in_flight(0.1)], [""], since=60
    ),
    "thirty instances, half of them idle, over two revisions": Case(
        "instances",
        [
            instances(steady(15)),
            instances(steady(15), "r2", "idle"),
            run("latencies", rising(0, 3000), suffix="_sum"),
            run("latencies", rising(0, 3000), "r2", suffix="_sum"),
        ],
        [""],
    ),
    "six instances and no request": Case("instances", [instances(steady(6))], [""]),
    "thirty instances that the traffic needs": Case("instances", [instances(steady(30)), in_flight(400)]),
    "thirty instances that compute": Case(
        "instances",
        [
            instances(steady(30)),
            in_flight(5),
            *(
                run("cpu_ratio", rising(0, value), labels=f',container_name="{name}"', suffix=f"_{part}")
                for name, cpu in (("app", 15), ("collector", 0.1))
                for part, value in (("sum", cpu), ("count", 30))
            ),
        ],
    ),
    "five instances and no request": Case("instances", [instances(steady(5))]),
    "no instance": Case("instances", [in_flight(0.1)]),
    "requests that wait": Case("pending_requests", [pending(f"0x60 40x{LONG}")], ["r1"], since=60),
    "requests that wait for three minutes": Case("pending_requests", [pending(f"0x60 40x2 0x{LONG}")]),
    "one that waits now and then": Case("pending_requests", [pending(" ".join(["0 0 5 0"] * 35))]),
    "an instance that restarts": Case(
        "restarts", [starts(turning(0, 1, 60)), instances(steady(1))], ["r1"], since=60
    ),
    "as many starts as instances": Case(
        "restarts", [starts(f"0x60 0+2x20 40x{LONG}"), instances(f"2x60 2+2x20 42x{LONG}")]
    ),
    "two replaced instances": Case("restarts", [starts(f"0x60 1 2x{LONG}"), instances(steady(2))]),
    "scaled to nothing and back twice an hour": Case(
        "restarts",
        [starts(" ".join(f"{n}x29" for n in range(5))), instances(" ".join(["1x14 0x14"] * 5))],
    ),
    "a start that fails again and again": Case(
        "failed_starts", [probes(turning(0, 6, 60), "false")], ["r1"], since=60
    ),
    "most starts fail": Case(
        "failed_starts",
        [probes(turning(0, 24, 60), "false"), probes(turning(0, 1, 60), "true")],
        ["r1"],
        since=60,
    ),
    "a start that takes four minutes": Case(
        "failed_starts",
        [probes(f"0x60 0+6x4 24x{LONG}", "false"), probes(f"0x65 3x{LONG}", "true")],
    ),
    "a liveness probe that fails": Case("failed_starts", [probes(rising(0, 6), "false", "liveness")]),
    "starts that succeed": Case("failed_starts", [probes(rising(0, 6), "true")]),
    # -------------------------------------------------------------------------------------------------- cost
    "a request that takes three times as much": Case(
        "cost_per_request",
        **daily([billable(turning(300, 900, TWO, THREE)), requests(f"0+600x{THREE}")], [""]),
    ),
    "three times the traffic": Case(
        "cost_per_request",
        **daily([billable(turning(300, 900, TWO, THREE)), requests(turning(600, 1800, TWO, THREE))]),
    ),
    "a third of the traffic on kept instances": Case(
        "cost_per_request", **daily([billable(f"0+300x{THREE}"), requests(turning(600, 200, TWO, THREE))])
    ),
    "nearly no traffic": Case(
        "cost_per_request",
        **daily([billable(turning(30, 300, TWO, THREE)), requests(f"0+3x{THREE}")]),
    ),
    "day and night": Case(
        "cost_per_request",
        **daily(
            [
                billable(
                    " ".join(
                        f"{d * 288 * 600 + a}+{s}x143" for d in range(3) for a, s in ((0, 300), (43200, 900))
                    )
                ),
                requests(
                    " ".join(
                        f"{d * 288 * 630 + a}+{s}x143" for d in range(3) for a, s in ((0, 60), (8640, 1200))
                    )
                ),
            ]
        ),
    ),
    "from half the budget to one and a half": Case(
        "monthly_cost", **daily([billable(turning(375, 1125, TWO, THREE))], [""])
    ),
    "half the budget": Case("monthly_cost", **daily([billable(f"0+375x{THREE}")])),
    "two hours above the budget": Case(
        "monthly_cost", **daily([billable(f"0+375x{TWO} {375 * TWO}+1500x24 {375 * TWO + 36000}+375x{TWO}")])
    ),
    "one expensive hour of a young service": Case("monthly_cost", [billable(rising(0, 240))], end=60),
    # --------------------------------------------------------------------------------------------- telemetry
    "a collector that fell silent": Case(
        "telemetry_silent", [fds(f"50x60 _x{LONG}"), requests(rising(0, 60))], ["r1"], since=60
    ),
    "a new revision without a collector": Case(
        "telemetry_silent",
        [fds(steady(50)), requests(rising(0, 60)), requests(f"_x60 0+60x{LONG}", "r2")],
        ["r2"],
        since=60,
    ),
    "silence without traffic": Case(
        "telemetry_silent", [fds(f"50x60 _x{LONG}"), requests(turning(60, 0, 60))]
    ),
    "a quarter of an hour of silence": Case(
        "telemetry_silent", [fds(f"50x60 _x15 50x{LONG}"), requests(rising(0, 60))]
    ),
    "a voice of its own": Case("telemetry_silent", [fds(steady(50)), requests(rising(0, 60))]),
}


def test_the_rules_that_users_test_are_those_that_the_api_gets(
    conditions: Conditions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_WORKSPACE", "of-another-root")
    found = evaluated(load(SPEC.encode(), "tidegate.yaml"), read())
    made = {rule.kind: {"query": rule.query, "duration": f"{rule.for_seconds}s"} for rule in found.on}
    assert made == {
        kind: {name: condition[name] for name in ("query", "duration")}
        for kind, condition in conditions.items()
    }
    assert found.kinds == tuple(Alerts().kinds)


def test_the_manual_names_every_series_that_the_queries_ask_for(conditions: Conditions) -> None:
    text = MANUAL.read_text(encoding="utf-8").partition("<!-- series -->")[2].partition("<!-- /series -->")[0]
    told = {
        name: set(re.findall(r"`(\w+)", row)) for name, row in re.findall(r"^\| `(\S+)` \|(.*)", text, re.M)
    }
    all_run, all_gauges = (set(re.findall(r"`(\w+)", line)) for line in text.splitlines() if line[:2] == "- ")
    asked: dict[str, set[str]] = {}
    for condition in conditions.values():
        for name, selectors in metrics_of(condition["query"]).items():
            short = name.replace("orders_europe_west1", "SERVICE_REGION")
            for selector in selectors:
                asked.setdefault(short, set()).update(re.findall(r'(\w+)\s*(?:=|!=|=~|!~)"', selector))
    assert set(told) == set(asked)
    for name, labels in asked.items():
        assert labels <= told[name] | (all_run if "googleapis" in name else all_gauges), name
        assert "revision_name" in told[name] or "_cpu_" in name or "billable" in name
    assert all("le" in told[name] for name in told if name.endswith("_bucket"))


def test_prometheus_accepts_every_query(conditions: Conditions, tmp_path: Path) -> None:
    promtool("check", "rules", str(rules(conditions, sorted(conditions), tmp_path)))


def test_every_alert_has_a_case_in_which_it_fires_and_two_in_which_it_does_not(
    conditions: Conditions,
) -> None:
    firing = Counter(case.kind for case in CASES.values() if case.fires)
    silent = Counter(case.kind for case in CASES.values() if not case.fires)
    assert set(firing) == set(conditions) == set(WITHIN)
    assert [kind for kind in conditions if silent[kind] < 2] == []


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_it_should(name: str, conditions: Conditions, tmp_path: Path) -> None:
    case = CASES[name]
    if case.fires:
        quiet = range(0, case.since, max(1, case.since // 12))
        moments = [
            *((minute, ()) for minute in quiet),
            (case.since + (case.after or WITHIN[case.kind]), case.fires),
        ]
    else:
        moments = [(minute, ()) for minute in range(5, case.end, 3 * case.interval)]
    expected = [expectation(case.kind, minute, fires) for minute, fires in moments]
    verify(rules(conditions, [case.kind], tmp_path), case.series, expected, case.interval)


@pytest.mark.parametrize("name", LIVES)
def test_nothing_fires_in_the_life_of_a_healthy_service(
    name: str, conditions: Conditions, tmp_path: Path
) -> None:
    kinds = sorted(set(conditions) - ({"telemetry_silent"} if name == NO_COLLECTOR else set()))
    expected = [expectation(kind, minute, ()) for kind in kinds for minute in range(6, MINUTES, 4)]
    verify(rules(conditions, kinds, tmp_path), LIVES[name].series(SUBJECT), expected, evaluated=2)


RECORDED: dict[str, dict[str, tuple[int, list[str]]]] = {
    "healthy": {},
    "healthy-warm-up": {},
    "healthy-changing-load": {},
    "healthy-instance-killed": {},
    "healthy-load-proportional": {},
    "upstream-pauses": {},
    "cured": {"fd_growth": (44, ["orders-v1"]), "connection_growth": (44, ["orders-v1"])},
    "leak-by-request": {"fd_growth": (160, ["orders-v2"]), "connection_growth": (160, ["orders-v2"])},
    "errors": {"error_ratio": (160, ["orders-v2"])},
}
"""By trace: what fires in which minute on which revisions. Nothing else does."""


@pytest.mark.parametrize("trace", RECORDED)
def test_what_real_processes_did_fires_what_it_should(
    trace: str, conditions: Conditions, tmp_path: Path
) -> None:
    series, samples = recorded(trace)
    kinds = ["fd_growth", "connection_growth", "fd_exhaustion", "fd_level", "error_ratio", "memory_growth"]
    fires = RECORDED[trace]
    silent = [kind for kind in kinds if kind not in fires]
    # A sample is two minutes of the alerts, so that a step of the rollout is longer than their window.
    expected = [expectation(kind, minute, ()) for kind in silent for minute in range(6, 2 * samples, 4)]
    expected += [expectation(kind, minute, revisions) for kind, (minute, revisions) in fires.items()]
    verify(rules(conditions, kinds, tmp_path), series, expected, interval=2)


ALONE = {
    "a service that never had a collector": ([requests(rising(0, 60))], []),
    "a collector that fell silent an hour ago": ([fds(f"50x60 _x{LONG}"), requests(rising(0, 60))], ["r1"]),
}


@pytest.mark.parametrize("name", ALONE)
def test_where_no_collector_is_known_of_silence_must_have_been_broken_before(
    name: str, alone: Conditions, tmp_path: Path
) -> None:
    series, fires = ALONE[name]
    verify(
        rules(alone, ["telemetry_silent"], tmp_path), series, [expectation("telemetry_silent", 120, fires)]
    )


def test_values_are_listed_as_promtool_reads_them() -> None:
    assert listed([1.0, None, 2.5]) == "1 _ 2.5"
