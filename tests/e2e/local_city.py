"""The command line against a local Cloud Run of its own: real processes, real Terraform, loopback only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans
from tidegate.local.state import read

EXAMPLE = Path(__file__).parents[2] / "examples" / "python-service"
IMAGES = f"""
images:
  demo/orders:v1: &healthy
    command: [python, app.py]
    directory: {EXAMPLE}
    env: {{UPSTREAM_URL: "${{backing.upstream.url}}"}}
  demo/orders:v2:
    command: [python, app.py]
    directory: {EXAMPLE}
    env: {{LEAK: transport, UPSTREAM_URL: "${{backing.upstream.url}}"}}
  demo/orders:v3: *healthy
  demo/orders:dead: {{command: [python, -c, "raise SystemExit('no licence')"]}}
backing:
  upstream: {{command: [python, upstream.py], directory: {EXAMPLE}}}
"""
SPEC = """
service: orders
project: demo-project
region: europe-west1
containers:
  - name: app
    port: 8080
    probes:
      startup: {{http: {{path: /healthz}}, period: 1s, timeout: 1s, failure_threshold: 30}}
      liveness: {{http: {{path: /healthz}}, period: 10s}}
scaling: {{min_instances: 1, max_instances: 3, concurrency: 40}}
alerts:
  channels: [{{email: oncall@example.com}}]
telemetry:
  collector: {{interval: 1s}}
  sample_period: 0.5s
  ingestion_delay: 0.5s
rollout:
  steps: [50]
  step_duration: {step}s
  bake: {bake}s
  look_every: 0.5s
  recovery: 15s
  smoke: [{{path: /healthz}}]
analysis:
  warm_up: 1s
  leak_min_slope: 30 # everything happens some hundred times as fast as in production
  memory_min_slope: 64Mi
  min_requests: 20
  on_inconclusive: {inconclusive}
  metrics:
    threads:
      filter: metric.type="prometheus.googleapis.com/process_threads/gauge"
      growth: true
      tolerance: 50
  dry_run: [threads]
"""
PATIENCE = 60.0
"""Seconds until something that must come counts as never coming."""


class City:
    """One working directory with a spec and a local Cloud Run that ends with this process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cloud = directory / "cloud"
        self.processes: list[subprocess.Popen[str]] = []
        (directory / "images.yaml").write_text(IMAGES)
        self.spec()
        self.up()

    def up(self) -> None:
        done = self.run(
            "local", "up", "--directory", str(self.cloud), "--images", "images.yaml",
            "--owner", str(os.getpid()), "--sample-period", "0.5", "--ingestion-delay", "0.5",
            "--stop-grace", "2",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = read(self.cloud)
        assert found is not None
        self.daemon = found

    def spec(self, *, step: float = 4, bake: float = 1, inconclusive: str = "promote") -> None:
        text = SPEC.format(step=step, bake=bake, inconclusive=inconclusive)
        (self.directory / "tidegate.yaml").write_text(text)

    def close(self) -> None:
        """Ends everything that was started here, and sees that nothing is left."""
        for running in self.processes:
            if running.poll() is None:
                running.kill()
            if running.stdout is not None and not running.stdout.closed:
                running.communicate()
        self.run("local", "down", "--directory", str(self.cloud))
        until(lambda: not orphans.marked(self.daemon.mark))

    # ------------------------------------------------------------------------------------ commands

    def start(
        self, *arguments: str, owner: str = "", directory: Path | None = None, cloud: Path | None = None
    ) -> subprocess.Popen[str]:
        own = {"TIDEGATE_LOCAL": str(cloud or self.cloud), "TIDEGATE_OWNER": owner or "e2e"}
        environment = {**os.environ, **own}
        running = subprocess.Popen(
            [sys.executable, "-m", "tidegate", *arguments], cwd=directory or self.directory, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.processes.append(running)
        return running

    def run(self, *arguments: str, owner: str = "") -> subprocess.CompletedProcess[str]:
        return finish(self.start(*arguments, owner=owner))

    def start_deploy(
        self, image: str, *more: str, owner: str = "", directory: Path | None = None,
        cloud: Path | None = None,
    ) -> subprocess.Popen[str]:  # fmt: skip
        image = f"demo/orders:{image}"
        return self.start(
            "deploy", "--target", "local", "--image", image, "--auto-approve", *more, owner=owner,
            directory=directory, cloud=cloud,
        )  # fmt: skip

    def deploy(self, image: str, *more: str) -> subprocess.CompletedProcess[str]:
        return finish(self.start_deploy(image, *more))

    @contextmanager
    def load(self, rate: int) -> Iterator[None]:
        """Requests to the service for as long as the block runs."""
        running = self.start(
            "local", "load", self.status()["url"], "--rate", str(rate), "--duration", "300",
            "--directory", str(self.cloud), "--format", "json",
        )  # fmt: skip
        try:
            yield
        finally:
            running.terminate()
            finish(running)

    # ------------------------------------------------------------------------------------ looking

    def status(self) -> dict[str, Any]:
        """`tidegate status`, from the outside."""
        done = self.run("status", "--target", "local", "--format", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def seen(self) -> dict[str, Any]:
        """The service as the local Cloud Run's own status page has it; empty before there is one."""
        with urllib.request.urlopen(self.daemon.status, timeout=10) as answer:
            services = json.load(answer)["services"]
        return dict(services[0]) if services else {}

    def pid_of(self, image: str) -> int | None:
        """A process that runs the image and has had time to start."""
        for revision in self.seen().get("revisions", []):
            if revision["image"].endswith(f":{image}"):
                return next((int(i["pid"]) for i in revision["instances"]), None)
        return None

    def answering(self, requests: int = 10) -> set[str]:
        """Which revisions answer at the service's address."""
        found = set()
        for _ in range(requests):
            with urllib.request.urlopen(self.seen()["uri"], timeout=20) as answer:
                found.add(json.load(answer)["revision"])
        return found

    def recorded(self) -> dict[str, Any]:
        """The rollout's record as it stands on the service, read over REST; empty before there is one."""
        url = f"{self.daemon.rest}/v2/projects/demo-project/locations/europe-west1/services/orders"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                annotations = json.load(answer).get("annotations", {})
        except urllib.error.HTTPError:
            return {}
        return dict(json.loads(annotations.get("tidegate/rollout", "{}")))

    def until_phase(self, running: subprocess.Popen[str], *phases: Phase) -> None:
        """Waits until the record of the running rollout says one of the phases."""

        def there() -> bool:
            assert running.poll() is None, running.communicate()
            found = self.recorded()
            return found.get("exit_code", 0) is None and found.get("phase") in phases

        until(there)

    def fault(self, *faults: dict[str, Any]) -> None:
        """Faults of the local control plane, in the order in which they strike; none clears them."""
        url = f"{self.daemon.rest}/_local/faults"
        body = json.dumps({"faults": list(faults)}).encode()
        method = "POST" if faults else "DELETE"
        request = urllib.request.Request(url, data=body if faults else None, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def finish(running: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Waits for the end; kills what does not come to one."""
    try:
        out, err = running.communicate(timeout=2 * PATIENCE)
    except subprocess.TimeoutExpired:
        running.kill()
        out, err = running.communicate()
        raise AssertionError(f"did not end: {out}\n{err}") from None
    assert "Traceback" not in err
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the condition never came true")
        time.sleep(0.1)


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
