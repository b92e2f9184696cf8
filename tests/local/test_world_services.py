"""What a caller of the Admin API sees of services and revisions, and what the data plane is told."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud import run_v2

from local.world_parts import PARENT, SERVICE, Turned, call, make_world, start_all
from tidegate.local.world import ApiError, World

LATEST, REVISION = 1, 2
RECONCILING, FAILED, SUCCEEDED = 2, 3, 4


def template(image: str = "app:1", **more: Any) -> dict[str, Any]:
    return {"containers": [{"image": image}], **more}


def create(world: World, **service: Any) -> Any:
    service = {"template": template(), **service}
    return call(world, "CreateService", parent=PARENT, service_id="orders", service=service)


def update(world: World, mask: tuple[str, ...] = (), **fields: Any) -> Any:
    service = {"name": SERVICE, **fields}
    return call(world, "UpdateService", service=service, update_mask={"paths": list(mask)})


def get(world: World) -> Any:
    return call(world, "GetService", name=SERVICE)


def running(**delays: float) -> World:
    world = make_world(**delays)
    create(world)
    start_all(world)
    return world


def newest(world: World) -> str:
    return str(get(world).latest_created_revision.rpartition("/")[2])


def pinned(*lines: tuple[str, int, str]) -> list[dict[str, Any]]:
    return [{"type_": REVISION, "revision": r, "percent": p, "tag": t} for r, p, t in lines]


def state_of(service: Any, kind: str) -> int:
    return int(next(c.state for c in service.conditions if c.type_ == kind))


def test_a_new_service_reconciles_until_its_revision_has_started() -> None:
    world = make_world()
    operation = create(world)
    assert not operation.done
    seen = get(world)
    assert seen.reconciling
    assert seen.terminal_condition.state == RECONCILING
    assert not seen.traffic_statuses
    assert world.routes() == ()
    start_all(world)
    assert call(world, "GetOperation", name=operation.name).done
    seen = get(world)
    assert (seen.generation, seen.observed_generation, seen.reconciling) == (1, 1, False)
    assert seen.latest_ready_revision == seen.latest_created_revision
    assert [(t.type_, t.percent) for t in seen.traffic_statuses] == [(LATEST, 100)]
    assert world.routes()[0].split == ((newest(world), 100),)


def test_defaults_are_those_of_the_server() -> None:
    service = get(running())
    container = service.template.containers[0]
    assert container.ports[0].container_port == 8080
    assert dict(container.resources.limits) == {"cpu": "1000m", "memory": "512Mi"}
    assert container.startup_probe.tcp_socket.port == 8080
    assert service.template.timeout.seconds == 300
    assert service.template.max_instance_request_concurrency == 80
    assert service.template.revision == ""
    assert container.name == ""


def test_a_pinned_split_persists_and_the_new_revision_gets_nothing() -> None:
    world = running()
    stable = newest(world)
    update(world, ("traffic",), traffic=pinned((stable, 100, "")))
    update(world, ("template",), template=template("app:2"))
    candidate = newest(world)
    assert candidate != stable
    assert {w.revision: w.starting for w in world.wanted()} == {stable: False, candidate: True}
    start_all(world)
    assert world.routes()[0].split == ((stable, 100),)
    assert [w.revision for w in world.wanted()] == [stable]
    update(world, ("traffic",), traffic=pinned((stable, 90, ""), (candidate, 10, "next")))
    route = world.routes()[0]
    assert route.split == ((stable, 90), (candidate, 10))
    assert dict(route.tags) == {"next": candidate}
    assert get(world).traffic_statuses[1].uri.startswith("http://next.")


def test_latest_means_the_latest_ready_revision() -> None:
    world = running()
    stable = newest(world)
    update(world, ("template",), template=template("app:2"))
    assert world.routes()[0].split == ((stable, 100),)
    start_all(world)
    assert world.routes()[0].split == ((newest(world), 100),)


def test_a_failed_start_keeps_the_last_serving_state() -> None:
    world = running()
    stable = newest(world)
    operation = update(world, ("template",), template=template("app:2"))
    world.revision_failed(SERVICE, newest(world), "HEALTH_CHECK_CONTAINER_ERROR", "It never listened.")
    service = get(world)
    assert not service.reconciling
    assert service.terminal_condition.state == FAILED
    assert service.terminal_condition.revision_reason == 6
    assert "It never listened." in service.terminal_condition.message
    assert (service.generation, service.observed_generation) == (2, 1)
    assert service.latest_ready_revision.endswith(stable)
    assert world.routes()[0].split == ((stable, 100),)
    failure = call(world, "GetOperation", name=operation.name)
    assert failure.done
    assert failure.error.code == 9
    assert "is not ready and cannot serve traffic" in failure.error.message
    revision = call(world, "GetRevision", name=f"{SERVICE}/revisions/{newest(world)}")
    assert state_of(revision, "ContainerHealthy") == FAILED


def test_traffic_can_be_taken_back_while_a_revision_still_starts() -> None:
    world = running()
    first = newest(world)
    update(world, ("template",), template=template("app:2"))
    start_all(world)
    update(world, ("template",), template=template("app:3"))
    operation = update(world, ("traffic",), traffic=pinned((first, 100, "")))
    assert call(world, "GetOperation", name=operation.name).done
    assert world.routes()[0].split == ((first, 100),)


def test_traffic_becomes_effective_after_the_propagation_delay() -> None:
    clock = Turned()
    world = make_world(clock, propagation_delay=5.0)
    create(world)
    start_all(world)
    clock.now += 5
    first = newest(world)
    update(world, ("template",), template=template("app:2"))
    start_all(world)
    clock.now += 4.9
    assert world.routes()[0].split == ((first, 100),)
    assert get(world).reconciling
    assert {w.revision for w in world.wanted()} == {first, newest(world)}
    clock.now += 0.2
    assert world.routes()[0].split == ((newest(world), 100),)
    assert not get(world).reconciling


def test_a_stale_etag_is_aborted_and_changes_nothing() -> None:
    world = running()
    etag = get(world).etag
    update(world, ("annotations",), annotations={"a": "1"}, etag=etag)
    with pytest.raises(ApiError) as refused:
        update(world, ("annotations",), annotations={"a": "2"}, etag=etag)
    assert refused.value.code == "ABORTED"
    assert dict(get(world).annotations) == {"a": "1"}


def test_masks_take_only_what_they_name_and_no_mask_replaces_all() -> None:
    world = running()
    update(world, ("annotations", "labels"), annotations={"a": "1"}, labels={"team": "x"})
    update(world, ("template.scaling.min_instance_count",), template={"scaling": {"min_instance_count": 2}})
    service = get(world)
    assert service.template.containers[0].image == "app:1"
    assert service.template.scaling.min_instance_count == 2
    assert dict(service.annotations) == {"a": "1"}
    update(world, template=template("app:9"))
    service = get(world)
    assert not service.annotations
    assert service.template.containers[0].image == "app:9"


def test_only_a_changed_template_makes_a_revision() -> None:
    world = running()
    first = newest(world)
    update(world, ("annotations",), annotations={"a": "1"})
    assert newest(world) == first
    generation = get(world).generation
    assert update(world, ("annotations",), annotations={"a": "1"}).done
    assert get(world).generation == generation
    update(world, ("template",), template=template("app:2"))
    assert newest(world).startswith("orders-00002-")


def test_a_named_revision_cannot_be_made_twice_differently() -> None:
    world = running()
    update(world, ("template",), template=template("app:2", revision="orders-blue"))
    start_all(world)
    update(world, ("template",), template=template("app:2"))
    with pytest.raises(ApiError, match="with different configuration already exists") as refused:
        update(world, ("template",), template=template("app:3", revision="orders-blue"))
    assert refused.value.http_status == 409


def test_traffic_to_a_revision_that_is_not_there_fails_later_and_moves_nothing() -> None:
    world = running()
    first = newest(world)
    operation = update(world, ("traffic",), traffic=pinned(("orders-99999-zzz", 100, "")))
    assert "does not exist or is deleted" in call(world, "GetOperation", name=operation.name).error.message
    assert world.routes()[0].split == ((first, 100),)


def test_validate_only_and_allow_missing() -> None:
    world = make_world()
    call(
        world,
        "CreateService",
        parent=PARENT,
        service_id="orders",
        service={"template": template()},
        validate_only=True,
    )
    assert not call(world, "ListServices", parent=PARENT).services
    with pytest.raises(ApiError) as refused:
        update(world, template=template())
    assert refused.value.code == "NOT_FOUND"
    call(world, "UpdateService", service={"name": SERVICE, "template": template()}, allow_missing=True)
    assert get(world).generation == 1


def test_revisions_that_serve_cannot_be_deleted() -> None:
    world = running()
    first = newest(world)
    update(world, ("template",), template=template("app:2"))
    with pytest.raises(ApiError) as refused:
        call(world, "DeleteRevision", name=f"{SERVICE}/revisions/{first}")
    assert refused.value.code == "FAILED_PRECONDITION"
    start_all(world)
    call(world, "DeleteRevision", name=f"{SERVICE}/revisions/{first}")
    listed = call(world, "ListRevisions", parent=SERVICE)
    assert [r.name.rpartition("/")[2] for r in listed.revisions] == [newest(world)]


def test_a_deleted_service_wants_no_processes() -> None:
    world = running()
    assert call(world, "DeleteService", name=SERVICE).done
    assert world.wanted() == ()
    assert world.routes() == ()
    with pytest.raises(ApiError, match="does not exist"):
        get(world)


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ({"traffic": [{"type_": LATEST, "percent": 90}]}, "sum to 90"),
        ({"traffic": pinned(("a", 50, "tag"), ("b", 50, "tag"))}, "Duplicate traffic tag"),
        ({"traffic": pinned(("a", 100, "Bad_Tag"))}, "Invalid traffic tag"),
        ({"traffic": pinned(("a", 100, "ab"))}, "at least 3"),
        ({"traffic": pinned(("a", 100, "t" * 41))}, "exceed 46"),
        ({"annotations": {"run.googleapis.com/x": "1"}}, "system namespace"),
        ({"labels": {"serving.knative.dev/x": "1"}}, "system namespace"),
        ({"template": {"containers": []}}, "at least one container"),
        ({"template": template(revision="other-1")}, "must be prefixed"),
        (
            {"template": {"containers": [{"image": "a", "env": [{"name": "PORT", "value": "1"}]}]}},
            "reserved env",
        ),
        (
            {"template": {"containers": [{"image": "a", "name": "x"}, {"image": "b", "name": "y"}]}},
            "exactly one",
        ),
        ({"template": template(max_instance_request_concurrency=5000)}, "between 1 and 1000"),
        ({"annotations": {"a": "x" * 300_000}}, "Too long"),
    ],
)
def test_what_is_not_acceptable_is_refused(service: dict[str, Any], says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        create(make_world(), **service)
    assert refused.value.code == "INVALID_ARGUMENT"


def test_an_unknown_region_is_refused_as_google_refuses_it() -> None:
    with pytest.raises(
        ApiError, match="Location mars-north1 is not found or access is unauthorized"
    ) as refused:
        call(make_world(), "ListServices", parent="projects/demo/locations/mars-north1")
    assert refused.value.code == "PERMISSION_DENIED"


def test_secrets_reach_the_containers_and_a_missing_one_stops_the_revision() -> None:
    world = make_world()
    reference = {"secret": "db", "version": "latest"}
    env = [{"name": "DB", "value_source": {"secret_key_ref": reference}}]
    volume = {"name": "conf", "secret": {"secret": "db", "items": [{"path": "db.txt", "version": "1"}]}}
    container = {"image": "a", "env": env, "volume_mounts": [{"name": "conf", "mount_path": "/etc/conf"}]}
    wanted = {"containers": [container], "volumes": [volume]}
    create(world, template=wanted)
    assert get(world).terminal_condition.reason == 12
    assert world.wanted() == ()
    world.secrets.create("demo", "db", {"replication": {"automatic": {}}})
    world.secrets.add_version("projects/demo/secrets/db", {"payload": {"data": "aHVzaA=="}})
    update(world, ("template",), template={**wanted, "labels": {"try": "2"}})
    (revision,) = world.wanted()
    assert revision.containers[0].env == (("DB", "hush"),)
    assert revision.volumes[0].files[0].content == b"hush"


def test_an_account_without_the_accessor_role_cannot_read_a_secret() -> None:
    world = make_world()
    world.secrets.create("demo", "db", {"replication": {"automatic": {}}})
    world.secrets.add_version("projects/demo/secrets/db", {"payload": {"data": "aHVzaA=="}})
    email = world.accounts.create("demo", {"accountId": "runtime"})["email"]
    env = [{"name": "DB", "value_source": {"secret_key_ref": {"secret": "db", "version": "1"}}}]
    wanted = {"containers": [{"image": "a", "env": env}], "service_account": email}
    create(world, template=wanted)
    assert "Secret Manager Secret Accessor" in get(world).terminal_condition.message
    binding = {"role": "roles/secretmanager.secretAccessor", "members": [f"serviceAccount:{email}"]}
    policy = world.policies.get("projects/demo/secrets/db")
    policy.bindings.add(**binding)
    world.policies.set("projects/demo/secrets/db", policy)
    update(world, ("template",), template={**wanted, "labels": {"try": "2"}})
    start_all(world)
    assert get(world).terminal_condition.state == SUCCEEDED


def test_the_state_survives_a_restart() -> None:
    world = running()
    stable = newest(world)
    update(world, ("traffic", "annotations"), traffic=pinned((stable, 100, "live")), annotations={"k": "v"})
    world.secrets.create("demo", "db", {"replication": {"automatic": {}}})
    again = make_world()
    again.load(world.dump())
    assert get(again) == get(world)
    assert again.wanted() == world.wanted()
    assert again.routes() == world.routes()
    assert again.dump()["secrets"] == world.dump()["secrets"]
    with pytest.raises(ValueError, match="format"):
        again.load({"format": 99})


def test_waiting_ends_with_a_change() -> None:
    world = make_world()
    before = world.version
    create(world)
    assert world.wait_for_change(before, 5.0) > before
    assert world.wait_for_change(world.version, 0.0) == world.version


def test_unknown_fields_of_newer_clients_are_kept() -> None:
    world = make_world()
    newer = run_v2.Service.pb()(template=template())
    newer.MergeFromString(bytes([0xC2, 0x3E, 3]) + b"new")
    call(world, "CreateService", parent=PARENT, service_id="orders", service=newer)
    assert b"new" in get(world).SerializeToString()
