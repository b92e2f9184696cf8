"""What a service must look like to be accepted, and what the server fills in.

Filled in is only what the Terraform provider treats as computed, so that a plan after an apply stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.local.world.errors import invalid
from tidegate.local.world.ground import project_number
from tidegate.local.world.protos import LATEST, REVISION

_SERVICE_ID = re.compile(r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?")
_TAG = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}", re.UNICODE)
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_UNITS |= {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_RESERVED_SPACES = (
    "run.googleapis.com",
    "cloud.googleapis.com",
    "serving.knative.dev",
    "autoscaling.knative.dev",
)
_RESERVED_ENV = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"})
_ANNOTATION_BYTES = 256 * 1024


def quantity(text: str) -> float:
    """`500m` -> 0.5, `512Mi` -> 536870912.0."""
    match = _QUANTITY.fullmatch(text)
    if not match:
        invalid(f"Invalid resource quantity '{text}'.")
    return float(match[1]) * _UNITS[match[2] or ""]


def check_service_id(service_id: str) -> None:
    if not _SERVICE_ID.fullmatch(service_id):
        invalid(
            f"Invalid service_id '{service_id}': only lowercase letters, digits and hyphens; must "
            "begin with a letter, "
            "must not end with a hyphen, and must be shorter than 50 characters."
        )


def check(short: str, service: Any) -> None:
    """Raise INVALID_ARGUMENT for the first thing wrong with a service after defaults were filled in."""
    for place, thing in (("", service), ("template.", service.template)):
        _check_metadata(f"{place}labels", thing.labels)
        _check_metadata(f"{place}annotations", thing.annotations)
    for key, value in service.labels.items():
        if not _LABEL_VALUE.fullmatch(value) or len(key) > 63:
            invalid(
                f"labels: Invalid value for label '{key}': at most 63 letters, digits, dashes and "
                "underscores."
            )
    if len(service.description) > 512:
        invalid("description: must be at most 512 characters.")
    authorization = service.binary_authorization
    if authorization.policy and authorization.use_default:
        invalid("binary_authorization: policy and use_default exclude each other.")
    _check_template(short, service.template)
    check_traffic(short, service.traffic)


def _check_metadata(field: str, pairs: Mapping[str, str]) -> None:
    for key in pairs:
        space = key.partition("/")[0] if "/" in key else ""
        if any(space == reserved or space.endswith(f".{reserved}") for reserved in _RESERVED_SPACES):
            invalid(f"{field}: '{key}' uses a system namespace, which is not supported in the v2 API.")
    if sum(len(key.encode()) + len(value.encode()) for key, value in pairs.items()) > _ANNOTATION_BYTES:
        invalid(f"{field}: Too long: must have at most {_ANNOTATION_BYTES} bytes.")


def check_traffic(short: str, traffic: Iterable[Any]) -> None:
    targets = list(traffic)
    tags: set[str] = set()
    for position, target in enumerate(targets):
        place = f"traffic[{position}]"
        if target.type_ == LATEST and target.revision:
            invalid(
                f"{place}.revision: must be empty when the type is TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST."
            )
        if target.type_ == REVISION and not target.revision:
            invalid(f"{place}.revision: required when the type is TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION.")
        if not 0 <= target.percent <= 100:
            invalid(f"{place}.percent: {target.percent} is not between 0 and 100.")
        if target.tag:
            _check_tag(place, short, target.tag, tags)
            tags.add(target.tag)
    total = sum(target.percent for target in targets)
    if targets and total != 100:
        invalid(f"traffic: Traffic targets sum to {total}, want 100.")


def _check_tag(place: str, short: str, tag: str, seen: set[str]) -> None:
    if tag in seen:
        invalid(f"{place}.tag: Duplicate traffic tag '{tag}': a tag may point at one revision only.")
    if len(tag) < 3 or not _TAG.fullmatch(tag):
        invalid(
            f"{place}.tag: Invalid traffic tag '{tag}': at least 3 lowercase letters, digits and "
            "hyphens, beginning "
            "with a letter and not ending with a hyphen."
        )
    if len(tag) + len(short) > 46:
        invalid(f"{place}.tag: The tag '{tag}' and the service name together exceed 46 characters.")


def _check_template(short: str, template: Any) -> None:
    name = template.revision
    if name and not (name.startswith(f"{short}-") and _TAG.fullmatch(name) and len(name) <= 63):
        invalid(
            f"template.revision: Revision name '{name}' must be prefixed by the name of the enclosing "
            "Service with a "
            f"trailing -, here '{short}-'."
        )
    if not 0 < template.timeout.seconds + template.timeout.nanos / 1e9 <= 3600:
        invalid("template.timeout: must be greater than 0 and at most 3600 seconds.")
    if not 1 <= template.max_instance_request_concurrency <= 1000:
        invalid("template.max_instance_request_concurrency: must be between 1 and 1000.")
    low, high = template.scaling.min_instance_count, template.scaling.max_instance_count
    if low < 0 or high < 0 or low > high:
        invalid(
            f"template.scaling: min_instance_count {low} must be between 0 and max_instance_count {high}."
        )
    _check_volumes(template)
    _check_vpc("template.vpc_access", template)
    _check_containers(template)


def check_task(task: Any) -> None:
    """Raise INVALID_ARGUMENT for the first thing wrong with the template of a job's tasks."""
    _check_volumes(task)
    _check_vpc("template.template.vpc_access", task)
    for position, container in enumerate(task.containers):
        _check_container(f"template.template.containers[{position}]", container)


