"""Google's own resources → the view."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.document import Block, Node, Object
from tidegate.core.policies.view.fields import UNKNOWN, Field, absent, is_literal, items
from tidegate.core.policies.view.model import Container, Env, Probe, Secret, Service, Target

V1, V2, JOB = "google_cloud_run_service", "google_cloud_run_v2_service", "google_cloud_run_v2_job"


def is_resource(block: Block, *kinds: str) -> bool:
    return block.type == "resource" and bool(block.labels) and block.labels[0] in kinds


def service(block: Block) -> Service:
    kind = block.labels[0]
    outer = {V2: ("template",), V1: ("template", "spec"), JOB: ("template", "template")}[kind]
    inner = block.all(*outer)
    blocks = [c for i in inner for c in i.all("containers")]
    containers = tuple(map(_container, blocks))
    complete = not any(i.computed("containers") for i in inner)
    secrets = [s for b in blocks for env in b.all("env") for s in _env_secrets(env)]
    secrets += [s for i in inner for volume in i.all("volumes") for s in _volume_secrets(volume)]
    return Service(
        "job" if kind == JOB else "service",
        block.address,
        block.place,
        containers,
        complete,
        tuple(secrets),
        UNKNOWN if kind == V1 else block.get("deletion_protection") or Node(True, block.place),
        _of_template(block, outer, inner, "service_account_name" if kind == V1 else "service_account"),
        _scaling(block, "min_instance_count") if kind == V2 else UNKNOWN,
        _scaling(block, "max_instance_count", "manual_instance_count") if kind == V2 else UNKNOWN,
        _of_template(block, outer, inner, "max_instance_request_concurrency") if kind == V2 else UNKNOWN,
        _of_template(block, outer, inner, "timeout") if kind == V2 else UNKNOWN,
        _throttled(blocks) if kind == V2 and complete else UNKNOWN,
        UNKNOWN,
        block.get("invoker_iam_disabled"),
    )


def _of_template(block: Block, outer: tuple[str, ...], inner: tuple[Block, ...], name: str) -> Field:
    """An attribute of the innermost template. A service without one is refused by Terraform, not by us."""
    found = next((field for i in inner if not absent(field := i.get(name))), None)
    return UNKNOWN if found is None and (not inner or block.computed(outer[0])) else found


def _scaling(block: Block, *names: str) -> Field:
    holders = (block, *block.all("template"))
    scalings = [scaling for holder in holders for scaling in holder.all("scaling")]
    limits = [field for s in scalings for name in names if (field := s.get(name)) and not is_unset(field)]
    computed = any(holder.computed("scaling") for holder in holders) or block.computed("template")
    return next(iter(limits), UNKNOWN if computed else None)


def is_unset(node: Node) -> bool:
    """Null, or the 0 and the empty text by which a provider says that nothing is set."""
    return node.value is None or node.value == "" or (node.value == 0 and node.value is not False)


def _throttled(containers: list[Block]) -> Field:
    """What has no resources has a CPU only while it handles requests; one such container is enough."""
    if any(c.computed("resources") for c in containers):
        return UNKNOWN
    idle = [r.get("cpu_idle") or Node(False, r.place) for c in containers for r in c.all("resources")]
    if len(idle) < len(containers) and containers:
        idle.append(Node(True, containers[0].place))
    if any(not node.known for node in idle):
        return UNKNOWN
    return next((node for node in idle if is_literal(node, True)), next(iter(idle), None))


def _container(block: Block) -> Container:
    name = block.get("name")
    return Container(
        f"the container {name.value}" if name and isinstance(name.value, str) else "the container",
        block.place,
        block.get("image"),
        (*items(block.get("command")), *items(block.get("args"))),
        tuple(env for b in block.all("env") for env in _env(b)),
        _block_field(block, "startup_probe"),
        _block_field(block, "liveness_probe"),
        UNKNOWN if block.computed("ports") else _block_field(block, "ports"),
        tuple(_probe(kind, b) for kind in ("startup", "liveness") for b in block.all(f"{kind}_probe")),
    )


def _probe(kind: str, block: Block) -> Probe:
    names = ("initial_delay_seconds", "period_seconds", "timeout_seconds", "failure_threshold")
    return Probe(kind, block.place, *map(block.get, names))


def _block_field(block: Block, name: str) -> Field:
    """A nested block as a field: there, certainly not there, or made by a `dynamic` block."""
    if block.all(name):
        return Node(Object(), block.all(name)[0].place)
    return UNKNOWN if block.computed(name) else None


def _env(block: Block) -> Iterator[Env]:
    name, value = block.get("name"), block.get("value")
    if name and value and isinstance(name.value, str):
        yield Env(name.value, value, value.place)


def _env_secrets(block: Block) -> Iterator[Secret]:
    name = block.get("name")
    text = name.value if name and isinstance(name.value, str) else "?"
    for source, version in (("value_source", "version"), ("value_from", "key")):
        for ref in block.all(source, "secret_key_ref"):
            field = ref.get(version)
            yield Secret(text, field, field.place if field else ref.place)


def _volume_secrets(block: Block) -> Iterator[Secret]:
    name = block.get("name")
    text = name.value if name and isinstance(name.value, str) else "?"
    for secret in block.all("secret"):
        if not secret.all("items") and not secret.computed("items"):
            yield Secret(text, None, secret.place)
        for item in secret.all("items"):
            field = item.get("version") or item.get("key")
            yield Secret(text, field, field.place if field else item.place)


def target(block: Block) -> Target:
    kind, old = block.get("type"), block.get("latest_revision")
    revision = block.get("revision") or block.get("revision_name")
    if is_literal(kind, "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST") or is_literal(old, True):
        latest: bool | None = True
    elif (kind and not kind.known) or (old and not old.known):
        latest = None
    else:
        latest = absent(revision) or is_literal(revision, "")
    return Target(block.place, block.get("percent"), latest)
