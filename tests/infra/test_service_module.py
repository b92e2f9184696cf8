"""The service module, by a real terraform against the local control plane."""

from __future__ import annotations

import base64
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tidegate.flows.check import check_plan

if TYPE_CHECKING:
    from infra.conftest import Cloud
    from local.provider_runs import Folder

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

SERVICE = "projects/shop-prod/locations/europe-west1/services/orders"
SECRET = "/v1/projects/shop-prod/secrets"
COLLECTOR = f"{SECRET}/orders-europe-west1-collector"
FULL = """
service: orders
project: shop-prod
region: europe-west1
containers:
  - name: app
    image: example/orders:1
    port: 8080
    command: [/bin/app]
    args: [--verbose]
    resources: {cpu: "2", memory: 1Gi, startup_cpu_boost: true}
    env: {UPSTREAM: "http://upstream/${id}%{x}"}
    secrets: {API_KEY: {secret: orders-key, version: "1"}}
    probes:
      startup: {http: {path: /healthz}, period: 5s}
      liveness: {http: {path: /alive}, period: 30s}
  - name: helper
    image: example/helper:2
    depends_on: [app]
scaling: {min_instances: 1, max_instances: 4, concurrency: 20}
ingress: internal
request_timeout: 2m
invokers: ["serviceAccount:web@shop-prod.iam.gserviceaccount.com"]
labels: {team: orders}
deletion_protection: false
"""
BARE = """
service: orders
project: shop-prod
region: europe-west1
containers: [{image: example/orders:1}]
deletion_protection: false
"""


def store_key(cloud: Cloud) -> None:
    cloud.post(f"{SECRET}?secretId=orders-key", {"replication": {"automatic": {}}})
    cloud.post(f"{SECRET}/orders-key:addVersion", {"payload": {"data": "a2V5"}})


def containers(cloud: Cloud) -> dict[str, dict[str, Any]]:
    found = cloud.get(f"/v2/{SERVICE}")["template"]["containers"]
    return {container["name"]: container for container in found}


def members(policy: dict[str, Any]) -> set[tuple[str, str]]:
    return {(b["role"], member) for b in policy.get("bindings", []) for member in b["members"]}


def test_created_changed_and_destroyed_with_nothing_left_to_plan_in_between(cloud: Cloud) -> None:
    store_key(cloud)
    folder = cloud.render(FULL, "service")
    assert "Success" in folder.run("validate", "-no-color")
    folder.apply()
    folder.plan(code=0)
    found = containers(cloud)
    app = found["app"]
    assert (app["image"], app["command"], app["args"]) == ("example/orders:1", ["/bin/app"], ["--verbose"])
    assert {e["name"]: e.get("value") for e in app["env"]} == {
        "UPSTREAM": "http://upstream/${id}%{x}",
        "API_KEY": None,
    }
    [secret] = [e["valueSource"]["secretKeyRef"] for e in app["env"] if e["name"] == "API_KEY"]
    assert (secret["secret"], secret["version"]) == ("orders-key", "1")
    assert app["resources"]["limits"] == {"cpu": "2", "memory": "1Gi"}
    assert app["resources"].get("cpuIdle", False) is False
    assert app["startupProbe"]["httpGet"] == {"path": "/healthz", "port": 8080}
    assert found["helper"]["dependsOn"] == found["collector"]["dependsOn"] == ["app"]
    assert [name for name, container in found.items() if container.get("ports")] == ["app"]
    service = cloud.get(f"/v2/{SERVICE}")
    assert service["ingress"] == "INGRESS_TRAFFIC_INTERNAL_ONLY" or service["ingress"] == 2
    assert service["template"]["timeout"] == "120s"
    assert service["template"]["maxInstanceRequestConcurrency"] == 20
    assert service["labels"]["team"] == "orders"

    changed = (
        FULL.replace("orders:1", "orders:2")
        .replace("--verbose", "--quiet")
        .replace("team: orders", "team: shop")
    )
    folder = cloud.render(changed, "service")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    assert containers(cloud)["app"]["image"] == "example/orders:2"
    folder.destroy()
    assert cloud.status(f"/v2/{SERVICE}") == 404
    assert cloud.status(COLLECTOR) == 404


