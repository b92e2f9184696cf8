"""tidegate.yaml: what is read, and every way a file can be wrong, with its place."""

# ruff: noqa: E501 - a table is read by its lines
from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core import judge
from tidegate.core.errors import ExitCode, Fault, InvalidInput, UsageError
from tidegate.core.spec import MAX_BYTES, Spec, environments, load
from tidegate.core.spec.analysis import JUDGED

BASE = """\
service: orders
project: shop-prod
region: europe-west1
containers:
  - image: shop/orders:v1
    port: 8080
"""


def read(text: str | bytes, environment: str | None = None) -> Spec:
    return load(text.encode() if isinstance(text, str) else text, "t.yaml", environment)


def faults(text: str | bytes, environment: str | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read(text, environment)
    assert caught.value.exit_code is ExitCode.INVALID
    return [str(fault).removeprefix("t.yaml:") for fault in caught.value.faults]


# ------------------------------------------------------------------------------------------ what is read


def test_a_short_spec_is_completed_by_defaults() -> None:
    spec = read(BASE)
    assert (spec.service, spec.project, spec.region) == ("orders", "shop-prod", "europe-west1")
    assert spec.containers[0].name == "app"
    assert (spec.deletion_protection, spec.allow_public, spec.billing) == (True, False, "instance")
    assert spec.rollout.steps == (5, 25, 50)


def test_every_section_is_read() -> None:
    spec = read(
        """\
version: 1
service: orders
project: shop-prod
region: europe-west1
containers:
  - name: app
    image: shop/orders:v1
    port: 8080
    command: [serve]
    args: [--verbose]
    resources: {cpu: 500m, memory: 1Gi, startup_cpu_boost: true}
    env: {LEVEL: debug}
    secrets: {TOKEN: {secret: orders-token, version: "3"}}
    probes:
      startup: {http: {path: /ready}, period: 2s}
      liveness: {tcp: {port: 8080}}
  - {name: proxy, image: "shop/proxy:v1", depends_on: [app]}
scaling: {min_instances: 1, max_instances: 5, concurrency: 40}
ingress: internal
billing: request
request_timeout: 1m30s
service_account: orders@shop-prod.iam.gserviceaccount.com
invokers: ["group:staff@example.com"]
labels: {team: shop}
telemetry:
  collector: {enabled: false}
  open_fds: process_unix_file_descriptor_count
  fd_limit: 1000
alerts:
  channels: [{email: oncall@example.com}, {existing: projects/shop-prod/notificationChannels/1}]
  fd_growth: {for: 10m, per_minute: 3.5}
  instances: {enabled: false}
rollout:
  steps: [10, 50]
  step_duration: 5m
  bake: 1h
  smoke: [{path: /ready, contains: ok}]
analysis: {alpha: 0.05, on_inconclusive: rollback}
state: {backend: gcs, bucket: shop-state}
"""
    )
    app, proxy = spec.containers
    assert (app.resources.cpu, app.secrets["TOKEN"].version, proxy.depends_on) == ("500m", "3", ("app",))
    assert (spec.request_timeout, spec.rollout.bake, spec.alerts.fd_growth.for_) == (90.0, 3600.0, 600.0)
    assert spec.state.backend == "gcs"
    assert spec.ingress_container is app


def test_a_spec_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(BASE).service = "other"  # type: ignore[misc]  # that is the point


def test_the_image_of_the_ingress_container_can_be_replaced() -> None:
    spec = read(BASE + "  - {name: proxy, image: proxy}\n")
    changed = spec.with_image("shop/orders:v2")
    assert [c.image for c in changed.containers] == ["shop/orders:v2", "proxy"]
    assert spec.containers[0].image == "shop/orders:v1"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("10m", 600.0),
        ("1h30m", 5400.0),
        ("2d", 172800.0),
        ("0.5h", 1800.0),
        ("1d2h3m4s", 93784.0),
    ],
)
def test_a_duration_has_its_unit(text: str, seconds: float) -> None:
    assert read(BASE + f"rollout: {{bake: {text}}}\n").rollout.bake == seconds


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n", "\n\n"), ("\n", " # so\n")])
def test_line_ends_and_comments_change_nothing(change: tuple[str, str]) -> None:
    assert read(BASE.replace(*change)) == read(BASE)


def test_anchors_and_merge_keys_are_read() -> None:
    spec = read(
        BASE + "labels: &l {team: shop}\nenvironments: {prod: {labels: {<<: *l, tier: one}}}\n", "prod"
    )
    assert spec.labels == {"team": "shop", "tier": "one"}


def test_an_anchor_used_twice_is_no_warning() -> None:
    assert read(BASE + "labels: {a: &x one, b: &x two, c: *x}\n").labels["c"] == "two"


# ---------------------------------------------------------------------------------- what the model refuses

