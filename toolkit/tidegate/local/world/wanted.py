"""From stored services to what the data plane has to run and where requests have to go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import ceil
from types import MappingProxyType
from typing import Any

from tidegate.local.world.model import Container, Mount, Probe, Route, SecretFile, Volume, WantedRevision
from tidegate.local.world.run_rules import quantity
from tidegate.local.world.run_state import BROKEN, STARTING, RevisionState, ServiceState

ReadSecret = Callable[[str, str], bytes]
"""(secret name, version) -> payload; raises ApiError when it cannot be read."""

_SECRET = re.compile(r"(?:projects/([^/]+)/secrets/)?([^/]+)")


def routes_of(service: ServiceState) -> Route:
    split: dict[str, int] = {}
    for line in service.effective:
        if line.percent:
            split[line.revision] = split.get(line.revision, 0) + line.percent
    tags = {line.tag: line.revision for line in service.effective if line.tag}
    return Route(service.path, tuple(split.items()), MappingProxyType(tags))


def wanted_of(service: ServiceState, read: ReadSecret) -> Iterator[WantedRevision]:
    """Revisions that start, that requests can reach, or that are about to be reached."""
    reached = {a.revision for a in service.effective if a.percent or a.tag}
    coming = {a.revision for a in service.coming if a.percent or a.tag}
    for name, revision in service.revisions.items():
        starting = revision.phase == STARTING
        if revision.phase != BROKEN and (starting or name in reached | coming):
            yield _wanted(service, name, revision, read, name in reached)


def _wanted(
    service: ServiceState, name: str, revision: RevisionState, read: ReadSecret, serving: bool
) -> WantedRevision:
    template = revision.template
    share = sum(a.percent for a in service.effective if a.revision == name)
    scaling = service.message.scaling
    at_least = max(template.scaling.min_instance_count, ceil(scaling.min_instance_count * share / 100))
    at_most = template.scaling.max_instance_count
    if scaling.max_instance_count:
        at_most = min(at_most, scaling.max_instance_count)
    if scaling.HasField("manual_instance_count") and scaling.scaling_mode == 2:
        at_least = at_most = ceil(scaling.manual_instance_count * share / 100)
    return WantedRevision(
        service=service.path,
        revision=name,
        containers=tuple(
            container_of(container, f"{service.short}-{position}", read)
            for position, container in enumerate(template.containers, 1)
        ),
        volumes=tuple(_volume(volume, read) for volume in template.volumes),
        min_instances=min(at_least, at_most),
        max_instances=at_most,
        concurrency=template.max_instance_request_concurrency,
        timeout=template.timeout.seconds + template.timeout.nanos / 1e9,
        starting=revision.phase == STARTING,
        serving=serving,
        service_account=template.service_account,
        labels=MappingProxyType(dict(template.labels)),
    )


def container_of(container: Any, fallback: str, read: ReadSecret) -> Container:
    """The plain form of a container message. `fallback` names one that the template leaves unnamed."""
    limits = container.resources.limits
    port = container.ports[0].container_port if container.ports else 0
    return Container(
        name=container.name or fallback,
        image=container.image,
        command=tuple(container.command),
        args=tuple(container.args),
        env=tuple((entry.name, _env_value(entry, read)) for entry in container.env),
        port=port,
        startup_probe=_probe(container, "startup_probe"),
        liveness_probe=_probe(container, "liveness_probe"),
        cpu=quantity(limits["cpu"]) if "cpu" in limits else 1.0,
        memory=int(quantity(limits["memory"])) if "memory" in limits else 512 * 1024 * 1024,
        depends_on=tuple(container.depends_on),
        mounts=tuple(Mount(m.name, m.mount_path, m.sub_path) for m in container.volume_mounts),
        working_dir=container.working_dir,
    )


def _env_value(entry: Any, read: ReadSecret) -> str:
    if entry.WhichOneof("values") != "value_source":
        return str(entry.value)
    reference = entry.value_source.secret_key_ref
    return read(reference.secret, reference.version or "latest").decode("utf-8", "replace")


def _probe(container: Any, field: str) -> Probe | None:
    if not container.HasField(field):
        return None
    probe = getattr(container, field)
    kind = probe.WhichOneof("probe_type")
    action = getattr(probe, kind)
    http = kind == "http_get"
    return Probe(
        kind={"http_get": "http", "tcp_socket": "tcp", "grpc": "grpc"}[kind],
        port=action.port,
        path=action.path if http else "",
        headers=tuple((h.name, h.value) for h in action.http_headers) if http else (),
        service=action.service if kind == "grpc" else "",
        initial_delay=probe.initial_delay_seconds,
        timeout=probe.timeout_seconds,
        period=probe.period_seconds,
        failure_threshold=probe.failure_threshold,
    )


def _volume(volume: Any, read: ReadSecret) -> Volume:
    kind = volume.WhichOneof("volume_type") or "empty_dir"
    if kind != "secret":
        return Volume(volume.name, kind)
    source = volume.secret
    if not source.items:
        short = _SECRET.fullmatch(source.secret)
        path = short[2] if short else source.secret
        return Volume(
            volume.name,
            kind,
            (SecretFile(path, read(source.secret, "latest"), source.default_mode or 0o444),),
        )
    return Volume(
        volume.name,
        kind,
        tuple(
            SecretFile(
                item.path,
                read(source.secret, item.version or "latest"),
                item.mode or source.default_mode or 0o444,
            )
            for item in source.items
        ),
    )


def secrets_of(template: Any) -> Iterator[tuple[str, str, str]]:
    """(place, secret, version) of every reference to a secret in a template."""
    for position, container in enumerate(template.containers):
        for entry in container.env:
            if entry.WhichOneof("values") == "value_source":
                reference = entry.value_source.secret_key_ref
                place = f"template.containers[{position}].env[{entry.name}]"
                yield place, reference.secret, reference.version or "latest"
    for volume in template.volumes:
        if volume.WhichOneof("volume_type") == "secret":
            versions = [item.version or "latest" for item in volume.secret.items] or ["latest"]
            for version in versions:
                yield f"template.volumes[{volume.name}]", volume.secret.secret, version
