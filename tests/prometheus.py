"""A real Prometheus on loopback, over a history that a test writes down."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def over(place: Path, lines: Iterable[str], *flags: str) -> Iterator[str]:
    """The address of one that knows these lines of OpenMetrics; of each metric they stand together.

    Skips the test where there is none.
    """
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("no prometheus on the PATH")
    (place / "prometheus.yml").write_text("{}")
    (place / "stored.txt").write_text("\n".join([*lines, "# EOF", ""]))
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=240h", "stored.txt",
         "data"],
        cwd=place, check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (place / "log").open("wb") as log:
        running = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
             "--storage.tsdb.retention.time=100y", f"--web.listen-address={address}", *flags],
            cwd=place, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _until_ready(f"http://{address}/-/ready", running, place / "log")
        yield f"http://{address}"
    finally:
        running.terminate()
        running.wait(20)


def _until_ready(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace"))
