"""The Cloud Run adapter against the local Cloud Run: the same calls, with the API's own rules behind them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

from tidegate.adapters.channels import CLOUD_RUN, Channels
from tidegate.adapters.cloud_run import GoogleCloudRun
from tidegate.adapters.retry import Retrying
from tidegate.core.errors import Conflict, OutcomeUnknown, Rejected, Unreachable
from tidegate.local.world import World
from tidegate.ports import ConditionState, Service, ServiceName, Target

NAME = ServiceName("p1", "europe-west1", "orders")


class Owner:
    """Creates the service and its revisions, as Terraform would."""

    def __init__(self, channels: Channels, world: World) -> None:
        self._client: Any = run_v2.ServicesClient(
            transport=ServicesGrpcTransport(channel=channels.to(CLOUD_RUN))
        )
        self._world = world

    def create(self) -> str:
        service = run_v2.Service(template={"containers": [{"image": "app:1"}]})
        parent = "projects/p1/locations/europe-west1"
        self._client.create_service(parent=parent, service=service, service_id="orders")
        return self._started()

    def deploy(self, image: str) -> str:
        service = self._client.get_service(name=NAME.path)
        service.template.containers[0].image = image
        self._client.update_service(service=service)
        return self._started()

    def fail(self, image: str) -> str:
        service = self._client.get_service(name=NAME.path)
        service.template.containers[0].image = image
        self._client.update_service(service=service)
        name = self._newest()
        self._world.revision_failed(NAME.path, name, "HEALTH_CHECK_CONTAINER_ERROR", "it never listened")
        return name

    def _started(self) -> str:
        name = self._newest()
        self._world.revision_started(NAME.path, name)
        return name

    def _newest(self) -> str:
        created: str = self._client.get_service(name=NAME.path).latest_created_revision
        return created.rpartition("/")[2]


@pytest.fixture
def owner(local_api: Channels, local_world: World) -> Owner:
    return Owner(local_api, local_world)


@pytest.fixture
def cloud_run(local_api: Channels, retrying: Retrying) -> GoogleCloudRun:
    return GoogleCloudRun(local_api, retrying)


def read(cloud_run: GoogleCloudRun) -> Service:
    service = cloud_run.get_service(NAME)
    assert service is not None
    return service


def pinned(cloud_run: GoogleCloudRun, owner: Owner) -> tuple[str, str]:
    """Two revisions, all traffic on the first."""
    first = owner.create()
    cloud_run.update(read(cloud_run), [Target(first, 100)], {})
    return first, owner.deploy("app:2")


def test_a_split_a_tag_and_the_record_arrive_together(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    first, second = pinned(cloud_run, owner)
    record = {"tidegate/rollout": '{"state": "step"}'}
    cloud_run.update(read(cloud_run), [Target(first, 95), Target(second, 5, "next")], record)
    service = read(cloud_run)
    assert service.settled
    assert service.traffic == (Target(first, 95), Target(second, 5, "next"))
    assert [(t.revision, t.percent, t.tag) for t in service.traffic_statuses] == [
        (first, 95, ""),
        (second, 5, "next"),
    ]
    assert service.traffic_statuses[1].uri
    assert service.annotations["tidegate/rollout"] == record["tidegate/rollout"]
    assert service.latest_ready_revision == second


def test_an_update_makes_no_revision(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    first, second = pinned(cloud_run, owner)
    for percent in (5, 50, 100):
        split = [Target(r, p) for r, p in ((first, 100 - percent), (second, percent)) if p]
        cloud_run.update(read(cloud_run), split, {})
    assert read(cloud_run).latest_created_revision == second


def test_the_accepted_service_can_be_updated_next(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    first, second = pinned(cloud_run, owner)
    accepted = cloud_run.update(read(cloud_run), [Target(first, 90), Target(second, 10)], {"tidegate/a": "1"})
    again = cloud_run.update(accepted, [Target(first, 100)], {"tidegate/a": None, "tidegate/b": "2"})
    assert again.traffic == (Target(first, 100),)
    assert "tidegate/a" not in read(cloud_run).annotations
    assert read(cloud_run).annotations["tidegate/b"] == "2"


def test_of_two_writers_one_wins(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    first, second = pinned(cloud_run, owner)
    mine, theirs = read(cloud_run), read(cloud_run)
    cloud_run.update(theirs, [Target(second, 100)], {})
    with pytest.raises(Conflict):
        cloud_run.update(mine, [Target(first, 100)], {})
    assert read(cloud_run).traffic == (Target(second, 100),)


def test_a_lost_response_is_in_doubt_and_the_truth_is_in_the_service(
    cloud_run: GoogleCloudRun, owner: Owner, local_world: World
) -> None:
    first, second = pinned(cloud_run, owner)
    before = read(cloud_run)
    local_world.faults.add({"faults": [{"method": "Services/UpdateService", "response_lost": True}]})
    with pytest.raises(OutcomeUnknown):
        cloud_run.update(before, [Target(second, 100)], {})
    assert read(cloud_run).traffic == (Target(second, 100),)
    assert first != second


def test_short_outages_are_ridden_out(cloud_run: GoogleCloudRun, owner: Owner, local_world: World) -> None:
    _, second = pinned(cloud_run, owner)
    service = read(cloud_run)
    local_world.faults.add({"faults": [{"method": "*", "code": "UNAVAILABLE", "times": 2}]})
    cloud_run.update(service, [Target(second, 100)], {})
    local_world.faults.add({"faults": [{"method": "*", "code": "UNAVAILABLE", "times": 3}]})
    assert read(cloud_run).traffic == (Target(second, 100),)
    local_world.faults.add({"faults": [{"method": "*", "code": "UNAVAILABLE", "times": 0}]})
    with pytest.raises(Unreachable):
        cloud_run.get_service(NAME)


def test_traffic_to_a_revision_that_does_not_exist_never_becomes_effective(
    cloud_run: GoogleCloudRun, owner: Owner
) -> None:
    first, _ = pinned(cloud_run, owner)
    # Whether the API refuses at once or accepts and fails later is its own affair: both must be visible.
    with contextlib.suppress(Rejected):
        cloud_run.update(read(cloud_run), [Target("orders-99999-xyz", 100)], {})
        assert read(cloud_run).terminal_condition.state is ConditionState.FAILED
    assert [t.revision for t in read(cloud_run).traffic_statuses if t.percent] == [first]


def test_a_split_must_total_a_hundred(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    first, second = pinned(cloud_run, owner)
    with pytest.raises(Rejected):
        cloud_run.update(read(cloud_run), [Target(first, 50), Target(second, 40)], {})


def test_a_revision_that_never_starts_says_why(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    first, _ = pinned(cloud_run, owner)
    broken = owner.fail("app:broken")
    revision = cloud_run.get_revision(NAME, broken)
    assert revision is not None
    assert revision.ready.state is ConditionState.FAILED
    assert revision.ready.reason == "HEALTH_CHECK_CONTAINER_ERROR"
    assert "it never listened" in revision.ready.message
    service = read(cloud_run)
    assert service.terminal_condition.state is ConditionState.FAILED
    assert [t.revision for t in service.traffic_statuses if t.percent] == [first]


def test_what_does_not_exist_is_none(cloud_run: GoogleCloudRun, owner: Owner) -> None:
    assert cloud_run.get_service(NAME) is None
    owner.create()
    assert cloud_run.get_revision(NAME, "orders-99999-xyz") is None
    cloud_run.check_access("p1", "europe-west1")
