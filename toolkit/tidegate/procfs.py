"""What the kernel says of processes: their age, descriptors, connections, CPU and memory. Linux only.

Everything here answers None, or leaves a process out, when it is gone: processes end between two reads.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TCP_STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECV",
    "04": "FIN_WAIT1",
    "05": "FIN_WAIT2",
    "06": "TIME_WAIT",
    "07": "CLOSE",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
}


@dataclass(frozen=True)
class Usage:
    """What the processes of one session use together."""

    cpu_seconds: float
    """Since they started, children that ended included."""
    memory_bytes: int
    """Resident."""
    pids: tuple[int, ...]


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; with the pid it names a process for good.

    None when there is no such process, or only its zombie.
    """
    fields = _stat(pid)
    return None if fields is None or fields[0] in ("Z", "X") else int(fields[19])


def is_alive(pid: int, ticks: int) -> bool:
    """Whether the very process that started at `ticks` still runs."""
    return start_ticks(pid) == ticks


def usage_by_session() -> Mapping[int, Usage]:
    """Every session on the machine. A container is a session of its own, so this is usage per container."""
    cpu: Counter[int] = Counter()
    memory: Counter[int] = Counter()
    pids: dict[int, list[int]] = {}
    for name in os.listdir(PROC):  # noqa: PTH208 (read often: a Path per process is dear)
        fields = _stat(int(name)) if name.isdigit() else None
        if fields is None or fields[0] in ("Z", "X"):
            continue
        session = int(fields[3])
        cpu[session] += sum(map(int, fields[11:15]))
        memory[session] += int(fields[21]) * _PAGE
        pids.setdefault(session, []).append(int(name))
    return {s: Usage(cpu[s] / _TICKS, memory[s], tuple(found)) for s, found in pids.items()}


def open_fds(pid: int) -> int | None:
    try:
        return len(os.listdir(PROC / str(pid) / "fd"))  # noqa: PTH208 (up to 25,000 entries)
    except OSError:
        return None


def tcp_connections(pid: int) -> Mapping[str, int]:
    """TCP sockets the process holds, by state."""
    inodes = set()
    try:
        for entry in os.scandir(PROC / str(pid) / "fd"):
            target = _link(entry.path)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except OSError:
        return {}
    states: Counter[str] = Counter()
    for table in ("tcp", "tcp6"):
        for line in _lines(PROC / str(pid) / "net" / table)[1:]:
            columns = line.split()
            if len(columns) > 9 and columns[9] in inodes:
                states[_TCP_STATES.get(columns[3], columns[3])] += 1
    return dict(states)


def _stat(pid: int) -> list[str] | None:
    """The fields after the command name, which may itself hold spaces and brackets."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 (as above)
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
