"""What a service copies counts what is really open."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.go_programs import SNIPPETS, go
from tidegate import procfs
from tidegate.core.spec import TelemetrySpec

POOLS = {"database": lambda: (3, 5)}


@pytest.fixture
def snippets(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, ModuleType]]:
    """The two Python files, imported as a service would that has copied them."""
    monkeypatch.syspath_prepend(str(SNIPPETS / "python"))
    names = ("process_metrics", "with_client")
    yield importlib.import_module(names[0]), importlib.import_module(names[1])
    for name in names:
        sys.modules.pop(name)


@contextlib.contextmanager
def connections(count: int) -> Iterator[None]:
    """So many, both ends of which are here."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as held:
        for _ in range(count):
            held.enter_context(socket.create_connection(server.getsockname()))
            held.enter_context(server.accept()[0])
        yield


def values(text: str) -> dict[str, float]:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {f"{s.name} {' '.join(s.labels.values())}".strip(): s.value for s in samples}


def test_without_anything_installed(snippets: tuple[ModuleType, ModuleType]) -> None:
    metrics, _ = snippets
    before = values(metrics.page())
    with connections(7):
        now = values(metrics.page(POOLS))
    assert now["tcp_connections established"] - before["tcp_connections established"] == 14
    assert now["process_open_fds"] - before["process_open_fds"] == 15
    assert now["process_max_fds"] == procfs.fd_limit(os.getpid())
    assert now["process_resident_memory_bytes"] > 1 << 20
    assert (now["pool_connections database in_use"], now["pool_connections database idle"]) == (3, 5)


def test_on_a_port_of_its_own(snippets: tuple[ModuleType, ModuleType]) -> None:
    metrics, _ = snippets
    server: Any = metrics.serve(0)
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == metrics.CONTENT_TYPE
            assert values(answer.read().decode())["process_open_fds"] > 3
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{url}/other", timeout=10)
        caught.value.close()
    finally:
        server.shutdown()
        server.server_close()


def test_with_the_prometheus_client(snippets: tuple[ModuleType, ModuleType]) -> None:
    _, with_client = snippets
    registry = prometheus_client.CollectorRegistry()
    with_client.register(registry, POOLS)
    prometheus_client.ProcessCollector(registry=registry)
    before = values(prometheus_client.generate_latest(registry).decode())
    with connections(7):
        now = values(prometheus_client.generate_latest(registry).decode())
    assert now["tcp_connections established"] - before["tcp_connections established"] == 14
    assert now["pool_connections database idle"] == 5
    telemetry = TelemetrySpec()
    assert {telemetry.open_fds, telemetry.max_fds} < set(now)


def test_in_go() -> None:
    done = go("test", "./...", directory=SNIPPETS / "go")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  \tconnections" in done.stdout


def test_the_example_in_go_has_copied_the_snippet_as_it_is() -> None:
    copied = SNIPPETS.parent / "go-service" / "connections" / "connections.go"
    assert copied.read_text() == (SNIPPETS / "go" / "connections.go").read_text()