MODEL = {
    "servce: x": "7:1: unknown key servce; did you mean service?",
    "quite_else: 1": "7:1: unknown key quite_else; known here: accept, alerts, allow_public, ",
    "scaling: {max_instnces: 1}": "7:11: unknown key scaling.max_instnces; did you mean max_instances?",
    "rollout: {smoke: [{pth: /}]}": "7:20: unknown key rollout.smoke[0].pth; did you mean path?",
    "alerts: {channels: [{emial: x@y.z}]}": (
        "7:22: unknown key alerts.channels[0].emial; did you mean email?"
    ),
    "ingress: intrenal": "7:10: ingress is 'intrenal'; it can be 'all', 'internal', 'internal-and-load-balancer' (",
    "state: {backend: s3}": "7:8: state is 's3'; it can be 'local', 'gcs'",
    "state: {bucket: a}": "7:8: state does not say which backend: local or gcs",
    "state: {backend: gcs}": "7:1: state.bucket is missing",
    "allow_public: yes": "7:15: allow_public is 'yes', not true or false",
    "deletion_protection: 1": "7:22: deletion_protection is 1, not true or false",
    "scaling: {max_instances: '3'}": "7:26: scaling.max_instances is '3', not a whole number",
    "scaling: {max_instances: 1.5}": "7:26: scaling.max_instances is 1.5, not a whole number",
    "scaling: {max_instances: 0}": "7:26: scaling.max_instances is 0; it must be at least 1",
    "scaling: {max_instances: 1001}": "7:26: scaling.max_instances is 1001; it must be at most 1000",
    "scaling: {min_instances: 20}": "7:10: scaling has min_instances above max_instances",
    "scaling: 3": "7:10: scaling is not a mapping of keys to values",
    "scaling: [3]": "7:10: scaling is not a mapping of keys to values",
    "invokers: allUsers": "7:11: invokers is not a list",
    "invokers: [everybody]": "7:12: invokers[0] 'everybody' is not an IAM member; write it such as ",
    "labels: {a: 1}": "7:13: labels.a is 1, not a text; put it in quotes",
    "labels: {a: 1.10}": "7:13: labels.a is 1.1, not a text; put it in quotes",
    "labels: {a: true}": "7:13: labels.a is True, not a text; put it in quotes",
    "labels: {a: null}": "7:13: labels.a is not a text",
    "labels: {A: b}": "7:10: labels.A 'A' is not a label key: lower-case letters, digits, _ and -",
    "labels: {'': b}": "7:10: labels[''] '' is not a label key: lower-case letters, digits, _ and -",
    "rollout: {bake: 30}": "7:17: rollout.bake is not a duration; write it with its unit, such as 250ms, 90s, 10m or 1h30m",
    "rollout: {bake: 1x}": "7:17: rollout.bake ",
    "rollout: {steps: [50, 10]}": "7:10: rollout has steps that do not rise",
    "rollout: {steps: [0]}": "7:19: rollout.steps[0] is 0; it must be at least 1",
    "rollout: {steps: 10}": "7:18: rollout.steps is not a list",
    "rollout: {steps: [101]}": "7:19: rollout.steps[0] is 101; it must be at most 100",
    "rollout: {steps: [5, 2.5]}": "7:22: rollout.steps[1] is 2.5, not a whole number",
    "rollout: {steps: [5, true]}": "7:22: rollout.steps[1] is True, not a whole number",
    "rollout: {steps: [5, pasue]}": "7:22: rollout.steps[1] 'pasue' is neither a whole number nor the word pause; did you mean pause?",
    "rollout: {steps: [5, '25']}": "7:22: rollout.steps[1] '25' is neither a whole number nor the word pause",
    "rollout: {steps: [5, pause, pause]}": "7:18: rollout.steps has pause twice in a row; once is enough",
    "rollout: {steps: [50, pause, 10]}": "7:10: rollout has steps that do not rise",
    "rollout: {stages: [5]}": "7:11: unknown key rollout.stages; did you mean ",
    "rollout: {on_cancel: keeep}": "7:22: rollout.on_cancel is 'keeep'; it can be 'rollback', 'keep' (did you mean keep?)",
    "rollout: {smoke: [{max_latency: 5s}]}": "7:19: rollout.smoke[0] has a max_latency that is not below its timeout",
    "rollout: {hooks: [{when: before, command: [a]}]}": "7:26: rollout.hooks[0].when is 'before'; it can be 'before_apply', ",
    "rollout: {hooks: [{when: after}]}": "7:19: rollout.hooks[0] needs exactly one of command and http",
    "rollout: {hooks: [{when: after, command: [a], http: {url: 'https://h'}}]}": "7:19: rollout.hooks[0] needs exactly one of command and http",
    "rollout: {hooks: [{when: after, command: a}]}": "7:42: rollout.hooks[0].command is not a list",
    "rollout: {hooks: [{when: after, command: ['']}]}": "7:19: rollout.hooks[0] has a command without a name",
    "rollout: {hooks: [{when: after, command: [a], timeot: 5s}]}": "7:47: unknown key rollout.hooks[0].timeot; did you mean timeout?",
    "rollout: {hooks: [{when: after, command: [a], timeout: 5}]}": "7:56: rollout.hooks[0].timeout is not a duration",
    "rollout: {hooks: [{when: after, http: {}}]}": "7:33: rollout.hooks[0].http.url is missing",
    "rollout: {hooks: [{when: after, http: {url: h}}]}": "7:39: rollout.hooks[0].http needs a url that starts with https:// or http://, or {env: NAME}",
    "rollout: {hooks: [{when: after, http: {url: 3}}]}": "7:45: rollout.hooks[0].http.url is neither a text nor {env: NAME}",
    "rollout: {hooks: [{when: after, http: {url: {enw: A}}}]}": "7:46: unknown key rollout.hooks[0].http.url.enw; did you mean env?",
    "rollout: {hooks: [{when: after, http: {url: {env: 'A B'}}}]}": "7:51: rollout.hooks[0].http.url.env 'A B' is not the name of an environment variable",
    "rollout: {hooks: [{when: after, http: {url: {env: A}, method: GET, body: b}}]}": "7:39: rollout.hooks[0].http has a body, which a GET does not carry",
    "rollout: {hooks: [{when: after, http: {url: {env: A}, headers: {'A:': b}}}]}": "7:65: rollout.hooks[0].http.headers['A:'] 'A:' is not the name of a header",
    'rollout: {hooks: [{when: after, http: {url: {env: A}, headers: {A: "b\\nC: d"}}}]}': "7:68: rollout.hooks[0].http.headers.A has a line break in it",
    "notify: [{}]": "7:10: notify[0] needs exactly one of webhook, slack and pubsub",
    "notify: [{slack: {env: A}, webhook: {env: B}}]": "7:10: notify[0] needs exactly one of webhook, slack and pubsub",
    "notify: [{slack: {env: A, url: b}}]": "7:27: unknown key notify[0].slack.url; known here: env",
    "notify: [{pubsub: topic}]": "7:19: notify[0].pubsub 'topic' is not a topic; write projects/PROJECT/topics/TOPIC",
    "notify: [{slack: {env: A}, events: [begin]}]": "7:37: notify[0].events[0] is 'begin'; it can be 'start', 'step', 'verdict', 'end'",
    "notify: [{slack: {env: A}, events: []}]": "7:36: notify[0].events is empty; at least one is needed",
    "notify: [{slack: {env: A}, evens: [end]}]": "7:28: unknown key notify[0].evens; did you mean events?",
    "analysis: {alpha: 1}": "7:19: analysis.alpha is 1; it must be at most 0.2",
    "analysis: {leak_min_slope: .inf}": "7:28: analysis.leak_min_slope is not a finite number",
    "analysis: {leak_min_slope: .nan}": "7:28: analysis.leak_min_slope is not a finite number",
    "alerts: {channels: [{}]}": "7:21: alerts.channels[0] needs exactly one of email, existing, slack, pagerduty and webhook",
    "analysis: {required: [opn_fds]}": "7:23: analysis.required[0] 'opn_fds' is not a metric that is judged; did you mean open_fds?",
    "analysis: {dry_run: [zzz]}": "7:22: analysis.dry_run[0] 'zzz' is not a metric that is judged; there are request_count, error_ratio, ",
    "analysis: {required: [open_fds], dry_run: [open_fds]}": "7:43: analysis.dry_run names open_fds, which is required: what never decides cannot be",
    "analysis: {cpu_increase: much}": "7:26: analysis.cpu_increase 'much' is not a share; write it such as 0.2 or 20%",
    "analysis: {cost_increase: -0.1}": "7:27: analysis.cost_increase is -0.1; it must be at least 0",
    "analysis: {memory_min_slope: 1MB}": "7:30: analysis.memory_min_slope '1MB' is not an amount of memory",
    "analysis: {mode: fixx}": "7:18: analysis.mode is 'fixx'; it can be 'regression', 'fix' (did you mean fix?)",
    "analysis: {on_pre_existing: ignore}": "7:29: analysis.on_pre_existing is 'ignore'; it can be 'hold', ",
    "analysis: {metrics: [a]}": "7:21: analysis.metrics is not a mapping of keys to values",
    "analysis: {metrics: {open_fds: {promql: x}}}": "7:22: analysis.metrics.open_fds 'open_fds' is built in; give your own metric another name",
    "analysis: {metrics: {pending_requests: {promql: x}}}": "7:22: analysis.metrics.pending_requests 'pending_requests' is built in; ",
    "analysis: {metrics: {A-b: {promql: x}}}": "7:22: analysis.metrics.A-b 'A-b' is not a name for a metric: lower-case ",
    "analysis: {metrics: {a: {}}}": "7:25: analysis.metrics.a needs exactly one of promql and filter",
    "analysis: {metrics: {a: {promql: x, filter: 'metric.type=\"b\"'}}}": "7:25: analysis.metrics.a needs exactly one of promql and",
    "analysis: {metrics: {a: {promql: ''}}}": "7:34: analysis.metrics.a.promql is empty",
    "analysis: {metrics: {a: {promql: '${revision}'}}}": "7:34: analysis.metrics.a.promql has the placeholder '${revision}'; there are ${service}, ${project}, ${region}",
    "analysis: {metrics: {a: {filter: 'resource.type=\"x\"'}}}": "7:34: analysis.metrics.a.filter needs exactly one metric.type = ",
    "analysis: {metrics: {a: {promql: x, growth: true}}}": "7:25: analysis.metrics.a needs a tolerance: the growth per instance and minute",
    "analysis: {metrics: {a: {promql: x, growth: true, tolerance: 5%}}}": "7:62: analysis.metrics.a.tolerance '5%' is not a growth per instance and minute",
    "analysis: {metrics: {a: {promql: x, growth: true, tolerance: 5, direction: higher_is_better}}}": "7:25: analysis.metrics.a is judged by its growth, ",
    "analysis: {metrics: {a: {promql: x, revision_label: metric.label.x}}}": "7:53: analysis.metrics.a.revision_label 'metric.label.x' is not a label of PromQL",
    "analysis: {metrics: {a: {filter: 'metric.type=\"b\"', instance_label: x}}}": "7:69: analysis.metrics.a.instance_label 'x' is not a label of a filter",
    "analysis: {metrics: {a: {promql: x, tolerence: 1}}}": "7:37: unknown key analysis.metrics.a.tolerence; did you mean tolerance?",
    "service_account: me": "7:18: service_account 'me' is not an email address",
    "region: Mars": "7:1: the key 'region' is set twice",
    "version: 2": "7:10: version is 2; it can be 1",
    '"a\\nb": 1': "7:1: unknown key ['a\\nb']; known here: ",
}


