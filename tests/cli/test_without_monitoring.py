"""What needs no metrics is answered where Monitoring is out of reach, and the rest as far as it goes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from crash.place import IMAGES, api, name_of, templates
from tidegate import cli, settings, wiring
from tidegate.adapters import channels
from tidegate.adapters.notifier import WebhookNotifier
from tidegate.core import record
from tidegate.core.rollout import Moved, Phase, State
from tidegate.flows.serving import as_found
from tidegate.local import client
from tidegate.local.state import LocalCloud

NAME = name_of("quiet")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """With a service that has a rollout at 10 %, whose process has died."""
    place = tmp_path_factory.mktemp("quiet")
    images = place / "images.yaml"
    images.write_text(IMAGES)
    cloud = client.start(place / "cloud", images=images, owner_pid=os.getpid())
    try:
        with templates(cloud, NAME.service) as by_api:
            by_api.create("v1")
        _write_record(place / "cloud")
        yield cloud
    finally:
        client.stop(place / "cloud")


def _write_record(place: Path) -> None:
    chosen = settings.read("local", local=place)
    with wiring.connect(chosen, WebhookNotifier(()), print) as connected:
        run = connected.tools.cloud_run
        service, now = run.get_service(NAME), connected.tools.clock.now()
        assert service is not None
        state = State(
            "20260101-000000-abcdef", "ci", now - 60, Phase.STEP, stable="quiet-0",
            candidate=service.latest_ready_revision, percent=10, entered=now, moves=(Moved(now - 30, 10),),
        )  # fmt: skip
        past = record.remember({}, state, now=now)
        written = {record.ROLLOUT: record.encode(state, now=now, lease=now), record.HISTORY: past}
        run.update(service, as_found(service), written)


@pytest.fixture
def run(cloud: LocalCloud, capfd: pytest.CaptureFixture[str]) -> Run:
    """A command on the service; it must end well."""

    def start(command: str) -> str:
        named = ("--service", NAME.service, "--project", NAME.project, "--region", NAME.region)
        where = ("--target", "local", "--local-directory", str(cloud.directory), "--format", "json")
        code = cli.main([command, *named, *where])
        out, err = capfd.readouterr()
        assert (int(code), err) == (0, "")
        return out

    return start


@pytest.fixture
def opened(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints that channels are opened to."""
    found: list[str] = []

    def open_channel(endpoint: str) -> grpc.Channel:
        found.append(endpoint)
        return grpc.insecure_channel(cloud.grpc)

    monkeypatch.setattr(channels, "local_channels", lambda _: channels.Channels(open_channel))
    return found


def test_history_has_nothing_to_do_with_monitoring(run: Run, opened: list[str]) -> None:
    assert [one["id"] for one in json.loads(run("history"))] == ["20260101-000000-abcdef"]
    assert opened == [channels.CLOUD_RUN]


def test_the_status_of_what_is_judged_asks_it(run: Run, opened: list[str]) -> None:
    assert json.loads(run("status"))["evidence"] is not None
    assert opened == [channels.CLOUD_RUN, channels.MONITORING]


@pytest.mark.parametrize(
    ("code", "said"), [("PERMISSION_DENIED", "PERMISSION_DENIED"), ("UNAVAILABLE", "in the middle of it")]
)
def test_status_says_what_it_can_without_it(run: Run, cloud: LocalCloud, code: str, said: str) -> None:
    fault = {"method": "ListTimeSeries", "times": 0, "code": code, "message": "in the middle of it"}
    api(cloud, "POST", "/_local/faults", {"faults": [fault]})
    try:
        found = json.loads(run("status"))
    finally:
        api(cloud, "DELETE", "/_local/faults")
    assert found["rollout"]["percent"] == 10
    assert found["evidence"] is None
    assert said in found["unseen"]
