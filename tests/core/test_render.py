"""A spec and templates in, files out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import unicodedata
from typing import Any

import hcl2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.rootdir import module_texts, template_texts
from tidegate.core.errors import InvalidInput
from tidegate.core.render import render
from tidegate.core.render.arguments import arguments
from tidegate.core.spec import Spec, load

TEMPLATES = template_texts()
MODULES = module_texts()
BARE = """
service: orders
project: shop-prod
region: europe-west1
containers:
  - image: example/orders:1
    port: 8080
"""
FULL = """
service: orders
project: shop-prod
region: europe-west1
containers:
  - name: app
    image: example/orders@sha256:00
    port: 8080
    command: [/bin/app]
    args: [--listen, ":8080"]
    resources: {cpu: "2", memory: 1Gi, startup_cpu_boost: true}
    env: {UPSTREAM: "http://upstream/${id}"}
    secrets: {API_KEY: {secret: orders-key, version: "3"}}
    probes:
      startup: {http: {path: /healthz}, period: 5s}
      liveness: {http: {path: /healthz, port: 8081}, period: 30s, timeout: 3s}
  - name: helper
    image: example/helper:2
    depends_on: [app]
scaling: {min_instances: 1, max_instances: 4, concurrency: 20}
ingress: internal-and-load-balancer
billing: request
request_timeout: 2m
service_account: orders@shop-prod.iam.gserviceaccount.com
invokers: ["serviceAccount:web@shop-prod.iam.gserviceaccount.com", allUsers]
allow_public: true
deletion_protection: false
labels: {team: orders, stage: production}
telemetry:
  open_fds: process_unix_file_descriptor_count
  memory_bytes: app_memory
  collector: {port: 9090, path: /prom}
alerts:
  channels: [{email: oncall@example.com}, {existing: projects/shop-prod/notificationChannels/7}]
  latency_p99: {threshold: 1.5s, for: 10m}
  instances: {enabled: false}
