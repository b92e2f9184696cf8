"""What the kernel says of processes: their age, descriptors, connections, CPU and memory. Linux only.

Everything here answers None, or leaves a process out, when it is gone: processes end between two reads.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
TCP_STATES = {
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
    members: dict[int, list[int]] = {}
    for pid in pids():
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X"):
            continue
        session = int(fields[3])
        cpu[session] += sum(map(int, fields[11:15]))
        memory[session] += int(fields[21]) * _PAGE
        members.setdefault(session, []).append(pid)
    return {s: Usage(cpu[s] / _TICKS, memory[s], tuple(found)) for s, found in members.items()}


def open_fds(pid: int) -> int | None:
    try:
        return len(os.listdir(PROC / str(pid) / "fd"))  # noqa: PTH208 (up to 25,000 entries)
    except OSError:
        return None


def fd_limit(pid: int) -> int | None:
    """The soft limit of open descriptors; None where there is none, too."""
    for line in _lines(PROC / str(pid) / "limits"):
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return int(soft) if soft.isdigit() else None
    return None


def command_line(pid: int) -> str | None:
    """Program and arguments with spaces between them; "" for a thread of the kernel."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    return words.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")


def pids() -> Iterator[int]:
    """Every process that can be seen from here."""
    return (int(name) for name in os.listdir(PROC) if name.isdigit())  # noqa: PTH208 (read often: a Path per process is dear)


def with_descendants(roots: Iterable[int]) -> frozenset[int]:
    """The processes, and those that they have started, as far as they live."""
    children: dict[int, list[int]] = {}
    for pid in pids():
        fields = _stat(pid)
        if fields is not None and fields[0] not in ("Z", "X"):
            children.setdefault(int(fields[1]), []).append(pid)
    alive = {pid for found in children.values() for pid in found}
    family: set[int] = set()
    waiting = [pid for pid in roots if pid in alive]
    while waiting:
        pid = waiting.pop()
        if pid not in family:
            family.add(pid)
            waiting.extend(children.get(pid, ()))
    return frozenset(family)


class TcpSocket(NamedTuple):
    """One line of `/proc/net/tcp`."""

    state: str
    local_port: int
    remote_port: int
    inode: str
    """"0" once no process holds it, as in TIME_WAIT."""


def tcp_sockets(pid: int) -> Iterator[TcpSocket]:
    """All TCP sockets of the network namespace of a process, read as they are asked for.

    Raises OSError when the table cannot be read; a namespace without IPv6 has none of that.
    """
    net = PROC / str(pid) / "net"
    with (net / "tcp").open() as table:
        yield from filter(None, map(_tcp_socket, table))
    try:
        with (net / "tcp6").open() as table:
            yield from filter(None, map(_tcp_socket, table))
    except FileNotFoundError:
        return


def held_sockets(pids: Iterable[int]) -> frozenset[str]:
    """The inodes of the sockets that the processes hold; one that several share is there once."""
    inodes: set[str] = set()
    for pid in pids:
        try:
            for entry in os.scandir(PROC / str(pid) / "fd"):
                target = _link(entry.path)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        except OSError:
            continue
    return frozenset(inodes)


def tcp_connections(pid: int) -> Mapping[str, int]:
    """TCP sockets the process holds, by state."""
    inodes = held_sockets([pid])
    try:
        return dict(Counter(one.state for one in tcp_sockets(pid) if one.inode in inodes))
    except OSError:
        return {}


def _tcp_socket(line: str) -> TcpSocket | None:
    columns = line.split(None, 10)
    if len(columns) < 10 or columns[1].find(":") < 0:  # the head
        return None
    local, remote = columns[1].rpartition(":")[2], columns[2].rpartition(":")[2]
    return TcpSocket(TCP_STATES.get(columns[3], columns[3]), int(local, 16), int(remote, 16), columns[9])


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