def test_the_account_may_do_what_it_needs_and_no_more(cloud: Cloud) -> None:
    store_key(cloud)
    folder = cloud.render(FULL, "service")
    folder.apply()
    email = json.loads(folder.run("output", "-json", "service_account_email"))
    account = f"serviceAccount:{email}"
    assert re.fullmatch(r"[a-z][-a-z0-9]{4,28}[a-z0-9]@shop-prod\.iam\.gserviceaccount\.com", email)
    assert cloud.get(f"/v2/{SERVICE}")["template"]["serviceAccount"] == email
    accessor = {("roles/secretmanager.secretAccessor", account)}
    assert members(cloud.get(f"{COLLECTOR}:getIamPolicy")) == accessor
    assert members(cloud.get(f"{SECRET}/orders-key:getIamPolicy")) == accessor
    assert members(cloud.post("/v1/projects/shop-prod:getIamPolicy", {})) == {
        ("roles/logging.logWriter", account),
        ("roles/monitoring.metricWriter", account),
    }
    assert members(cloud.get(f"/v2/{SERVICE}:getIamPolicy")) == {
        ("roles/run.invoker", "serviceAccount:web@shop-prod.iam.gserviceaccount.com")
    }


def test_an_account_of_ones_own_keeps_its_roles(cloud: Cloud) -> None:
    own = "mine@shop-prod.iam.gserviceaccount.com"
    cloud.render(BARE + f"service_account: {own}\n", "service").apply()
    assert cloud.get(f"/v2/{SERVICE}")["template"]["serviceAccount"] == own
    assert members(cloud.post("/v1/projects/shop-prod:getIamPolicy", {})) == set()
    assert members(cloud.get(f"{COLLECTOR}:getIamPolicy")) == {
        ("roles/secretmanager.secretAccessor", f"serviceAccount:{own}")
    }


def test_the_collector_is_told_what_to_scrape_and_old_revisions_keep_their_version(cloud: Cloud) -> None:
    cloud.render(BARE, "service").apply()
    sidecar = containers(cloud)["collector"]
    [mount] = sidecar["volumeMounts"]
    [volume] = cloud.get(f"/v2/{SERVICE}")["template"]["volumes"]
    assert mount == {"name": volume["name"], "mountPath": "/etc/rungmp"}
    assert volume["secret"]["items"][0]["path"] == "config.yaml"
    assert sidecar["livenessProbe"]["httpGet"] == {"path": "/liveness", "port": 13133}
    assert containers(cloud)["app"]["startupProbe"]["tcpSocket"] == {"port": 8080}
    first = payload(cloud, volume["secret"]["items"][0]["version"])
    for line in ("kind: RunMonitoring", "port: 8080", "path: /metrics", "interval: 30s"):
        assert line in first.replace('"', "")

    changed = BARE + "telemetry: {collector: {interval: 15s, port: 9090, path: /prom}}\n"
    folder = cloud.render(changed, "service")
    folder.apply()
    folder.plan(code=0)
    [volume] = cloud.get(f"/v2/{SERVICE}")["template"]["volumes"]
    second = payload(cloud, volume["secret"]["items"][0]["version"])
    assert "interval: 15s" in second.replace('"', "")
    assert "port: 9090" in second.replace('"', "")
    assert payload(cloud, "1") == first


def payload(cloud: Cloud, version: str) -> str:
    data = cloud.get(f"{COLLECTOR}/versions/{version}:access")["payload"]["data"]
    return base64.b64decode(data).decode()


def test_without_the_collector_the_container_is_alone(cloud: Cloud) -> None:
    folder = cloud.render(BARE + "telemetry: {collector: {enabled: false}}\n", "service")
    folder.apply()
    folder.plan(code=0)
    assert list(containers(cloud)) == ["app"]
    assert cloud.status(COLLECTOR) == 404


def test_an_apply_adds_a_revision_and_leaves_the_traffic_where_it_is(cloud: Cloud) -> None:
    cloud.render(BARE, "service").apply()
    first = cloud.get(f"/v2/{SERVICE}")
    revision = first["latestReadyRevision"].rpartition("/")[2]
    pinned = [
        {
            "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
            "revision": revision,
            "percent": 100,
            "tag": "stable",
        }
    ]
    cloud.patch(
        f"/v2/{SERVICE}?updateMask=traffic,annotations",
        {
            "name": SERVICE,
            "traffic": pinned,
            "annotations": {"tidegate/rollout": "{}"},
            "etag": first["etag"],
        },
    )
    before = cloud.get(f"/v2/{SERVICE}")["traffic"]
    folder = cloud.render(BARE.replace("orders:1", "orders:2"), "service")
    folder.plan(code=2)
    folder.apply()
    after = cloud.get(f"/v2/{SERVICE}")
    assert after["traffic"] == before
    assert after["annotations"]["tidegate/rollout"] == "{}"
    assert after["latestCreatedRevision"].rpartition("/")[2] != revision
    folder.plan(code=0)


