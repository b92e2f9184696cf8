"""The display on a stream that is no terminal, and on a pseudo-terminal."""

import contextlib
import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from tidegate.cli.progress import Display
from tidegate.cli.surface import animates
from tidegate.ports import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A pseudo-terminal whose other end is read all the while, as a terminal's is."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w", encoding="utf-8")
        self._seen = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        # Linux answers with an error once nobody has the other end open any more.
        with contextlib.suppress(OSError):
            while chunk := os.read(self._master, 65536):
                self._seen += chunk

    def close(self) -> str:
        """Everything that was shown."""
        if not self.stream.closed:
            self.stream.close()
            self._reader.join()
            os.close(self._master)
        return self._seen.decode()


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_plain_lines_for_steps_and_resources(stream: io.StringIO) -> None:
    clock = Clock()
    with Display(stream, environment={}, clock=clock) as display:
        display.step("Applying")
        display.progress(Progress("start", "a.b", "create"))
        display.progress(Progress("progress", "a.b", "create", "", 10.0))
        clock.now = 12.0
        display.progress(Progress("done", "a.b", "create", "", 12.0))
        display.progress(Progress("start", "a.c", "delete"))
        display.progress(Progress("failed", "a.c", "delete"))
        display.progress(Progress("summary", "", "apply", "Apply complete!"))
        display.done()
        display.note("by the way")
        display.warn("careful")
    assert lines(stream) == [
        "… Applying",
        "… a.b: creating",
        "… a.b: still creating (10 s)",
        "✓ a.b: created (12 s)",
        "… a.c: deleting",
        "✗ a.c: deleting failed",
        "· Apply complete!",
        "✓ Applying (12 s)",
        "· by the way",
        "! careful",
    ]


def test_a_new_step_ends_the_one_before(stream: io.StringIO) -> None:
    display = Display(stream, environment={})
    display.step("one")
    display.step("two")
    display.done("two, and well")
    display.done()
    assert lines(stream) == ["… one", "✓ one", "… two", "✓ two, and well"]


def test_a_task_is_done_or_failed(stream: io.StringIO) -> None:
    display = Display(stream, environment={})
    with display.task("good"):
        pass
    with pytest.raises(KeyboardInterrupt), display.task("bad"):
        raise KeyboardInterrupt
    with display.task("said"):
        display.fail("not so good")
    assert lines(stream) == ["… good", "✓ good", "… bad", "✗ bad", "… said", "✗ not so good"]


def test_an_exception_fails_the_open_step(stream: io.StringIO) -> None:
    def work() -> None:
        with Display(stream, environment={}) as display:
            display.step("one")
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        work()
    assert lines(stream)[-1] == "✗ one"


def test_what_the_plan_text_says_is_not_said_twice(stream: io.StringIO) -> None:
    display = Display(stream, environment={})
    display.progress(Progress("plan", "a.b", "create"))
    display.progress(Progress("start", "a.b", "refresh"))
    display.progress(Progress("done", "a.b", "refresh"))
    display.progress(Progress("summary", "", "plan", "Plan: 1 to add"))
    display.progress(Progress("plan", "a.b", "drift", "changed outside Terraform (update)"))
    assert lines(stream) == []


def test_diagnostics_and_unheard_of_kinds(stream: io.StringIO) -> None:
    display = Display(stream, environment={})
    display.progress(Progress("diagnostic", "a.b", "error", "Bad (a.b): really"))
    display.progress(Progress("diagnostic", "", "warning", "Old"))
    display.progress(Progress("from the future", "a.b", "dance"))
    display.progress(Progress("start", "a.b", "dance"))
    assert lines(stream) == ["✗ error: Bad (a.b): really", "! warning: Old", "… a.b: dance"]


def test_nothing_terraform_relays_can_steer_the_terminal(stream: io.StringIO) -> None:
    display = Display(stream, environment={})
    display.note("a\x1b[31mred\x1b[0m \x1b]0;title\x07b\rc\x08 [bold]d[/bold]")
    assert lines(stream) == ["· ared bc [bold]d[/bold]"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_that_knows_few_letters(encoding: str) -> None:
    raw = io.BytesIO()
    display = Display(io.TextIOWrapper(raw, encoding=encoding), environment={})
    display.step("Größe → 5 %")
    display.done()
    assert raw.getvalue().decode(encoding).startswith("... Gr")


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("closed", [False, True])
def test_a_stream_without_a_reader_is_no_error(closed: bool) -> None:
    stream = Broken()
    if closed:
        stream.close()
    with Display(stream, environment={}) as display:
        display.step("one")
        display.fail()


class CutInto(io.StringIO):
    """Within its first write a signal arrives, whose handler has something to say as well."""

    handler: Callable[[], None] | None = None

    def write(self, text: str) -> int:
        handler, self.handler = self.handler, None
        if handler is not None:
            handler()
        return super().write(text)


def test_a_signal_handler_may_speak_in_the_middle_of_a_line() -> None:
    stream = CutInto()
    display = Display(stream, environment={})
    stream.handler = lambda: display.warn("interrupted: stopping")
    display.note("a line")
    assert lines(stream) == ["· a line", "! interrupted: stopping"]


def test_a_signal_handler_may_speak_while_the_screen_is_drawn(screen: Screen) -> None:
    with Display(screen.stream, environment={"TERM": "xterm"}) as display:
        before = signal.signal(signal.SIGALRM, lambda number, frame: display.warn("cut in"))
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
            for number in range(60):
                display.note(f"line {number}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.close())
    assert all(f"· line {number}\r\n" in plain for number in range(60))
    assert "! cut in\r\n" in plain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True),
    ],
)
def test_who_sees_an_animation(environment: dict[str, str], expected: bool) -> None:
    assert animates(Terminal(), environment) is expected
    assert animates(io.StringIO(), environment) is False


def play(stream: TextIO, **environment: str) -> None:
    with Display(stream, environment={"TERM": "xterm-256color", **environment}) as display:
        display.step("Applying")
        for number in range(30):
            display.progress(Progress("start", f"a.r{number}", "create"))
        for number in range(30):
            display.progress(Progress("done", f"a.r{number}", "create", "", 2.0))
        display.progress(Progress("diagnostic", "", "error", "[red]not markup[/red]"))
        display.done()


def test_on_a_terminal_every_end_leaves_a_line(screen: Screen) -> None:
    play(screen.stream)
    seen = screen.close()
    assert "\x1b[" in seen
    assert all(f"a.r{number}: created (2 s)" in seen for number in range(30))
    assert "[red]not markup[/red]" in seen
    assert "\x1b[32m" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor is shown again


def test_no_color_is_respected_on_a_terminal(screen: Screen) -> None:
    play(screen.stream, NO_COLOR="1")
    seen = screen.close()
    assert "a.r0: created" in seen
    assert not any(f"\x1b[{colour}m" in seen for colour in ("31", "32", "33", "1;31"))


def test_standard_output_stays_data_and_rich_is_loaded_late() -> None:
    code = (
        "import sys\n"
        "from tidegate.cli.progress import Display\n"
        "with Display() as display, display.task('working'):\n"
        "    print('{}')\n"
        "assert not any(name.partition('.')[0] == 'rich' for name in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n"
    assert "working" in done.stderr