@pytest.mark.parametrize(("line", "expected"), MODEL.items())
def test_a_fault_has_its_place_and_a_sentence(line: str, expected: str) -> None:
    (found,) = faults(BASE + line + "\n")
    assert found.startswith(expected)
    assert "\n" not in found


SECRETS = {
    "rollout: {hooks: [{when: after, http: {url: 'https://me:hunter2@h/'}}]}": "7:45: rollout.hooks[0].http.url holds an address with a password in clear text",
    "rollout: {hooks: [{when: after, http: {url: 'https://h/?token=hunter2'}}]}": "7:39: rollout.hooks[0].http has token in clear text in its url; write {prefix: ",
    "rollout: {hooks: [{when: after, http: {url: {env: A}, headers: {authorization: hunter2}}}]}": "7:39: rollout.hooks[0].http has the header authorization in clear text; write {env: NAME}",
    "rollout: {hooks: [{when: after, http: {url: {env: A}, headers: {X-Api-Key: hunter2}}}]}": "7:39: rollout.hooks[0].http has the header X-Api-Key in clear text; write {env: NAME}",
    "rollout: {hooks: [{when: after, http: {url: {env: A}, headers: {A: 'https://b:hunter2@c/'}}}]}": "7:68: rollout.hooks[0].http.headers.A holds an address with a password",
    "rollout: {hooks: [{when: after, http: {url: {env: A}, body: 'x https://b:hunter2@c/'}}]}": "7:61: rollout.hooks[0].http.body holds an address with a password",
    "rollout: {hooks: [{when: after, command: [curl, 'https://b:hunter2@c/']}]}": "7:49: rollout.hooks[0].command[1] holds an address with a password",
    "notify: [{webhook: 'https://h/hunter2'}]": "7:20: notify[0].webhook stands in clear text; put it into a variable and write {env: NAME}",
}


