"""One view of services and alerts, whether written as Google's resources or as calls of tidegate's modules.

A field that Terraform has to compute is `UNKNOWN` (or a `Node` that is not `known`): policies never object to
it. `None` means that it is certainly not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Block, Document
from tidegate.core.plan.planned import SAID_PUBLIC
from tidegate.core.policies.view import modules, resources
from tidegate.core.policies.view.fields import (
    UNKNOWN,
    Field,
    absent,
    empty,
    entry,
    is_literal,
    items,
    number,
    seconds,
    text,
    written,
)
from tidegate.core.policies.view.model import (
    Alert,
    Condition,
    Container,
    Env,
    Grant,
    Probe,
    Role,
    Secret,
    Service,
    Target,
    Traffic,
)
from tidegate.core.policies.view.modules import is_module
from tidegate.core.policies.view.resources import JOB, V1, V2, is_resource, is_unset

WIDE = ("project", "folder", "organization")
"""What a role is better not given on."""


def services(documents: Sequence[Document]) -> Iterator[Service]:
    """Services and jobs of all files, in order."""
    for block in _blocks(documents):
        if is_module(block, "service"):
            yield modules.service(block)
        elif is_resource(block, V2, V1, JOB):
            yield resources.service(block)


def containers(documents: Sequence[Document]) -> Iterator[Container]:
    """Every container of every service and job."""
    return (container for service in services(documents) for container in service.containers)


def traffic(documents: Sequence[Document]) -> Iterator[Traffic]:
    """The splits that are written out; a service without any is left to whoever deploys it."""
    for block in _blocks(documents):
        if is_resource(block, V2, V1) and (targets := block.all("traffic")):
            lines = tuple(map(resources.target, targets))
            yield Traffic(block.address, targets[0].place, lines, not block.computed("traffic"))


def grants(documents: Sequence[Document]) -> Iterator[Grant]:
    for block in _blocks(documents):
        if is_module(block, "service"):
            yield Grant(block.address, items(block.get("invokers")), block.get("allow_public"))
        elif block.labels[:1] and re.fullmatch(
            r"google_cloud_run(_v2)?_(service|job)_iam_(member|binding)", block.labels[0]
        ):
            member = block.get("member")
            members = (*items(block.get("members")), *((member,) if member else ()))
            yield Grant(block.address, members, block.get(SAID_PUBLIC))
        elif block.type == "data" and block.labels[:1] == ("google_iam_policy",):
            for binding in block.all("binding"):
                role = binding.get("role")
                if role and isinstance(role.value, str) and role.value.startswith("roles/run."):
                    yield Grant(block.address, items(binding.get("members")), None)


def alerts(documents: Sequence[Document]) -> Iterator[Alert]:
    """Alert policies that are switched on; a call of the monitoring module counts as one."""
    for block in _blocks(documents):
        if is_module(block, "monitoring"):
            yield from modules.alerts(block)
        elif not is_resource(block, "google_monitoring_alert_policy"):
            continue
        elif not is_literal(block.get("enabled"), False):
            channels = block.get("notification_channels")
            yield Alert(block.address, channels.place if channels else block.place, (channels,))


def roles(documents: Sequence[Document]) -> Iterator[Role]:
    """Every `google_…_iam_member`, `_binding` and `_policy`, on whatever it is."""
    for block in _blocks(documents):
        match = (
            re.fullmatch(r"google_(\w+)_iam_(member|binding|policy)", block.labels[0])
            if block.labels
            else None
        )
        if block.type == "resource" and match:
            member = block.get("member")
            members = (*items(block.get("members")), *((member,) if member else ()))
            role = block.get("role")
            place = role.place if role else block.place
            yield Role(block.address, place, match[1], match[2], role, members, block.get(SAID_PUBLIC))


def conditions(documents: Sequence[Document]) -> Iterator[Condition]:
    """Every condition of the alert policies that are switched on."""
    for policy in alert_policies(documents):
        for holder in policy.all("conditions"):
            for block in holder.blocks:
                if block.type.startswith("condition_"):
                    yield Condition(policy.address, block.type.removeprefix("condition_"), block)


def alert_policies(documents: Sequence[Document]) -> Iterator[Block]:
    """Google's own alert policies that are switched on."""
    for block in resources_of(documents, "google_monitoring_alert_policy"):
        if not is_literal(block.get("enabled"), False):
            yield block


def resources_of(documents: Sequence[Document], *kinds: str) -> Iterator[Block]:
    """The resources of these kinds."""
    return (block for block in _blocks(documents) if is_resource(block, *kinds))


def modules_of(documents: Sequence[Document], name: str) -> Iterator[Block]:
    """The calls of tidegate's module of this name."""
    return (block for block in _blocks(documents) if is_module(block, name))


def by_root(documents: Sequence[Document]) -> tuple[tuple[Document, ...], ...]:
    """The files of each directory, which is a root module or a module."""
    found: dict[str, list[Document]] = {}
    for document in documents:
        found.setdefault(document.path.rpartition("/")[0], []).append(document)
    return tuple(map(tuple, found.values()))


def _blocks(documents: Sequence[Document]) -> Iterator[Block]:
    return (block for document in documents for block in document.blocks)


__all__ = [
    "JOB",
    "UNKNOWN",
    "V1",
    "V2",
    "WIDE",
    "Alert",
    "Condition",
    "Container",
    "Env",
    "Field",
    "Grant",
    "Probe",
    "Role",
    "Secret",
    "Service",
    "Target",
    "Traffic",
    "absent",
    "alert_policies",
    "alerts",
    "by_root",
    "conditions",
    "containers",
    "empty",
    "entry",
    "grants",
    "is_literal",
    "is_unset",
    "modules_of",
    "number",
    "resources_of",
    "roles",
    "seconds",
    "services",
    "text",
    "traffic",
    "written",
]
