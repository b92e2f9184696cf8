"""PromQL: against a real Prometheus where there is one, and against servers that misbehave."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from google.oauth2.credentials import Credentials

from adapters.conftest import FakeClock
from adapters.web import Web, answer, serving
from prometheus import over
from tidegate.adapters import promql
from tidegate.adapters.clock import SystemClock
from tidegate.adapters.credentials import Found, session
from tidegate.adapters.promql import GOOGLE, PromQl
from tidegate.adapters.retry import Retrying, RetryPolicy
from tidegate.core.errors import Denied, NotFound, Rejected, RemoteError, Unreachable
from tidegate.core.samples import Window

BEGIN = 1_790_000_040  # a whole minute
HOUR = Window(BEGIN, BEGIN + 3600)


# ------------------------------------------------------------------------------------- a real Prometheus


def metric(values: dict[int, float], **labels: str) -> list[str]:
    """Lines of OpenMetrics; times in seconds after BEGIN."""
    named = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return [f"go_goroutines{{{named}}} {value} {BEGIN + at}" for at, value in values.items()]


def minutes(count: int, *, first: int = 0) -> dict[int, float]:
    return {60 * i: float(10 + i) for i in range(first, count)}


STORED = [
    *metric(minutes(61), service_name="orders", revision_name="r1", instanceId="a", instance="a:8080"),
    *metric(minutes(61), service_name="orders", revision_name="r2", instanceId="b", instance="b:8080"),
    *metric(minutes(21), service_name="orders", revision_name="r1", instanceId="gone", instance="gone:8080"),
    *metric(minutes(61), service_name="other", revision_name="s1", instanceId="c", instance="c:8080"),
]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that knows what is stored above."""
    place = tmp_path_factory.mktemp("prometheus")
    with over(place, ["# TYPE go_goroutines gauge", *STORED]) as address:
        yield address


def asking(address: str, retrying: Retrying) -> PromQl:
    return PromQl(requests.Session, retrying, address)


def test_prometheus_answers_per_series_at_whole_steps(prometheus: str, retrying: Retrying) -> None:
    window = Window(BEGIN + 599.5, BEGIN + 1200)
    lines = asking(prometheus, retrying).query_range("p1", 'go_goroutines{service_name="orders"}', window, 60)
    assert sorted(labels["instanceId"] for labels, _, _ in lines) == ["a", "b", "gone"]
    labels, times, values = next(line for line in lines if line[0]["instanceId"] == "b")
    assert (labels["revision_name"], labels["instance"]) == ("r2", "b:8080")
    assert (times - BEGIN).tolist() == [600 + 60 * i for i in range(11)]
    assert values.tolist() == [20.0 + i for i in range(11)]


def test_the_start_of_the_window_is_outside_and_its_end_inside(prometheus: str, retrying: Retrying) -> None:
    window = Window(BEGIN + 60, BEGIN + 120)
    ((_, times, _),) = asking(prometheus, retrying).query_range(
        "p1", 'go_goroutines{instanceId="a"}', window, 60
    )
    assert (times - BEGIN).tolist() == [120]


def test_what_prometheus_goes_on_telling_of_a_series_that_ended_is_left_out(
    prometheus: str, retrying: Retrying
) -> None:
    ((_, times, values),) = asking(prometheus, retrying).query_range(
        "p1", 'go_goroutines{instanceId="gone"}', HOUR, 60
    )
    assert (times[-1] - BEGIN, values[-1]) == (1200, 30)


def test_what_is_no_number_is_left_out(prometheus: str, retrying: Retrying) -> None:
    query = 'go_goroutines{instanceId="a"} / (go_goroutines{instanceId="a"} > bool 20) - 1'
    ((_, times, values),) = asking(prometheus, retrying).query_range("p1", query, HOUR, 60)
    assert times[0] - BEGIN == 660
    assert math.isfinite(values.sum())


def test_a_long_window_is_asked_in_pieces(prometheus: str, retrying: Retrying) -> None:
    whole = Window(BEGIN - 9000, BEGIN + 3600)
    ((_, times, _),) = asking(prometheus, retrying).query_range(
        "p1", 'go_goroutines{instanceId="a"}', whole, 1
    )
    assert (times.size, times[0], times[-1]) == (3601, BEGIN, BEGIN + 3600)


def test_what_is_not_there_is_no_error(prometheus: str, retrying: Retrying) -> None:
    assert asking(prometheus, retrying).query_range("p1", "no_such_metric", HOUR, 60) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [("sum(", "parse error"), ("go_goroutines / on(service_name) go_goroutines", "duplicate series")],
)
def test_a_query_that_cannot_be_answered_says_why(
    prometheus: str, retrying: Retrying, query: str, said: str
) -> None:
    with pytest.raises(Rejected, match=said) as caught:
        asking(prometheus, retrying).query_range("p1", query, HOUR, 60)
    assert caught.value.message.startswith("cannot evaluate ")


