"""The state of a world as JSON and back, so that a restarted daemon finds its services. Time series are not
kept."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from google.api import metric_pb2  # type: ignore[import-untyped]  # no stubs
from google.iam.v1 import policy_pb2
from google.protobuf import json_format

from tidegate.local.world import protos as p
from tidegate.local.world.operations import Entry
from tidegate.local.world.run_state import Assigned, RevisionState, ServiceState
from tidegate.local.world.secrets import Secret, Version

if TYPE_CHECKING:
    from tidegate.local.world.world import World

FORMAT = 1


def dump(world: World) -> dict[str, Any]:
    """Plain JSON values; the caller holds the lock."""
    return {
        "format": FORMAT,
        "version": world.ground.version,
        "ids": world.ground.ids,
        "services": [_service_out(state) for state in world.services.states.values()],
        "operations": [
            {"message": _out(e.message), "service": e.service, "revision": e.revision}
            for e in world.operations.entries.values()
        ],
        "descriptors": {name: _out(message) for name, message in world.descriptors.made.items()},
        "alert_policies": {name: _out(message) for name, message in world.alert_policies.stored.items()},
        "channels": {name: _out(message) for name, message in world.channels.stored.items()},
        "watched_services": {n: _out(message) for n, message in world.service_levels.services.items()},
        "objectives": {name: _out(message) for name, message in world.service_levels.objectives.items()},
        "log_metrics": world.log_metrics.stored,
        "jobs": {name: _out(message) for name, message in world.jobs.stored.items()},
        "schedules": world.scheduler.stored,
        "buckets": world.buckets.stored,
        "identity_pools": world.identity_pools.stored,
        "enabled": sorted(world.service_usage.enabled),
        "dashboards": {name: _out(message) for name, message in world.dashboards.stored.items()},
        "policies": {name: _out(message) for name, message in world.policies.stored.items()},
        "accounts": world.accounts.stored,
        "secrets": {name: _secret_out(secret) for name, secret in world.secrets.stored.items()},
    }


def load(world: World, data: Mapping[str, Any]) -> None:
    """Replace what a fresh world holds. Raises ValueError for what `dump` did not write; nothing is changed
    then."""
    if data.get("format") != FORMAT:
        raise ValueError(f"the saved state has format {data.get('format')!r}, expected {FORMAT}")
    try:
        services = [_service_in(entry) for entry in data["services"]]
        operations = [
            Entry(_in(p.Operation, e["message"]), e["service"], e["revision"]) for e in data["operations"]
        ]
        descriptors = _map_in(metric_pb2.MetricDescriptor, data["descriptors"])
        alert_policies = _map_in(p.AlertPolicy, data["alert_policies"])
        channels = _map_in(p.NotificationChannel, data["channels"])
        dashboards = _map_in(p.Dashboard, data["dashboards"])
        # States of before these were kept do not have them.
        watched = _map_in(p.WatchedService, data.get("watched_services", {}))
        objectives = _map_in(p.ServiceLevelObjective, data.get("objectives", {}))
        log_metrics = {name: dict(metric) for name, metric in data.get("log_metrics", {}).items()}
        jobs = _map_in(p.Job, data.get("jobs", {}))
        schedules, buckets, pools = (
            {name: dict(entry) for name, entry in data.get(kind, {}).items()}
            for kind in ("schedules", "buckets", "identity_pools")
        )
        enabled = set(map(str, data.get("enabled", ())))
        policies = _map_in(policy_pb2.Policy, data["policies"])
        secrets = {name: _secret_in(entry) for name, entry in data["secrets"].items()}
        accounts = {email: dict(account) for email, account in data["accounts"].items()}
        version, ids = int(data["version"]), int(data["ids"])
    except (KeyError, TypeError, AttributeError, json_format.ParseError) as error:
        raise ValueError(f"the saved state is damaged: {error}") from error
    world.services.states = {state.path: state for state in services}
    world.operations.entries = {entry.message.name: entry for entry in operations}
    world.descriptors.made = descriptors
    world.alert_policies.stored, world.channels.stored = alert_policies, channels
    world.dashboards.stored, world.policies.stored = dashboards, policies
    world.service_levels.services, world.service_levels.objectives = watched, objectives
    world.log_metrics.stored = log_metrics
    world.jobs.stored, world.scheduler.stored = jobs, schedules
    world.buckets.stored, world.identity_pools.stored = buckets, pools
    world.service_usage.enabled = enabled
    world.secrets.stored, world.accounts.stored = secrets, accounts
    world.ground.version, world.ground.ids = max(version, world.ground.version), ids
    world.ground.touch()


def _out(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(message)


def _in(kind: Any, content: Any) -> Any:
    return json_format.ParseDict(content, kind(), ignore_unknown_fields=True)


def _map_in(kind: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _in(kind, entry) for name, entry in content.items()}


def _service_out(state: ServiceState) -> dict[str, Any]:
    return {
        "path": state.path,
        "message": _out(state.message),
        "counter": state.counter,
        "revisions": [
            {
                "name": name,
                "message": _out(revision.message),
                "template": _out(revision.template),
                "phase": revision.phase,
                "reason": revision.reason,
                "detail": revision.detail,
            }
            for name, revision in state.revisions.items()
        ],
        "latest_created": state.latest_created,
        "candidate": state.candidate,
        "effective": [asdict(line) for line in state.effective],
        "coming": [asdict(line) for line in state.coming],
        "due": state.due,
    }


def _service_in(entry: Mapping[str, Any]) -> ServiceState:
    return ServiceState(
        path=entry["path"],
        message=_in(p.Service, entry["message"]),
        counter=int(entry["counter"]),
        revisions={
            one["name"]: RevisionState(
                _in(p.Revision, one["message"]),
                _in(p.RevisionTemplate, one["template"]),
                one["phase"],
                one["reason"],
                one["detail"],
            )
            for one in entry["revisions"]
        },
        latest_created=entry["latest_created"],
        candidate=entry["candidate"],
        effective=tuple(Assigned(**line) for line in entry["effective"]),
        coming=tuple(Assigned(**line) for line in entry["coming"]),
        due=float(entry["due"]),
    )


def _secret_out(secret: Secret) -> dict[str, Any]:
    versions = [{**asdict(v), "payload": base64.b64encode(v.payload).decode()} for v in secret.versions]
    return {"message": secret.message, "versions": versions}


def _secret_in(entry: Mapping[str, Any]) -> Secret:
    versions = [Version(**{**v, "payload": base64.b64decode(v["payload"])}) for v in entry["versions"]]
    return Secret(dict(entry["message"]), versions)