def _check_vpc(place: str, template: Any) -> None:
    vpc = template.vpc_access
    if vpc.connector and vpc.network_interfaces:
        invalid(f"{place}: connector and network_interfaces exclude each other.")
    if vpc.egress and not (vpc.connector or vpc.network_interfaces):
        invalid(f"{place}.egress: needs a connector or a network interface.")
    for interface in vpc.network_interfaces:
        if not (interface.network or interface.subnetwork):
            invalid(f"{place}.network_interfaces: a network or subnetwork is required.")


def _check_volumes(template: Any) -> None:
    names = [volume.name for volume in template.volumes]
    if len(set(names)) != len(names) or "" in names:
        invalid("template.volumes: every volume needs a name of its own.")
    for volume in template.volumes:
        _check_volume(volume)
    for position, container in enumerate(template.containers):
        for mount in container.volume_mounts:
            if mount.name not in names and mount.name != "cloudsql":
                invalid(f"template.containers[{position}].volume_mounts: no volume is named '{mount.name}'.")
            if not mount.mount_path.startswith("/"):
                invalid(
                    f"template.containers[{position}].volume_mounts: '{mount.mount_path}' is not absolute."
                )


def _check_volume(volume: Any) -> None:
    place = f"template.volumes[{volume.name}]"
    kind = volume.WhichOneof("volume_type")
    if kind is None:
        invalid(f"{place}: one of secret, cloud_sql_instance, empty_dir, gcs and nfs is required.")
    if kind == "empty_dir" and volume.empty_dir.size_limit:
        quantity(volume.empty_dir.size_limit)
    if kind == "gcs" and not volume.gcs.bucket:
        invalid(f"{place}.gcs.bucket: required.")
    for instance in volume.cloud_sql_instance.instances:
        if instance.count(":") < 2:
            invalid(f"{place}: '{instance}' is not of the form project:region:instance.")


def _check_circles(containers: Iterable[Any]) -> None:
    """A container that waits for itself, directly or through others, would never start."""
    waits = {container.name: set(container.depends_on) for container in containers}
    while ready := {name for name, on in waits.items() if not on & waits.keys()}:
        waits = {name: on for name, on in waits.items() if name not in ready}
    if waits:
        invalid(f"template.containers: depends_on has a cycle among {', '.join(sorted(waits))}.")


def _check_containers(template: Any) -> None:
    containers = list(template.containers)
    if not containers:
        invalid("template.containers: at least one container is required.")
    names = [container.name for container in containers]
    if len(containers) > 1:
        if len(set(names)) != len(names) or "" in names:
            invalid("template.containers: with several containers each needs a name of its own.")
        if sum(bool(container.ports) for container in containers) != 1:
            invalid(
                "template.containers: Revision template should contain exactly one container with an "
                "exposed port."
            )
    started = {container.name for container in containers if container.HasField("startup_probe")}
    for position, container in enumerate(containers):
        place = f"template.containers[{position}]"
        _check_container(place, container)
        for other in container.depends_on:
            if other not in names:
                invalid(f"{place}.depends_on: no container is named '{other}'.")
            if other not in started:
                invalid(
                    f"{place}.depends_on: container '{other}' must have a startup probe to be depended on."
                )
    _check_circles(containers)
    total = sum(quantity(c.resources.limits["cpu"]) for c in containers if "cpu" in c.resources.limits)
    if 0 < total < 1 and template.max_instance_request_concurrency > 1:
        invalid("template.containers: Total cpu < 1 is not supported with concurrency > 1.")


