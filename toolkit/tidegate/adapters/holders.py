"""Which process works on a rollout, and whether it has ended: implements `ports.Holders`.

The name of a process holds the boot of its machine, its process namespace, its number and its start: on the
same machine this tells for certain that a process is gone. From elsewhere nothing is known, and the lease
decides.
"""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19
"""Position of the start time in /proc/PID/stat, counted behind the name in brackets."""


class ProcessHolders:
    @cached_property
    def mine(self) -> str:
        """This process, told apart from every other one."""
        return ".".join((self._place, str(os.getpid()), _started(os.getpid()), secrets.token_hex(4)))

    def gone(self, holder: str) -> bool:
        """True only where it is certain."""
        place, _, rest = holder.partition(".")
        number, _, rest = rest.partition(".")
        started = rest.partition(".")[0]
        if not (self._place and place == self._place and number.isdigit() and started):
            return False
        return _started(int(number)) != started

    @cached_property
    def _place(self) -> str:
        """Boot and process namespace; empty where there is no /proc."""
        try:
            boot = _BOOT.read_text(encoding="ascii").strip().replace("-", "")
            namespace = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
        except OSError:
            return ""
        return f"{boot[:12]}-{namespace}"


def _started(number: int) -> str:
    """When the process with this number began, in clock ticks since boot; empty when there is none."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    dead = not fields or fields[0] in ("Z", "X")
    return "" if dead else fields[_STARTED]
