"""What a service made by other means has, the spec does not know, and an adoption would take from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SERVICE = "google_cloud_run_v2_service"
_COMPARED_APART = frozenset({"containers", "service_account", "volumes", "annotations", "labels", "revision"})
"""Inside the template: looked at in a way of their own, or written by tools about themselves."""
_NOT_LOST = frozenset(
    {"annotations", "client", "client_version", "effective_annotations", "effective_labels", "labels",
     "template", "terraform_labels", "timeouts", "traffic"}
)  # fmt: skip
_GUARDS = frozenset({"default_uri_disabled", "iap_enabled", "invoker_iam_disabled", "session_affinity"})
"""Switches that somebody has turned on and that are off by default."""


def losses(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each service that the plan adopts and would take something from. Tells no values."""
    found = []
    for raw in plan.get("resource_changes") or ():
        change = raw["change"]
        if raw["type"] != SERVICE or not change.get("importing"):
            continue
        lost = tuple(
            _lost(change.get("before") or {}, change.get("after") or {}, change.get("after_unknown") or {})
        )
        if lost:
            what = ", ".join(lost)
            found.append(
                f"{raw['address']} exists already and would lose what the spec does not say: {what} "
                "(written into the spec, it stays)"
            )
    return tuple(found)


def _lost(before: Mapping[str, Any], after: Mapping[str, Any], unknown: Mapping[str, Any]) -> Iterator[str]:
    yield from _emptied("", before, after, unknown, _NOT_LOST)
    old, new, marks = (_one(side.get("template")) for side in (before, after, unknown))
    yield from _emptied("template.", old, new, marks, _COMPARED_APART)
    account, next_account = old.get("service_account"), new.get("service_account")
    if account and account != next_account:
        instead = next_account or "an account of its own"
        yield f"it runs as {account}, and what that may do {instead} may not"
    volumes = {volume.get("name") for volume in new.get("volumes") or ()}
    yield from (
        f"volume {volume.get('name')}"
        for volume in old.get("volumes") or ()
        if volume.get("name") not in volumes and volume.get("name")
    )
    yield from _containers(old.get("containers") or (), new.get("containers") or ())


def _emptied(
    prefix: str, before: Mapping[str, Any], after: Mapping[str, Any], unknown: Mapping[str, Any],
    apart: frozenset[str],
) -> Iterator[str]:  # fmt: skip
    """Arguments that say something and would say nothing."""
    for name, value in sorted(before.items()):
        if name in apart or unknown.get(name) or after.get(name):
            continue
        if (value is True and name in _GUARDS) or (value and isinstance(value, str | list | dict)):
            yield prefix + name


def _containers(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for container in before:
        same = _counterpart(container, before, after)
        name = container.get("name") or "of requests"
        if same is None:
            yield f"container {name}"
            continue
        kept = {variable.get("name") for variable in same.get("env") or ()}
        gone = [variable.get("name") for variable in container.get("env") or ()]
        yield from (f"environment variable {one}" for one in sorted(set(gone) - kept - {None}))
        paths = {mount.get("mount_path") for mount in same.get("volume_mounts") or ()}
        mounts = [mount.get("mount_path") for mount in container.get("volume_mounts") or ()]
        yield from (f"mount {one}" for one in sorted(set(mounts) - paths - {None}))
        old, new = _program(container.get("image")), _program(same.get("image"))
        if old and new and old != new:
            yield f"it runs the image {old}, and the spec's is {new}"


def _counterpart(
    container: Mapping[str, Any], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The planned container of the same name; the one that takes the requests has no fixed name."""
    if len(before) == 1 or container.get("ports"):
        return next((c for c in after if c.get("ports")), None)
    return next((c for c in after if c.get("name") and c.get("name") == container.get("name")), None)


def _program(image: Any) -> str:
    """The last part of an image's name: registries move, programs rarely change their names."""
    return str(image or "").rpartition("/")[2].partition("@")[0].partition(":")[0]


def _one(blocks: Any) -> Mapping[str, Any]:
    return blocks[0] if isinstance(blocks, list) and blocks and isinstance(blocks[0], dict) else {}