@pytest.mark.parametrize(("line", "expected"), SECRETS.items())
def test_a_secret_is_refused_and_not_repeated(line: str, expected: str) -> None:
    (found,) = faults(BASE + line + "\n")
    assert found.startswith(expected)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("written", "steps", "pauses"),
    [
        ("[5, 25]", (5, 25), ()),
        ("[5, pause, 25, 50, pause]", (5, 25, 50), (1, 3)),
        ("[pause, 5]", (5,), (0,)),
        ("[pause]", (), (0,)),
        ("[pause, 5, pause, 25, pause]", (5, 25), (0, 1, 2)),
        ("[]", (), ()),
    ],
)
def test_a_pause_is_before_the_step_it_stands_before(
    written: str, steps: tuple[int, ...], pauses: tuple[int, ...]
) -> None:
    rollout = read(BASE + f"rollout: {{steps: {written}}}\n").rollout
    assert (rollout.steps, rollout.pauses) == (steps, pauses)


def test_gates_and_listeners_are_read() -> None:
    spec = read(
        BASE
        + """\
rollout:
  on_cancel: keep
  smoke: [{path: /ready, max_latency: 800ms}]
  hooks:
    - {when: before_apply, name: migrate, command: [./bin/migrate, --check], timeout: 5m}
    - when: before_traffic
      http:
        url: https://change.example.com/approve
        headers: {Authorization: {prefix: "Bearer ", env: CHANGE_TOKEN}, X-Team: shop}
        status: 204
    - {when: after, http: {url: {env: DONE_URL}, method: PUT, body: done}}
    - {when: after, command: [bin/clean-up]}
notify:
  - slack: {env: SLACK_URL}
  - {webhook: {env: HOOK_URL}, events: [start, end]}
  - pubsub: projects/shop-prod/topics/rollouts
"""
    )
    migrate, approve, done, _ = spec.rollout.hooks
    assert spec.rollout.on_cancel == "keep"
    assert spec.rollout.smoke[0].max_latency == 0.8
    assert (migrate.when, migrate.command, migrate.timeout) == (
        "before_apply", ("./bin/migrate", "--check"), 300.0,
    )  # fmt: skip
    assert [hook.title for hook in spec.rollout.hooks] == [
        "migrate", "change.example.com", "DONE_URL", "clean-up",
    ]  # fmt: skip
    assert approve.http is not None
    assert (approve.http.method, approve.http.body, approve.http.status) == ("POST", None, 204)
    assert approve.http.headers["Authorization"].env == "CHANGE_TOKEN"
    assert (approve.http.headers["X-Team"].prefix, approve.http.headers["X-Team"].env) == ("shop", None)
    assert done.http is not None
    assert (done.http.url.env, done.http.method, done.http.body) == ("DONE_URL", "PUT", "done")
    slack, webhook, topic = spec.notify
    assert slack.events == ("start", "step", "verdict", "end")
    assert webhook.events == ("start", "end")
    assert topic.pubsub == "projects/shop-prod/topics/rollouts"


