"""What stands between a signal and a running Terraform.

Three dangers: a terminal's or a CI's signal must reach Terraform only once, for at the second it gives up
without saving its state; a handler of ours that raises must not tear us out of the loop that serves it; and
when we are killed outright, Terraform must neither die of a broken pipe in mid-apply nor run on unattended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Outlives us if we are killed: reads the leash until its end, interrupts Terraform unless that has been done,
# and keeps draining its output (descriptor 1 is the *reading* end of it) so that it can end in order.
_SCRIPT = """
trap '' INT HUP
said=
while read -r word; do said=$word; done
case $said in
  ended) exit 0 ;;
  interrupted) ;;
  *) kill -s INT "$1" ;;
esac
cat <&1 >/dev/null &
left=$2
while kill -0 "$1" && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done
kill -s KILL -- "-$1"
"""


class Leash:
    """What the guard is told. A closed leash on which `ended` was not said means that we have died."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def interrupted(self) -> None:
        """The child has had its one interrupt: the guard must not send another."""
        self._say(b"interrupted\n")

    def ended(self) -> None:
        self._say(b"ended\n")

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor, word)


@contextlib.contextmanager
def guarded(pid: int, output: int, patience: float) -> Iterator[Leash]:
    """A guard for the child `pid`, leader of its own group, whose standard output is read from `output`.

    If this process dies, the child is interrupted once and has `patience` seconds before its group is killed.
    """
    read, write = os.pipe()
    guard: subprocess.Popen[bytes] | None = None
    try:
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "guard", str(pid), str(max(1, int(patience)))],
            stdin=read,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
    except OSError:
        pass  # a container without a shell: there the container ends with us
    finally:
        os.close(read)
    leash = Leash(write)
    try:
        yield leash
    finally:
        leash.ended()
        os.close(write)
        if guard is not None:
            guard.wait()


@contextlib.contextmanager
def signals_to(receiver: Callable[[BaseException], None]) -> Iterator[None]:
    """Inside, what the installed signal handlers raise goes to `receiver`, not through the code that runs.

    A handler that does not raise has no such effect, as ever. Outside the main thread there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def receive(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        try:
            if callable(handler):
                handler(number, frame)
        except BaseException as error:  # noqa: BLE001 - the receiver raises it again when it is safe
            receiver(error)

    replaced = [number for number, handler in before.items() if callable(handler)]
    try:
        for number in replaced:
            signal.signal(number, receive)
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])
