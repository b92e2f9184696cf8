"""The example in Go under load: each leak is seen in its descriptors and connections, and so is its cure."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.cloud_parts import wait_until
from services.go_programs import SERVICE, SNIPPETS, build, go
from tidegate import procfs
from tidegate.core.spec import load
from tidegate.local import images

REQUESTS = 40
MOST_DATABASE = 8
"""The limit of the careful pool."""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go-service"))


class Orders(NamedTuple):
    """The running service, seen from outside."""

    process: subprocess.Popen[str]
    port: int
    upstream: int
    database: int

    def ask(self, _: object = None) -> str:
        return get(f"http://127.0.0.1:{self.port}/")

    def fds(self) -> int:
        return procfs.open_fds(self.process.pid) or 0

    def connections_to(self, port: int) -> int:
        return sum(one.remote_port == port for one in self.sockets())

    def accepted(self) -> int:
        return sum(one.local_port == self.port and one.state != "LISTEN" for one in self.sockets())

    def sockets(self) -> list[procfs.TcpSocket]:
        held = procfs.held_sockets([self.process.pid])
        return [one for one in procfs.tcp_sockets(self.process.pid) if one.inode in held]

    def metrics(self) -> dict[str, float]:
        families = text_string_to_metric_families(get(f"http://127.0.0.1:{self.port}/metrics"))
        return {
            f"{s.name} {' '.join(s.labels.values())}".strip(): s.value for f in families for s in f.samples
        }


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def running(program: Path, *role: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    with subprocess.Popen(
        [program, *role], env={**os.environ, "PORT": str(port), **env}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert "listens on" in process.stdout.readline()
            wait_until(lambda: accepts(port))
            yield process, port
        finally:
            process.kill()


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def orders(program: Path, leak: str, delay: str = "1ms", idle: str = "60s") -> Iterator[Orders]:
    with (
        running(program, "upstream", DELAY=delay) as (_, upstream),
        running(program, "database", DELAY=delay) as (_, database),
        running(
            program, LEAK=leak, IDLE_TIMEOUT=idle,
            UPSTREAM_URL=f"http://127.0.0.1:{upstream}", DATABASE_AT=f"127.0.0.1:{database}",
        ) as (process, port),
    ):  # fmt: skip
        yield Orders(process, port, upstream, database)


@pytest.mark.parametrize(
    ("leak", "peer"),
    [
        ("none", None),
        ("client", None),
        ("transport", "upstream"),
        ("body", "upstream"),
        ("rows", "database"),
    ],
)
def test_a_leak_per_request(program: Path, leak: str, peer: str | None) -> None:
    with orders(program, leak) as service:
        service.ask()
        wait_until(lambda: service.accepted() == 0)
        before, told = service.fds(), service.metrics()
        for _ in range(REQUESTS):
            service.ask()
        wait_until(lambda: service.accepted() == 0)
        grown, now = service.fds() - before, service.metrics()
        assert now["orders_requests_total 200"] == REQUESTS + 1
        assert abs(now["process_open_fds"] - told["process_open_fds"] - grown) <= 3
        for name in ("upstream", "database"):
            count = service.connections_to(getattr(service, name))
            assert now[f"tcp_connections {name}"] == count
            assert count >= REQUESTS if name == peer else count <= 2
        assert grown >= REQUESTS - 3 if peer else abs(grown) <= 4
        if peer == "upstream":
            assert now["go_goroutines"] - told["go_goroutines"] >= 2 * REQUESTS - 10


@pytest.mark.parametrize(("leak", "most"), [("none", MOST_DATABASE), ("pool", None)])
def test_a_pool_without_a_limit_keeps_what_a_burst_has_opened(
    program: Path, leak: str, most: int | None
) -> None:
    with orders(program, leak, delay="300ms") as service, ThreadPoolExecutor(30) as burst:
        list(burst.map(service.ask, range(30)))
        left = service.connections_to(service.database)
        assert left <= most if most else left > 2 * MOST_DATABASE


@pytest.mark.parametrize("leak", ["none", "server"])
def test_a_server_without_time_outs_holds_whoever_says_nothing(program: Path, leak: str) -> None:
    silent = 20
    with orders(program, leak, idle="1s") as service, contextlib.ExitStack() as held:
        for number in range(silent):
            one = held.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            one.settimeout(20)
            if number % 2:  # half of them have asked once, half never finish their first question
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: orders\r\n\r\n")
                assert one.recv(1000).startswith(b"HTTP/1.1 200")
            else:
                one.sendall(b"GET /healthz HTTP/1.1\r\n")
        if leak == "none":
            wait_until(lambda: service.accepted() == 0)
            assert service.metrics()["tcp_connections inbound"] <= 3
        else:
            one.settimeout(2.5)  # longer than the time-out it does not have
            with pytest.raises(TimeoutError):
                one.recv(1)
            assert service.accepted() == silent
            assert service.metrics()["tcp_connections inbound"] >= silent


def test_term_ends_it_in_order(program: Path) -> None:
    with orders(program, "none") as service:
        service.ask()
        service.process.send_signal(signal.SIGTERM)
        out, _ = service.process.communicate(timeout=30)
        assert service.process.returncode == 0
        assert "orders has stopped" in out


@pytest.mark.parametrize(
    ("env", "role", "said"),
    [
        ({"LEAK": "cash"}, (), "LEAK is one of"),
        ({"DELAY": "soon"}, (), "DELAY: time: invalid duration"),
        ({}, ("cashier",), 'not as "cashier"'),
    ],
)
def test_what_it_does_not_know(program: Path, env: dict[str, str], role: tuple[str, ...], said: str) -> None:
    done = subprocess.run([program, *role], env=os.environ | env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert said in done.stderr
    assert "goroutine" not in done.stderr


def test_the_code_is_as_gofmt_and_vet_want_it() -> None:
    assert go("vet", "./...", directory=SERVICE).returncode == 0
    formatted = subprocess.run(["gofmt", "-l", SERVICE, SNIPPETS], capture_output=True, text=True)
    assert (formatted.returncode, formatted.stdout) == (0, "")


def test_it_counts_its_connections_as_the_snippet_does() -> None:
    copied = SERVICE / "connections" / "connections.go"
    assert copied.read_bytes() == (SNIPPETS / "go" / "connections.go").read_bytes()


def test_its_spec_and_its_catalogue_are_valid(tmp_path: Path) -> None:
    for environment in (None, "local"):
        load((SERVICE / "tidegate.yaml").read_bytes(), "tidegate.yaml", environment)
    catalogue = images.load(SERVICE / "images.yaml")
    leaks = {
        name.rpartition(":")[2]: image.env.get("LEAK", "none") for name, image in catalogue.images.items()
    }
    assert leaks == {"v1": "none", "v2": "transport", "v2-body": "body", "v2-rows": "rows", "v3": "none"}
    assert set(catalogue.backing) == {"upstream", "database"}


def test_its_manual_tells_every_leak() -> None:
    page = (SERVICE / "README.md").read_text()
    leaks = (SERVICE / "main.go").read_text().partition("var leaks = []string{")[2].partition("}")[0]
    for leak in leaks.replace('"', "").split(", "):
        assert f"| `{leak}` |" in page
