"""`tidegate alerts backtest` over a real Prometheus, held against what promtool makes of the same rules; and
against servers that are none."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.web import Web, answer, serving
from infra.promtool import promtool
from prometheus import over
from tidegate import cli, settings, wiring
from tidegate.adapters import credentials
from tidegate.core.adopt import Look
from tidegate.core.alerting import Rules
from tidegate.core.errors import Denied
from tidegate.core.spec import Alerts, load
from tidegate.wiring import alerts, backtest

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

SPEC = """\
service: orders
project: shop-prod
region: europe-west1
containers: [{port: 8080, image: example/orders:1}]
"""
BEGIN = 1_790_000_040  # a whole minute
MINUTES = 48 * 60
"""Two days, at a sample a minute."""
UNTIL = ("--until", str(BEGIN + 60 * MINUTES))
SINCE = ("--since", f"{MINUTES}m")
HELD = ("fd_growth", "error_ratio", "error_burn_fast", "error_burn_slow", "restarts", "telemetry_silent")


PLACE = 'project_id="shop-prod",location="europe-west1",service_name="orders",revision_name="r1"'
COLLECTED = f'{PLACE},cluster="__run__",namespace="orders",job="app"'
"""What the sidecar writes."""
RUN = f'{PLACE},monitored_resource="cloud_run_revision",configuration_name="orders"'
"""What Cloud Run writes."""


@dataclass(frozen=True)
class Row:
    """One series, and a value for each minute, None where there is no sample."""

    metric: str
    labels: str
    values: list[float | None]

    @property
    def name(self) -> str:
        return f"{self.metric}{{{self.labels}}}"

    def lines(self) -> Iterable[str]:
        return (
            f"{self.name} {v:.10g} {BEGIN + 60 * at}" for at, v in enumerate(self.values) if v is not None
        )

    def input(self) -> dict[str, str]:
        return {
            "series": self.name,
            "values": " ".join("_" if v is None else f"{v:.10g}" for v in self.values),
        }


def row(metric: str, labels: str, value: Callable[[int], float | None]) -> Row:
    return Row(metric, labels, [value(at) for at in range(MINUTES + 1)])


def fds(at: int, leaks: bool) -> float | None:
    """Leaks from the second day on until a restart; later the telemetry of both is silent for a while."""
    if 2700 <= at < 2800:
        return None
    return 100 + 7 * at % 13 + (5 * (at - 1500) if leaks and 1500 <= at < 2100 else 0)


def failures(at: int) -> float:
    """A third of the requests for four hours, of sixty a minute."""
    return 20.0 * min(max(at - 2400, 0), 240)


HISTORY = [
    row("process_open_fds", f'{COLLECTED},instance="i1:8080"', lambda at: fds(at, True)),
    row("process_open_fds", f'{COLLECTED},instance="i2:8080"', lambda at: fds(at, False)),
    row(
        "run_googleapis_com:request_count", f'{RUN},response_code_class="2xx"',
        lambda at: 60.0 * at - failures(at),
    ),
    row("run_googleapis_com:request_count", f'{RUN},response_code_class="5xx"', failures),
    row("run_googleapis_com:container_instance_count", f'{RUN},state="active"', lambda _: 2.0),
    row(
        "run_googleapis_com:container_startup_latencies_count", RUN,
        lambda at: 2.0 + min(max(at - 600, 0), 30),
    ),
]  # fmt: skip


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def rules(self) -> dict[str, dict[str, Any]]:
        return {rule["alert"]: rule for rule in json.loads(self.out)["rules"]}


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with over(tmp_path_factory.mktemp("prometheus"), written()) as found:
        yield found


def written() -> list[str]:
    """The history as OpenMetrics."""
    return [
        line
        for name in dict.fromkeys(one.metric for one in HISTORY)
        for line in (
            f"# TYPE {name} gauge", *(line for one in HISTORY if one.metric == name for line in one.lines())
        )
    ]  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> Rules:
    return alerts.rules(load(SPEC.encode(), "tidegate.yaml"), settings.read())


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "TIDEGATE_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")

    def start(*arguments: str) -> Ran:
        capfd.readouterr()
        code = cli.main(["alerts", "backtest", *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Ran(int(code), out, err)

    return start


@pytest.fixture
def quick(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules as Terraform has made them once."""
    monkeypatch.setattr(alerts, "rules", lambda spec, settings: rules)


def sentence(ran: Ran) -> str:
    """The one line of trouble, beside its hint."""
    assert ran.out == ""
    lines = [line for line in ran.err.splitlines() if not line.startswith(("hint: ", "warning: "))]
    assert len(lines) == 1, ran.err
    return lines[0]


