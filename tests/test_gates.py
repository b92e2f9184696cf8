"""From a spec and an environment to checks, hooks and listeners that work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.web import Web, serving
from fakes import NAME, FakeHooks
from tidegate import settings as reading
from tidegate.adapters.hooks import HookRunner
from tidegate.cli import main
from tidegate.core.errors import ExitCode, UsageError
from tidegate.core.rollout import Phase, State
from tidegate.core.spec import Spec, load
from tidegate.flows import hooks as running
from tidegate.ports import Given, Hook, HookResult, HttpCall, Moment, Notice, Smoke
from tidegate.settings import Settings
from tidegate.wiring import gates, job

BASE = """\
service: orders
project: shop-prod
region: europe-west1
containers: [{image: "shop/orders:v1", port: 8080}]
"""
HOOKS = """\
rollout:
  smoke: [{path: /ready, max_latency: 800ms}]
  hooks:
    - {when: before_apply, command: [./bin/migrate, --check], timeout: 5m}
    - when: before_traffic
      name: approve
      http: {url: {env: APPROVE_URL}, headers: {Authorization: {prefix: "Bearer ", env: APPROVE_TOKEN}}}
    - {when: after, http: {url: {env: APPROVE_URL}, method: GET, status: 204}}
"""
NOTIFY = """\
notify:
  - {slack: {env: SLACK_URL}, events: [verdict]}
  - {webhook: {env: HOOK_URL}, events: [start, end]}
  - {pubsub: projects/shop-prod/topics/rollouts, events: [end]}
