"""Renames and moves to another region: what can be noticed of them, and how each is done without an outage.

In Cloud Run neither exists: name and region are what a service is. A change of either in the spec leads to
another state, and so to a second service beside the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidegate.core.adopt.kinds import Answer
from tidegate.core.adopt.losses import SERVICE
from tidegate.core.spec import Spec

_FIXED = ("project", "location", "name")
_REGION = re.compile(r"^(?P<service>\S+) \((?P<region>[a-z0-9-]+)\): ")


def moves(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each service that the plan would replace because its name, region or project changed."""
    found = []
    for raw in plan.get("resource_changes") or ():
        change = raw["change"]
        if raw["type"] != SERVICE or sorted(change.get("actions") or ()) != ["create", "delete"]:
            continue
        before, after = change.get("before") or {}, change.get("after") or {}
        changed = [name for name in _FIXED if before.get(name) != after.get(name)]
        if changed:
            old, new = (" ".join(str(side.get(name)) for name in _FIXED) for side in (before, after))
            found.append(
                f"the state holds the service {old}, and the spec says {new}: "
                "a service cannot be moved or renamed, only replaced, and it would be gone before the other "
                f"serves. {_way(before)}. This state stays with the old service: give the new one a state "
                "of its own (another state.bucket or state.prefix, or a working directory of its own)"
            )
    return tuple(found)


def _way(before: Mapping[str, Any]) -> str:
    return (
        "The way: deploy the new one beside it, move the callers (DNS, load balancer, invokers) to the new "
        f"address, watch the old one fall silent, and then delete it with `gcloud run services delete "
        f"{before.get('name')} --project={before.get('project')} --region={before.get('location')}`"
    )


def renames(spec: Spec, services: Answer) -> tuple[str, ...]:
    """Services of this region that tidegate has deployed and that run the image of this spec.

    `services` is the listing of the region. The spec's image counts without its tag or digest.
    """
    own = _repository(spec.ingress_container.image or "")
    found = []
    for service in (services or {}).get("services", ()):
        known = any(key.startswith("tidegate/") for key in service.get("annotations") or {})
        images = {
            _repository(str(container.get("image", "")))
            for container in (service.get("template") or {}).get("containers", ())
        }
        name = str(service.get("name", "")).rpartition("/")[2]
        if known and own and own in images and name != spec.service:
            found.append(name)
    return tuple(sorted(found))


def rename_note(spec: Spec, others: tuple[str, ...]) -> str:
    verb = "runs" if len(others) == 1 else "run"
    first = {"name": others[0], "project": spec.project, "location": spec.region}
    return (
        f"{spec.service} does not exist in {spec.region} and will be made as a new service beside "
        f"{', '.join(others)}, which {verb} the same image. If the spec's service was only renamed: "
        f"a service cannot be. {_way(first)}"
    )


def settled_elsewhere(spec: Spec, policies: Answer) -> tuple[str, ...]:
    """Regions, not of this spec, where tidegate watches a service of this name: by its alert policies."""
    found = set()
    for policy in (policies or {}).get("alertPolicies", ()):
        labels = policy.get("userLabels") or {}
        title = _REGION.match(str(policy.get("displayName", "")))
        if labels.get("managed_by") == "tidegate" and title and title["service"] == spec.service:
            found.add(title["region"])
    return tuple(sorted(found - {*spec.places}))


def settle_note(spec: Spec, regions: tuple[str, ...]) -> str:
    way = _way({"name": spec.service, "project": spec.project, "location": regions[0]})
    return (
        f"{spec.service} does not exist in {spec.region} and will be made there as a second service: the one "
        f"in {', '.join(regions)} stays as it is. If it was to move: "
        f"{way[0].lower()}{way[1:]}"
    )


def _repository(image: str) -> str:
    head, slash, last = image.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