CONTAINERS = {
    "- {image: a, env: {1A: b}}": "5:20: containers[0].env.1A '1A' is not the name of an environment variable",
    "- {image: a, env: {A: b}, secrets: {A: {secret: s}}}": "5:3: containers[0] sets A both in env and in secrets",
    "- {image: a, env: {TIDEGATE_COLLECT_PORT: '70000'}}": "5:3: containers[0] sets TIDEGATE_COLLECT_PORT to '70000', which is no port",
    "- {image: a, env: {TIDEGATE_COLLECT_PORT: ' 80'}}": "5:3: containers[0] sets TIDEGATE_COLLECT_PORT to ' 80', which is no port",
    "- {image: a, env: {TIDEGATE_COLLECT_PORT: '0080'}}": "5:3: containers[0] sets TIDEGATE_COLLECT_PORT to '0080', which is no port",
    "- {image: a, port: 99999}": "5:20: containers[0].port is 99999; it must be at most 65535",
    "- {image: ''}": "5:11: containers[0].image is empty",
    "- {image: a, probes: {startup: {}}}": "5:32: containers[0].probes.startup needs exactly one of http, tcp and grpc",
    "- {image: a, resources: {memory: much}}": "5:34: containers[0].resources.memory 'much' is not an amount",
    "- {image: a, resources: {cpu: 1}}": "5:31: containers[0].resources.cpu is 1, not a text; put it in quotes",
    "- {image: a}\n- {name: b, image: b}": "5:1: containers needs exactly one container with a port",
    "- {image: a, port: 1}\n- {image: b}": "5:1: containers has two containers of the same name",
    "- {image: a, port: 1, depends_on: [b]}": "5:1: containers has a depends_on that names no other container: b",
    "- {name: a, port: 1}\n- {name: b, image: b, depends_on: [a]}": "5:1: containers has a depends_on on a, which",
    " []": "5:2: containers is empty; at least one is needed",
}


@pytest.mark.parametrize(("text", "expected"), CONTAINERS.items())
def test_a_fault_of_a_container_has_its_place(text: str, expected: str) -> None:
    head = BASE.partition("containers:")[0] + "containers:\n"
    (found,) = faults(f"{head}{text}\n")
    assert found.startswith(expected), found


def test_every_fault_of_a_file_is_told_at_once_in_the_order_of_the_file() -> None:
    found = faults(
        """\
servce: orders
project: P
region: europe-west1
containers:
  - image: 3
    probes:
      startup:
        http:
          path: no-slash
        perod: 1s
    env:
      - A
scaling: {max_instances: many, min_instances: -1}
environments:
  prod:
    rollot: {}
"""
    )
    assert [f.split(": ")[0] for f in found] == [
        "1:1",
        "1:1",
        "2:10",
        "5:12",
        "9:17",
        "10:9",
        "12:7",
        "13:26",
        "13:47",
        "16:5",
    ]
    assert "service is missing" in found[0] + found[1]


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ("{fd_level: {threshold: 0.95}}", "7:20: alerts.fd_level has a threshold of 0.95, above 0.9"),
        (
            "{fd_level_critical: {threshold: 0.5}}",
            "7:29: alerts.fd_level_critical has a threshold of 0.5, below 0.8 of fd_level",
        ),
        (
            "{fd_level_critical: {threshold: 0.5}, fd_level: {threshold: 0.6}}",
            "7:57: alerts.fd_level has a threshold of 0.6, above 0.5 of fd_level_critical",
        ),
    ],
)
def test_a_warning_comes_before_what_is_critical(alerts: str, expected: str) -> None:
    (found,) = faults(f"{BASE}alerts: {alerts}\n")
    assert found.startswith(expected), found


@pytest.mark.parametrize(
    "alerts",
    [
        "{fd_level: {threshold: 0.9}}",
        "{fd_level: {threshold: 0.95}, fd_level_critical: {enabled: false}}",
        "{fd_level: {threshold: 0.95, enabled: false}}",
        "{fd_level: {threshold: 0.95}, fd_level_critical: {threshold: 0.97}}",
    ],
)
def test_levels_that_are_in_order_or_alone_are_read(alerts: str) -> None:
    read(f"{BASE}alerts: {alerts}\n")


