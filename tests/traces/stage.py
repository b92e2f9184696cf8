"""A service on a local Cloud Run of its own, released, disturbed and measured over the real APIs."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from google.protobuf.duration_pb2 import Duration

from tidegate.adapters.channels import CLOUD_RUN, Channels, local_channels
from tidegate.adapters.clock import SystemClock
from tidegate.adapters.cloud_run import GoogleCloudRun
from tidegate.adapters.metrics import CloudMonitoring
from tidegate.adapters.retry import Retrying
from tidegate.core.samples import Samples, Window
from tidegate.core.spec.model import Collector
from tidegate.local import client
from tidegate.local.runtime import orphans
from tidegate.local.state import LocalCloud
from tidegate.ports import ConditionState, Service, ServiceName, Target, Telemetry
from traces.scenarios import Env, Scenario

IMAGES = Path(__file__).parents[2] / "examples" / "python-service" / "images.yaml"
IMAGE = "demo/orders:v1"
NAME = ServiceName("example-project", "europe-west1", "orders")
TELEMETRY = Telemetry(sample_period=1.0, ingestion_delay=2.0)
_PATIENCE = 30.0
_CONFIG = """\
apiVersion: monitoring.googleapis.com/v1beta
kind: RunMonitoring
metadata: {name: orders}
spec:
  endpoints: [{port: 8080, path: /metrics, interval: 1s}]
"""

_messages: Any = run_v2


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Everything that is started ends with the block, and nothing is left."""
    with tempfile.TemporaryDirectory(prefix="tidegate-traces-") as directory:
        cloud = client.start(
            Path(directory),
            images=IMAGES,
            owner_pid=os.getpid(),
            sample_period=TELEMETRY.sample_period,
            ingestion_delay=TELEMETRY.ingestion_delay,
            idle_seconds=600.0,
            stop_grace=2.0,
        )
        try:
            with local_channels(cloud.grpc) as channels:
                yield Stage(cloud, channels)
        finally:
            client.stop(Path(directory))
            if left := orphans.marked(cloud.mark):
                raise RuntimeError(f"processes were left behind: {left}")


class Stage:
    def __init__(self, cloud: LocalCloud, channels: Channels) -> None:
        retrying = Retrying(SystemClock())
        self._cloud = cloud
        self._owner: Any = run_v2.ServicesClient(
            transport=ServicesGrpcTransport(channel=channels.to(CLOUD_RUN))
        )
        self._cloud_run = GoogleCloudRun(channels, retrying)
        self._metrics = CloudMonitoring(channels, retrying)
        self._releases = 0
        self._post("secrets?secretId=collector", {"replication": {"automatic": {}}})
        data = base64.b64encode(_CONFIG.encode()).decode()
        self._post("secrets/collector:addVersion", {"payload": {"data": data}})

    # ------------------------------------------------------------------------------------ releasing

    def release(self, env: Env, scenario: Scenario) -> str:
        """A new revision, ready; the first one also makes the service. Traffic stays as it is."""
        self._releases += 1
        name = f"{NAME.service}-v{self._releases}"
        template = _template(name, env, scenario)
        if self._releases == 1:
            parent = NAME.path.rpartition("/services/")[0]
            service = run_v2.Service(template=template)
            self._owner.create_service(parent=parent, service=service, service_id=NAME.service)
        else:
            service = self._owner.get_service(name=NAME.path)
            service.template = template
            self._owner.update_service(service=service)
        _until(lambda: self._is_ready(name), f"{name} is not ready")
        return name

    def service(self) -> Service:
        found = self._cloud_run.get_service(NAME)
        assert found is not None
        return found

    def split(self, wanted: Mapping[str, int]) -> float:
        """Percent by revision; one without traffic gets a tag. Returns when that was effective."""
        targets = [Target(r, p) if p else Target(r, tag="candidate") for r, p in wanted.items()]
        self._cloud_run.update(self.service(), targets, {})

        def effective() -> bool:
            found = {t.revision: t.percent for t in self.service().traffic_statuses}
            return found == dict(wanted)

        _until(effective, "the traffic does not move")
        return time.time()

    def _is_ready(self, revision: str) -> bool:
        found = self._cloud_run.get_revision(NAME, revision)
        if found is not None and found.ready.state is ConditionState.FAILED:
            raise RuntimeError(f"{revision} does not start: {found.ready.message}")
        return found is not None and found.ready.state is ConditionState.SUCCEEDED

    # ----------------------------------------------------------------------------------- disturbing

    def kill(self, revision: str) -> None:
        """Ends one instance of the revision as a crash would."""
        (service,) = client.status(self._cloud.directory)["services"]
        (found,) = (r for r in service["revisions"] if r["revision"] == revision)
        os.kill(next(int(i["pid"]) for i in found["instances"] if i["state"] == "ready"), signal.SIGKILL)

    def signal_upstream(self, number: signal.Signals) -> None:
        for pid in orphans.marked(self._cloud.mark):
            if b"upstream.py" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                os.kill(pid, number)

    # ------------------------------------------------------------------------------------ measuring

    def samples(self, revisions: list[str], window: Window) -> Samples:
        return self._metrics.samples(NAME, revisions, window, TELEMETRY)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        url = f"{self._cloud.rest}/v1/projects/{NAME.project}/{path}"
        request = urllib.request.Request(
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()


def _template(name: str, env: Env, scenario: Scenario) -> Any:
    probe = {"http_get": {"path": "/healthz", "port": 8080}, "period_seconds": 1, "failure_threshold": 30}
    app = {
        "name": "app",
        "image": IMAGE,
        "ports": [{"container_port": 8080}],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "startup_probe": probe,
    }
    sidecar = {
        "name": "collector",
        "image": Collector().image,
        "depends_on": ["app"],
        "volume_mounts": [{"name": "config", "mount_path": "/etc/rungmp"}],
    }
    files = {"secret": "collector", "items": [{"path": "config.yaml", "version": "latest"}]}
    return _messages.RevisionTemplate(
        revision=name,
        containers=[app, sidecar],
        volumes=[{"name": "config", "secret": files}],
        scaling={"min_instance_count": scenario.instances, "max_instance_count": scenario.instances + 2},
        max_instance_request_concurrency=80,
        timeout=Duration(seconds=round(scenario.timeout)),
    )


def _until(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(0.02)
