"""Resource names and the regions that exist."""

from __future__ import annotations

import re

from tidegate.local.world.errors import ApiError, invalid

# fmt: off
REGIONS = frozenset((
    "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
    "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3",
    "australia-southeast1", "australia-southeast2", "europe-central2", "europe-north1", "europe-north2",
    "europe-southwest1", "europe-west1", "europe-west10", "europe-west12", "europe-west2", "europe-west3",
    "europe-west4", "europe-west6", "europe-west8", "europe-west9", "me-central1", "me-central2",
    "me-west1", "northamerica-northeast1", "northamerica-northeast2", "northamerica-south1",
    "southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5",
    "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
))
# fmt: on
"""Where Cloud Run exists."""

_LOCATION = re.compile(r"projects/([^/]+)/locations/([^/]+)")
_SERVICE = re.compile(r"(projects/[^/]+/locations/[^/]+)/services/([^/]+)")
_REVISION = re.compile(r"(projects/[^/]+/locations/[^/]+/services/[^/]+)/revisions/([^/]+)")
_PROJECT = re.compile(r"projects/([^/]+)")


def project_of(name: str) -> str:
    """The project of any resource name that begins with `projects/P`."""
    match = _PROJECT.match(name)
    if not match:
        invalid(f"Invalid resource name '{name}': it must begin with 'projects/PROJECT_ID'.")
    return match[1]


def check_location(parent: str) -> tuple[str, str]:
    """(project, region) of `projects/P/locations/L`; an unknown region is refused as Google refuses it."""
    match = _LOCATION.fullmatch(parent)
    if not match:
        invalid(f"Invalid parent '{parent}': expected 'projects/PROJECT_ID/locations/LOCATION'.")
    if match[2] not in REGIONS:
        raise ApiError("PERMISSION_DENIED", f"Location {match[2]} is not found or access is unauthorized.")
    return match[1], match[2]


def split_service(name: str) -> tuple[str, str]:
    """(`projects/P/locations/L`, short name) of a service."""
    match = _SERVICE.fullmatch(name)
    if not match:
        invalid(f"Invalid service name '{name}'.")
    check_location(match[1])
    return match[1], match[2]


def split_revision(name: str) -> tuple[str, str]:
    """(path of the service, short name) of a revision."""
    match = _REVISION.fullmatch(name)
    if not match:
        invalid(f"Invalid revision name '{name}'.")
    split_service(match[1])
    return match[1], match[2]


def page(items: list[str], size: int, token: str, *, largest: int = 1000) -> tuple[list[str], str]:
    """One page of a sorted list of names, and the token of the next one. A token is the last name given
    out."""
    if size < 0:
        invalid("page_size must not be negative.")
    rest = [item for item in items if item > token] if token else items
    count = min(size or 100, largest)
    return rest[:count], rest[count - 1] if len(rest) > count else ""