def test_sections_that_do_not_fit_together_are_told_beside_others_that_cannot_be_read() -> None:
    found = faults(
        """\
service: orders
project: x
region: europe-west1
color: red
containers:
  - {name: a, image: a, port: 1, depends_on: [gone, gone-too], mounts: {data: /data}}
  - {name: a, image: b, http2: true}
service_account: a@shop-prod.iam.gserviceaccount.com
roles: [roles/run.viewer]
telemetry: {collector: {interval: 500ms}}
"""
    )
    assert [f.split(": ")[0] for f in found] == [
        "1:1",
        "2:10",
        "4:1",
        "6:3",
        "6:3",
        "6:3",
        "6:3",
        "9:8",
        "10:35",
    ]
    assert [f for f in found if "names no other container" in f] == [
        "6:3: containers has a depends_on that names no other container: gone",
        "6:3: containers has a depends_on that names no other container: gone-too",
    ]
    told = "\n".join(found)
    for fault in (
        "volumes has no data, which the container a mounts",
        "containers has two containers of the same name",
        "containers has http2 on a, which takes no requests",
        "roles are for the account that is made",
        "telemetry.collector.interval '500ms' is a fraction of a second",
    ):
        assert fault in told


@pytest.mark.parametrize(
    "broken",
    ["containers: 3\nvolumes: {}", "containers: [{image: a, mounts: {d: /d}}]\nvolumes: 3",
     "containers: [{image: a, port: no}, {name: b, image: b}]"],
)  # fmt: skip
def test_nothing_is_said_of_what_could_not_be_read(broken: str) -> None:
    head = BASE.partition("containers:")[0]
    (found,) = faults(f"{head}{broken}\n")
    assert "is not a" in found or "not a whole number" in found


def test_a_base_that_its_overlays_complete_need_not_fit_together_alone() -> None:
    base = BASE.replace("project: shop-prod\n", "").replace("port: 8080", "mounts: {data: /data}")
    prod = "environments:\n  prod:\n    project: shop-prod\n    volumes: {data: {memory: {}}}\n"
    assert "data" in read(base + prod, "prod").volumes
    (found,) = faults(base + prod)
    assert found.endswith("project is missing")


def test_a_metric_of_ones_own_is_read_and_can_be_named() -> None:
    spec = read(
        BASE
        + """\
analysis:
  metrics:
    goroutines: {promql: 'go_goroutines{service_name="${service}"}', growth: true, tolerance: 5}
    queue_depth:
      filter: metric.type="custom.googleapis.com/orders/queue_depth" AND resource.type="generic_task"
      tolerance: 20%
      min_change: 10
      unit: jobs
      instance_label: resource.label.task_id
    hits: {filter: 'metric.type = "prometheus.googleapis.com/hits/gauge"', direction: higher_is_better}
  required: [goroutines, request_count]
  dry_run: [queue_depth, cpu_utilization]
  memory_min_slope: 1Mi
  mode: fix
  on_pre_existing: promote
"""
    )
    own = spec.analysis.metrics
    assert [(name, m.tolerated, m.min_change, m.growth) for name, m in own.items()] == [
        ("goroutines", 5, 0, True),
        ("queue_depth", 0.2, 10, False),
        ("hits", 0.1, 0, False),
    ]
    assert spec.analysis.required == ("goroutines", "request_count")
    assert spec.analysis.dry_run == ("queue_depth", "cpu_utilization")
    assert (spec.analysis.mode, spec.analysis.on_pre_existing) == ("fix", "promote")


def test_a_metric_with_faults_can_still_be_named_and_all_faults_are_told() -> None:
    found = faults(BASE + "analysis: {required: [jobs, jbs], metrics: {jobs: {unit: x}}}\n")
    assert [f.split(": ")[0] for f in found] == ["7:29", "7:51"]
    assert found[0].endswith("did you mean jobs?")


def test_what_is_required_by_default_may_be_a_dry_run() -> None:
    assert read(BASE + "analysis: {dry_run: [open_fds]}\n").analysis.dry_run == ("open_fds",)


def test_the_spec_knows_what_the_judge_judges() -> None:
    assert set(JUDGED) == set(judge.JUDGED)


# ------------------------------------------------------------------------------------------ what is no spec