# ----------------------------------------------------------------------------- when a rule would have held


def held(address: str, retrying: Retrying, query: str, count: int = 60) -> dict[str, list[int]]:
    """By instance the minutes after BEGIN."""
    answered = asking(address, retrying).held("p1", query, BEGIN, 60, count)
    return {dict(labels)["instanceId"]: index.tolist() for labels, index in answered.items()}


def test_the_evaluations_at_which_a_rule_held_are_numbered(prometheus: str, retrying: Retrying) -> None:
    query = 'go_goroutines{service_name="orders"} > 50 or go_goroutines{instanceId="a"} < 12'
    assert held(prometheus, retrying, query) == {"a": [0, 1, *range(41, 60)], "b": list(range(41, 60))}


def test_what_an_alert_would_fire_on_counts_though_it_is_no_number(
    prometheus: str, retrying: Retrying
) -> None:
    zero = 'go_goroutines{instanceId="a"} * 0'
    assert held(prometheus, retrying, f"{zero} / ({zero})", 3) == {"a": [0, 1, 2]}
    assert held(prometheus, retrying, f'go_goroutines{{instanceId="a"}} / ({zero}) > 1', 3) == {
        "a": [0, 1, 2]
    }


def test_a_series_that_has_ended_is_told_as_long_as_an_alert_would_see_it(
    prometheus: str, retrying: Retrying
) -> None:
    found = held(prometheus, retrying, 'go_goroutines{instanceId="gone"}')["gone"]
    # Whether a sample that is exactly five minutes old still counts depends on the version.
    assert found in (list(range(25)), list(range(26)))


def test_series_that_differ_in_their_metric_only_are_one_incident(web: Web, retrying: Retrying) -> None:
    one = {"metric": {"__name__": "a", "x": "1"}, "values": [[BEGIN, "1"], [BEGIN + 120, "1"]]}
    other = {"metric": {"__name__": "b", "x": "1"}, "values": [[BEGIN + 60, "NaN"]]}
    web.respond = lambda handler: answer(handler, 200, matrix(one, other))
    ((labels, index),) = asking(web.url, retrying).held("p1", "x", BEGIN, 60, 3).items()
    assert labels == (("x", "1"),)
    assert index.tolist() == [0, 1, 2]


def test_what_was_not_asked_for_is_left_out(web: Web, retrying: Retrying) -> None:
    """A frontend may begin earlier, at a multiple of the step."""
    times = [-1e300, BEGIN - 60, BEGIN, BEGIN + 120, BEGIN + 180, 1e300]
    one = {"metric": {"x": "1"}, "values": [[time, "1"] for time in times]}
    web.respond = lambda handler: answer(handler, 200, matrix(one))
    (index,) = asking(web.url, retrying).held("p1", "x", BEGIN, 60, 3).values()
    assert index.tolist() == [0, 2]


def test_what_takes_too_long_is_not_asked_again_as_it_is(web: Web, clock: FakeClock) -> None:
    """Its reader asks for less instead."""
    impatient = Retrying(clock, RetryPolicy(attempts=3, timeout=0.2), jitter=lambda: 0.0)
    web.respond = lambda handler: web.release.wait(10) and None
    with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
        asking(web.url, impatient).held("p1", "x", BEGIN, 60, 10)
    assert len(web.requests) == 1


def test_an_answer_that_drips_ends(web: Web) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not web.release.wait(0.05):
                handler.wfile.write(b" ")

    web.respond = drip
    waiting = Retrying(SystemClock(), RetryPolicy(attempts=2, timeout=0.3))
    with pytest.raises(Unreachable, match="no answer within"):
        asking(web.url, waiting).held("p1", "x", BEGIN, 60, 10)


# ---------------------------------------------------------------------------------- servers that misbehave


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as started:
        yield started


def matrix(*series: dict[str, object]) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


def test_the_request_is_googles_for_the_project(web: Web, retrying: Retrying) -> None:
    web.respond = lambda handler: answer(handler, 200, matrix())
    address = web.url + urlsplit(GOOGLE).path
    asking(address, retrying).query_range("shop-prod", 'x{a="ü"}', Window(BEGIN, BEGIN + 120), 60)
    ((path, headers, body),) = web.requests
    assert body == b""
    assert urlsplit(path).path == "/v1/projects/shop-prod/location/global/prometheus/api/v1/query_range"
    assert {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()} == {
        "query": 'x{a="ü"}',
        "start": f"{BEGIN + 60}.000",
        "end": f"{BEGIN + 120}.000",
        "step": "60",
    }
    assert "Authorization" not in headers


