"""How long each command takes to answer from nothing, as a multiple of a bare interpreter in the same run.

`--help` is what a person waits for; `status` and `history` are whole commands against a local Cloud Run, and
their peer is a script that imports the same client library and reads the service once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli import COMMANDS
from tidegate.local import client
from tidegate.local.state import LocalCloud

ROUNDS = 5
HELP, WHOLE = 2.5, 2.5
"""Times the peer that are tolerated."""
_BARE = ("-c", "import click")
_READ = """
import sys, grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
with grpc.insecure_channel(sys.argv[1]) as channel:
    services = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
    for _ in services.list_services(parent="projects/demo-project/locations/europe-west1"): pass
"""


def coldstart() -> list[tuple[str, float, str, bool]]:
    rows = [_row(f"tidegate {name} --help", HELP, (name, "--help"), _BARE) for name in COMMANDS]
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        place = Path(name)
        cloud = client.start(place, owner_pid=os.getpid())
        try:
            return rows + _against(cloud, place)
        finally:
            client.stop(place)


def _against(cloud: LocalCloud, place: Path) -> list[tuple[str, float, str, bool]]:
    where = ("--service", "orders", "--project", "demo-project", "--region", "europe-west1")
    target = ("--target", "local", "--local-directory", str(place))
    return [
        _row(f"tidegate {name}, of no service", WHOLE, (name, *where, *target), ("-c", _READ, cloud.grpc))
        for name in ("status", "history")
    ]


def _row(name: str, bound: float, mine: Sequence[str], peer: Sequence[str]) -> tuple[str, float, str, bool]:
    """Medians of runs in turn, so that both see the same machine."""
    one, two = [], []
    for _ in range(ROUNDS):
        two.append(_seconds(*peer))
        one.append(_seconds("-m", "tidegate", *mine))
    ours, theirs = statistics.median(one), statistics.median(two)
    ratio = ours / theirs
    return name, ours, f"peer {theirs:.2f} s: {ratio:.1f} times that (≤ {bound:g})", ratio <= bound


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return time.perf_counter() - began
