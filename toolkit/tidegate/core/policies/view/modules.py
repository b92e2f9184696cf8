"""Calls of tidegate's own modules → the view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Block, Node, Object, own_module
from tidegate.core.policies.view.fields import UNKNOWN, Field, entry, is_literal, items
from tidegate.core.policies.view.model import Alert, Container, Env, Probe, Secret, Service


def is_module(block: Block, name: str) -> bool:
    """Whether it calls tidegate's module of this name, from wherever."""
    source = block.get("source")
    return block.type == "module" and source is not None and own_module(source.value) == name


def service(block: Block) -> Service:
    found = block.get("containers")
    entries = found.value.items() if found and isinstance(found.value, Object) else ()
    containers = tuple(_container(name, node) for name, node in entries)
    secrets = [
        Secret(name, entry(secret, "version"), secret.place)
        for _, node in entries
        for name, secret in _object(entry(node, "secrets"))
    ]
    enabled = entry(block.get("collector"), "enabled")
    scaling, billing = block.get("scaling"), block.get("billing")
    return Service(
        "service",
        block.address,
        block.place,
        containers,
        found is None or (isinstance(found.value, Object) and found.value.complete),
        tuple(secrets),
        block.get("deletion_protection") or Node(True, block.place),
        _given(block.get("service_account_email")),  # left out, the module makes one
        _given(entry(scaling, "min_instances")),
        _given(entry(scaling, "max_instances")),
        _given(entry(scaling, "concurrency")),
        _given(block.get("timeout_seconds")),
        Node(billing.value == "request", billing.place) if billing and billing.known else UNKNOWN,
        enabled,
        None,
    )


def _given(node: Field) -> Field:
    """What is not given has a default, which is the module's own affair."""
    return UNKNOWN if node is None or node.value in (None, "") else node


def _container(name: str, node: Node) -> Container:
    return Container(
        f"the container {name}",
        node.place,
        entry(node, "image"),
        (*items(entry(node, "command")), *items(entry(node, "args"))),
        tuple(Env(key, value, value.place) for key, value in _object(entry(node, "env"))),
        entry(node, "startup_probe"),
        entry(node, "liveness_probe"),
        entry(node, "port"),
        tuple(
            _probe(kind, probe)
            for kind in ("startup", "liveness")
            if (probe := entry(node, f"{kind}_probe")) and isinstance(probe.value, Object)
        ),
    )


def _probe(kind: str, node: Node) -> Probe:
    names = ("initial_delay_seconds", "period_seconds", "timeout_seconds", "failure_threshold")
    return Probe(kind, node.place, *(entry(node, name) for name in names))


def _object(node: Field) -> Sequence[tuple[str, Node]]:
    return tuple(node.value.items()) if node and isinstance(node.value, Object) else ()


def alerts(block: Block) -> Iterator[Alert]:
    """The module's policies as one, unless they are switched off."""
    if is_literal(entry(block.get("alerts"), "enabled"), False):
        return
    channels = block.get("channels") or block.get("notification_channels")
    fields: tuple[Field, ...] = (channels,)
    if channels and isinstance(channels.value, Object):  # kinds of channels, each with its own
        fields = (*channels.value.values(), None if channels.value.complete else UNKNOWN)
    yield Alert(block.address, channels.place if channels else block.place, fields)
