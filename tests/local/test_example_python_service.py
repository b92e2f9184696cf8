"""The example service: with the leak its descriptors grow with every request, without it they do not."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from local.cloud_parts import wait_until
from tidegate.local import images, procfs

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


@pytest.mark.parametrize(("leak", "grows"), [("none", False), ("transport", True), ("body", True)])
def test_the_leak_is_seen_from_outside_and_in_its_metrics(leak: str, grows: bool) -> None:
    with (
        process("upstream.py") as (_, upstream),
        process("app.py", LEAK=leak, UPSTREAM_URL=f"http://127.0.0.1:{upstream}") as (app, port),
    ):
        get(f"http://127.0.0.1:{port}/")
        before, seen = procfs.open_fds(app.pid) or 0, metrics(port)
        for _ in range(REQUESTS):
            answer = get(f"http://127.0.0.1:{port}/")
            assert leak == "body" or '"apples": 12' in answer
        after, now = procfs.open_fds(app.pid) or 0, metrics(port)
        assert now["orders_requests_total200"] == REQUESTS + 1
        assert now["process_max_fds"] > 1000
        for growth in (
            after - before,
            now["process_open_fds"] - seen["process_open_fds"],
            now["tcp_connectionsestablished"] - seen["tcp_connectionsestablished"],
        ):
            assert growth >= REQUESTS - 3 if grows else abs(growth) <= 5


def test_one_leak_in_so_many_requests() -> None:
    with (
        process("upstream.py") as (_, upstream),
        process("app.py", LEAK="transport", LEAK_EVERY="10", UPSTREAM_URL=f"http://127.0.0.1:{upstream}") as (
            app,
            port,
        ),
    ):
        get(f"http://127.0.0.1:{port}/")
        before = procfs.open_fds(app.pid) or 0
        for _ in range(REQUESTS):
            get(f"http://127.0.0.1:{port}/")
        assert 3 <= (procfs.open_fds(app.pid) or 0) - before <= 6


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
