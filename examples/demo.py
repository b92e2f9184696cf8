"""The whole story on this machine: a healthy revision, one that leaks connections, and the fix.

Starts a local Cloud Run and a steady load, deploys three revisions with the real command, and ends both.
Run it with `make demo`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidegate.core.report import table

HERE = Path(__file__).resolve().parent / "python-service"
WORK = HERE.parent.parent / ".tidegate" / "demo"
STORY = (
    ("demo/orders:v1", "healthy, the first deployment", 0),
    ("demo/orders:v2", "opens a connection pool per request and never closes it", 6),
    ("demo/orders:v3", "fixed", 0),
)
RATE = 40
LONGEST = 170


def tidegate(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tidegate", *arguments], text=True, cwd=WORK, **options)


@contextlib.contextmanager
def local_cloud_run() -> Iterator[None]:
    # With its owner the local Cloud Run ends too, however this process ends.
    images = str(HERE / "images.yaml")
    tidegate("local", "up", "--images", images, "--owner", str(os.getpid()), check=True)
    try:
        yield
    finally:
        tidegate("local", "down", check=True)


@contextlib.contextmanager
def load() -> Iterator[None]:
    command = [sys.executable, "-m", "tidegate", "local", "load", "orders", "--wait", "60"]
    command += ["--rate", str(RATE), "--duration", str(LONGEST)]
    with (WORK / "load.txt").open("w") as out:
        running = subprocess.Popen(command, cwd=WORK, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            running.terminate()
            running.wait()


def deploy(image: str) -> dict[str, Any]:
    """One deployment; its progress goes to the terminal, its result comes back."""
    command = ("deploy", "-f", str(HERE / "tidegate.yaml"), "--env", "local", "--target", "local")
    with watching(image):
        done = tidegate(
            *command, "--image", image, "--auto-approve", "--format", "json", stdout=subprocess.PIPE
        )
    if not done.stdout.strip():
        raise SystemExit(f"tidegate deploy ended with {done.returncode} and said nothing")
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {"exit": done.returncode}


@contextlib.contextmanager
def watching(image: str) -> Iterator[None]:
    """An outside observer: every few seconds it counts the descriptors of the image's processes in /proc."""
    over = threading.Event()

    def watch() -> None:
        seen = 0
        while not over.wait(3):
            for running, pid, fds in open_descriptors():
                if running == image and fds > max(2 * seen, 20):
                    seen = fds
                    print(f"  /proc/{pid}/fd of {running}: {fds} open descriptors", flush=True)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def open_descriptors() -> list[tuple[str, int, int]]:
    """Image, process and descriptors of every instance, counted in /proc by this process."""
    status = json.loads(tidegate("local", "status", "--format", "json", stdout=subprocess.PIPE).stdout)
    found = []
    for revision in (r for service in status["services"] for r in service["revisions"]):
        for instance in revision["instances"]:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                fds = len(list(Path(f"/proc/{instance['pid']}/fd").iterdir()))
                found.append((revision["image"], instance["pid"], fds))
    return found


def main() -> int:
    began = time.monotonic()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    results, right = [], True
    with local_cloud_run(), load():
        for image, what, expected in STORY:
            print(f"\n━━ {image}: {what}", flush=True)
            result = deploy(image)
            results.append(result)
            right &= result["exit"] == expected
            print(f"→ exit code {result['exit']}, traffic: {result['traffic']}", flush=True)
            for running, pid, fds in open_descriptors():
                print(f"  /proc/{pid}/fd of {running}: {fds} open descriptors", flush=True)
    print("\n" + table(results))
    print("\nreports")
    for result in results:
        for name in ("report.html", "report.txt"):
            if name in result["reports"]:
                print(f"  {WORK / result['reports'][name]}")
    print(f"\n{time.monotonic() - began:.0f} s", "" if right else "— not as it should be")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
