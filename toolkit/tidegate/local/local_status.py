"""What `tidegate local status` shows: services, their effective split, every instance and its process."""

from __future__ import annotations

import time
from typing import Any, Protocol

from tidegate import procfs
from tidegate.local.proxy import Proxy
from tidegate.local.runtime import Fleet, Instance, Pool
from tidegate.local.world import Route


class Routes(Protocol):
    def routes(self) -> tuple[Route, ...]: ...


def describe(world: Routes, fleet: Fleet, proxy: Proxy) -> dict[str, Any]:
    """JSON-ready. Times are epoch seconds, memory is in bytes."""
    usage = procfs.usage_by_session()
    services = []
    for route in world.routes():
        percent = dict(route.split)
        pools = {r: pool for (service, r), pool in fleet.pools.items() if service == route.service}
        services.append(
            {
                "service": route.service,
                "name": route.service.rpartition("/")[2],
                "uri": proxy.address(route.service, ""),
                "tags": {
                    tag: {"revision": revision, "uri": proxy.address(route.service, tag)}
                    for tag, revision in route.tags.items()
                },
                "revisions": [
                    _revision(name, percent.get(name, 0), pools.get(name), usage)
                    for name in sorted({*percent, *route.tags.values(), *pools})
                ],
            }
        )
    return {"services": services}


def _revision(name: str, percent: int, pool: Pool | None, usage: Any) -> dict[str, Any]:
    return {
        "revision": name,
        "percent": percent,
        "image": next((c.image for c in pool.wanted.containers if c.port), "") if pool else "",
        "pending_requests": pool.pending if pool else 0,
        "restarts": pool.restarts if pool else 0,
        "failure": pool.failure if pool else "",
        "instances": [_instance(i, usage) for i in pool.instances] if pool else [],
    }


def _instance(instance: Instance, usage: Any) -> dict[str, Any]:
    ingress = next((c.name for c in instance.wanted.containers if c.port), "")
    process = instance.processes.get(ingress)
    pid = process.pid if process else 0
    used = usage.get(pid)
    return {
        "id": instance.id,
        "state": str(instance.state),
        "pid": pid,
        "pids": {name: one.pid for name, one in instance.processes.items()},
        "port": instance.port,
        "age": round(time.time() - instance.begun, 3),
        "in_flight": instance.in_flight,
        "open_fds": procfs.open_fds(pid) if pid else None,
        "tcp_connections": dict(procfs.tcp_connections(pid)) if pid else {},
        "memory_bytes": used.memory_bytes if used else None,
        "log": str(instance.log.path),
    }
