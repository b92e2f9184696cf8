"""The data sources: who the provider is configured as, and the project it works in."""

# ruff: noqa: ARG001 - data sources share one signature

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.errors import UsageError
from tidegate.local.provider import schema
from tidegate.local.provider.engine import State
from tidegate.local.provider.lifecycle import Config
from tidegate.local.provider.rest import Session


def read(name: str, config: Config, session: Session) -> State:
    """The state of a data source. Raises TidegateError, and KeyError for an unknown one."""
    return {**schema.load(f"data.{name}").empty(), **_SOURCES[name](config, session)}


def _client_config(config: Config, session: Session) -> State:
    settings = session.settings
    place = (settings.project or "", settings.region or "", settings.zone or "")
    return {
        "id": "projects/{}/regions/{}/zones/{}".format(*place),
        "project": settings.project,
        "region": settings.region,
        "zone": settings.zone,
        "access_token": settings.access_token or "",
        "default_labels": dict(settings.default_labels),
    }


def _project(config: Config, session: Session) -> State:
    project = config.get("project_id") or session.settings.project
    if not project:
        raise UsageError("project: required field is not set")
    answer = session.call("GET", session.url("resource_manager", f"projects/{project}"))
    labels = answer.get("labels") or {}
    return {
        "id": f"projects/{answer.get('projectId', project)}",
        "project_id": answer.get("projectId", project),
        "name": answer.get("name"),
        "number": str(answer.get("projectNumber", "")),
        "labels": labels,
        "effective_labels": labels,
        "terraform_labels": labels,
    }


_SOURCES: Mapping[str, Any] = {"google_client_config": _client_config, "google_project": _project}