def test_the_credentials_go_along(web: Web, retrying: Retrying) -> None:
    web.respond = lambda handler: answer(handler, 200, matrix())
    found = Found(Credentials("secret-token"), "", "user account", "")  # type: ignore[no-untyped-call]  # google-auth
    PromQl(lambda: session(found), retrying, web.url).query_range("p1", "x", HOUR, 60)
    ((_, headers, _),) = web.requests
    assert headers["authorization"] == "Bearer secret-token"


def test_a_window_without_a_step_in_it_asks_nothing(web: Web, retrying: Retrying) -> None:
    assert asking(web.url, retrying).query_range("p1", "x", Window(BEGIN + 1, BEGIN + 59), 60) == []
    assert web.requests == []


GOOGLES = json.dumps({"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}})


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (400, b'{"status":"error","error":"parse error: x"}', Rejected, "parse error: x"),
        (401, b"", Denied, "refused"),
        (403, GOOGLES.encode(), Denied, "Permission denied"),
        (403, b"<!DOCTYPE HTML><html><head><style>a{}</style><title>Go\n away</title>", Denied, ": Go away "),
        (502, b"<html><style>a {}</style><p>no&nbsp;upstream</p></html>", Unreachable, ": no upstream "),
        (302, b"", Rejected, "refused"),
        (503, b"overloaded", Unreachable, "overloaded"),
        (200, b"", Unreachable, "not one of Prometheus"),
        (200, b"[]", Unreachable, "not one of Prometheus"),
        (200, b'{"data":{"resultType":"vector","result":[]}}', Unreachable, "not one of Prometheus"),
        (200, matrix({"metric": {}, "values": [["now", "1"]]}), Unreachable, "not one of Prometheus"),
        (200, matrix({"metric": {}, "values": [[math.nan, "1"]]}), Unreachable, "not one of Prometheus"),
        (200, matrix({"metric": {"a": "\ud800"}, "values": []}), Unreachable, "not one of Prometheus"),
        (200, b"[" * 200_000, Unreachable, "not one of Prometheus"),
        (400, b'{"error":"half a \\ud800 pair"}', Rejected, r"half a \? pair"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence(
    web: Web, retrying: Retrying, status: int, body: bytes, error: type[RemoteError], said: str
) -> None:
    web.respond = lambda handler: answer(handler, status, body)
    with pytest.raises(error, match=said) as caught:
        asking(web.url, retrying).query_range("p1", "x", HOUR, 60)
    assert caught.value.message.startswith(f"cannot evaluate 'x' at {web.url}: ")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<!DOCTYPE HTML><html><head><title>Error response</title>" + b"<p>" * 9999),
        (404, b"404 page not found"),
        (404, b'{"detail":"Not Found"}'),
        (405, b"<html>no</html>"),
        (400, b"[" * 200_000),
        (501, b""),
    ],
)
def test_what_is_no_prometheus_is_said_without_its_page(
    web: Web, retrying: Retrying, status: int, body: bytes
) -> None:
    web.respond = lambda handler: answer(handler, status, body)
    address = web.url.replace("http://", "http://me:secret@") + "/there"
    with pytest.raises(Rejected) as caught:
        asking(address, retrying).query_range("p1", "x", HOUR, 60)
    assert caught.value.message == f"what answers at {web.url}/there is no Prometheus (HTTP {status})"
    assert len(web.requests) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_google_s_own_refusals_name_the_project(
    web: Web, retrying: Retrying, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(promql, "GOOGLE", web.url + "/{project}")
    web.respond = lambda handler: answer(handler, status, b"")
    with pytest.raises(NotFound if status == 404 else Denied, match="in project p1: refused"):
        asking(promql.GOOGLE, retrying).query_range("p1", "x", HOUR, 60)


def test_a_passing_outage_is_ridden_out(web: Web, retrying: Retrying, clock: FakeClock) -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        down = len(web.requests) < 3
        answer(handler, 503 if down else 200, b"" if down else matrix())

    web.respond = respond
    assert asking(web.url, retrying).query_range("p1", "x", HOUR, 60) == []
    assert len(clock.slept) == 2


def test_nobody_there_and_no_answer_are_unreachable(web: Web, clock: FakeClock) -> None:
    quick = Retrying(clock, RetryPolicy(attempts=1, timeout=0.2), jitter=lambda: 0.0)
    web.respond = lambda handler: web.release.wait(10) and None
    with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
        asking(web.url, quick).query_range("p1", "x", HOUR, 60)
    with pytest.raises(Unreachable, match="refused"):
        asking("http://127.0.0.1:1", quick).query_range("p1", "x", HOUR, 60)


def test_histograms_in_an_answer_are_passed_over(web: Web, retrying: Retrying) -> None:
    body = matrix({"metric": {"a": "b"}, "histograms": [[BEGIN + 60, {"count": "3"}]]})
    web.respond = lambda handler: answer(handler, 200, body)
    assert asking(web.url, retrying).query_range("p1", "x", HOUR, 60) == []