NO_SPEC = {
    "": "1:1: is empty",
    "# nothing\n": "1:1: is empty",
    "~": "1:1: is empty",
    "---\n...\n": "1:1: is empty",
    "- a\n": "1:1: is not a mapping of keys to values",
    "orders": "1:1: is not a mapping of keys to values",
    BASE + "---\n" + BASE: "7:1: a second document begins here; a spec is one document",
    "service: a\n\tproject: b\n": "2:1: is not valid YAML: found character '\\t' that cannot start any token",
    "service: a: b\n": "1:11: is not valid YAML: mapping values are not allowed here",
    'service: "a\n': "2:1: is not valid YAML: found unexpected end of stream",
    'service: "\\q"\n': "1:12: is not valid YAML: found unknown escape character 'q'",
    "a: *b\n": "1:4: is not valid YAML: found undefined alias 'b'",
    "scaling: {max: 1\n": "2:1: is not valid YAML: expected ',' or '}', but got '<stream end>'",
    "scaling: {<<: 1}\n": "1:15: is not valid YAML: expected a mapping",
    "%YAML 9.9\n---\na: 1\n": "1:1: is not valid YAML: found incompatible YAML document",
    BASE + "service: b\n": "7:1: the key 'service' is set twice",
    BASE + "scaling: {max_instances: 1, max_instances: 2}\n": "7:29: the key 'max_instances' is set twice",
    BASE + "labels:\n  a: x\0\n": "8:7: has a control character (U+0000)",
    BASE + "labels:\n  a: x\x01\n": "8:7: has a control character (U+0001)",
    BASE + 'labels: {a: "x\\0"}\n': "7:13: has a control character (U+0000) in its text",
    BASE + 'labels: {a: "x\\e"}\n': "7:13: has a control character (U+001B) in its text",
    BASE + 'labels: {a: "\\ud800"}\n': "7:13: has a control character (U+D800) in its text",
    BASE + "labels: {1: a}\n": "7:10: the key 1 is not a text; put it in quotes",
    BASE + "labels: {2026-01-01: a}\n": "7:10: this key is not a text; put it in quotes",
    BASE + "labels: {[a]: b}\n": "7:10: this key is not a text; put it in quotes",
    "? {a: 1}\n: 2\n": "1:3: this key is not a text; put it in quotes",
    BASE + "labels: {a: 2026-01-01}\n": "7:13: is a date, which a spec cannot hold; put it in quotes",
    BASE
    + "labels: {a: 2026-01-01T00:00:00Z}\n": "7:13: is a time, which a spec cannot hold; put it in quotes",
    BASE
    + "labels: {a: !!binary aGk=}\n": "7:13: is a binary value, which a spec cannot hold; put it in quotes",
    BASE + "labels: !!set {a}\n": "7:9: is a set, which a spec cannot hold; put it in quotes",
    BASE + "labels: !!omap [a: b]\n": "7:9: has the tag !!omap, which a spec cannot hold",
    BASE + "labels: !mine {a: b}\n": "7:9: has the tag !mine, which a spec cannot hold",
    BASE + "ingress: !mine all\n": "7:10: is a value with a tag of its own, which a spec cannot hold",
    BASE
    + "labels: !!python/object/apply:os.system [ls]\n": "7:9: has the tag tag:yaml.org,2002:python/object",
    BASE + f"version: {'9' * 5000}\n": "1:1: is not valid YAML: it has a tag or a number that cannot be read",
    BASE + f"version: {'9' * 500}\n": "7:10: version has too many digits",
    BASE + f"ingress: {'x' * 30000}\n": "7:10: ingress is 'xxxxx",
}


@pytest.mark.parametrize(("text", "expected"), NO_SPEC.items(), ids=range(len(NO_SPEC)))
def test_what_is_no_spec_is_refused_with_its_place(text: str, expected: str) -> None:
    (found,) = faults(text)
    assert found.startswith(expected)
    assert "\n" not in found
    assert len(found) < 300


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbf" + BASE.encode(), "1:1: starts with a byte-order mark; save it as UTF-8 without one"),
        (BASE.encode("utf-16"), "1:1: starts with a byte-order mark; save it as UTF-8 without one"),
        (BASE.encode("utf-16-le"), "1:2: has a control character (U+0000)"),
        (BASE.encode() + b"labels: {a: \xe9}\n", "7:1: is not UTF-8: byte 0xe9"),
        (BASE.encode() + b"#" * 10_000_000, f" is longer than {MAX_BYTES:,} bytes"),
    ],
)
def test_what_is_no_text_is_refused_at_the_door(data: bytes, expected: str) -> None:
    assert faults(data) == [expected]


def test_a_duplicate_key_does_not_show_the_values() -> None:
    assert "hunter2" not in str(faults(BASE + "labels: {a: hunter2, a: hunter2}\n"))


BOMB = "x0: &x0 [a,a,a,a,a,a,a,a,a]\n" + "".join(
    f"x{n}: &x{n} [{','.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    assert faults(BASE + BOMB) == [" has more than 50,000 values once its aliases are written out"]


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "&a a: *a\n", "a: &a {b: *a}\n", "a: &a\n  - b: *a\n"])
def test_an_alias_of_itself_ends(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: " + "[" * 100 + "]" * 100, "1:53"),
        ("a: " + "[" * 500_000, "1:204"),
        ("a: " + "{a: " * 100 + "1" + "}" * 100, "1:200"),
        ("".join(" " * n + "a:\n" for n in range(100)), "51:51"),
        ("a: " + "- " * 100 + "b", ""),
    ],
)
def test_deep_nesting_is_refused(text: str, place: str) -> None:
    (found,) = faults(text)
    assert found.startswith(
        f"{place}: is nested more than 50 levels deep" if place else "1:4: is not valid YAML"
    )


def test_brackets_in_a_text_are_no_nesting() -> None:
    assert read(BASE + f"    args: ['{'[' * 100}']\n").containers[0].args == ("[" * 100,)


# ------------------------------------------------------------------------------------------------ overlays

OVERLAID = (
    BASE
    + """\
scaling:
  min_instances: 1
  max_instances: 4
labels: {team: shop}
environments:
  prod:
    scaling:
      max_instances: 50
    labels: {tier: one}
    containers:
      - image: shop/orders:v2
  staging: {}
"""
)


def test_an_overlay_merges_mappings_and_replaces_the_rest() -> None:
    prod = read(OVERLAID, "prod")
    assert (prod.scaling.min_instances, prod.scaling.max_instances) == (1, 50)
    assert prod.labels == {"team": "shop", "tier": "one"}
    assert (prod.containers[0].image, prod.containers[0].port) == ("shop/orders:v2", None)
    assert read(OVERLAID, "staging") == read(OVERLAID)


