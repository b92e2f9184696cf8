"""What was written to services, in order: for tests that must know what happened and not only how it ended.

``GET /_local/journal``, or ``/_local/journal/projects/…/services/orders`` for one service, answers::

    {"writes": [{"time": 1767225600.25,                  epoch seconds
                 "service": "projects/…/services/orders",
                 "generation": 7,
                 "traffic": [{"revision": "orders-00002-abc", "percent": 5, "tag": "canary"}],
                 "annotations": {"tidegate/rollout": "…"}}]}

Oldest first, every accepted creation and update, whoever made it; traffic as asked for, an empty revision
standing for the latest. The newest thousand are kept, in memory only; DELETE forgets them.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from tidegate.local.world.ground import Ground
from tidegate.local.world.protos import REVISION

_KEPT = 1000


class Journal:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._writes: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def note(self, service: Any) -> None:
        """An accepted write, the service as it now is asked for. The caller holds the lock."""
        traffic = [
            {"revision": t.revision if t.type_ == REVISION else "", "percent": t.percent, "tag": t.tag}
            for t in service.traffic
        ]
        self._writes.append(
            {
                "time": self._ground.now(),
                "service": service.name,
                "generation": service.generation,
                "traffic": traffic,
                "annotations": dict(service.annotations),
            }
        )

    def shown(self, service: str = "") -> dict[str, Any]:
        with self._ground.lock:
            return {"writes": [one for one in self._writes if service in ("", one["service"])]}

    def clear(self) -> dict[str, Any]:
        with self._ground.lock:
            self._writes.clear()
        return self.shown()