"""
EVENTS = ("start", "smoke", "step", "verdict", "end")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


def spec(text: str = "") -> Spec:
    return load((BASE + text).encode(), "t.yaml")


def settings(**environment: str) -> Settings:
    return reading.read(environment=environment)


def told(web: Web, path: str) -> list[str]:
    """What a listener at this path was told, in order."""
    found = [json.loads(body) for where, _, body in web.requests if where == path]
    return [one["text"] for one in found]


def test_a_job_has_the_gates_of_the_spec() -> None:
    wanted = job(spec(HOOKS))
    approve = {"Authorization": Given("Bearer ", "APPROVE_TOKEN")}
    assert wanted.smoke == (Smoke("/ready", max_latency=0.8),)
    assert wanted.hooks == (
        Hook("migrate", Moment.BEFORE_APPLY, ("./bin/migrate", "--check"), timeout=300.0),
        Hook("approve", Moment.BEFORE_TRAFFIC, http=HttpCall(Given("", "APPROVE_URL"), headers=approve)),
        Hook("APPROVE_URL", Moment.AFTER, http=HttpCall(Given("", "APPROVE_URL"), "GET", status=204)),
    )


def test_what_hooks_lack_in_the_environment_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        gates.check_environment(spec(HOOKS), settings(APPROVE_URL=" "))
    assert caught.value.message == (
        "the environment lacks APPROVE_URL (hook approve), APPROVE_TOKEN (hook approve), "
        "APPROVE_URL (hook APPROVE_URL)"
    )
    gates.check_environment(spec(HOOKS), settings(APPROVE_URL="https://x", APPROVE_TOKEN="t"))
    gates.check_environment(spec(), settings())


def test_a_deployment_whose_hooks_cannot_run_does_not_begin(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPROVE_URL", raising=False)
    monkeypatch.setenv("APPROVE_TOKEN", "t")
    probes = "probes: {startup: {http: {path: /}}, liveness: {http: {path: /}}}"
    text = BASE.replace("port: 8080", f"port: 8080, {probes}") + HOOKS
    (tmp_path / "tidegate.yaml").write_text(text + "alerts: {channels: [{email: a@example.com}]}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["deploy", "--image", "shop/orders@sha256:" + "0" * 64, "--auto-approve"]) == ExitCode.USAGE
    assert "the environment lacks APPROVE_URL (hook approve)" in capfd.readouterr().err


# ------------------------------------------------------------------------------------------ listeners


def test_everybody_hears_what_they_want_in_their_own_form(web: Web) -> None:
    said: list[str] = []
    environment = settings(
        SLACK_URL=web.url + "/slack",
        HOOK_URL=web.url + "/hook\n",
        PUBSUB_EMULATOR_HOST=web.url.removeprefix("http://"),
        TIDEGATE_WEBHOOKS=f"{web.url}/one {web.url}/two",
    )
    with gates.delivery(spec(NOTIFY), environment, said.append, None) as delivery:
        for event in EVENTS:
            delivery.tell(Notice(event, event))
    assert told(web, "/slack") == ["verdict"]
    assert told(web, "/hook") == ["start", "end"]
    assert told(web, "/one") == told(web, "/two") == list(EVENTS)
    assert len([path for path, _, _ in web.requests if path.endswith("/topics/rollouts:publish")]) == 1
    assert not said


def test_who_cannot_be_told_is_said_and_the_others_are_told(web: Web) -> None:
    said: list[str] = []
    environment = settings(HOOK_URL=web.url + "/hook")
    with gates.delivery(spec(NOTIFY), environment, said.append, None) as delivery:
        delivery.tell(Notice("end", "end"))
    assert told(web, "/hook") == ["end"]
    assert said == [
        "notify[0] is not told: the variable SLACK_URL of the environment is not set",
        "notify[2] is not told: the local Cloud Run has no Pub/Sub; "
        "PUBSUB_EMULATOR_HOST can name an emulator",
    ]


def test_without_a_spec_the_environment_alone_counts(web: Web) -> None:
    with gates.delivery(None, settings(TIDEGATE_WEBHOOKS=web.url + "/x"), print, None) as delivery:
        delivery.tell(Notice("end", "end"))
    assert told(web, "/x") == ["end"]


def test_what_is_no_address_is_said_with_its_variable_and_not_shown(web: Web) -> None:
    said: list[str] = []
    environment = settings(TIDEGATE_WEBHOOKS=f"hooks.example.com/T0SECRET {web.url}/x")
    with gates.delivery(None, environment, said.append, None) as delivery:
        delivery.tell(Notice("end", "end"))
    assert told(web, "/x") == ["end"]
    assert said == ["address 1 of TIDEGATE_WEBHOOKS is not told: it does not begin with https://"]


# ----------------------------------------------------------------------------------- all hooks of a moment

STATE = State(
    "20261124-101500-abcdef", "ci", 1000.0, Phase.SMOKE, stable="orders-1", candidate="orders-2",
    reason="because",
)  # fmt: skip


def named(*names: str, when: Moment) -> tuple[Hook, ...]:
    return tuple(Hook(name, when, ("true",)) for name in names)


@pytest.mark.parametrize("when", [Moment.BEFORE_APPLY, Moment.BEFORE_TRAFFIC])
def test_before_traffic_the_first_failure_ends_it(when: Moment) -> None:
    hooks = FakeHooks(failing={"b": "b says no", "c": "c too"})
    results: list[HookResult] = []
    wanted = (*named("other", when=Moment.AFTER), *named("a", "b", "c", when=when))
    assert running.run(hooks, wanted, {}, when, results.append) == "b says no"
    assert hooks.names == ["a", "b"]
    assert [result.ok for result in results] == [True, False]


def test_after_a_rollout_every_hook_has_its_turn() -> None:
    hooks = FakeHooks(failing={"a": "a says no", "c": "c too"})
    wanted = named("a", "b", "c", when=Moment.AFTER)
    assert running.run(hooks, wanted, {}, Moment.AFTER) == "a says no"
    assert hooks.names == ["a", "b", "c"]


def test_a_hook_is_told_what_the_rollout_knows() -> None:
    said: list[str] = []
    context = running.context(NAME, STATE, Moment.BEFORE_TRAFFIC, "https://canary---orders.test")
    script = 'env | grep "^TIDEGATE_" | sort'
    HookRunner({}, said.append).run(Hook("h", Moment.BEFORE_TRAFFIC, ("/bin/sh", "-c", script)), context)
    assert [line.removeprefix("h: TIDEGATE_") for line in said] == [
        "CANDIDATE=orders-2",
        "EXIT_CODE=",
        "HOOK=before_traffic",
        "OWNER=ci",
        "PERCENT=0",
        "PHASE=smoke",
        "PROJECT=demo-project",
        "REASON=because",
        "REGION=europe-west1",
        "ROLLOUT=20261124-101500-abcdef",
        "SERVICE=orders",
        "STABLE=orders-1",
        "URL=https://canary---orders.test",
    ]
    ended = running.context(NAME, replace(STATE, exit_code=6), Moment.AFTER)
    assert (ended["exit_code"], ended["url"]) == ("6", "")