# ------------------------------------------------------------------------------------- a real Prometheus


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_incidents_are_those_of_prometheus_itself_minute_by_minute(
    ask: Run, address: str, rules: Rules, tmp_path: Path
) -> None:
    """promtool evaluates the rules one minute after the other, and is asked of every minute what fires."""
    chosen = [argument for kind in HELD for argument in ("--kind", kind)]
    ran = ask("--prometheus", address, *UNTIL, *SINCE, *chosen, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    found = ran.rules
    assert list(found) == list(HELD)
    assert all(found[kind]["fired"] for kind in HELD)
    expected = [
        {
            "eval_time": f"{minute}m",
            "alertname": kind,
            "exp_alerts": [
                {"exp_labels": e["labels"]} for e in found[kind]["episodes"] if is_open(e, minute)
            ],
        }
        for kind in HELD
        for minute in range(1, MINUTES + 1)
    ]
    group = [
        {"alert": kind, "expr": rules.of(kind).query, "for": f"{rules.of(kind).for_seconds}s"}
        for kind in HELD
    ]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "g", "rules": group}]}))
    test = {"interval": "1m", "input_series": [one.input() for one in HISTORY], "alert_rule_test": expected}
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yaml").write_text(json.dumps(whole))
    promtool("test", "rules", str(tmp_path / "test.yaml"))


def is_open(episode: Mapping[str, Any], minute: int) -> bool:
    at = BEGIN + 60 * minute
    closed = episode["closed"]
    return epoch(episode["seen_from"]) <= at and (closed is None or at < epoch(closed))


def test_what_a_person_reads(ask: Run, address: str) -> None:
    ran = ask("--prometheus", f"{address}/api/v1/", *UNTIL, *SINCE)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    rows = {line.split()[0]: line for line in reversed(lines) if line}
    head, *_ = lines
    assert head == "orders from 2026-09-21T14:15:00Z to 2026-09-23T14:14:00Z, by the alerts of the spec"
    assert rows["fd_growth"].split()[:3] == ["fd_growth", "WARNING", "1"]
    assert rows["fd_growth"].endswith("r1")
    assert rows["fd_level"].split() == ["fd_level", "WARNING", "0"]
    for kind in ("memory_growth", "connection_growth", "latency_p99", "cost_per_request"):
        assert "no data" in rows[kind], "nothing was ever measured of it"
    assert "tcp_connections was not measured in this time: connection_growth, connection_ratio" in lines
    assert rows["switched"] == "switched off: monthly_cost"
    strip = next(line for line in lines if line.startswith("fd_growth  ") and "·" in line)
    assert "█" in strip


@pytest.mark.usefixtures("quick")
def test_a_prometheus_that_reads_little_at_a_time_says_the_same_or_says_what_it_cannot(
    ask: Run, address: str, tmp_path: Path
) -> None:
    arguments = (*UNTIL, *SINCE, "--kind", "fd_growth", "--kind", "error_burn_slow", "--format", "json")
    free = ask("--prometheus", address, *arguments).rules
    with over(tmp_path, written(), "--query.max-samples=3000") as few:
        narrow = ask("--prometheus", few, *arguments).rules
    assert narrow["fd_growth"] == free["fd_growth"]
    assert narrow["error_burn_slow"]["unread"], "three days are more samples than that"
    assert "too many samples" in narrow["error_burn_slow"]["unread"][0]["reason"]