def test_without_a_pin_every_apply_moves_all_traffic_and_a_plan_says_so(cloud: Cloud) -> None:
    """As the README of the module says; `validate` on files cannot know what the service follows."""
    cloud.render(BARE, "service").apply()
    first = cloud.get(f"/v2/{SERVICE}")
    assert [t["type"] for t in first["traffic"]] == ["TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"]
    folder = cloud.render(BARE.replace("orders:1", "orders:2"), "service")
    assert "TG103" in planned_rules(folder)
    folder.run("apply", "-input=false", "p")
    second = cloud.get(f"/v2/{SERVICE}")
    assert second["latestReadyRevision"] != first["latestReadyRevision"]
    [status] = second["trafficStatuses"]
    assert (status["type"], status["percent"]) == ("TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", 100)
    name = second["latestReadyRevision"].rpartition("/")[2]
    pin = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": name, "percent": 100}
    cloud.patch(f"/v2/{SERVICE}?updateMask=traffic", {"name": SERVICE, "traffic": [pin]})
    assert "TG103" not in planned_rules(cloud.render(BARE.replace("orders:1", "orders:3"), "service"))


def planned_rules(folder: Folder) -> set[str]:
    """What `validate --plan` objects to; the plan is in the file `p`."""
    folder.run("plan", "-input=false", "-out=p")
    return {f.rule for f in check_plan(folder.run("show", "-json", "p").encode(), "plan.json")}


