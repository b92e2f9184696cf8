"""`tidegate status`: what serves, what the rollout is at, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core import record
from tidegate.core.errors import NotFound
from tidegate.flows.traffic import effective
from tidegate.ports import CloudRun, Service, ServiceName


@dataclass(frozen=True)
class Status:
    service: Service
    serving: dict[str, int]
    """Percent of the effective traffic by revision."""
    rollout: record.Record | record.Unreadable | None
    history: tuple[record.Past, ...]


def status(name: ServiceName, cloud_run: CloudRun) -> Status:
    """Raises NotFound when there is no such service."""
    service = cloud_run.get_service(name)
    if service is None:
        raise NotFound(
            f"there is no service {name.service} in {name.project}, {name.region}",
            hint="`tidegate deploy` creates it",
        )
    return Status(
        service, effective(service), record.find(service.annotations), record.history(service.annotations)
    )