def test_the_environments_of_a_file_are_named() -> None:
    assert environments(OVERLAID.encode(), "t.yaml") == ("prod", "staging")
    assert environments(BASE.encode(), "t.yaml") == ()


INCOMPLETE = BASE.replace("project: shop-prod\n", "") + "environments:\n  prod: {project: shop-prod}\n"


def test_an_overlay_may_complete_the_base() -> None:
    assert read(INCOMPLETE, "prod").project == "shop-prod"


def test_an_incomplete_base_alone_says_which_environments_there_are() -> None:
    with pytest.raises(InvalidInput, match="project is missing") as caught:
        read(INCOMPLETE)
    assert caught.value.hint == "choose an environment with --env: prod"


def test_a_wrong_base_gets_no_such_hint() -> None:
    with pytest.raises(InvalidInput) as caught:
        read(INCOMPLETE.replace("orders", "Orders", 1))
    assert caught.value.hint == ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [("prd", "did you mean prod?"), ("x", "environments: prod, staging"), ("", "environments: ")],
)
def test_an_unknown_environment_is_a_usage_error(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"t.yaml has no environment {name!r}") as caught:
        read(OVERLAID, name)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("environment", [None, "prod", "staging"])
def test_a_fault_of_an_overlay_is_placed_there_whichever_environment_is_asked_for(
    environment: str | None,
) -> None:
    text = OVERLAID.replace("max_instances: 50", "max_instances: 0")
    assert faults(text, environment) == ["14:22: scaling.max_instances is 0; it must be at least 1"]


def test_a_fault_of_the_base_is_told_once_however_many_overlays_there_are() -> None:
    assert faults(OVERLAID.replace("max_instances: 4", "max_instances: many")) == [
        "9:18: scaling.max_instances is 'many', not a whole number"
    ]


def test_a_fault_between_base_and_overlay_is_told() -> None:
    (found,) = faults(OVERLAID.replace("min_instances: 1", "min_instances: 4").replace(": 50", ": 3"), "prod")
    assert found == "14:7: scaling has min_instances above max_instances"


def test_a_fault_that_came_by_a_merge_key_is_placed_where_it_is_written_or_used() -> None:
    text = BASE + "labels: &l {Team: x}\nenvironments:\n  prod:\n    labels:\n      <<: *l\n"
    assert {f.split(":")[0] for f in faults(text)} <= {"7", "10", "11"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("environments: [prod]\n", "7:15: environments is not a mapping of names to overlays"),
        ("environments: {prod: 1}\n", "7:22: the environment prod is not a mapping"),
        (
            "environments: {prod: {environments: {}}}\n",
            "7:23: an environment cannot have environments of its own",
        ),
        ("environments: {1: {}}\n", "7:16: the key 1 is not a text; put it in quotes"),
    ],
)
def test_environments_are_overlays_by_name(text: str, expected: str) -> None:
    assert faults(BASE + text) == [expected]


# -------------------------------------------------------------------------------------------- whatever comes

KEYS = st.sampled_from(
    [
        "service",
        "project",
        "region",
        "containers",
        "scaling",
        "environments",
        "labels",
        "alerts",
        "state",
        "name",
        "analysis",
        "metrics",
        "required",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["a", "!!int a", "*x", "&x a", "!x", "<<: *x", "1e999", "2026-01-01", "0x_", "-", "? a", "|", "%"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


def check(data: bytes, environment: str | None) -> None:
    """Read, or refused with one line per fault, each with a place inside the file."""
    refused: tuple[Fault, ...] = ()
    try:
        load(data, "t.yaml", environment)
        return
    except InvalidInput as error:
        refused = error.faults
    except UsageError as error:
        refused = (Fault("t.yaml", 0, 0, error.message),)
    assert refused
    for fault in refused:
        assert fault.message
        assert "\n" not in fault.message
        assert 0 <= fault.line <= len(re.findall(rb"\r\n|[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9]", data)) + 1


def flow(value: object) -> str:
    """YAML in flow style, careless about quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return "" if value is None else str(value)


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from([None, "a"]), st.booleans())
def test_random_values_are_read_or_refused(
    values: dict[str, object], environment: str | None, whole: bool
) -> None:
    lines = "".join(f"{key}: {flow(value)}\n" for key, value in values.items())
    check(((BASE if whole else "") + lines).encode("utf-8", "surrogatepass"), environment)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *":-?[]{},&*!|>%@`\"'#\n\t \\~<=\r",
                "  ",
                "\n  ",
                "\n- ",
                ": ",
                "a",
                "service",
                "<<",
                "!!",
                "&x",
                "*x",
                "!!int",
                "!!set",
                "!!omap",
                "!!timestamp",
                "!!float",
                "!!binary",
                "!!str",
                "!!bool",
                "1",
                "0o",
                "0b",
                "---\n",
                "...\n",
                "%YAML 1.1\n",
                "%TAG ! x\n",
                "\x85",
                "\u2028",
                "\ufeff",
                "é",
            ]
        ),
        max_size=25,
    )
)
def test_random_text_is_read_or_refused(parts: list[str]) -> None:
    check("".join(parts).encode(), None)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    check(data, None)
