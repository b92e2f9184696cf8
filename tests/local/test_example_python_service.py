"""The example service: with the leak its descriptors grow with every request, without it they do not."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.cloud_parts import wait_until
from tidegate import procfs
from tidegate.local import images

EXAMPLE = Path(__file__).parents[2] / "examples" / "python-service"
REQUESTS = 40


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def process(script: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [sys.executable, str(EXAMPLE / script)]
    with subprocess.Popen(
        command, env={**os.environ, "PORT": str(port), **env}, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            assert "listens on" in running.stdout.readline()
            yield running, port
        finally:
            running.terminate()
            running.communicate(timeout=20)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def metrics(port: int) -> dict[str, float]:
    families = text_string_to_metric_families(get(f"http://127.0.0.1:{port}/metrics"))
    return {s.name + "".join(s.labels.values()): s.value for f in families for s in f.samples}


@contextlib.contextmanager
def orders(**env: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service with its upstream: its process and its address."""
    with (
        process("upstream.py") as (_, upstream),
        process("app.py", UPSTREAM_URL=f"http://127.0.0.1:{upstream}", **env) as (app, port),
    ):
        yield app, f"http://127.0.0.1:{port}"


def fds(app: subprocess.Popen[str]) -> int:
    return procfs.open_fds(app.pid) or 0


def growth(app: subprocess.Popen[str], url: str, requests: int = REQUESTS) -> int:
    """Descriptors gained in so many requests, the first one not counted."""
    get(url)
    before = fds(app)
    for _ in range(requests):
        get(url)
    return fds(app) - before


@pytest.mark.parametrize(("leak", "grows"), [("none", False), ("transport", True), ("body", True)])
def test_the_leak_is_seen_from_outside_and_in_its_metrics(leak: str, grows: bool) -> None:
    with orders(LEAK=leak) as (app, url):
        port = int(url.rpartition(":")[2])
        get(url)
        before, seen = fds(app), metrics(port)
        for _ in range(REQUESTS):
            answer = get(url)
            assert leak == "body" or '"apples": 12' in answer
        after, now = fds(app), metrics(port)
        assert now["orders_requests_total200"] == REQUESTS + 1
        assert now["process_max_fds"] > 1000
        for grown in (
            after - before,
            now["process_open_fds"] - seen["process_open_fds"],
            now["tcp_connectionsestablished"] - seen["tcp_connectionsestablished"],
        ):
            assert grown >= REQUESTS - 3 if grows else abs(grown) <= 5


@pytest.mark.parametrize(
    ("more", "least", "most"),
    [({"LEAK_EVERY": "10"}, 3, 6), ({"LEAK_EVERY": "20", "LEAK_BURST": "15"}, 28, 32)],
)
def test_one_leak_in_so_many_requests(more: dict[str, str], least: int, most: int) -> None:
    with orders(LEAK="transport", **more) as (app, url):
        assert least <= growth(app, url) <= most


def test_a_leak_in_one_path_only() -> None:
    with orders(LEAK="transport", LEAK_PATH="/report") as (app, url):
        assert abs(growth(app, url)) <= 3
        assert growth(app, f"{url}/report") >= REQUESTS - 3


def test_a_leak_that_needs_no_request() -> None:
    with orders(LEAK="refresh", LEAK_PER_MINUTE="3000") as (app, _):
        before = fds(app)
        wait_until(lambda: fds(app) > before + 20)


def test_a_leak_of_memory() -> None:
    with orders(LEAK="memory", LEAK_KIB="1024") as (app, url):
        port = int(url.rpartition(":")[2])
        before = metrics(port)["process_resident_memory_bytes"]
        assert abs(growth(app, url)) <= 3
        assert metrics(port)["process_resident_memory_bytes"] - before > 0.9 * REQUESTS * 2**20


def test_a_pool_of_shards_fills_and_is_then_full() -> None:
    with orders(SHARDS="6") as (app, url):
        assert 3 <= growth(app, url, 60) <= 6
        assert abs(growth(app, url, 60)) <= 1


def test_lingering_connections_are_closed_in_the_end() -> None:
    with orders(LINGER="1") as (app, url):
        before = fds(app)
        assert growth(app, url) >= REQUESTS // 2
        wait_until(lambda: fds(app) <= before + 3)


def test_so_many_requests_fail_and_are_late() -> None:
    with orders(ERROR_RATIO="0.5", DELAY_MS="1") as (_, url):
        codes = Counter[int]()
        for _ in range(REQUESTS):
            try:
                get(url)
            except urllib.error.HTTPError as error:
                codes[error.code] += 1
                error.close()
        assert set(codes) == {500}
        assert 10 <= codes[500] <= 30


def test_it_stalls_after_so_many_requests() -> None:
    with orders(STALL_AFTER="2") as (app, url):
        for _ in range(2):
            get(url)
        get(f"{url}/healthz")
        for path in ("/", "/healthz", "/metrics"):
            with pytest.raises(TimeoutError):
                urllib.request.urlopen(url + path, timeout=0.3)
        app.kill()  # it would wait for the requests in flight


def test_a_leak_it_does_not_know() -> None:
    command = [sys.executable, str(EXAMPLE / "app.py")]
    done = subprocess.run(command, env=os.environ | {"LEAK": "cash"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "LEAK is one of none, transport" in done.stderr


def test_without_its_upstream_it_answers_502_and_stays_healthy() -> None:
    with process("app.py", UPSTREAM_URL=f"http://127.0.0.1:{free_port()}") as (_, port):
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(f"http://127.0.0.1:{port}/")
        assert caught.value.code == 502
        caught.value.close()
        assert get(f"http://127.0.0.1:{port}/healthz") == "ok\n"


def test_term_ends_it_in_order() -> None:
    with process("app.py") as (app, port):
        get(f"http://127.0.0.1:{port}/healthz")
        app.send_signal(signal.SIGTERM)
        out, _ = app.communicate(timeout=20)
        wait_until(lambda: app.poll() is not None)
        assert app.returncode == 0
        assert "has stopped" in out


def test_its_catalogue_is_valid_and_knows_the_demo(tmp_path: Path) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "copy")
    catalogue = images.load(copy / "images.yaml")
    leaks = {name: catalogue.images[f"demo/orders:{name}"].env["LEAK"] for name in ("v1", "v2", "v3")}
    assert leaks == {"v1": "none", "v2": "transport", "v3": "none"}
    assert set(catalogue.backing) == {"upstream"}
