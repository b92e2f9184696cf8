"""`tidegate collect`, from outside: what it exports, how small it is, how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.cloud_parts import wait_until
from tidegate import procfs
from tidegate.collect import Exporter, Subject, read
from tidegate.core.catalogue import BY_ID
from tidegate.core.errors import ExitCode
from tidegate.core.spec import TelemetrySpec

ROOT = Path(__file__).parents[2]
BUDGET_MB = 30
SLEEPER = "import sys, time; print('up', flush=True); time.sleep(60)"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def collect(*options: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command as a process of its own; its port."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "tidegate", "collect", "--port", str(port), *options],
        env={**os.environ, **env}, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        while "collect listens on" not in (line := running.stderr.readline()):
            assert line, "it ended before it listened"
        try:
            yield running, port
        finally:
            running.kill()


@contextlib.contextmanager
def connections(count: int, family: socket.AddressFamily = socket.AF_INET) -> Iterator[list[socket.socket]]:
    """So many connections that this process holds at both ends; the list has the callers' ends."""
    address = "127.0.0.1" if family is socket.AF_INET else "::1"
    with socket.create_server((address, 0), family=family, backlog=128) as server:
        callers, accepted = [], []
        try:
            for _ in range(count):
                callers.append(socket.create_connection(server.getsockname()[:2]))
                accepted.append(server.accept()[0])
            yield callers
        finally:
            for one in (*callers, *accepted):
                one.close()


