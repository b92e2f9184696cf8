"""The daemon as a whole: it comes up, serves a revision, is tied to its owner, and leaves nothing behind."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from google.cloud import monitoring_v3, run_v2
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

from local.cloud_parts import exists, wait_until, write_app
from tidegate import procfs
from tidegate.cli.local import local
from tidegate.core.errors import NotFound, UsageError
from tidegate.local import client, state
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
PARENT = "projects/p/locations/europe-west1"
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "local.md"
OWN = """\
terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

resource "google_cloud_run_v2_service" "mine" {
  project  = "shop-prod"
  location = "europe-west1"
  name     = "mine"

  template {
    containers { image = "demo/app:v1" }
  }
}
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A directory with a catalogue in which nothing runs any more afterwards."""
    write_app(tmp_path / "app")
    (tmp_path / "images.yaml").write_text(
        "images:\n"
        "  demo/app:v1: {command: [python, app.py], directory: app}\n"
        "  demo/app:v2: {command: [python, app.py], directory: app, env: {CHILD: yes}}\n"
        "  demo/app:bad: {command: [python, app.py], directory: app, env: {EXIT: 9}}\n"
    )
    yield tmp_path
    client.stop(tmp_path / "state")


def start(home: Path, **options: Any) -> client.LocalCloud:
    given = {"sample_period": 0.2, "ingestion_delay": 0.0, "stop_grace": 2.0, "owner_pid": os.getpid()}
    return client.start(home / "state", images=home / "images.yaml", **{**given, **options})


def deploy(cloud: client.LocalCloud, image: str, *, minimum: int = 1) -> run_v2.Service:
    """Creates the service, or a revision of it, and returns it when the operation is over."""
    container = run_v2.Container(
        image=image,
        ports=[run_v2.ContainerPort(container_port=8080)],
        startup_probe=run_v2.Probe(
            http_get=run_v2.HTTPGetAction(path="/health"), period_seconds=1, failure_threshold=10
        ),
    )
    scaling = run_v2.RevisionScaling(min_instance_count=minimum, max_instance_count=3)
    template = run_v2.RevisionTemplate(containers=[container], scaling=scaling)
    with grpc.insecure_channel(cloud.grpc) as channel:
        services = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        name = f"{PARENT}/services/orders"
        if any(s["service"] == name for s in client.status(cloud.directory)["services"]):
            operation = services.update_service(service=run_v2.Service(name=name, template=template))
        else:
            service = run_v2.Service(template=template)
            operation = services.create_service(parent=PARENT, service=service, service_id="orders")
        wait_until(operation.done)
        return services.get_service(name=name)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def instances(home: Path) -> list[dict[str, Any]]:
    (service,) = client.status(home / "state")["services"]
    return [i for revision in service["revisions"] for i in revision["instances"]]


@pytest.mark.terraform
@pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH")
def test_terraform_of_one_s_own_is_applied_as_the_manual_says(home: Path) -> None:
    cloud = start(home)
    shown = CliRunner().invoke(local, ["status", "--directory", str(cloud.directory), "--format", "json"])
    assert json.loads(shown.stdout)["reattach"] == dict(cloud.reattach)
    (home / "main.tf").write_text(OWN)
    [commands] = re.findall(
        r"^```bash\n(.*?TF_REATTACH.*?)^```", MANUAL.read_text(), re.MULTILINE | re.DOTALL
    )
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TF_CLI_CONFIG_FILE": os.devnull,
        "CHECKPOINT_DISABLE": "1",
    }
    commands = commands.replace("local status", f"local status --directory {cloud.directory}")
    done = subprocess.run(
        ["bash", "-ec", commands], cwd=home, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "1 added" in done.stdout
    (service,) = client.status(cloud.directory)["services"]
    assert service["service"] == "projects/shop-prod/locations/europe-west1/services/mine"


def test_it_serves_a_revision_and_its_metrics(home: Path) -> None:
    cloud = start(home)
    assert client.find(home / "state") == cloud
    service = deploy(cloud, "demo/app:v1")
    assert service.terminal_condition.state == run_v2.Condition.State.CONDITION_SUCCEEDED
    for _ in range(5):
        assert fetch(service.uri).startswith(service.latest_ready_revision.rpartition("/")[2])
    (instance,) = instances(home)
    assert Path(f"/proc/{instance['pid']}").exists()
    assert instance["open_fds"] > 3
    with grpc.insecure_channel(cloud.grpc) as channel:
        metrics = monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))

        def counted() -> int:
            found = metrics.list_time_series(
                name="projects/p",
                filter='metric.type="run.googleapis.com/request_count"',
                interval=monitoring_v3.TimeInterval(
                    start_time={"seconds": int(time.time()) - 60}, end_time={"seconds": int(time.time()) + 5}
                ),
                view=monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.FULL,
            )
            return sum(point.value.int64_value for series in found for point in series.points)

        wait_until(lambda: fetch(service.uri) and counted() >= 5)
    assert any("up" in line for line in client.logs(home / "state", "orders"))
    assert client.logs(home / "state", "nobody") == []


def test_logs_are_followed_as_they_come(home: Path) -> None:
    cloud = start(home)
    deploy(cloud, "demo/app:v1")
    lines = client.follow(home / "state", "orders", lines=1)
    assert next(lines).endswith(" up")
    (instance,) = instances(home)
    os.kill(instance["pid"], signal.SIGKILL)
    assert "signal 9" in next(lines)
    assert next(lines).endswith(" up")
    client.stop(home / "state")
    assert any("goodbye" in line for line in [*lines, *client.logs(home / "state")])


def test_a_revision_that_fails_leaves_the_old_one_serving(home: Path) -> None:
    cloud = start(home)
    first = deploy(cloud, "demo/app:v1")
    after = deploy(cloud, "demo/app:bad")
    assert after.terminal_condition.state == run_v2.Condition.State.CONDITION_FAILED
    assert after.latest_ready_revision == first.latest_ready_revision
    assert fetch(first.uri).startswith(first.latest_ready_revision.rpartition("/")[2])
    missing = deploy(cloud, "demo/none:v1")
    assert "demo/none:v1" in missing.terminal_condition.message


def test_killed_it_leaves_no_process_behind_and_starts_again_from_what_it_had_kept(home: Path) -> None:
    cloud = start(home)
    before = deploy(cloud, "demo/app:v2")
    wait_until(lambda: len(orphans.marked(cloud.mark)) == 2)
    wait_until(lambda: b"orders" in (home / "state/world.json").read_bytes())
    pids = orphans.marked(cloud.mark)
    os.kill(cloud.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(exists, pids)))
    assert client.find(home / "state") is None
    again = start(home)
    assert again.mark != cloud.mark
    wait_until(lambda: client.status(home / "state")["services"])
    assert fetch(before.uri)


def test_down_ends_everything_and_up_brings_it_back(home: Path) -> None:
    cloud = start(home)
    before = deploy(cloud, "demo/app:v1")
    pids = orphans.marked(cloud.mark)
    assert client.stop(home / "state")
    assert not any(map(exists, [*pids, cloud.pid]))
    assert not (home / "state/daemon.json").exists()
    assert not client.stop(home / "state")
    again = start(home)
    assert again.pid != cloud.pid
    wait_until(lambda: client.status(home / "state")["services"])
    (service,) = client.status(home / "state")["services"]
    assert service["uri"] == before.uri
    assert fetch(before.uri).startswith(before.latest_ready_revision.rpartition("/")[2])


def test_it_ends_with_its_owner(home: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        cloud = start(home, owner_pid=owner.pid)
        deploy(cloud, "demo/app:v1")
    finally:
        owner.kill()
        owner.wait()
        assert owner.stdin
        owner.stdin.close()
    wait_until(lambda: not cloud.is_alive)
    assert orphans.marked(cloud.mark) == []
    assert "is gone" in (home / "state/daemon.log").read_text()


def test_two_at_once_become_one(home: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: start(home), range(2)))
    assert found[0] == found[1]
    assert start(home) == found[0]
    with pytest.raises(UsageError, match="other options"):
        start(home, sample_period=5.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [("images: [", "not valid YAML"), ("images: {a: {}}", "needs a command")],
)
def test_a_garbage_catalogue_is_one_clear_sentence(home: Path, text: str, said: str) -> None:
    (home / "images.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        start(home)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert client.find(home / "state") is None


def test_a_backing_service_that_does_not_start_is_told_with_its_words(home: Path) -> None:
    (home / "images.yaml").write_text(
        "backing: {up: {command: [python, -c, 'print(1); raise SystemExit(1)']}}\n"
    )
    with pytest.raises(UsageError, match="backing service up ended"):
        start(home)


def test_unreadable_state_is_set_aside(home: Path) -> None:
    (home / "state").mkdir()
    (home / "state/world.json").write_text('{"format": 999}')
    (home / "state/ports.json").write_text("[]")
    (home / "state/daemon.json").write_text("{}")
    start(home)
    assert client.status(home / "state")["services"] == []
    assert (home / "state/world.unreadable.json").exists()


def test_a_directory_that_cannot_be_used(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(UsageError, match="cannot hold"):
        client.start(home / "file" / "state")
    with pytest.raises(UsageError, match="no process"):
        start(home, owner_pid=1 << 30)


def test_a_taken_address_moves(home: Path) -> None:
    cloud = start(home)
    before = deploy(cloud, "demo/app:v1")
    client.stop(home / "state")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", int(before.uri.rpartition(":")[2])))
        thief.listen()
        cloud = start(home)
        wait_until(lambda: client.status(home / "state")["services"])
        (service,) = client.status(home / "state")["services"]
        assert service["uri"] != before.uri
        assert fetch(service["uri"])
        with grpc.insecure_channel(cloud.grpc) as channel:
            services = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
            assert services.get_service(name=f"{PARENT}/services/orders").uri == service["uri"]


def test_a_pid_taken_by_another_process_is_not_the_daemon(tmp_path: Path) -> None:
    ticks = procfs.start_ticks(os.getpid())
    assert ticks is not None
    mine = client.LocalCloud(tmp_path, os.getpid(), ticks, "", "", {}, "", 1.0, 2.0, "mark")
    state.announce(mine)
    assert client.find(tmp_path) == mine
    state.announce(dataclasses.replace(mine, started=ticks - 1))
    assert client.find(tmp_path) is None
    assert not client.stop(tmp_path)


def test_the_command_line_from_up_to_down(home: Path) -> None:
    runner = CliRunner()
    at = ["--directory", str(home / "state")]
    options = ["--images", str(home / "images.yaml"), "--owner", str(os.getpid()), "--sample-period", "0.2"]
    result = runner.invoke(local, ["up", *at, *options, "--format", "json"])
    assert result.exit_code == 0, result.output
    cloud = client.find(home / "state")
    assert cloud is not None
    assert json.loads(result.stdout)["grpc"] == cloud.grpc
    deploy(cloud, "demo/app:v1")
    loaded = runner.invoke(
        local, ["load", "orders", *at, "--rate", "50", "--duration", "0.6", "--format", "json"]
    )
    summary = json.loads(loaded.stdout)
    assert set(summary["codes"]) == {"200"}
    assert summary["requests"] == 30
    status = runner.invoke(local, ["status", *at])
    assert "100 %" in status.stdout
    assert "demo/app:v1" in status.stdout
    shown = runner.invoke(local, ["status", *at, "--format", "json"])
    assert json.loads(shown.stdout)["services"][0]["name"] == "orders"
    logs = runner.invoke(local, ["logs", "orders", *at, "--lines", "5"])
    assert logs.stdout.strip().endswith(" up")
    ended = runner.invoke(local, ["down", *at])
    assert ended.exit_code == 0
    assert ended.stdout == ""
    gone = runner.invoke(local, ["status", *at])
    assert isinstance(gone.exception, NotFound)


def test_load_ends_on_term_with_its_summary_and_stays_on_this_machine(home: Path) -> None:
    cloud = start(home)
    uri = deploy(cloud, "demo/app:v1").uri
    command = [sys.executable, "-c", "from tidegate.cli.local import local; local()"]
    command += ["load", uri, "--rate", "50", "--duration", "600", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        wait_until(lambda: any(line["in_flight"] or line["age"] for line in instances(home)))
        wait_until(lambda: _handles_term(running.pid))
        running.terminate()
        out, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert json.loads(out)["interrupted"] is True
    for elsewhere in ("http://example.com/", "https://127.0.0.1/", "http://10.0.0.1/"):
        refused = CliRunner().invoke(local, ["load", elsewhere, "--rate", "1", "--duration", "1"])
        assert isinstance(refused.exception, UsageError)
    for rate, duration in (("0", "1"), ("1e9", "1"), ("1", "-1"), ("1", "1e9")):
        refused = CliRunner().invoke(local, ["load", uri, "--rate", rate, "--duration", duration])
        assert isinstance(refused.exception, UsageError)


def _handles_term(pid: int) -> bool:
    """Whether the process has installed its handler: TERM before that just ends it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
