"""What is only looked at: status, doctor's checks, and a spec turned into files and findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.rollout_world import CANDIDATE, STABLE, Behaviour, World
from tidegate.adapters.rootdir import module_texts, template_texts
from tidegate.core.errors import Denied, InvalidInput, NotFound, UsageError
from tidegate.core.record import Record, Unreadable
from tidegate.core.rollout import Phase
from tidegate.core.verdict import Decision
from tidegate.flows.doctor import Check, examine
from tidegate.flows.prepare import Source, prepare, read, refuse
from tidegate.flows.status import Status, status

SPEC = b"service: orders\nproject: demo-project\nregion: europe-west1\ncontainers: [{port: 8080}]\n"


def test_status_tells_traffic_rollout_and_history(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert status(world.job, world.tools).rollout is None
    outcome = world.deploy()
    found = status(world.job, world.tools)
    assert found.serving == {CANDIDATE: 100}
    assert isinstance(found.rollout, Record)
    assert found.rollout.state == outcome.state
    assert [past.stable for past in found.history] == [STABLE]


def test_status_of_a_record_nobody_can_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.cloud.service is not None
    world.cloud.change(world.cloud.service.traffic, {"tidegate/rollout": '{"v": 7}'})
    found = status(world.job, world.tools)
    assert isinstance(found.rollout, Unreadable)
    assert "another version" in found.rollout.reason


def test_status_of_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, empty=True)
    with pytest.raises(NotFound, match="there is no service orders in demo-project, europe-west1"):
        status(world.job, world.tools)


def test_status_of_a_running_rollout_judges_it_as_it_is_now(tmp_path: Path) -> None:
    world = World(tmp_path, behaviour={CANDIDATE: Behaviour(errors=0.3)})
    seen: list[Status] = []
    world.on_phase(Phase.STEP, lambda: seen.append(status(world.job, world.tools)), delay=1.0)
    world.on_phase(Phase.ROLLING_BACK, lambda: seen.append(status(world.job, world.tools)), delay=0.0)
    world.deploy()
    assert [(s.living, s.verdict is not None) for s in seen] == [(True, True), (True, True)]
    assert seen[0].verdict is not None
    assert seen[0].verdict.decision is Decision.CONTINUE
    assert isinstance(seen[0].rollout, Record)
    assert seen[0].rollout.state.percent == 10


def test_doctor_goes_on_after_a_failure_and_skips_what_needs_it() -> None:
    def fail() -> str:
        raise Denied("no credentials", hint="log in")

    found = examine([
        Check("credentials", fail),
        Check("api", lambda: "reached", needs=("credentials",)),
        Check("python", lambda: "3.11"),
    ])  # fmt: skip
    assert [(f.check, f.state) for f in found] == [
        ("credentials", "failed"),
        ("api", "skipped"),
        ("python", "ok"),
    ]
    assert (found[0].said, found[0].hint) == ("no credentials", "log in")
    assert "credentials" in found[1].said


def test_what_one_command_wants_is_missed_and_does_not_fail() -> None:
    def missing() -> str:
        raise UsageError("promtool is not on the PATH", hint="install it")

    (found,) = examine([Check("promtool", missing, only_for="tidegate alerts test")])
    assert (found.state, found.hint) == ("skipped", "install it")
    assert found.said == "promtool is not on the PATH (only for `tidegate alerts test`)"


def test_prepare_renders_both_roots_and_finds_nothing_wrong() -> None:
    text = SPEC.replace(b"{port: 8080}", b"{port: 8080, probes: {startup: {tcp: {}}, liveness: {http: {}}}}")
    text += b"alerts: {channels: [{email: oncall@example.com}]}\n"
    spec = read(Source(text, "tidegate.yaml", image="demo/orders:v1"))
    prepared = prepare(spec, template_texts(), module_texts())
    assert {"service/main.tf", "monitoring/main.tf"} <= set(prepared.files)
    assert prepared.errors == ()
    refuse(prepared)
    assert prepared == prepare(spec, template_texts(), module_texts())


def test_only_a_local_target_lays_a_backend_over_the_specs() -> None:
    spec = read(Source(SPEC, "tidegate.yaml", image="demo/orders:v1"))
    local = prepare(spec, template_texts(), module_texts(), local=True).files
    google = prepare(spec, template_texts(), module_texts()).files
    assert set(local) - set(google) == {"service/backend_override.tf", "monitoring/backend_override.tf"}


def test_an_image_that_can_change_is_refused_with_its_place() -> None:
    spec = read(Source(SPEC, "tidegate.yaml", image="demo/orders:latest"))
    prepared = prepare(spec, template_texts(), module_texts())
    with pytest.raises(InvalidInput) as error:
        refuse(prepared)
    assert any("service/main.tf" in fault.path and fault.line for fault in error.value.faults)
    assert "explain" in error.value.hint


def test_a_local_target_says_what_it_cannot_measure() -> None:
    own = b"""
analysis:
  required: [routines]
  metrics: {routines: {promql: x}, jobs: {filter: 'metric.type="a/b"'}}
"""
    spec = read(Source(SPEC + own, "tidegate.yaml", image="demo/orders:v1"))
    (note,) = prepare(spec, template_texts(), module_texts(), local=True).notes
    assert note.startswith("routines is not measured: the local Cloud Run executes no PromQL")
    assert "the spec requires it" in note
    assert prepare(spec, template_texts(), module_texts()).notes == ()