state: {backend: gcs, bucket: shop-state, prefix: deployments}
"""


def spec_of(text: str) -> Spec:
    return load(text.encode(), "tidegate.yaml")


def rendered(spec: Spec, **templates: str) -> dict[str, str]:
    return render(spec, TEMPLATES | templates, MODULES)


def call(files: dict[str, str], root: str) -> dict[str, Any]:
    """The arguments of the module call of a root, as python-hcl2 reads them."""
    options = hcl2.SerializationOptions(
        strip_string_quotes=True, explicit_blocks=False, with_comments=False, preserve_heredocs=False
    )
    read = hcl2.loads(files[f"{root}/main.tf"], serialization_options=options)
    found: dict[str, Any] = read["module"][0][root]
    return found


def faults(error: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [str(fault) for fault in error.value.faults]


def test_both_roots_are_complete_and_carry_their_module() -> None:
    files = rendered(spec_of(BARE))
    for root in ("service", "monitoring"):
        for name in ("main.tf", "versions.tf", "backend.tf", "outputs.tf"):
            assert f"{root}/{name}" in files
        for path, text in MODULES.items():
            if path.startswith(f"{root}/") and not path.endswith(".md"):
                copied = files.get(f"{root}/modules/{path}")
                assert copied == (None if "/examples/" in path else text)
        assert call(files, root)["source"] == f"./modules/{root}"
    assert list(files) == sorted(files)


def test_the_service_call_says_what_the_spec_says() -> None:
    arguments = call(rendered(spec_of(FULL)), "service")
    app = arguments["containers"]["app"]
    assert app["image"] == "example/orders@sha256:00"
    assert app["command"] == ["/bin/app"]
    assert (app["cpu"], app["memory"], app["startup_cpu_boost"]) == ("2", "1Gi", True)
    assert app["secrets"] == {"API_KEY": {"secret": "orders-key", "version": "3"}}
    assert app["startup_probe"]["http"] == {"path": "/healthz"}
    assert app["liveness_probe"] == {
        "http": {"path": "/healthz", "port": 8081},
        "initial_delay_seconds": 0,
        "period_seconds": 30,
        "timeout_seconds": 3,
        "failure_threshold": 3,
    }
    assert arguments["containers"]["helper"]["depends_on"] == ["app"]
    assert arguments["scaling"] == {"min_instances": 1, "max_instances": 4, "concurrency": 20}
    assert arguments["timeout_seconds"] == 120
    assert (arguments["billing"], arguments["ingress"]) == ("request", "internal-and-load-balancer")
    assert arguments["invokers"] == ["allUsers", "serviceAccount:web@shop-prod.iam.gserviceaccount.com"]
    assert arguments["allow_public"] is True
    assert arguments["deletion_protection"] is False
    assert arguments["service_account_email"] == "orders@shop-prod.iam.gserviceaccount.com"
    assert arguments["collector"]["port"] == 9090


def test_the_monitoring_call_says_what_the_spec_says() -> None:
    arguments = call(rendered(spec_of(FULL)), "monitoring")
    assert arguments["channels"] == {
        "emails": ["oncall@example.com"],
        "existing": ["projects/shop-prod/notificationChannels/7"],
    }
    assert arguments["telemetry"]["open_fds"] == "process_unix_file_descriptor_count"
    assert arguments["telemetry"]["memory_bytes"] == "app_memory"
    assert arguments["alerts"]["latency_p99"]["threshold_seconds"] == 1.5
    assert arguments["alerts"]["latency_p99"]["for_seconds"] == 600
    assert arguments["alerts"]["instances"]["enabled"] is False
    assert set(arguments["alerts"]) == {"enabled", "latency_p99", "instances", "telemetry_silent"}
    assert arguments["cost"] == {"billing": "request", "vcpu": 4, "memory_gib": 2}
    assert arguments["slo"] == {}
    assert arguments["scaling"]["concurrency"] == 20


def test_each_root_has_its_own_state_apart_from_other_projects_regions_and_services() -> None:
    files = rendered(spec_of(FULL))
    assert 'prefix = "deployments/shop-prod/europe-west1/orders/service"' in files["service/backend.tf"]
    assert 'prefix = "deployments/shop-prod/europe-west1/orders/monitoring"' in files["monitoring/backend.tf"]
    assert 'backend "local" {}' in rendered(spec_of(BARE))["service/backend.tf"]


def test_rendering_is_the_same_to_the_byte() -> None:
    first = rendered(spec_of(FULL))
    assert rendered(spec_of(FULL)) == first
    backwards = dict(reversed(list(TEMPLATES.items()))), dict(reversed(list(MODULES.items())))
    assert list(render(spec_of(FULL), *backwards).items()) == list(first.items())


def test_no_image_says_where_it_comes_from() -> None:
    text = BARE.replace("image: example/orders:1\n    ", "")
    with pytest.raises(InvalidInput) as error:
        rendered(spec_of(text))
    assert "container app has no image" in error.value.message
    assert "--image" in error.value.message + error.value.hint
    assert rendered(spec_of(text).with_image("example/orders:2"))


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = FULL.replace("image: example/helper:2", "args: []").replace("period: 5s", "period: 5.5s")
    with pytest.raises(InvalidInput) as error:
        rendered(spec_of(text.replace("request_timeout: 2m", "request_timeout: 0.5s")))
    said = "\n".join(faults(error))
    assert "helper has no image" in said
    assert "probes.startup.period is 5.5 s" in said
    assert "request_timeout is 0.5 s" in said


@pytest.mark.parametrize(
    ("template", "line", "why"),
    [
        ("\n\nx = {{ nothing | hcl }}", 3, "'nothing' is undefined"),
        ("\nx = {{ spec.nothing | hcl }}", 2, "nothing"),
        ("\nx = {{ nothing }}", 2, "'nothing' is undefined"),
        ("\n{% if nothing %}{% endif %}", 2, "'nothing' is undefined"),
        ("\nx = {{ [nothing] | hcl }}", 2, "nothing"),
        ("\nx = {{ spec.service }}", 2, "without the hcl filter"),
        ("\nx = {{ spec.service | hcl | upper }}", 2, "without the hcl filter"),
        ('\nx = {{ (spec.service | hcl) ~ "" }}', 2, "without the hcl filter"),
        ('\nx = {{ "text" }}', 2, "without the hcl filter"),
        ('\nx = "{{ spec.service | hcl }}"', 2, "between quotes"),
        ('\nx = "a{{ spec.service | hcl }}"', 2, "between quotes"),
        ("\nx = {{ spec | hcl }}", 2, "Spec has no HCL literal"),
        ("\nx = {{ (1 / 0) | hcl }}", 2, "division by zero"),
        ("\nx = {{ spec.service.x() | hcl }}", 2, "x"),
        ("\nx = {{ spec.__class__.__mro__ | hcl }}", 2, "unsafe|may not"),
        ("\n{% include 'no.j2' %}", 2, "no template no.j2"),
        ("\n{% if %}", 2, "not valid"),
        ("\n{{ spec.service | hcl", 2, "not valid"),
        ("\n{{ spec.service | nofilter }}", 2, "nofilter"),
        ("\n{% for i in range(99999999) %}{% endfor %}", 2, "range|Range"),
    ],
)
def test_a_fault_in_a_template_names_the_template_and_the_line(template: str, line: int, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        rendered(spec_of(BARE), **{"service/extra.tf.j2": template})
    [fault] = error.value.faults
    assert (fault.path, fault.line) == ("service/extra.tf.j2", line)
    assert re.search(why, fault.message), fault.message
    assert "\n" not in fault.message


def test_a_fault_in_an_included_template_is_placed_there() -> None:
    extra = {"service/extra.tf.j2": "{% include 'parts/one.j2' %}", "parts/one.j2": "\n\n{{ nothing | hcl }}"}
    with pytest.raises(InvalidInput) as error:
        rendered(spec_of(BARE), **extra)
    assert [(f.path, f.line) for f in error.value.faults] == [("parts/one.j2", 3)]


def test_an_added_template_becomes_a_file_and_others_stay_out() -> None:
    files = rendered(
        spec_of(BARE), **{"service/more.tf.j2": "# {{ spec.service | hcl }}\n", "other/x.tf.j2": "{{ no }}"}
    )
    assert files["service/more.tf"] == '# "orders"\n'
    assert not [path for path in files if path.startswith("other/")]


def test_missing_modules_and_templates_are_said() -> None:
    with pytest.raises(InvalidInput, match="Terraform module is missing"):
        render(spec_of(BARE), TEMPLATES, {})
    with pytest.raises(InvalidInput, match="no templates"):
        render(spec_of(BARE), {}, MODULES)


# ------------------------------------------------------------------------------------------------- injection

NASTY = (
    "${", "$${", "%{ if true }", '"', "\\", "\n", "\r\n", "}", "{{ spec }}", "{% raw %}", "{#",
    '"\n}\nlocals {',
    '${file("/etc/passwd")}', "<<EOT\n", "#", "//", "/*", "\u2028", "\u202e", "é", "😀", "a", " ", "\x08",
)  # fmt: skip
texts = (
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=5)
    .map("".join)
    .map(lambda text: unicodedata.normalize("NFC", text))
)


def poisoned(spec: Spec, draw: Any) -> Spec:
    """Every string of the spec, also those the model would refuse, replaced by drawn text."""

    def changed(value: Any, key: str) -> Any:
        # Amounts are reckoned with, and so never reach a template as they were written.
        if key in ("backend", "billing", "cpu", "ingress", "memory", "name", "per_minute", "severity"):
            return value
        if isinstance(value, str):
            return draw()
        if isinstance(value, tuple):
            return tuple(changed(item, "") for item in value)
        if isinstance(value, dict):
            return {
                (draw() if key in ("env", "labels", "secrets") else k): changed(v, "")
                for k, v in value.items()
            }
        if hasattr(value, "model_fields_set"):
            names = type(value).model_fields
            return value.model_copy(update={name: changed(getattr(value, name), name) for name in names})
        return value

    result = changed(spec, "")
    assert isinstance(result, Spec)
    return result


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_every_text_of_a_spec_is_read_back_from_its_literal(data: st.DataObject) -> None:
    spec = poisoned(spec_of(FULL), lambda: data.draw(texts))
    files = rendered(spec)
    expected = arguments(spec)
    service = read_back(files["service/main.tf"], "service")
    monitoring = read_back(files["monitoring/main.tf"], "monitoring")
    for name in ("containers", "scaling", "collector", "invokers", "labels"):
        assert service[name] == expected[name]
    for name in ("channels", "telemetry", "scaling", "alerts", "labels"):
        assert monitoring[name] == expected[name]
    assert (service["name"], service["project"], service["region"]) == (
        spec.service,
        spec.project,
        spec.region,
    )
    assert service["service_account_email"] == spec.service_account
    [backend] = undone(hcl2.loads(files["service/backend.tf"]))["terraform"][0]["backend"]
    assert spec.state.backend == "gcs"
    assert backend["gcs"]["bucket"] == spec.state.bucket


def read_back(text: str, root: str) -> dict[str, Any]:
    """The one module call, in a file that holds nothing besides it and the provider block."""
    read = undone(hcl2.loads(text))
    assert {name for name in read if name != "__comments__"} == {"provider", "module"}
    assert len(read["provider"]) == len(read["module"]) == 1
    [name] = read["module"][0]
    assert name == root
    found: dict[str, Any] = read["module"][0][root]
    return found


def undone(value: Any) -> Any:
    """python-hcl2 keeps quotes and escapes as they were written."""
    if isinstance(value, dict):
        return {undone(key): undone(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [undone(item) for item in value]
    if isinstance(value, str) and value.startswith('"'):
        return re.sub(r'\\([nrt"\\]|u[0-9a-f]{4}|U[0-9a-f]{8})', _character, value[1:-1])
    return value


def _character(found: re.Match[str]) -> str:
    short = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
    return short.get(found[1]) or chr(int(found[1][1:], 16))


@pytest.mark.terraform
@pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH")
@settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_is_rendered_is_laid_out_as_terraform_would(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rendered")
    specs = [spec_of(BARE), spec_of(FULL)]
    specs += [poisoned(spec_of(FULL), lambda: data.draw(texts)) for _ in range(8)]
    for number, spec in enumerate(specs):
        for path, text in rendered(spec).items():
            target = folder / str(number) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", "-recursive", str(folder)],
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