def _check_container(place: str, container: Any) -> None:
    if not container.image:
        invalid(f"{place}.image: required.")
    if len(container.ports) > 1:
        invalid(f"{place}.ports: at most one port is supported.")
    for port in container.ports:
        if not 1 <= port.container_port <= 65535:
            invalid(f"{place}.ports: {port.container_port} is not a port.")
    for key, value in container.resources.limits.items():
        if quantity(value) <= 0:
            invalid(f"{place}.resources.limits: {key} must be positive.")
    seen: set[str] = set()
    for entry in container.env:
        if entry.name in _RESERVED_ENV:
            invalid(f"{place}.env: The reserved env name {entry.name} is set automatically by the system.")
        if not entry.name or "=" in entry.name or entry.name in seen:
            invalid(f"{place}.env: '{entry.name}' is empty, malformed or given twice.")
        seen.add(entry.name)
    for kind in ("startup_probe", "liveness_probe", "readiness_probe"):
        if container.HasField(kind):
            _check_probe(
                f"{place}.{kind}", getattr(container, kind), 240 if kind == "startup_probe" else 3600
            )


def _check_probe(place: str, probe: Any, longest: int) -> None:
    if not 1 <= probe.period_seconds <= longest:
        invalid(f"{place}.period_seconds: must be between 1 and {longest}.")
    if not 1 <= probe.timeout_seconds <= probe.period_seconds:
        invalid(f"{place}.timeout_seconds: must be at least 1 and not greater than period_seconds.")
    if longest == 240 and probe.period_seconds * probe.failure_threshold > longest:
        invalid(f"{place}: failure_threshold * period_seconds must not exceed {longest}.")
    if probe.failure_threshold < 1 or not 0 <= probe.initial_delay_seconds <= longest:
        invalid(f"{place}: failure_threshold must be at least 1, initial_delay_seconds at most {longest}.")


def fill_defaults(project: str, service: Any) -> None:
    """Complete a service as the server does."""
    service.ingress = service.ingress or 1
    service.launch_stage = service.launch_stage or 4
    if not service.traffic:
        service.traffic.add(type_=LATEST, percent=100)
    template = service.template
    if not template.HasField("timeout"):
        template.timeout.seconds = 300
    template.max_instance_request_concurrency = template.max_instance_request_concurrency or 80
    template.service_account = (
        template.service_account or f"{project_number(project)}-compute@developer.gserviceaccount.com"
    )
    template.scaling.max_instance_count = template.scaling.max_instance_count or max(
        100, template.scaling.min_instance_count
    )
    if len(template.containers) == 1 and not template.containers[0].ports:
        template.containers[0].ports.add()
    for container in template.containers:
        _fill_container(container)


def _fill_container(container: Any) -> None:
    for port in container.ports:
        port.name = port.name or "http1"
        port.container_port = port.container_port or 8080
    if not container.HasField("resources"):
        container.resources.cpu_idle = True
    if not container.resources.limits:
        container.resources.limits.update({"cpu": "1000m", "memory": "512Mi"})
    listening = container.ports[0].container_port if container.ports else 8080
    if container.ports and not container.HasField("startup_probe"):
        probe = container.startup_probe
        probe.timeout_seconds = probe.period_seconds = 240
        probe.failure_threshold = 1
        probe.tcp_socket.port = listening
    for kind in ("startup_probe", "liveness_probe", "readiness_probe"):
        if container.HasField(kind):
            _fill_probe(getattr(container, kind), listening)


def _fill_probe(probe: Any, listening: int) -> None:
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.failure_threshold = probe.failure_threshold or 3
    kind = probe.WhichOneof("probe_type")
    if kind is None:
        probe.tcp_socket.port = listening
        return
    action = getattr(probe, kind)
    action.port = action.port or listening
    if kind == "http_get":
        action.path = action.path or "/"
