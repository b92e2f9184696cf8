"""From a spec to what the judge and the metrics adapter are given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidegate.core.catalogue import CustomMetric
from tidegate.core.judge import Criteria, Mode
from tidegate.core.spec import Spec, load
from tidegate.wiring import criteria, telemetry

BASE = """\
service: orders
project: shop-prod
region: europe-west1
containers:
  - {image: "shop/orders:v1", port: 8080, resources: {memory: 1Gi}}
  - {name: proxy, image: "shop/proxy:v1", resources: {memory: 4Gi}}
"""
OWN = """\
analysis:
  metrics:
    goroutines: {promql: 'go_goroutines{service_name="${service}"}', growth: true, tolerance: 5}
    hit_ratio:
      filter: metric.type="custom.googleapis.com/hits" AND resource.labels.location="${region}"
      direction: higher_is_better
      tolerance: 5%
      min_change: 0.02
      revision_label: metric.label.version
  dry_run: [hit_ratio]
  mode: fix
  cpu_increase: 10%
  memory_min_slope: 1Mi
"""


def spec(text: str = "") -> Spec:
    return load((BASE + text).encode(), "t.yaml")


def test_the_judge_gets_what_the_spec_says() -> None:
    found = criteria(spec(OWN))
    assert (found.mode, found.dry_run, found.cpu_increase) == (Mode.FIX, ("hit_ratio",), 0.1)
    assert (found.memory_min_slope, found.memory_limit) == (2**20, 2**30)
    climbing, ratio = found.custom
    assert (climbing.metric, climbing.growth, climbing.tolerance) == ("goroutines", True, 5)
    assert (ratio.noun, ratio.higher_is_worse, ratio.tolerance, ratio.min_change) == (
        "hit ratio",
        False,
        0.05,
        0.02,
    )


def test_what_a_spec_does_not_say_is_what_the_judge_takes_for_granted() -> None:
    assert replace(criteria(spec()), memory_limit=None) == Criteria()


def test_a_deployment_can_be_the_fix_whatever_the_spec_says() -> None:
    assert criteria(spec()).mode is Mode.REGRESSION
    assert criteria(spec().with_mode("fix")).mode is Mode.FIX


def test_the_metrics_adapter_gets_queries_without_placeholders() -> None:
    assert telemetry(spec(OWN)).custom == (
        CustomMetric("goroutines", promql='go_goroutines{service_name="orders"}'),
        CustomMetric(
            "hit_ratio",
            filter='metric.type="custom.googleapis.com/hits" AND resource.labels.location="europe-west1"',
            revision_label="metric.label.version",
        ),
    )


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("", ("open_fds", "request_count")),
        ("telemetry: {collector: {enabled: false}}", ("request_count",)),
        ("analysis: {dry_run: [open_fds]}", ("request_count",)),
        (
            "telemetry: {collector: {enabled: false}}\nanalysis: {required: [open_fds]}",
            ("open_fds",),  # said in so many words: then it is waited for
        ),
    ],
)
def test_what_cannot_be_seen_or_never_decides_is_not_required_by_default(
    text: str, required: tuple[str, ...]
) -> None:
    assert criteria(spec(text)).required == required
