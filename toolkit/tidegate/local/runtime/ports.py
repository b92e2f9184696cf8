"""Local ports for containers, which insist on binding theirs themselves."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tidegate.core.errors import UsageError

_FIRST, _LAST = 15_000, 60_000


class Ports:
    """Free ports outside the kernel's range for outgoing connections, which could take one in between.

    Two daemons begin at different places, and a port in use is stepped over.
    """

    def __init__(self) -> None:
        first, last = _outgoing()
        self._range = range(_FIRST, min(first, _LAST)) if first > _FIRST + 1000 else range(last + 1, 65_535)
        if len(self._range) < 100:
            self._range = range(_FIRST, _LAST)
        self._next = (os.getpid() * 97) % len(self._range)
        self._taken: set[int] = set()

    def take(self) -> int:
        for _ in range(len(self._range)):
            port = self._range[self._next]
            self._next = (self._next + 1) % len(self._range)
            if port not in self._taken and _is_free(port):
                self._taken.add(port)
                return port
        raise UsageError("no free local port is left for another instance")

    def give_back(self, port: int) -> None:
        self._taken.discard(port)


def _outgoing() -> tuple[int, int]:
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except (OSError, ValueError):
        return 32_768, 60_999
    return int(first), int(last)


def _is_free(port: int) -> bool:
    # All interfaces, as most containers bind: a listener on any address is in the way.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 (bound for a moment, never listened on)
        except OSError:
            return False
    return True
