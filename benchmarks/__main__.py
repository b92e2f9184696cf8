"""`make bench`: speed, each figure against a peer or a bound in the same run. Exit code 1 when one is missed.

Medians of several runs in turn, so that both sides see the same machine.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.coldstart import coldstart
from benchmarks.policies import policies
from benchmarks.takeback import takeback
from tidegate.adapters import rootdir
from tidegate.adapters.terraform import TerraformCli, find
from tidegate.core import trace
from tidegate.core.samples import Samples
from tidegate.core.spec import load
from tidegate.flows.planning import MONITORING, SERVICE, Plans, Request, Roots, apply_plans, make_plans
from tidegate.flows.prepare import prepare
from tidegate.local import client

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "python-service"
ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    subprocess.run(
        command, cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def tidegate(*arguments: str) -> float:
    return seconds(lambda: run(sys.executable, "-m", "tidegate", *arguments))


def commands() -> list[tuple[str, float, str, bool]]:
    bare = statistics.median(
        seconds(lambda: run(sys.executable, "-c", "import click")) for _ in range(ROUNDS)
    )
    aid = statistics.median(tidegate("--help") for _ in range(ROUNDS))
    spec = str(EXAMPLE / "tidegate.yaml")
    tidegate("validate", "-f", spec, "--no-terraform")
    valid = statistics.median(tidegate("validate", "-f", spec, "--no-terraform") for _ in range(ROUNDS))
    return [
        ("tidegate --help", aid, f"≤ 0.2 s; python with click alone {bare:.2f} s", aid <= 0.2),
        ("tidegate validate, without terraform", valid, "≤ 1 s", valid <= 1.0),
    ]


def traces() -> list[tuple[str, float, str, bool]]:
    """A recorded minute replayed, and a long trace read: the csv module alone is the peer."""
    small = statistics.median(
        tidegate("replay", str(ROOT / "tests" / "traces" / "leak-by-time")) for _ in range(ROUNDS)
    )
    head, rows = long_trace()
    mine, plain = [], []
    for _ in range(3):
        plain.append(seconds(lambda: sum(1 for _ in csv.reader(rows.splitlines()))))
        mine.append(seconds(lambda: trace.read(head, rows)))
    one, two = statistics.median(mine), statistics.median(plain)
    return [
        ("tidegate replay, until a leak is found", small, "≤ 1 s", small <= 1.0),
        ("reading 1.8 million rows of a trace", one, f"≤ 4 s; the csv module alone {two:.2f} s", one <= 4.0),
    ]


def long_trace() -> tuple[str, str]:
    """Two revisions of three instances with five metrics each, half a second apart for 8 hours."""
    rollout = trace.Rollout("orders", "orders-1", "orders-2", (trace.Step(1.7e9, 50),), None, 0.5, 2.0)
    columns = [
        f"{metric},{revision},{revision}-{instance}"
        for metric in ("open_fds", "tcp_connections", "memory_bytes", "in_flight_requests", "max_fds")
        for revision in ("orders-1", "orders-2")
        for instance in "abc"
    ]
    rows = [f"{1_700_000_000 + n / 2},{column},{n % 97}" for n in range(60_000) for column in columns]
    head = trace.write(rollout, Samples.of(()))
    return head[trace.ROLLOUT_FILE], head[trace.SAMPLES_FILE] + "\n".join(rows)


def terraform_part() -> list[tuple[str, float, str, bool]]:
    """Init, plan, show and apply of both roots: by the deploy flow, and typed by hand."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        place = Path(name)
        cloud = client.start(place / "cloud", images=EXAMPLE / "images.yaml", owner_pid=os.getpid())
        try:
            version = find(os.environ)
            extra = {
                "TF_REATTACH_PROVIDERS": json.dumps(dict(cloud.reattach)),
                "GOOGLE_OAUTH_ACCESS_TOKEN": "local",
            }
            flow, hand = [], []
            for number in range(ROUNDS):
                cli = TerraformCli(version, environment=dict(os.environ), extra=extra)
                mine, other = roots(place, f"flow-{number}"), roots(place, f"hand-{number}")
                other.write()
                flow.append(seconds(lambda mine=mine, cli=cli: by_flow(mine, cli)))
                hand.append(seconds(lambda other=other: by_hand(version.command, other, extra)))
        finally:
            client.stop(place / "cloud")
    one, two = statistics.median(flow), statistics.median(hand)
    told = f"by hand {two:.2f} s: {one / two:.2f} times that (≤ 1.3)"
    return [("Terraform part of a local deployment", one, told, one / two <= 1.3)]


def roots(place: Path, service: str) -> Roots:
    text = (
        (EXAMPLE / "tidegate.yaml").read_bytes().replace(b"service: orders", f"service: {service}".encode())
    )
    spec = load(text, "tidegate.yaml", "local").with_image("demo/orders:v1")
    files = prepare(spec, rootdir.template_texts(), rootdir.module_texts(), local=True).files
    return Roots(place / service, lambda: (rootdir.write(place / service, files), None)[1])


def by_flow(found: Roots, cli: TerraformCli) -> None:
    spec = load((EXAMPLE / "tidegate.yaml").read_bytes(), "tidegate.yaml", "local")
    request, plans = Request(spec, "bench", found), Plans()
    make_plans(request, cli, plans)
    apply_plans(request, cli, plans)


def by_hand(command: tuple[str, ...], found: Roots, extra: dict[str, str]) -> None:
    environment = {**os.environ, **extra, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    for root in (SERVICE, MONITORING):
        at = found.directory / root
        run(*command, "init", "-input=false", cwd=at, env=environment)
        run(*command, "plan", "-input=false", "-out=p", cwd=at, env=environment)
        run(*command, "show", "-json", "p", cwd=at, env=environment)
        run(*command, "apply", "-input=false", "p", cwd=at, env=environment)


def main() -> int:
    # Linux counts what this process has held towards the peak of its children: traces come last.
    rows = [*policies(), *commands(), *terraform_part(), *takeback(), *coldstart(), *traces()]
    for name, value, told, good in rows:
        print(f"{'ok    ' if good else 'missed'}  {name:<38} {value:6.2f} s   {told}")
    return 0 if all(good for *_, good in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
