"""Hooks as real processes and real HTTP calls: what they are told, and that none gets away."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from adapters.web import Web, answer, serving
from tidegate.adapters.hooks import HookRunner
from tidegate.core.errors import Interrupted
from tidegate.flows.interruption import Interruption
from tidegate.ports import Given, Hook, HookResult, HttpCall, Moment
from tidegate.procfs import start_ticks

CONTEXT = {"service": "orders", "candidate": "orders-00002", "reason": "leaks 2/min", "exit_code": ""}
TOKEN = "t0ken-of-the-hook"


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def runner(said: list[str]) -> HookRunner:
    return HookRunner({**os.environ, "HOOK_TOKEN": TOKEN}, said.append, grace=0.3)


def command(*words: str, timeout: float = 20.0) -> Hook:
    return Hook("migrate", Moment.BEFORE_APPLY, words, timeout=timeout)


def shell(script: str, timeout: float = 20.0) -> Hook:
    return command("sh", "-c", script, timeout=timeout)


def call(url: str | Given, timeout: float = 20.0, **changes: object) -> Hook:
    given = Given(url) if isinstance(url, str) else url
    return Hook("approve", Moment.BEFORE_TRAFFIC, http=HttpCall(given, **changes), timeout=timeout)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    """Whether a process ends soon; one that nobody has waited for yet counts as ended."""
    for _ in range(200):
        if start_ticks(pid) is None:
            return True
        time.sleep(0.02)
    return False


def pid_in(path: Path) -> int:
    for _ in range(500):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{path} was never written")


# ------------------------------------------------------------------------------------------- commands


def test_a_command_is_told_what_it_is_about_and_its_output_is_shown(
    runner: HookRunner, said: list[str]
) -> None:
    script = (
        'echo "$TIDEGATE_SERVICE/$TIDEGATE_CANDIDATE/$TIDEGATE_REASON/"; echo careful >&2; printf "no end"'
    )
    result = runner.run(shell(script), CONTEXT)
    assert result.ok
    assert result.sentence.startswith("hook migrate is done, in ")
    assert said == ["migrate: orders/orders-00002/leaks 2/min/", "migrate: careful", "migrate: no end"]


def test_arguments_arrive_as_they_are(runner: HookRunner, said: list[str]) -> None:
    assert runner.run(command("echo", "$HOME; rm -rf *", "a  b"), CONTEXT).ok
    assert said == ["migrate: $HOME; rm -rf * a  b"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sh", "-c", "echo one; echo two >&2; exit 3"), "hook migrate failed: exit code 3: two"),
        (("false",), "hook migrate failed: exit code 1"),
        (("sh", "-c", "kill -s KILL $$"), "hook migrate failed: ended by SIGKILL"),
        (
            ("./nowhere", "x"),
            "hook migrate failed: ./nowhere cannot be started: No such file or directory",
        ),
        (("/etc/passwd",), "hook migrate failed: /etc/passwd cannot be started: Permission denied"),
        (("sh", "-c", r"printf 'a\033[31mb\n'; exit 1"), "hook migrate failed: exit code 1: a[31mb"),
        (("echo", "a\0b"), "hook migrate failed: ValueError"),
    ],
)
def test_a_command_that_fails_is_a_result(runner: HookRunner, words: tuple[str, ...], sentence: str) -> None:
    result = runner.run(command(*words), CONTEXT)
    assert not result.ok
    assert result.sentence == sentence


def test_a_secret_of_the_environment_is_not_shown(runner: HookRunner, said: list[str]) -> None:
    result = runner.run(shell("echo token=$HOOK_TOKEN; exit 1"), CONTEXT)
    assert said
    assert "token=" in result.sentence
    assert TOKEN not in result.sentence + said[0]


def test_time_that_is_over_ends_the_whole_group(runner: HookRunner, tmp_path: Path) -> None:
    child = tmp_path / "child"
    result = runner.run(
        shell(f"trap '' TERM; (trap '' TERM; sleep 60) & echo $! > {child}; echo waiting; wait", timeout=0.4),
        CONTEXT,
    )
    assert not result.ok
    assert result.sentence == "hook migrate failed: not done within 0.4 s: waiting"
    assert gone(pid_in(child))


def test_a_command_may_clean_up_when_its_time_is_over(runner: HookRunner, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    runner.run(shell(f"trap 'echo cleaned > {mark}; exit 0' TERM; sleep 60 & wait", timeout=0.4), CONTEXT)
    assert mark.read_text() == "cleaned\n"


def test_what_a_command_leaves_behind_ends_with_it(runner: HookRunner, tmp_path: Path) -> None:
    left = tmp_path / "left"
    result = runner.run(shell(f"sleep 60 & echo $! > {left}"), CONTEXT)
    assert result.ok
    assert gone(pid_in(left))


def test_a_flood_of_output_is_cut_and_its_end_kept(runner: HookRunner, said: list[str]) -> None:
    result = runner.run(shell("seq 1 20000; exit 1"), CONTEXT)
    assert result.sentence.endswith("exit code 1: 20000")
    assert len(said) == 1001
    assert said[-1].endswith("is not shown")


def test_a_line_without_end_takes_no_memory(runner: HookRunner, said: list[str]) -> None:
    assert runner.run(shell("head -c 20000000 /dev/zero | tr '\\0' x"), CONTEXT).ok
    assert sum(map(len, said)) < 10_000


def test_a_display_that_fails_is_the_hooks_failure_and_ends_it(tmp_path: Path) -> None:
    def broken(line: str) -> None:
        raise ValueError(line)

    child = tmp_path / "child"
    runner = HookRunner(os.environ, broken, grace=0.3)
    result = runner.run(shell(f"sleep 60 & echo $! > {child}; echo x; wait"), CONTEXT)
    assert not result.ok
    assert gone(pid_in(child))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_hook_and_then_the_rollout(
    tmp_path: Path, said: list[str], number: signal.Signals
) -> None:
    interruption = Interruption(said.append)
    child = tmp_path / "child"

    def on_line(line: str) -> None:
        signal.raise_signal(number)

    runner = HookRunner(os.environ, on_line, grace=0.3)
    with interruption.installed(), pytest.raises(Interrupted), interruption.allowed():
        runner.run(shell(f"sleep 60 & echo $! > {child}; echo ready; wait"), CONTEXT)
    assert gone(pid_in(child))


KILLED = """
import os, sys
from tidegate.adapters.hooks import HookRunner
from tidegate.ports import Hook, Moment
HookRunner(os.environ).run(Hook("h", Moment.AFTER, ("sh", "-c", f"echo $$ > {sys.argv[1]}; sleep 60")), {})
"""


def test_a_hook_does_not_outlive_a_killed_rollout(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), str(hook)])
    leader = pid_in(hook)
    process.kill()
    process.wait()
    assert gone(leader)


# ------------------------------------------------------------------------------------------- HTTP


def test_a_call_carries_the_context_as_json(web: Web, runner: HookRunner) -> None:
    result = runner.run(call(web.url + "/go"), CONTEXT)
    assert result.ok
    ((path, headers, body),) = web.requests
    assert (path, headers["Content-Type"]) == ("/go", "application/json")
    assert json.loads(body) == CONTEXT


def test_address_and_headers_may_come_from_the_environment(web: Web, said: list[str]) -> None:
    runner = HookRunner({"WHERE": f" {web.url}/hidden\n", "HOOK_TOKEN": TOKEN}, said.append)
    headers = {"Authorization": Given("Bearer ", "HOOK_TOKEN"), "X-Team": Given("shop")}
    assert runner.run(call(Given("", "WHERE"), headers=headers, body="go on", method="PUT"), CONTEXT).ok
    ((path, sent, body),) = web.requests
    assert (path, body) == ("/hidden", b"go on")
    assert (sent["Authorization"], sent["X-Team"]) == (f"Bearer {TOKEN}", "shop")


def test_a_variable_that_is_not_set_is_named(web: Web, runner: HookRunner) -> None:
    result = runner.run(call(web.url, headers={"Authorization": Given("", "NO_SUCH")}), CONTEXT)
    assert not result.ok
    assert result.sentence == "hook approve failed: the variable NO_SUCH of the environment is not set"
    assert not web.requests


@pytest.mark.parametrize(
    ("status", "wanted", "ok"), [(204, None, True), (404, None, False), (404, 404, True), (200, 202, False)]
)
def test_the_status_decides(web: Web, runner: HookRunner, status: int, wanted: int | None, ok: bool) -> None:
    web.respond = lambda handler: answer(handler, status)
    assert runner.run(call(web.url, status=wanted), CONTEXT).ok is ok


def test_a_refusal_is_quoted_without_secrets(web: Web, runner: HookRunner) -> None:
    refusal = f"freeze until\n Monday; {TOKEN}".encode()
    web.respond = lambda handler: answer(handler, 423, refusal)
    result = runner.run(call(web.url, headers={"X-Auth": Given("", "HOOK_TOKEN")}), CONTEXT)
    assert "answered 423, expected a 2xx: freeze until Monday; " in result.sentence
    assert TOKEN not in result.sentence


def test_a_redirect_is_not_followed(web: Web, runner: HookRunner) -> None:
    with serving() as elsewhere:
        web.respond = lambda handler: answer(handler, 307, Location=elsewhere.url)
        assert not runner.run(call(web.url), CONTEXT).ok
        assert not elsewhere.requests


def drip(handler: BaseHTTPRequestHandler, web: Web) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    while not web.release.wait(0.02):
        handler.wfile.write(b"X-A: b\r\n")
        handler.wfile.flush()


@pytest.mark.parametrize("how", ["silent", "dripping"])
def test_the_time_counts_for_the_whole_call(web: Web, runner: HookRunner, how: str) -> None:
    web.respond = lambda handler: web.release.wait(20) and None if how == "silent" else drip(handler, web)
    result = runner.run(call(web.url, timeout=0.3), CONTEXT)
    assert not result.ok
    assert result.sentence == "hook approve failed: not done within 0.3 s"
    web.release.set()


def test_nobody_there_is_a_result(runner: HookRunner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = runner.run(call(f"http://127.0.0.1:{taken.getsockname()[1]}/x"), CONTEXT)
    assert result.sentence == "hook approve failed: Connection refused"


@pytest.mark.parametrize("url", ["secret", "http://[::1/secret", "http://h:99999/secret", "ftp://x/secret"])
def test_a_secret_address_that_is_none_is_not_repeated(url: str) -> None:
    result: HookResult = HookRunner({"WHERE": url}).run(call(Given("", "WHERE")), CONTEXT)
    assert not result.ok
    assert "secret" not in result.sentence


def test_a_header_with_a_line_break_goes_nowhere(web: Web) -> None:
    runner = HookRunner({"TOKEN_X": "abcdefgh\r\nX-Evil: 1"})
    result = runner.run(call(web.url, headers={"Authorization": Given("", "TOKEN_X")}), CONTEXT)
    assert not result.ok
    assert "abcdefgh" not in result.sentence
    assert not web.requests


def test_a_signal_does_not_wait_for_a_call(web: Web, runner: HookRunner, said: list[str]) -> None:
    interruption = Interruption(said.append)

    def respond(handler: BaseHTTPRequestHandler) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        web.release.wait(20)

    web.respond = respond
    with interruption.installed(), pytest.raises(Interrupted), interruption.allowed():
        runner.run(call(web.url, timeout=10.0), CONTEXT)
    web.release.set()
