"""What `tidegate validate` finds, how soon, and how that grows: `python -m benchmarks.policies`.

The peer is checkov. It is no part of this project: it is compared with where it is installed (on the PATH, or
where the variable CHECKOV says), and where it is not the comparison is told as skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tidegate.adapters import rootdir
from tidegate.core.spec import load
from tidegate.flows.prepare import prepare

ROOT = Path(__file__).resolve().parents[1]
BAD = ROOT / "tests" / "core" / "policies" / "whole" / "bad.tf"
SPEC = ROOT / "examples" / "python-service" / "tidegate.yaml"
ROUNDS = 5
SIZES = (250, 1000)
Row = tuple[str, float, str, bool]


class Ran(NamedTuple):
    seconds: float
    megabytes: float
    out: str


def run(*command: str) -> Ran:
    """A process by itself: its time, the most memory it held, what it wrote. Findings are no failure."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(time.perf_counter() - began, usage.ru_maxrss / 1024, out.decode())


def tidegate(directory: Path) -> Ran:
    return run(
        sys.executable, "-m", "tidegate", "validate", "--terraform", str(directory), "--format", "json"
    )


def checkov() -> str | None:
    return os.environ.get("CHECKOV") or shutil.which("checkov")


def bad_service(place: Path) -> list[Row]:
    """Both on the same file in turn, so that both see the same machine."""
    (place / "bad").mkdir()
    (place / "bad" / "main.tf").write_bytes(BAD.read_bytes())
    peer = checkov()
    tidegate(place / "bad")
    mine, others = [], []
    for _ in range(ROUNDS):
        mine.append(tidegate(place / "bad"))
        if peer is not None:
            others.append(run(peer, "-d", str(place / "bad"), "--skip-download", "--quiet", "-o", "json"))
    seconds = statistics.median(r.seconds for r in mine)
    found = json.loads(mine[-1].out)["findings"]
    rules = len({f["rule"] for f in found})
    told = f"≤ 1 s; {len(found)} findings of {rules} rules (≥ 15), each with file and line"
    good = seconds <= 1.0 and rules >= 15 and all(f["line"] for f in found)
    rows = [("tidegate validate, a bad service", seconds, told, good)]
    if others:
        slow = statistics.median(r.seconds for r in others)
        count = failed(others[-1].out)
        ratio = slow / seconds
        told = f"finds {count} there: {ratio:.1f} times as long (≥ 2) for fewer findings"
        rows.append(("checkov, the same bad service", slow, told, ratio >= 2 and count < len(found)))
    return rows


def failed(out: str) -> int:
    reports = json.loads(out)
    reports = reports if isinstance(reports, list) else [reports]
    return sum(report.get("summary", {}).get("failed", 0) for report in reports)


def many_services(place: Path) -> list[Row]:
    """Rendered services in one run, module copies and all."""
    spec = load(SPEC.read_bytes(), SPEC.name).with_image("demo/orders:v1")
    files = prepare(spec, rootdir.template_texts(), rootdir.module_texts()).files
    ran = []
    for size in SIZES:
        for number in range(size):
            write(place / str(size) / f"service-{number:04}", files, number)
        ran.append(tidegate(place / str(size)))
    most, last = max(r.megabytes for r in ran), ran[-1]
    # The start of the process is in each of them, so a linear one is below the ratio of the sizes.
    ratio, growth = SIZES[-1] / SIZES[0], last.seconds / ran[0].seconds
    linear = growth <= 1.25 * ratio
    few = f"{SIZES[0]} take {ran[0].seconds:.2f} s: {growth:.1f} times for {ratio:g} (≤ {1.25 * ratio:g})"
    told = f"≤ 25 s; {most:.0f} MB (≤ 500); {few}"
    good = last.seconds <= 25 and most <= 500 and linear
    return [(f"validating {SIZES[-1]:,} rendered services", last.seconds, told, good)]


def write(place: Path, files: Mapping[str, str], number: int) -> None:
    for path, text in files.items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        own = text.replace('"orders"', f'"orders-{number}"') if "/modules/" not in path else text
        target.write_text(own, encoding="utf-8")


def policies() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        rows = [*bad_service(Path(name)), *many_services(Path(name))]
    if checkov() is None:
        print("skipped  checkov is not installed, so nothing is compared with it; CHECKOV=… says where it is")
    return rows


def main() -> int:
    rows = policies()
    for name, value, told, good in rows:
        print(f"{'ok    ' if good else 'missed'}  {name:<38} {value:6.2f} s   {told}")
    return 0 if all(good for *_, good in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