REFUSED = [
    ('name = "Orders"', "at most 49 lower-case"),
    ("containers = {}", "1 to 10 containers"),
    ('containers = { a = { image = "x" }, b = { image = "y" } }', "exactly one must have a port"),
    ('containers = { a = { image = "x", port = 1 }, b = { image = "y", port = 2 } }', "exactly one must"),
    ('containers = { A = { image = "x" } }', "A container name consists"),
    ('containers = { a = { image = " " } }', "needs an image"),
    ('containers = { a = { image = "x", port = 70000 } }', "between 1 and 65535"),
    ('containers = { a = { image = "x", env = { PORT = "1" } } }', "are set by Cloud Run"),
    ('containers = { a = { image = "x", env = { "1x" = "1" } } }', "letters, digits and underscores"),
    (
        'containers = { a = { image = "x", env = { K = "1" }, secrets = { K = { secret = "s" } } } }',
        "not from both",
    ),
    ('containers = { a = { image = "x", secrets = { K = { secret = "a b" } } } }', "A secret is an id"),
    ('containers = { a = { image = "x", cpu = "much" } }', "The cpu is written"),
    ('containers = { a = { image = "x", cpu = "3" } }', "0.08 to 1, or 1, 2, 4, 6 or 8"),
    ('containers = { a = { image = "x", cpu = "500m" } }', "concurrency = 1"),
    ('containers = { a = { image = "x", cpu = "4", memory = "1Gi" } }', "does not fit the cpu"),
    ('containers = { a = { image = "x", memory = "8Gi" } }', "does not fit the cpu"),
    ('containers = { a = { image = "x", startup_probe = {} } }', "exactly one of http, tcp and grpc"),
    (
        'containers = { a = { image = "x", startup_probe = { tcp = {}, grpc = {} } } }',
        "exactly one of http, tcp",
    ),
    (
        'containers = { a = { image = "x", startup_probe = { http = { path = "up" } } } }',
        "starts with a slash",
    ),
    (
        'containers = { a = { image = "x", startup_probe = { tcp = {}, failure_threshold = 25 } } }',
        "the period times the failure_threshold",
    ),
    ('containers = { a = { image = "x", working_dir = "srv" } }', "an absolute path"),
    (
        'containers = { a = { image = "x", mounts = { data = "/proc/x" } } }',
        "outside of /dev, /proc and /sys",
    ),
    ('containers = { a = { image = "x", mounts = { data = "/data/" } } }', "without a slash at its end"),
    ('containers = { a = { image = "x", mounts = { b = "/d", c = "/d" } } }', "at the same path"),
    ('containers = { a = { image = "x", mounts = { data = "/data" } } }', "not among the volumes: data."),
    (
        'containers = { a = { image = "x", port = 80 }, b = { image = "y", http2 = true } }',
        "takes the requests can have http2",
    ),
    (
        'containers = { a = { image = "x", port = 80 }, '
        'b = { image = "y", depends_on = ["c"], startup_probe = { tcp = { port = 1 } } }, '
        'c = { image = "z", depends_on = ["b"], startup_probe = { tcp = { port = 2 } } } }',
        "goes round in a circle: b, c wait",
    ),
    ('containers = { a = { image = "x", cpu = "8", memory = "4Gi" } }', "at most 8 CPUs and 32Gi"),
    ("scaling = { service = { min_instances = 3, max_instances = 2 } }", "not below its min_instances"),
    ("scaling = { service = { min_instances = 1, instances = 2 } }", "leaves no room"),
    ("volumes = { Data = { memory = {} } }", "name of a volume consists"),
    ("volumes = { cloudsql = { memory = {} } }", "are the module's own"),
    ("volumes = { data = {} }", "exactly one of secret, bucket and memory"),
    ('volumes = { data = { secret = { secret = "k", files = { "../x" = "1" } } } }', "relative path"),
    ('volumes = { data = { secret = { secret = "k", files = { x = "new" } } } }', "which is a number"),
    ('volumes = { data = { secret = { secret = "k", mode = "444" } } }', "octal"),
    ('volumes = { data = { bucket = { name = "gs://b" } } }', "without gs://"),
    ('volumes = { data = { memory = { size = "much" } } }', 'such as "64Mi"'),
    ('cloud_sql = ["db"]', "PROJECT:REGION:INSTANCE"),
    ('vpc = { egress = "some" }', '"private-ranges" or "all"'),
    ('vpc = { egress = "all" }', "needs a way into a vpc"),
    ('vpc = { tags = ["web"] }', "need direct egress"),
    ('vpc = { connector = "vpc" }', "A connector is written"),
    (
        'vpc = { network = "n", connector = "projects/p/locations/europe-west1/connectors/c" }',
        "not both",
    ),
    ('vpc = { connector = "projects/p/locations/us-east1/connectors/c" }', "in another region"),
    ('vpc = { network = "n", tags = ["Web"] }', "A network tag consists"),
    ('execution_environment = "gen3"', '"auto", "gen1" or "gen2"'),
    ('binary_authorization = { enabled = true, policy = "mine" }', "platforms/cloudRun/policies"),
    (
        'binary_authorization = { policy = "projects/p/platforms/cloudRun/policies/x" }',
        "unless it is enabled",
    ),
    (f'description = "{"x" * 513}"', "at most 512 characters"),
    ('encryption_key = "mine"', "cryptoKeys/KEY"),
    ('roles = ["roles/editor"]', "far more than a service needs"),
    ('roles = ["writer"]', "A role is written"),
    ('project = "123456789012"', "not a number"),
    ('region = "europe-west1-b"', "a zone such as"),
    (
        'containers = { a = { image = "x", startup_probe = { tcp = {}, timeout_seconds = 20 } } }',
        "timeout between 1 and the period",
    ),
    (
        'containers = { a = { image = "x", startup_probe = { tcp = {}, period_seconds = 241 } } }',
        "at most 240",
    ),
    (
        'containers = { a = { image="x", port=1 }, b = { image = "y", liveness_probe = { http = {} } } }',
        "must name the port",
    ),
    (
        'containers = { a = { image = "x", port = 1 }, b = { image = "y", depends_on = ["a"] } }',
        "each of these needs a startup_probe",
    ),
    ('containers = { collector = { image = "x" } }', "taken by the sidecar"),
    ('invokers = ["allUsers"]', "allow_public = true"),
    ('invokers = ["allAuthenticatedUsers"]', "allow_public = true"),
    ('invokers = ["somebody"]', "An invoker is written"),
    ('ingress = "everywhere"', "The ingress must be"),
    ('billing = "none"', "The billing must be"),
    ("scaling = { min_instances = 5, max_instances = 2 }", "nor above max_instances"),
    ("scaling = { concurrency = 1001 }", "between 1 and 1000"),
    ("timeout_seconds = 3601", "between 1 and 3600"),
    ('labels = { "Team" = "x" }', "Label keys"),
    ('collector = { path = "metrics" }', "must start with a slash"),
    ('service_account_email = "nobody"', "must be an email address"),
]


