"""One view of services and alerts, whether written as Google's resources or as calls of tidegate's modules.

A field that Terraform has to compute is `UNKNOWN` (or a `Node` that is not `known`): policies never object to
it. `None` means that it is certainly not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Block, Document
from tidegate.core.policies.view import modules, resources
from tidegate.core.policies.view.fields import UNKNOWN, Field, absent, empty, is_literal, items
from tidegate.core.policies.view.model import Alert, Container, Env, Grant, Secret, Service, Target, Traffic
from tidegate.core.policies.view.modules import is_module
from tidegate.core.policies.view.resources import JOB, V1, V2, is_resource


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
            yield Grant(block.address, (*items(block.get("members")), *((member,) if member else ())), None)
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


def _blocks(documents: Sequence[Document]) -> Iterator[Block]:
    return (block for document in documents for block in document.blocks)


__all__ = [
    "UNKNOWN",
    "Alert",
    "Container",
    "Env",
    "Field",
    "Grant",
    "Secret",
    "Service",
    "Target",
    "Traffic",
    "absent",
    "alerts",
    "containers",
    "empty",
    "grants",
    "is_literal",
    "services",
    "traffic",
]
