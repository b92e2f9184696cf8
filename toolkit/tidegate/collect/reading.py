"""One look at the kernel's tables, as metrics with the names that the spec expects by default."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate import procfs

_CONNECTIONS = tuple(state.lower() for state in procfs.TCP_STATES.values() if state != "LISTEN")


@dataclass(frozen=True)
class Subject:
    """What is looked at."""

    pids: tuple[int, ...] = ()
    """Processes, each with what it has started, whose descriptors are counted."""
    match: re.Pattern[str] | None = None
    """And every other process that has this in its command line."""
    sockets_of: tuple[int, ...] = ()
    """Connections of these processes, and of what they have started, instead of the whole namespace's."""
    port: int = 0
    """The exporter's own: a connection with it at either end is not the service's."""

    @property
    def has_processes(self) -> bool:
        return bool(self.pids or self.match)

    def processes(self) -> frozenset[int]:
        """Those that can be seen now, never this one."""
        found = procfs.with_descendants(self.pids) if self.pids else frozenset()
        if self.match is not None:
            found |= {pid for pid in procfs.pids() if self.match.search(procfs.command_line(pid) or "")}
        return found - {os.getpid()}


def read(subject: Subject) -> str:
    """The page, in the Prometheus text format. A metric that cannot be told is left out: none is not 0.

    Raises OSError when the table of connections cannot be read.
    """
    lines = [*_gauge("tcp_connections", "TCP connections by state.", _connections(subject))]
    if subject.has_processes:
        lines += _descriptors(subject.processes())
    return "\n".join(lines) + "\n"


def _connections(subject: Subject) -> Sequence[tuple[str, int]]:
    """Every state, those without a connection too: a series that comes and goes shows no growth."""
    held = procfs.held_sockets(procfs.with_descendants(subject.sockets_of)) if subject.sockets_of else None
    states: Counter[str] = Counter()
    for one in procfs.tcp_sockets(os.getpid()):
        own = subject.port and subject.port in (one.local_port, one.remote_port)
        if not own and (held is None or one.inode in held):
            states[one.state.lower()] += 1
    return [(f'{{state="{state}"}}', states[state]) for state in _CONNECTIONS]


def _descriptors(pids: frozenset[int]) -> Iterator[str]:
    open_fds = [n for pid in pids if (n := procfs.open_fds(pid)) is not None]
    limits = [n for pid in pids if (n := procfs.fd_limit(pid)) is not None]
    yield from _gauge("tidegate_collect_processes", "Processes looked at.", [("", len(open_fds))])
    if open_fds:
        yield from _gauge("process_open_fds", "Open file descriptors, added up.", [("", sum(open_fds))])
    if open_fds and limits:
        yield from _gauge("process_max_fds", "Limit of a process, the lowest.", [("", min(limits))])


def _gauge(name: str, text: str, samples: Sequence[tuple[str, int]]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        yield f"{name}{labels} {value}"
