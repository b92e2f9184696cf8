"""Service Usage v1: which APIs a project has switched on. Nothing here depends on them. JSON in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tidegate.local.world.errors import invalid
from tidegate.local.world.ground import Ground, project_number

_SERVICE = re.compile(r"[a-z][a-z0-9.-]+\.[a-z]+")
_MOST = 20


class ServiceUsage:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.enabled: set[str] = set()
        """`projects/P/services/S`."""

    def get(self, name: str) -> dict[str, Any]:
        project, _, service = name.removeprefix("projects/").partition("/services/")
        if not _SERVICE.fullmatch(service):
            invalid(f"Service '{service}' is not a name of a service.")
        return {
            "name": f"projects/{project_number(project)}/services/{service}",
            "parent": f"projects/{project_number(project)}",
            "config": {"name": service},
            "state": "ENABLED" if name in self.enabled else "DISABLED",
        }

    def list(self, project: str) -> dict[str, Any]:
        """Those that are enabled."""
        head = f"projects/{project}/services/"
        found = [self.get(name) for name in sorted(self.enabled) if name.startswith(head)]
        return {"services": found} if found else {}

    def enable(self, project: str, services: Iterable[str]) -> dict[str, Any]:
        names = [f"projects/{project}/services/{service}" for service in services]
        if not 1 <= len(names) <= _MOST:
            invalid(f"Between 1 and {_MOST} services can be enabled at a time.")
        found = [self.get(name) for name in names]
        self.enabled.update(names)
        self._ground.touch()
        shown = [{**service, "state": "ENABLED"} for service in found]
        return {"name": "operations/done", "done": True, "response": {"services": shown}}

    def disable(self, name: str) -> dict[str, Any]:
        self.get(name)
        self.enabled.discard(name)
        self._ground.touch()
        return {"name": "operations/done", "done": True, "response": {"service": self.get(name)}}

    def operation(self, name: str) -> dict[str, Any]:
        """All of them are done at once."""
        return {"name": name, "done": True}
