"""Nothing outlives the daemon: every process it starts carries a mark in its environment, and is found by it.

Children of containers inherit the mark, also those that left their session. Run as a script with a mark it
waits for the end of its standard input, which the daemon holds open for as long as it lives, and then ends
whatever still carries the mark. It must not import tidegate: it starts in no time and stays small.
"""

import os
import signal
import sys
import time

MARK = "TIDEGATE_LOCAL_MARK"


def marked(mark: str) -> list[int]:
    """The processes that carry the mark now, not this one."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 (as below)
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as environment:  # noqa: PTH123 (pathlib costs start-up time)
                    if wanted in environment.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                continue
    return found


def sweep(mark: str, rounds: int = 100) -> int:
    """Kills them, again until none is left (one may have forked meanwhile). Returns how many there were."""
    killed: set[int] = set()
    for _ in range(rounds):
        found = marked(mark)
        if not found:
            break
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            except ProcessLookupError:
                continue
        time.sleep(0.01)
    return len(killed)


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    sweep(sys.argv[1])


if __name__ == "__main__":
    main()
