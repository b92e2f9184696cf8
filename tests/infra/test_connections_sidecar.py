"""`tidegate collect` as a container of the spec: the collector scrapes it too."""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

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
containers:
  - {name: app, image: example/orders:1, port: 8080, probes: {startup: {http: {}}}}
  - name: connections
    image: example/tidegate:1
    args: [collect]
    depends_on: [app]
    env: {TIDEGATE_COLLECT_PORT: "9465"}
telemetry: {collector: {interval: 15s}}
deletion_protection: false
"""


def test_the_collector_scrapes_the_sidecar_beside_the_service(cloud: Cloud) -> None:
    folder = cloud.render(SPEC, "service")
    folder.apply()
    folder.plan(code=0)
    secret = "/v1/projects/shop-prod/secrets/orders-europe-west1-collector/versions/1:access"
    data = base64.b64decode(cloud.get(secret)["payload"]["data"])
    config: dict[str, Any] = YAML(typ="safe").load(data)
    assert config["spec"]["endpoints"] == [
        {"port": 8080, "path": "/metrics", "interval": "15s"},
        {"port": 9465, "path": "/metrics", "interval": "15s"},
    ]
