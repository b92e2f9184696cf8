"""The monitoring module, by a real terraform against the local control plane."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.provider_runs import Folder
from tidegate.adapters import rootdir
from tidegate.core.spec import Alerts
from tidegate.core.spec.values import memory_bytes

if TYPE_CHECKING:
    from infra.conftest import Cloud

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

SPEC = """
service: orders
project: shop-prod
region: europe-west1
containers: [{image: example/orders:1}]
scaling: {concurrency: 20}
labels: {team: orders}
telemetry: {open_fds: app_open_fds, max_fds: app_max_fds, tcp_connections: "app:tcp"}
alerts:
  channels: [{email: one@example.com}, {email: two@example.com}]
"""
KINDS = set(Alerts().kinds) - {"monthly_cost"}  # which needs a budget
MODULE = Path(__file__).resolve().parents[2] / "infra" / "modules" / "monitoring"


def policies(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Policies by kind, as Cloud Monitoring has them."""
    found = cloud.get("/v3/projects/shop-prod/alertPolicies").get("alertPolicies", [])
    return {policy["userLabels"]["alert"]: policy for policy in found}


def channels(cloud: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.get("/v3/projects/shop-prod/notificationChannels").get(
        "notificationChannels", []
    )
    return found


def condition(policy: dict[str, Any]) -> dict[str, Any]:
    [only] = policy["conditions"]
    found: dict[str, Any] = only["conditionPrometheusQueryLanguage"]
    return found


def test_created_changed_and_destroyed_with_nothing_left_to_plan_in_between(cloud: Cloud) -> None:
    folder = cloud.render(SPEC, "monitoring")
    assert "Success" in folder.run("validate", "-no-color")
    folder.apply()
    folder.plan(code=0)
    assert set(policies(cloud)) == KINDS
    assert {channel["labels"]["email_address"] for channel in channels(cloud)} == {
        "one@example.com",
        "two@example.com",
    }
    every = {channel["name"] for channel in channels(cloud)}
    assert all(set(policy["notificationChannels"]) == every for policy in policies(cloud).values())

    # A channel goes while policies name it, an alert is switched off, another changes.
    changed = SPEC.replace("{email: one@example.com}, ", "") + (
        "  instances: {enabled: false}\n  error_ratio: {threshold: 0.5, severity: CRITICAL}\n"
    )
    folder = cloud.render(changed, "monitoring")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    assert set(policies(cloud)) == KINDS - {"instances"}
    assert policies(cloud)["error_ratio"]["severity"] == "CRITICAL"
    assert "> 0.5" in condition(policies(cloud)["error_ratio"])["query"]
    assert len(channels(cloud)) == 1
    folder.destroy()
    assert policies(cloud) == {}
    assert channels(cloud) == []
    assert not cloud.get("/v1/projects/shop-prod/dashboards").get("dashboards")
    assert cloud.get("/v3/projects/shop-prod/services") == {}
    assert cloud.get("/v2/projects/shop-prod/metrics") == {}


def test_every_policy_tells_the_person_on_call_what_to_do(cloud: Cloud) -> None:
    cloud.render(SPEC, "monitoring").apply()
    for kind, policy in policies(cloud).items():
        assert policy["severity"] in {"CRITICAL", "ERROR", "WARNING"}
        assert policy["userLabels"] == {
            "team": "orders",
            "service": "orders",
            "managed_by": "tidegate",
            "alert": kind,
            "region": "europe-west1",
        }
        assert policy["alertStrategy"]["autoClose"] == "3600s"
        text = policy["documentation"]["content"]
        assert 500 < len(text) <= 8192
        assert len(policy["documentation"]["subject"]) <= 255
        assert [f"\n{step}. " in text for step in (1, 2, 3)] == [True] * 3
        for words in (
            "Likely cause:",
            "rollback",
            "orders",
            "--to-revisions=REVISION=100",
            "tidegate rollback --service orders",
            "**The query that fired**",
            condition(policy)["query"],
        ):
            assert words in text
        assert "${" not in text
        assert "%{" not in text


def test_a_rollback_command_of_ones_own_is_named(cloud: Cloud) -> None:
    folder = cloud.root("monitoring", alone('rollback_command = "tidegate rollback -f orders.yaml"'))
    folder.apply()
    for policy in policies(cloud).values():
        assert "`tidegate rollback -f orders.yaml`" in policy["documentation"]["content"]


def test_conditions_work_before_the_first_sample_and_look_at_this_service_only(cloud: Cloud) -> None:
    cloud.render(SPEC, "monitoring").apply()
    for policy in policies(cloud).values():
        found = condition(policy)
        assert found["disableMetricValidation"] is True
        assert int(found["evaluationInterval"].removesuffix("s")) % 30 == 0
        selectors = re.findall(r"([A-Za-z_:][A-Za-z0-9_:]*)\{([^}]*)\}", found["query"])
        assert selectors
        for metric, labels in selectors:
            assert 'project_id="shop-prod",location="europe-west1"' in labels
            if metric.startswith(("run_googleapis_com:", "logging_googleapis_com:")):
                assert 'monitored_resource="cloud_run_revision"' in labels
                assert 'service_name="orders"' in labels
            else:
                assert metric in {
                    "app_open_fds",
                    "app_max_fds",
                    "app:tcp",
                    "process_resident_memory_bytes",
                }
                assert 'cluster="__run__",namespace="orders"' in labels


def alone(*arguments: str) -> str:
    lines = "\n".join(f"  {argument}" for argument in arguments)
    return (
        'module "monitoring" {\n  source  = "./modules/monitoring"\n  project = "shop-prod"\n'
        f'  region  = "europe-west1"\n  service = "orders"\n{lines}\n}}\n'
        'output "all" {\n  value = module.monitoring\n}\n'
    )


def test_it_stands_alone_and_uses_channels_that_exist(cloud: Cloud) -> None:
    existing = cloud.post(
        "/v3/projects/shop-prod/notificationChannels",
        {"type": "email", "labels": {"email_address": "old@example.com"}, "displayName": "old"},
    )["name"]
    folder = cloud.root(
        "monitoring", alone(f'channels = {{ existing = ["{existing}"] }}', "dashboard = false")
    )
    folder.apply()
    folder.plan(code=0)
    outputs = json.loads(folder.run("output", "-json"))["all"]["value"]
    assert set(outputs["alert_policies"]) == KINDS
    assert outputs["notification_channels"] == [existing]
    assert outputs["dashboard"] is None
    folder.destroy()
    assert [channel["name"] for channel in channels(cloud)] == [existing]


def test_all_alerts_can_be_switched_off(cloud: Cloud) -> None:
    folder = cloud.render(SPEC + "  enabled: false\n", "monitoring")
    folder.apply()
    folder.plan(code=0)
    assert policies(cloud) == {}


def test_the_example_for_a_service_that_exists_works(cloud: Cloud, tmp_path: Path) -> None:
    shutil.copytree(MODULE, tmp_path / "module", ignore=shutil.ignore_patterns(".terraform*"))
    values = {"project": "shop-prod", "region": "europe-west1", "service": "orders", "slack_token": "s3cret"}
    environment = {f"TF_VAR_{name}": value for name, value in values.items()}
    folder = Folder(
        tmp_path / "module" / "examples" / "existing-service",
        cloud.provider,
        environment={"GOOGLE_OAUTH_ACCESS_TOKEN": "x", **environment},
    )
    folder.init()
    folder.apply()
    folder.plan(code=0)
    assert set(policies(cloud)) == (KINDS | {"monthly_cost"}) - {"connection_ratio"}
    assert "> 150" in condition(policies(cloud)["monthly_cost"])["query"]
    folder.destroy()


CHANNELS = """  channels:
    - slack: {channel: "#oncall", key: chat}
    - pagerduty: {key: pager}
    - webhook: {url: https://example.com/hook, key: hook}
"""
SECRETS = {"chat": "xoxb-very", "pager": "key-very", "hook": "word-very"}


def test_the_secrets_of_channels_reach_the_service_and_stay_nowhere(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = re.sub(r"  channels:.*\n", CHANNELS, SPEC)
    folder = cloud.render(text, "monitoring")
    said = _one_line(folder.run("plan", "-no-color", code=1))
    assert "needs an entry of its key in channel_secrets" in said
    monkeypatch.setenv("TF_VAR_channel_secrets", json.dumps(SECRETS))
    folder.run("plan", "-input=false", "-out=saved")
    folder.run("apply", "-input=false", "saved")
    folder.plan(code=0)
    made = {channel["type"]: channel["labels"] for channel in channels(cloud)}
    assert set(made) == {"slack", "pagerduty", "webhook_basicauth"}
    assert made["slack"]["channel_name"] == "#oncall"
    assert made["webhook_basicauth"]["username"] == "tidegate"
    assert stored_secrets(cloud) == set(SECRETS.values())
    kept = "".join(folder.run("show", "-json", *plan) for plan in ((), ("saved",)))
    kept += (folder.path / "terraform.tfstate").read_text() + (folder.path / "main.tf").read_text()
    assert [secret for secret in SECRETS.values() if secret in kept] == []

    # A changed secret alone is not seen: Terraform has nothing to compare it with. A new version sends it.
    monkeypatch.setenv("TF_VAR_channel_secrets", json.dumps(SECRETS | {"pager": "key-new"}))
    folder.plan(code=0)
    folder = cloud.render(text.replace("{key: pager}", '{key: pager, version: "2"}'), "monitoring")
    folder.apply()
    folder.plan(code=0)
    assert "key-new" in stored_secrets(cloud)
    folder.destroy()
    assert channels(cloud) == []


def stored_secrets(cloud: Cloud) -> set[str]:
    labels = [dict(channel.labels) for channel in cloud.world.channels.stored.values()]
    return {
        value
        for one in labels
        for name, value in one.items()
        if name in ("auth_token", "password", "service_key")
    }


def _one_line(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_the_objectives_are_what_the_spec_promises(cloud: Cloud) -> None:
    text = SPEC + "  slo: {availability: 0.999, latency: 0.95, latency_within: 500ms, days: 7}\n"
    folder = cloud.render(text, "monitoring")
    folder.apply()
    place = "/v3/projects/shop-prod/services/tidegate-orders-europe-west1/serviceLevelObjectives"
    found = {o["name"].rpartition("/")[2]: o for o in cloud.get(place)["serviceLevelObjectives"]}
    assert {name: o["goal"] for name, o in found.items()} == {"availability": 0.999, "latency": 0.95}
    assert {o["rollingPeriod"] for o in found.values()} == {"604800s"}
    cut = found["latency"]["serviceLevelIndicator"]["requestBased"]["distributionCut"]
    assert cut["range"] == {"max": 500.0}
    # The burn alerts measure on the same promise.
    assert "> 0.0144)" in condition(policies(cloud)["error_burn_fast"])["query"]
    assert "histogram_quantile(0.28," in condition(policies(cloud)["latency_burn_fast"])["query"]
    assert "> 500)" in condition(policies(cloud)["latency_burn_fast"])["query"]

    changed = text.replace("0.999", "0.99").replace("slo: {", "slo: {enabled: false, ")
    folder = cloud.render(changed, "monitoring")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    assert cloud.status(place) == 404
    assert "> 0.144)" in condition(policies(cloud)["error_burn_fast"])["query"]


def test_the_log_is_read_for_descriptors_that_have_run_out(cloud: Cloud) -> None:
    folder = cloud.render(SPEC, "monitoring")
    folder.apply()
    [metric] = cloud.get("/v2/projects/shop-prod/metrics")["metrics"]
    assert 'resource.labels.service_name="orders"' in metric["filter"]
    assert '"too many open files" OR "EMFILE"' in metric["filter"]
    in_promql = re.sub(r"[^a-zA-Z0-9_]", "_", metric["name"])
    query = condition(policies(cloud)["fd_errors"])["query"]
    assert f"logging_googleapis_com:user_{in_promql}{{" in query
    cloud.render(SPEC + "  fd_errors: {enabled: false}\n", "monitoring").apply()
    assert cloud.get("/v2/projects/shop-prod/metrics") == {}


def test_the_spec_and_the_module_have_the_same_defaults(cloud: Cloud) -> None:
    """What a spec does not say is left to the module, so both must mean the same."""
    explicit, bare = (
        cloud.render(SPEC, "monitoring"),
        alone(
            'labels = { team = "orders" }',
            "scaling = { concurrency = 20 }",
            'telemetry = { open_fds = "app_open_fds", max_fds = "app_max_fds", tcp_connections = "app:tcp" }',
            "alerts = { telemetry_silent = { expected = true } }",
        ),
    )
    explicit.apply()
    rendered = {kind: condition(policy) for kind, policy in policies(cloud).items()}
    explicit.destroy()
    cloud.root("monitoring", bare).apply()
    assert {kind: condition(policy) for kind, policy in policies(cloud).items()} == rendered
    for kind, alert in Alerts().kinds.items():
        written = written_defaults(kind)
        for field, about in type(alert).model_fields.items():
            name = about.alias or field
            default = about.default
            if isinstance(default, str) and default.endswith("Mi"):
                default = memory_bytes(default)
            found = written.pop(f"{name}_seconds" if f"{name}_seconds" in written else name)
            assert found == default, (kind, name)
        # What a spec cannot say: whether telemetry is known of, and other burn rates than the standard ones.
        assert set(written) <= {"expected"}, kind


def written_defaults(kind: str) -> dict[str, Any]:
    """The defaults of the attributes of one alert, as the module's variable has them."""
    text = rootdir.module_texts()["monitoring/variables.tf"]
    body = re.search(rf"^    {kind} = optional\(object\(\{{(.*?)^    \}}\), \{{\}}\)", text, re.M | re.S)
    assert body is not None, kind
    given = re.findall(r"^      (\w+)\s+= optional\(\w+, (.+)\)$", body[1], re.M)
    return {name: json.loads(value) for name, value in given}
