"""Spec → the plain values templates work with: the arguments of the two module calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.render.watched import watched
from tidegate.core.spec import Container, Probe, Spec

_PLACE = "spec"


def arguments(spec: Spec) -> dict[str, Any]:
    """Names → plain values (None, bool, numbers, text, lists, dicts), and `spec` itself.

    Raises InvalidInput when a container has no image, or where Cloud Run takes whole seconds only.
    """
    return _Arguments(spec).all()


class _Arguments:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.faults: list[Fault] = []

    def all(self) -> dict[str, Any]:
        spec = self.spec
        found = {
            "spec": spec,
            "containers": {c.name: self.container(c) for c in spec.containers},
            "scaling": _scaling(spec),
            "platform": _platform(spec),
            "guard": self.guard(),
            "collector": self.collector(),
            "request_timeout": self.whole("request_timeout", spec.request_timeout),
            "labels": dict(spec.labels),
            "invokers": sorted(set(spec.invokers)),
            "state_prefix": "/".join(self.state_parts()),
            "telemetry": {
                "open_fds": spec.telemetry.open_fds,
                "max_fds": spec.telemetry.max_fds,
                "tcp_connections": spec.telemetry.tcp_connections,
                "memory_bytes": spec.telemetry.memory_bytes,
                "fd_limit": spec.telemetry.fd_limit,
            },
            **watched(spec, self.whole),
        }
        if self.faults:
            missing = any("has no image" in fault.message for fault in self.faults)
            raise InvalidInput(
                tuple(self.faults), hint="give the ingress container's image with --image" if missing else ""
            )
        return found

    def fault(self, message: str) -> None:
        self.faults.append(Fault(_PLACE, 0, 0, message))

    def whole(self, name: str, seconds: float) -> int:
        if not seconds.is_integer():
            self.fault(f"{name} is {seconds:g} s; this must be whole seconds")
        return int(seconds)

    def state_parts(self) -> list[str]:
        """One state per service, region and project, also where they share a bucket."""
        prefix = self.spec.state.prefix if self.spec.state.backend == "gcs" else ""
        return [prefix.strip("/"), self.spec.project, self.spec.region, self.spec.service]

    def container(self, container: Container) -> dict[str, Any]:
        if container.image is None:
            ingress = container is self.spec.ingress_container
            self.fault(
                f"container {container.name} has no image"
                + ("; give --image or write it in the spec" if ingress else "; write it in the spec")
            )
        optional = {
            "port": container.port,
            "http2": container.http2 or None,
            "command": list(container.command),
            "args": list(container.args),
            "working_dir": container.working_dir,
            "env": dict(container.env),
            "secrets": {name: ref.model_dump() for name, ref in container.secrets.items()},
        }
        return {
            "image": container.image,
            **{name: value for name, value in optional.items() if value not in (None, [], {})},
            **container.resources.model_dump(),
            **self.probe(container, "startup", container.probes.startup),
            **self.probe(container, "liveness", container.probes.liveness),
            **({"depends_on": list(container.depends_on)} if container.depends_on else {}),
            **({"mounts": dict(container.mounts)} if container.mounts else {}),
        }

    def probe(self, container: Container, kind: str, probe: Probe | None) -> dict[str, Any]:
        if probe is None:
            return {}
        place = f"containers {container.name}: probes.{kind}"
        target = _without_nothing(
            {name: getattr(probe, name) and _plain(getattr(probe, name)) for name in ("http", "tcp", "grpc")}
        )
        return {
            f"{kind}_probe": {
                **target,
                "initial_delay_seconds": self.whole(f"{place}.initial_delay", probe.initial_delay),
                "period_seconds": self.whole(f"{place}.period", probe.period),
                "timeout_seconds": self.whole(f"{place}.timeout", probe.timeout),
                "failure_threshold": probe.failure_threshold,
            }
        }

    def guard(self) -> dict[str, Any]:
        guard = self.spec.guard
        if not guard.enabled:
            return {}
        return {
            "image": guard.image,
            "rollback": guard.rollback,
            "schedule": {"cron": guard.schedule, "time_zone": guard.time_zone, "paused": guard.paused},
            "watch": {
                "window_seconds": self.whole("guard.window", guard.window),
                "until_seconds": self.whole("guard.until", guard.until),
            },
            **({"webhooks": guard.webhooks.model_dump()} if guard.webhooks else {}),
        }

    def collector(self) -> dict[str, Any]:
        collector = self.spec.telemetry.collector
        if not collector.enabled:
            return {"enabled": False}
        return {
            "enabled": True,
            "image": collector.image,
            **({"port": collector.port} if collector.port is not None else {}),
            "path": collector.path,
            "cpu": collector.cpu,
            "memory": collector.memory,
            "interval_seconds": self.whole("telemetry.collector.interval", collector.interval),
        }


def _plain(model: BaseModel) -> dict[str, Any]:
    """What was said, without what is empty or not there."""
    return model.model_dump(exclude_none=True, exclude_defaults=True)


def _without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _scaling(spec: Spec) -> dict[str, Any]:
    found = spec.scaling.model_dump(exclude_none=True)
    if not _plain(spec.scaling.service):
        del found["service"]
    return found


def _platform(spec: Spec) -> dict[str, Any]:
    """The arguments most services leave out, by name; only those that are set."""
    found: dict[str, Any] = {
        "description": spec.description,
        "volumes": {name: _plain(volume) for name, volume in spec.volumes.items()},
        "cloud_sql": sorted(set(spec.cloud_sql)),
        "vpc": _plain(spec.vpc),
        "binary_authorization": _plain(spec.binary_authorization),
        "execution_environment": "" if spec.execution_environment == "auto" else spec.execution_environment,
        "encryption_key": spec.encryption_key or "",
        "roles": sorted(set(spec.roles)),
        "custom_audiences": list(spec.custom_audiences),
    }
    return {name: value for name, value in found.items() if value}