def test_what_an_apply_would_refuse_is_refused_by_the_plan(cloud: Cloud) -> None:
    given = {
        "name": '"orders"',
        "project": '"shop-prod"',
        "region": '"europe-west1"',
        "containers": '{ app = { image = "example/orders:1" } }',
    }
    calls = []
    for argument, _ in REFUSED:
        name, _, value = argument.partition(" = ")
        calls.append("\n".join(f"  {key} = {text}" for key, text in (given | {name: value}).items()))
    said = cloud.refusals("service", calls)
    assert [case for case, text in zip(REFUSED, said, strict=True) if case[1] not in text] == []


def test_gen2_and_given_accounts_are_refused_what_they_cannot_have(cloud: Cloud) -> None:
    head = """
  name    = "orders"
  project = "shop-prod"
  region  = "europe-west1"
"""
    small = head + '  containers = { app = { image = "x", memory = "256Mi" } }\n'
    usual = head + '  containers = { app = { image = "x" } }\n'
    said = cloud.refusals(
        "service",
        [
            small + '  execution_environment = "gen2"',
            usual + '  execution_environment = "gen1"\n  volumes = { d = { bucket = { name = "b-1" } } }',
            usual + '  service_account_email = "a@b.c"\n  roles = ["roles/cloudtrace.agent"]',
            head
            + '  containers = { app = { image = "x", mounts = { d = "/cloudsql" } } }\n'
            + '  volumes = { d = { memory = {} } }\n  cloud_sql = ["shop-prod:europe-west1:db"]',
        ],
    )
    for text, expected in zip(
        said, ("at least 512Mi", "needs execution_environment", "keeps the roles", "sockets of Cloud SQL"),
        strict=True,
    ):  # fmt: skip
        assert expected in text


EVERYTHING = """
service: orders
project: shop-prod
region: europe-west1
description: Takes orders
containers:
  - name: app
    image: example/orders:1
    port: 8080
    http2: true
    working_dir: /srv
    resources: {cpu: "2", memory: 1Gi}
    mounts: {certificates: /etc/certificates, media: /srv/media, scratch: /scratch}
    probes:
      startup: {grpc: {service: orders.v1}, period: 5s}
      liveness: {http: {path: /alive, headers: {X-Probe: "yes"}}}
  - name: helper
    image: example/helper:2
    mounts: {scratch: /scratch}
    probes: {startup: {tcp: {port: 9000}}}
volumes:
  certificates: {secret: {secret: orders-key, files: {tls/key.pem: "1"}, mode: "0400"}}
  media: {bucket: {name: shop-media, read_only: false, mount_options: [implicit-dirs]}}
  scratch: {memory: {size: 128Mi}}
cloud_sql: ["shop-prod:europe-west1:db"]
vpc: {network: shop, subnetwork: run, tags: [run, egress], egress: all}
scaling: {max_instances: 4, service: {min_instances: 2, max_instances: 6}}
execution_environment: gen2
binary_authorization: {enabled: true}
roles: [roles/cloudtrace.agent]
custom_audiences: ["https://orders.example.com"]
deletion_protection: false
"""


def store_media(cloud: Cloud) -> None:
    cloud.post("/storage/v1/b?project=shop-prod", {"name": "shop-media", "location": "EU"})