def test_a_change_of_the_spec_can_be_tried(ask: Run, address: str, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(f"{SPEC}alerts: {{fd_growth: {{per_minute: 20}}}}\n")
    ran = ask("--prometheus", address, *UNTIL, *SINCE, "--kind", "fd_growth", "--format", "json")
    assert ran.rules["fd_growth"]["outcome"] == "quiet"


@pytest.mark.usefixtures("quick")
def test_a_window_within_an_incident_knows_that_it_was_open_before(ask: Run, address: str) -> None:
    inside = ("--until", str(BEGIN + 60 * 1900), "--since", "2h", "--kind", "fd_growth", "--format", "json")
    [episode] = ask("--prometheus", address, *inside).rules["fd_growth"]["episodes"]
    assert (episode["opened"], episode["closed"]) == (None, None)
    assert epoch(episode["seen_from"]) == BEGIN + 60 * (1900 - 120 + 1)
    assert epoch(episode["seen_to"]) == BEGIN + 60 * 1900


@pytest.mark.usefixtures("quick")
def test_a_window_before_all_data_has_none(ask: Run, address: str) -> None:
    ran = ask("--prometheus", address, "--until", str(BEGIN - 86_400), "--since", "1d", "--format", "json")
    assert {rule["outcome"] for rule in ran.rules.values()} == {"no_data"}


@pytest.mark.usefixtures("quick")
def test_a_coarse_step_is_warned_of(ask: Run, address: str) -> None:
    ran = ask("--prometheus", address, *UNTIL, *SINCE, "--step", "5m", "--kind", "fd_growth")
    assert ran.code == 0
    assert "with --step 300s incidents shorter than that are missed" in ran.err


class Project:
    """With one policy of this service, that a person has made more sensitive than the spec."""

    def __init__(self, query: str) -> None:
        self._policy = {
            "name": "projects/shop-prod/alertPolicies/1",
            "displayName": "orders (europe-west1): Descriptors grow",
            "userLabels": {"managed_by": "tidegate", "service": "orders", "alert": "fd_level"},
            "severity": "WARNING",
            "conditions": [{"conditionPrometheusQueryLanguage": {"query": query, "duration": "60s"}}],
        }

    def read(self, look: Look) -> Mapping[str, Any]:
        return {look.collection: [self._policy]}


def test_the_policies_of_the_project_are_evaluated_with_live(
    ask: Run, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = 'max by (revision_name) (process_open_fds{namespace="orders"}) > 1000'
    monkeypatch.setattr(wiring, "estate", lambda settings: Project(query))
    ran = ask("--live", "--prometheus", address, *UNTIL, *SINCE, "--format", "json")
    assert json.loads(ran.out)["alerts"] == "live"
    [episode] = ran.rules["fd_level"]["episodes"]
    assert abs(epoch(episode["opened"]) - (BEGIN + 60 * (1500 + 180))) <= 300
    assert epoch(episode["closed"]) == BEGIN + 60 * 2100


# ---------------------------------------------------------------------------------- what is no Prometheus


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as started:
        yield started


NO_SAMPLES = json.dumps(
    {"status": "error", "errorType": "execution", "error": "query processing would load too many samples"}
).encode()


def only_rules(web: Web, status: int, body: bytes, **headers: str) -> None:
    """Answers that it is there, and whether there is data, but no question about a rule."""

    def respond(handler: Any) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        if query["query"][0].startswith(("vector", "count(")):
            values = [[float(query["end"][0]), "1"]]
            data = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
            answer(handler, 200, json.dumps({"status": "success", "data": data}).encode())
        else:
            answer(handler, status, body, **headers)

    web.respond = respond


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>Sign in</html>", "the answer is not one of Prometheus"),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":[{"met', "not one of Prometheus"),
        (302, b"", "refused"),
        (403, b"<html>Forbidden</html>", "Forbidden"),
        (404, b"404 page not found", "is no Prometheus (HTTP 404)"),
        (404, b"<!DOCTYPE HTML><html><title>Error</title><p>no such file", "is no Prometheus (HTTP 404)"),
        (503, b"busy", "busy"),
    ],
)
def test_what_is_no_prometheus_is_said_in_one_sentence(
    ask: Run, web: Web, status: int, body: bytes, said: str
) -> None:
    web.respond = lambda handler: answer(handler, status, body)
    ran = ask("--prometheus", web.url, *UNTIL, *SINCE)
    assert ran.code == 9
    assert said in sentence(ran)
    assert "--prometheus" in ran.err


@pytest.mark.usefixtures("quick")
def test_nobody_there_is_said_in_one_sentence(ask: Run) -> None:
    ran = ask("--prometheus", "http://127.0.0.1:1", *UNTIL, *SINCE)
    assert ran.code == 9
    assert "refused" in sentence(ran)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (422, NO_SAMPLES, "query processing would load too many samples (HTTP 422)"),
        (400, b'{"status":"error","error":"exceeded maximum resolution"}', "exceeded maximum resolution"),
        (503, b"upstream timed out", "upstream timed out"),
        (200, b'{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1', "not one of Prometheus"),
    ],
)
def test_a_rule_that_cannot_be_read_is_not_said_to_be_quiet(
    ask: Run, web: Web, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, said: str
) -> None:
    monkeypatch.setattr(backtest, "_ATTEMPTS", 1)
    only_rules(web, status, body)
    arguments = ("--prometheus", web.url, *UNTIL, "--since", "6h", "--kind", "fd_growth")
    ran = ask(*arguments)
    assert ran.code == 0
    assert "not known" in next(line for line in ran.out.splitlines() if line.startswith("fd_growth"))
    assert said in ran.out
    found = ask(*arguments, "--format", "json").rules["fd_growth"]
    assert (found["outcome"], found["fired"]) == ("unread", 0)
    assert said in found["unread"][0]["reason"]


