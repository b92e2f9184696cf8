"""The process runner against small shell scripts: signals, floods, deaths. Nothing may be left running."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tidegate.adapters.terraform.run import Finished, ProcessRunner
from tidegate.core.errors import Interrupted, TerraformError
from tidegate.procfs import start_ticks

DEADLINE = 20.0
STUBBORN = """
trap 'echo INT >>signals' INT
{trap}
echo $$ >pid
echo ready
while [ ! -f stop ]; do sleep 0.05; done
"""


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError("it did not come true in time")
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    return start_ticks(pid) is not None


class Listener:
    """Collects what a run says; `at_ready` is called once when the script is under way."""

    def __init__(self, at_ready: Callable[[], None] = lambda: None) -> None:
        self.output = b""
        self.notices: list[str] = []
        self._at_ready: Callable[[], None] | None = at_ready

    def take(self, chunk: bytes) -> None:
        self.output += chunk
        if b"ready" in self.output and self._at_ready is not None:
            at_ready, self._at_ready = self._at_ready, None
            at_ready()


def run(script: str, folder: Path, listener: Listener, runner: ProcessRunner | None = None) -> Finished:
    return (runner or ProcessRunner())(
        ["/bin/sh", "-c", script],
        directory=folder,
        environment=dict(os.environ),
        on_output=listener.take,
        on_notice=listener.notices.append,
    )


def interrupt_self(times: int = 1, number: signal.Signals = signal.SIGINT) -> Callable[[], None]:
    def act() -> None:
        for _ in range(times):
            os.kill(os.getpid(), number)

    return act


def signals_seen(folder: Path) -> Sequence[str]:
    path = folder / "signals"
    return path.read_text().split() if path.exists() else []


def test_output_code_and_stderr_come_back(tmp_path: Path) -> None:
    listener = Listener()
    finished = run("echo out; echo err >&2; exit 7", tmp_path, listener)
    assert (finished.code, finished.stderr, listener.output) == (7, "err\n", b"out\n")


def test_it_runs_in_a_session_of_its_own(tmp_path: Path) -> None:
    listener = Listener()
    run("ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat", tmp_path, listener)
    assert int(listener.output) != os.getsid(0)


def test_a_flood_on_both_streams_neither_blocks_nor_fills_memory(tmp_path: Path) -> None:
    listener = Listener()
    seen = 0

    def count(chunk: bytes) -> None:
        nonlocal seen
        seen += len(chunk)

    listener.take = count  # type: ignore[method-assign]  # only counts: the test is about volume
    flood = "head -c 30000000 /dev/zero >&2 & head -c 30000000 /dev/zero; wait; echo last >&2"
    finished = run(flood, tmp_path, listener)
    assert seen == 30_000_000
    assert finished.stderr.endswith("last\n")
    assert len(finished.stderr) <= 64 * 1024


def test_a_grandchild_that_keeps_the_output_open_does_not_hold_us(tmp_path: Path) -> None:
    listener = Listener()
    run("sleep 60 & echo $! ; echo ready", tmp_path, listener)
    pid = int(listener.output.split()[0])
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("command", [["/nowhere/terraform"], ["/dev/null"]])
def test_what_cannot_be_started_is_an_error(tmp_path: Path, command: list[str]) -> None:
    with pytest.raises(TerraformError, match="cannot be started"):
        ProcessRunner()(
            command, directory=tmp_path, environment={}, on_output=lambda _: None, on_notice=lambda _: None
        )


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TerraformError, match="not a directory"):
        run("true", tmp_path / "nowhere", Listener())


def test_an_interrupt_is_forwarded_once_and_waited_for(tmp_path: Path) -> None:
    script = STUBBORN.format(trap="trap 'echo INT >>signals; sleep 0.3; echo saved >state; exit 1' INT")
    listener = Listener(interrupt_self())
    with pytest.raises(KeyboardInterrupt):
        run(script, tmp_path, listener)
    assert (tmp_path / "state").read_text() == "saved\n"
    assert signals_seen(tmp_path) == ["INT"]
    assert "saves its state" in listener.notices[0]


def test_impatience_does_not_become_a_second_interrupt(tmp_path: Path) -> None:
    listener = Listener(interrupt_self())
    again = 0

    def notice(text: str) -> None:
        nonlocal again
        listener.notices.append(text)
        again += 1
        if again <= 3:
            interrupt_self()()
        else:
            (tmp_path / "stop").touch()

    with pytest.raises(KeyboardInterrupt):
        ProcessRunner()(
            ["/bin/sh", "-c", STUBBORN.format(trap="")],
            directory=tmp_path,
            environment=dict(os.environ),
            on_output=listener.take,
            on_notice=notice,
        )
    assert signals_seen(tmp_path) == ["INT"]
    assert "Still waiting" in listener.notices[-1]


def test_after_the_patience_comes_term(tmp_path: Path) -> None:
    script = STUBBORN.format(trap="trap 'echo TERM >>signals; exit 1' TERM")
    listener = Listener(interrupt_self())
    with pytest.raises(KeyboardInterrupt):
        run(script, tmp_path, listener, ProcessRunner(patience=0.3, last_chance=DEADLINE))
    assert signals_seen(tmp_path) == ["INT", "TERM"]
    assert "stopped by force" in listener.notices[-1]


def test_and_then_kill_for_the_whole_group(tmp_path: Path) -> None:
    script = "sleep 60 & echo $! >child\n" + STUBBORN.format(trap="trap 'echo TERM >>signals' TERM")
    with pytest.raises(KeyboardInterrupt):
        run(script, tmp_path, Listener(interrupt_self()), ProcessRunner(patience=0.3, last_chance=0.3))
    assert signals_seen(tmp_path) == ["INT", "TERM"]
    until(lambda: not is_alive(int((tmp_path / "child").read_text())))
    assert not is_alive(int((tmp_path / "pid").read_text()))


@pytest.fixture
def raising_term() -> Iterator[None]:
    def handler(number: int, frame: object) -> None:
        raise Interrupted("asked to stop")

    before = signal.signal(signal.SIGTERM, handler)
    yield
    assert signal.getsignal(signal.SIGTERM) is handler
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("raising_term")
def test_the_flow_s_own_handler_decides_what_is_raised(tmp_path: Path) -> None:
    script = STUBBORN.format(trap="trap 'echo INT >>signals; exit 1' INT")
    with pytest.raises(Interrupted, match="asked to stop"):
        run(script, tmp_path, Listener(interrupt_self(number=signal.SIGTERM)))
    assert signals_seen(tmp_path) == ["INT"]


def test_a_handler_that_does_not_raise_lets_it_run_on(tmp_path: Path) -> None:
    noted: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
    try:
        listener = Listener(lambda: (interrupt_self(number=signal.SIGTERM)(), (tmp_path / "stop").touch()))
        finished = run(STUBBORN.format(trap=""), tmp_path, listener)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (finished.code, noted, signals_seen(tmp_path)) == (0, [signal.SIGTERM], [])


def test_a_listener_that_raises_stops_the_run_in_order(tmp_path: Path) -> None:
    def burst() -> None:
        raise ValueError("display broken")

    script = STUBBORN.format(trap="trap 'echo INT >>signals; echo more; exit 1' INT")
    with pytest.raises(ValueError, match="display broken"):
        run(script, tmp_path, Listener(burst))
    assert signals_seen(tmp_path) == ["INT"]


def test_a_run_in_another_thread_can_be_interrupted(tmp_path: Path) -> None:
    runner = ProcessRunner()
    raised: list[BaseException] = []
    ready = threading.Event()

    def work() -> None:
        try:
            run(STUBBORN.format(trap="trap 'exit 1' INT"), tmp_path, Listener(ready.set), runner)
        except Interrupted as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(DEADLINE)
    runner.interrupt()
    thread.join(DEADLINE)
    assert len(raised) == 1


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    run("true", tmp_path, Listener())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run("echo x", tmp_path, Listener())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


PARENT = """
import os, sys
from pathlib import Path
from tidegate.adapters.terraform.run import ProcessRunner
ProcessRunner(patience=float(sys.argv[3]))(
    ["/bin/sh", "-c", sys.argv[2]], directory=Path(sys.argv[1]), environment=dict(os.environ),
    on_output=lambda _: None, on_notice=lambda _: None)
