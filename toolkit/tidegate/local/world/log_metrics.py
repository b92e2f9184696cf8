"""Logging v2: metrics that count log entries. They are stored here; nothing is counted. JSON in and out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, rfc3339
from tidegate.local.world.names import page

_NAME = re.compile(r"[A-Za-z0-9_\-.,+!*'()%/]{1,100}")
_LONGEST_FILTER = 20_000
_KINDS = frozenset({"DELTA"})
_TYPES = frozenset({"INT64", "DISTRIBUTION"})
_GIVEN = (
    "description", "filter", "bucketName", "disabled", "valueExtractor", "labelExtractors", "bucketOptions",
)  # fmt: skip


class LogMetrics:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.stored: dict[str, dict[str, Any]] = {}
        """By full name `projects/P/metrics/M`."""

    def create(self, project: str, body: Mapping[str, Any]) -> dict[str, Any]:
        name = f"projects/{project}/metrics/{body.get('name', '')}"
        if name in self.stored:
            raise ApiError("ALREADY_EXISTS", f"Metric {body['name']} already exists.")
        return self._accept(name, body)

    def get(self, name: str) -> dict[str, Any]:
        return dict(self._find(name))

    def list(self, project: str, query: Mapping[str, str]) -> dict[str, Any]:
        size = query.get("pageSize", "0")
        if not size.isdigit():
            invalid("page_size must be a number.")
        names = sorted(name for name in self.stored if name.startswith(f"projects/{project}/metrics/"))
        chosen, token = page(names, int(size), query.get("pageToken", ""))
        answer: dict[str, Any] = {"metrics": [dict(self.stored[name]) for name in chosen]} if chosen else {}
        return answer | ({"nextPageToken": token} if token else {})

    def update(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replaces the metric, or makes it when there is none."""
        return self._accept(name, body)

    def delete(self, name: str) -> dict[str, Any]:
        self._find(name)
        del self.stored[name]
        self._ground.touch()
        return {}

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.stored:
            not_found(f"Metric {name.partition('/metrics/')[2]} does not exist.")
        return self.stored[name]

    def _accept(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        short = name.partition("/metrics/")[2]
        if not _NAME.fullmatch(short) or short.startswith("/"):
            invalid(f'Field metric.name had an invalid value of "{short}".')
        text = str(body.get("filter", ""))
        if not text.strip() or len(text) > _LONGEST_FILTER:
            invalid(f"Field metric.filter must have 1 to {_LONGEST_FILTER} characters.")
        if text.count('"') % 2:
            invalid("Unparseable filter: a quotation mark is not closed.")
        now = rfc3339(self._ground.now())
        metric = {
            "name": short,
            **{field: body[field] for field in _GIVEN if body.get(field)},
            "metricDescriptor": _descriptor(name, body.get("metricDescriptor") or {}),
            "version": "V2",
            "createTime": self.stored.get(name, {}).get("createTime", now),
            "updateTime": now,
        }
        self.stored[name] = metric
        self._ground.touch()
        return dict(metric)


def _descriptor(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A counter unless it says otherwise."""
    kind, value_type = given.get("metricKind", "DELTA"), given.get("valueType", "INT64")
    if kind not in _KINDS or value_type not in _TYPES:
        invalid(f"A log-based metric of kind {kind} and type {value_type} is not supported.")
    project, _, short = name.partition("/metrics/")
    metric_type = f"logging.googleapis.com/user/{short}"
    return {
        **given,
        "name": f"{project}/metricDescriptors/{metric_type}",
        "type": metric_type,
        "metricKind": kind,
        "valueType": value_type,
        "unit": given.get("unit") or "1",
    }