@pytest.mark.usefixtures("quick")
def test_an_answer_that_drips_is_not_waited_for(ask: Run, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not web.release.wait(0.05):
            handler.wfile.write(b" ")

    monkeypatch.setattr(backtest, "_TIMEOUT", 0.2)
    web.respond = drip
    ran = ask("--prometheus", web.url, *UNTIL, *SINCE)
    assert ran.code == 9
    assert "no answer within 0.2 s" in sentence(ran)


def test_ctrl_c_ends_it_although_the_server_does_not_answer(tmp_path: Path, web: Web) -> None:
    unasked = threading.Lock()

    def respond(handler: Any) -> None:
        if "vector" in handler.path:
            only = {"resultType": "matrix", "result": []}
            answer(handler, 200, json.dumps({"data": only}).encode())
        else:
            if unasked.acquire(blocking=False):
                os.kill(running.pid, signal.SIGINT)
            web.release.wait(60)

    web.respond = respond
    (tmp_path / "tidegate.yaml").write_text(SPEC)
    running = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "alerts", "backtest", "--prometheus", web.url],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    out, err = running.communicate(timeout=50)
    assert unasked.locked()
    assert (running.returncode, out) == (130, "")
    assert "Traceback" not in err


# -------------------------------------------------------------------------------- what cannot be asked


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--prometheus", "localhost:9090"), "--prometheus is not the address of a Prometheus"),
        (("--prometheus", "http://:9090"), "--prometheus is not the address of a Prometheus"),
        (("--prometheus", "http://h:99999"), "--prometheus is not the address of a Prometheus"),
        (("--prometheus", "http://h?x=1"), "--prometheus is not the address of a Prometheus"),
        (("--prometheus", "http://h:1", "--kind", "fd_groth"), "there is no alert 'fd_groth'"),
        (
            ("--prometheus", "http://h:1", "--kind", "monthly_cost"),
            "monthly_cost is switched off in the spec",
        ),
        (("--prometheus", "http://h:1", "--since", "1m"), "there are not two evaluations in --since"),
        (("--prometheus", "http://h:1", "--since", "30d", "--step", "1s"), "more than 2,000,000 evaluations"),
        (("--prometheus", "http://h:1", "--until", "3600"), "--since goes back behind 1970"),
        (("--since", "soon"), "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_asked_is_said(ask: Run, arguments: tuple[str, ...], said: str) -> None:
    ran = ask(*arguments)
    assert ran.code == 2
    assert said in ran.err


def test_credentials_in_an_address_are_not_repeated(ask: Run) -> None:
    ran = ask("--prometheus", "http://me:hunter2@127.0.0.1:1", "--kind", "fd_growth")
    assert ran.code == 9
    assert "hunter2" not in ran.out + ran.err


@pytest.mark.usefixtures("quick")
def test_only_google_gets_our_credentials(ask: Run, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def find() -> None:
        raise Denied("looked for credentials")

    monkeypatch.setattr(credentials, "find", find)
    web.respond = lambda handler: answer(handler, 503, b"busy")
    assert "busy" in ask("--prometheus", web.url).err
    assert all("authorization" not in map(str.lower, headers) for _, headers, _ in web.requests)
    google = "https://monitoring.googleapis.com/v1/projects/shop-prod/location/global/prometheus"
    assert "looked for credentials" in ask("--prometheus", google).err
    assert "looked for credentials" not in ask("--prometheus", "https://127.0.0.1:1/googleapis.com").err


@pytest.mark.usefixtures("quick")
def test_without_credentials_cloud_monitoring_is_not_asked(ask: Run) -> None:
    ran = ask()
    assert ran.code == 9
    assert "credentials" in sentence(ran)


def test_alerts_that_are_off_leave_nothing_to_evaluate(ask: Run, tmp_path: Path) -> None:
    (tmp_path / "tidegate.yaml").write_text(f"{SPEC}alerts: {{enabled: false}}\n")
    ran = ask("--prometheus", "http://127.0.0.1:1")
    assert ran.code == 2
    assert "alerts.enabled: false" in sentence(ran)
    each = ", ".join(f"{kind}: {{enabled: false}}" for kind in Alerts().kinds if kind != "monthly_cost")
    (tmp_path / "tidegate.yaml").write_text(f"{SPEC}alerts: {{{each}}}\n")
    ran = ask("--prometheus", "http://127.0.0.1:1")
    assert ran.code == 2
    assert "switches every alert off" in sentence(ran)


def test_a_local_cloud_run_has_no_promql_and_says_what_has(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = ask("--target", "local")
    assert ran.code == 2
    assert "evaluates no PromQL" in sentence(ran)
    assert "--prometheus URL" in ran.err


def test_policies_that_are_not_there_cannot_be_evaluated(ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        def read(self, look: Look) -> Mapping[str, Any]:
            return {look.collection: []}

    monkeypatch.setattr(wiring, "estate", lambda settings: Empty())
    ran = ask("--live", "--prometheus", "http://127.0.0.1:1")
    assert ran.code == 2
    assert "has no alert policies of tidegate's for orders in europe-west1" in sentence(ran)