def test_everything_a_service_can_have_comes_changes_and_goes(cloud: Cloud) -> None:
    store_key(cloud)
    store_media(cloud)
    folder = cloud.render(EVERYTHING, "service")
    folder.apply()
    folder.plan(code=0)
    service = cloud.get(f"/v2/{SERVICE}")
    template = service["template"]
    volumes = {volume.pop("name"): volume for volume in template["volumes"]}
    assert volumes["certificates"]["secret"] == {
        "secret": "orders-key",
        "defaultMode": 0o400,
        "items": [{"path": "tls/key.pem", "version": "1"}],
    }
    assert volumes["media"] == {"gcs": {"bucket": "shop-media", "mountOptions": ["implicit-dirs"]}}
    assert volumes["scratch"]["emptyDir"]["sizeLimit"] == "128Mi"
    assert volumes["cloudsql"]["cloudSqlInstance"]["instances"] == ["shop-prod:europe-west1:db"]
    found = containers(cloud)
    assert {m["name"]: m["mountPath"] for m in found["app"]["volumeMounts"]} == {
        "certificates": "/etc/certificates",
        "media": "/srv/media",
        "scratch": "/scratch",
        "cloudsql": "/cloudsql",
    }
    assert [m["name"] for m in found["collector"]["volumeMounts"]] == ["collector-config"]
    assert found["app"]["workingDir"] == "/srv"
    assert found["app"]["ports"] == [{"name": "h2c", "containerPort": 8080}]
    assert found["app"]["startupProbe"]["grpc"] == {"service": "orders.v1", "port": 8080}
    assert found["app"]["livenessProbe"]["httpGet"]["httpHeaders"] == [{"name": "X-Probe", "value": "yes"}]
    vpc = template["vpcAccess"]
    assert vpc["networkInterfaces"] == [{"network": "shop", "subnetwork": "run", "tags": ["egress", "run"]}]
    assert service["binaryAuthorization"] == {"useDefault": True}
    assert service["scaling"]["minInstanceCount"] == 2
    assert service["scaling"]["maxInstanceCount"] == 6
    assert service["customAudiences"] == ["https://orders.example.com"]
    account = f"serviceAccount:{template['serviceAccount']}"
    assert members(cloud.get("/storage/v1/b/shop-media/iam")) == {("roles/storage.objectUser", account)}
    assert members(cloud.post("/v1/projects/shop-prod:getIamPolicy", {})) == {
        ("roles/cloudsql.client", account),
        ("roles/cloudtrace.agent", account),
        ("roles/logging.logWriter", account),
        ("roles/monitoring.metricWriter", account),
    }

    changed = (
        EVERYTHING.replace("read_only: false, ", "")
        .replace("vpc: {network: shop, subnetwork: run, tags: [run, egress], egress: all}", CONNECTOR)
        .replace("service: {min_instances: 2, max_instances: 6}", "service: {instances: 3}")
        .replace("{enabled: true}", "{enabled: true, policy: projects/p/platforms/cloudRun/policies/own}")
        .replace("roles: [roles/cloudtrace.agent]", "")
        .replace('cloud_sql: ["shop-prod:europe-west1:db"]', "")
    )
    folder = cloud.render(changed, "service")
    folder.plan(code=2)
    folder.apply()
    folder.plan(code=0)
    service = cloud.get(f"/v2/{SERVICE}")
    assert service["scaling"]["manualInstanceCount"] == 3
    assert service["scaling"].get("minInstanceCount", 0) == 0
    assert service["binaryAuthorization"] == {"policy": "projects/p/platforms/cloudRun/policies/own"}
    assert service["template"]["vpcAccess"]["connector"].endswith("/connectors/shop")
    assert members(cloud.get("/storage/v1/b/shop-media/iam")) == {("roles/storage.objectViewer", account)}
    folder.destroy()
    assert cloud.status(f"/v2/{SERVICE}") == 404
    assert members(cloud.get("/storage/v1/b/shop-media/iam")) == set()


CONNECTOR = "vpc: {connector: projects/shop-prod/locations/europe-west1/connectors/shop}"


def test_everybody_may_call_it_when_that_is_said(cloud: Cloud) -> None:
    cloud.render(BARE + "invokers: [allUsers]\nallow_public: true\n", "service").apply()
    assert members(cloud.get(f"/v2/{SERVICE}:getIamPolicy")) == {("roles/run.invoker", "allUsers")}


def test_long_names_and_several_regions_get_accounts_of_their_own(cloud: Cloud) -> None:
    long = "a" * 30 + "-first", "a" * 30 + "-other"
    emails = set()
    for name in long:
        for region in ("europe-west1", "us-east1"):
            text = BARE.replace("service: orders", f"service: {name}").replace("europe-west1", region)
            folder = cloud.render(text, "service")
            folder.apply()
            emails.add(folder.run("output", "-raw", "service_account_email"))
            (folder.path / "terraform.tfstate").unlink()
    assert len(emails) == 4


def test_protection_keeps_terraform_from_deleting_the_service(cloud: Cloud) -> None:
    folder = cloud.render(BARE.replace("deletion_protection: false", ""), "service")
    folder.apply()
    assert "deletion_protection" in folder.run("destroy", "-auto-approve", "-no-color", code=1)
    assert cloud.status(f"/v2/{SERVICE}") == 200
