"""The policies of a project, as its API tells of them, are the rules that the spec was rendered to."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from infra.conftest import Cloud
from tidegate import settings
from tidegate.core.alerting.live import live_rules
from tidegate.core.spec import load
from tidegate.wiring import alerts

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH"),
]

SPEC = """\
service: orders
project: shop-prod
region: europe-west1
containers: [{port: 8080, image: example/orders:1}]
alerts: {error_ratio: {threshold: 0.2, severity: CRITICAL}, fd_level: {enabled: false}}
"""


def test_live_rules_ask_what_the_spec_asks(cloud: Cloud) -> None:
    cloud.render(SPEC, "monitoring").apply()
    spec = load(SPEC.encode(), "tidegate.yaml")
    live, skipped = live_rules(spec, cloud.get("/v3/projects/shop-prod/alertPolicies?pageSize=100"))
    planned = alerts.rules(spec, settings.read())
    assert skipped == ()
    # What a policy does not keep are the words of the catalogue.
    unsaid = {"when": "", "topic": "", "within_minutes": 0, "within": ""}
    assert live.on == tuple(replace(rule, **unsaid) for rule in planned.on)  # type: ignore[arg-type]  # as named
    elsewhere = load(SPEC.replace("europe-west1", "us-east1").encode(), "tidegate.yaml")
    assert live_rules(elsewhere, cloud.get("/v3/projects/shop-prod/alertPolicies?pageSize=100"))[0].on == ()