def page(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return values(answer.read().decode())


def values(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {f"{s.name} {' '.join(s.labels.values())}".strip(): s.value for f in families for s in f.samples}


def mine() -> Subject:
    """Only what this process holds: other tests open connections too."""
    return Subject(sockets_of=(os.getpid(),))


def test_connections_are_counted_by_state() -> None:
    before = values(read(mine()))

    def more(state: str) -> float:
        return values(read(mine()))[f"tcp_connections {state}"] - before[f"tcp_connections {state}"]

    with connections(5) as callers:
        assert more("established") == 10
        for caller in callers[:3]:
            caller.shutdown(socket.SHUT_WR)
        # The other end hears of it a moment later.
        wait_until(lambda: (more("close_wait"), more("fin_wait2"), more("established")) == (3, 3, 4))


def test_who_listens_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert "tcp_connections listen" not in values(read(mine()))


@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="this machine has no IPv6")
def test_connections_over_ipv6_are_counted_too() -> None:
    before = values(read(mine()))
    try:
        held = connections(4, socket.AF_INET6)
        with held:
            now = values(read(mine()))
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    assert now["tcp_connections established"] - before["tcp_connections established"] == 8


def test_every_state_is_there_from_the_start() -> None:
    expected = {"tcp_connections " + s.lower() for s in procfs.TCP_STATES.values()} - {
        "tcp_connections listen"
    }
    assert set(values(read(Subject()))) == expected


def test_the_whole_namespace_is_counted_and_what_others_hold_is_not_mine() -> None:
    with connections(6), subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            assert values(read(Subject()))["tcp_connections established"] >= 12
            alone = values(read(Subject(sockets_of=(other.pid,))))
            assert alone["tcp_connections established"] == 0
        finally:
            other.kill()


def test_its_own_connections_are_not_the_services() -> None:
    with connections(3) as callers:
        port = callers[0].getpeername()[1]
        with_them = values(read(mine()))["tcp_connections established"]
        without = values(read(Subject(sockets_of=(os.getpid(),), port=port)))["tcp_connections established"]
        assert with_them - without == 6


def test_descriptors_of_a_process_and_of_those_it_starts(tmp_path: Path) -> None:
    child = f"f = [open({str(tmp_path / 'held')!r}, 'w') for _ in range(20)]; {SLEEPER}"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        try:
            seen = values(read(Subject(pids=(running.pid,))))
            family = procfs.with_descendants([running.pid])
            assert len(family) == seen["tidegate_collect_processes"] == 2
            assert seen["process_open_fds"] == sum(procfs.open_fds(pid) or 0 for pid in family) > 20
            assert seen["process_max_fds"] == procfs.fd_limit(running.pid)
        finally:
            for pid in procfs.with_descendants([running.pid]):
                os.kill(pid, signal.SIGKILL)


def test_a_process_is_found_by_its_command_line_and_never_itself() -> None:
    name = f"service-{os.getpid()}-of-a-test"
    with collect("--match", name, "--keep", "0") as (_, port):
        seen = page(port)
        assert seen["tidegate_collect_processes"] == 0, "it has the name in its own command line"
        assert "process_open_fds" not in seen, "none is not 0"
        with subprocess.Popen([sys.executable, "-c", SLEEPER, name], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            other.stdout.readline()
            try:
                assert page(port)["process_open_fds"] == procfs.open_fds(other.pid)
            finally:
                other.kill()


def test_the_names_are_those_the_spec_expects() -> None:
    told = set(values(read(Subject(pids=(os.getppid(),)))))
    telemetry = TelemetrySpec()
    assert {telemetry.open_fds, telemetry.max_fds} < told
    assert f"{telemetry.tcp_connections} established" in told
    (source,) = BY_ID["tcp_connections"].sources
    ((label, excluded),) = source.without
    assert label == "state"
    assert {name for name in told if name.rpartition(" ")[2] in excluded} == {"tcp_connections time_wait"}


def test_one_look_serves_all_who_ask_in_the_same_moment() -> None:
    now, looks = [0.0], []

    def look() -> str:
        looks.append(now[0])
        return f"look {len(looks)}\n"

    with Exporter(("127.0.0.1", 0), look, keep=5, clock=lambda: now[0]) as exporter:
        assert [exporter.page(), exporter.page()] == ["look 1\n", "look 1\n"]
        now[0] = 5
        assert exporter.page() == "look 2\n"


def test_a_table_that_cannot_be_read_is_an_error_and_no_zero() -> None:
    fails = [True]

    def look() -> str:
        if fails[0]:
            raise PermissionError(13, "Permission denied", "/proc/net/tcp")
        return "fine\n"

    with Exporter(("127.0.0.1", 0), look, keep=60, clock=time.monotonic) as exporter:
        with pytest.raises(PermissionError):
            exporter.page()
        fails[0] = False
        assert exporter.page() == "fine\n"


def test_it_answers_health_and_knows_nothing_else() -> None:
    with collect() as (_, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.read() == b"ok\n"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/other", timeout=10)
        assert caught.value.code == 404
        caught.value.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_gives_the_port_back(number: signal.Signals) -> None:
    with collect() as (running, port):
        with socket.create_connection(("127.0.0.1", port)):  # one who never asks does not hold it up
            running.send_signal(number)
            assert running.wait(20) == ExitCode.DONE
        assert running.stderr is not None
        assert running.stderr.read() == ""
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_it_stays_small_and_holds_nothing_while_it_is_scraped() -> None:
    """Peak resident memory as the kernel has it, with some thousand lines to read."""
    with connections(1500), collect("--keep", "0", "--pid", str(os.getpid())) as (running, port):
        page(port)
        before = procfs.open_fds(running.pid)
        for _ in range(20):
            assert page(port)["tcp_connections established"] >= 3000
        assert peak_mb(running.pid) <= BUDGET_MB
        assert abs((procfs.open_fds(running.pid) or 0) - (before or 0)) <= 3


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def test_the_image_of_the_manual_has_all_it_needs(tmp_path: Path) -> None:
    """What its recipe copies and installs, and nothing else: this package and click."""
    recipe = re.search(r"```dockerfile\n(.*?)```", (ROOT / "docs" / "collect.md").read_text(), re.DOTALL)
    assert recipe is not None
    lines = dict(line.split(" ", 1) for line in recipe[1].splitlines() if not line.startswith("RUN"))
    installed = re.findall(r'pip install --no-cache-dir "(.*?)"', recipe[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert installed == [one for one in project["dependencies"] if one.startswith("click")]

    source, target = lines["COPY"].split()
    place = tmp_path / target.lstrip("/")
    place.parent.mkdir()
    place.symlink_to(ROOT / source)
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "click").symlink_to(Path(click.__file__).parent)
    path = [tmp_path / lines["ENV"].partition("=")[2].lstrip("/"), tmp_path / "installed"]
    python, *entry = json.loads(lines["ENTRYPOINT"])
    assert python == "python"
    done = subprocess.run(
        [sys.executable, "-S", *entry, *json.loads(lines["CMD"]), "--once"],
        env={"PYTHONPATH": ":".join(map(str, path))}, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tcp_connections established" in values(done.stdout)


Faulty = Mapping[str, tuple[Callable[[int], list[str]], str]]
FAULTY: Faulty = {
    "a taken port": (lambda port: ["--port", str(port)], "cannot listen on 127.0.0.1, port "),
    "no address": (
        lambda _: ["--listen", "nowhere.invalid"],
        "cannot listen on nowhere.invalid, port 9465: ",
    ),
    "no expression": (lambda _: ["--match", "("], "--match '(' is not a regular expression: "),
    "no port": (lambda _: ["--port", "70000"], "'70000' is no port: a whole number from 1 to 65535"),
    "no pid": (lambda _: ["--pid", "0"], "'0' is no process id: a whole number from 1 on"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_bad_input_is_told_in_a_sentence(case: str) -> None:
    options, said = FAULTY[case]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [sys.executable, "-m", "tidegate", "collect", *options(taken.getsockname()[1])],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    assert done.returncode == ExitCode.USAGE
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TIDEGATE_COLLECT_PORT", "http", "has 'http', which is no port: a whole number"),
        ("TIDEGATE_COLLECT_PORT", "70000", "has '70000', which is no port: a whole number"),
        ("TIDEGATE_COLLECT_SOCKETS_OF", "1 x", "has 'x', which is no process id"),
    ],
)
def test_rubbish_in_the_environment_is_told_in_one_line_with_the_variable(
    name: str, value: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", "collect", "--once"],
        env={**os.environ, name: value}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == ExitCode.USAGE
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: {name} of the environment {said}")
    assert hint.startswith("hint: ")
    assert done.stdout == ""