"""


def orphan(script: str, folder: Path, patience: float) -> int:
    """Starts the script under a parent of its own, kills that outright, returns the script's pid."""
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(folder), script, str(patience)]
    )
    until(lambda: (folder / "pid").exists() and bool((folder / "pid").read_text().strip()))
    until(lambda: len(children_of(parent.pid)) == 2)
    guards = children_of(parent.pid)
    parent.kill()
    parent.wait()
    pid = int((folder / "pid").read_text())
    until(lambda: not any(map(is_alive, guards)))
    return pid


def children_of(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_when_we_are_killed_it_is_interrupted_once_and_can_still_write(tmp_path: Path) -> None:
    # Written to a pipe without a reader, the flood would kill it before it has saved.
    trap = "trap 'echo INT >>signals; head -c 300000 /dev/zero; echo saved >state; exit 1' INT"
    pid = orphan(STUBBORN.format(trap=trap), tmp_path, patience=DEADLINE)
    assert not is_alive(pid)
    assert signals_seen(tmp_path) == ["INT"]
    assert (tmp_path / "state").read_text() == "saved\n"


def test_when_we_are_killed_and_it_does_not_listen_it_is_killed_too(tmp_path: Path) -> None:
    pid = orphan(STUBBORN.format(trap=""), tmp_path, patience=1.0)
    assert not is_alive(pid)
    assert signals_seen(tmp_path) == ["INT"]
