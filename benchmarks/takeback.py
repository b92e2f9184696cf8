"""From a verdict against the candidate to traffic that is effectively back, on a local Cloud Run.

The peer is the bare pair of calls, a write and reads until it is effective, over the same adapter.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

from tidegate import settings, wiring
from tidegate.core import record
from tidegate.core.judge import Criteria
from tidegate.core.rollout import Judged, Moved, Phase, Settings, State, step
from tidegate.core.verdict import Attribution, Decision, Verdict
from tidegate.flows.job import Job, Tools
from tidegate.flows.rollout import Runner
from tidegate.flows.serving import effective
from tidegate.local import client
from tidegate.local.state import LocalCloud
from tidegate.ports import Service, ServiceName, Target, Telemetry

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "python-service"
NAME = ServiceName("demo-project", "europe-west1", "orders")
ROUNDS = 9
BOUND = 2.0
"""Seconds, by the design."""
TOLERATED = 3.0
"""Times the bare pair of calls: the flow writes the record, and reads with growing pauses."""

# proto-plus gives its message classes untyped constructors.
_messages: Any = run_v2


class Silent:
    def tell(self, notice: object) -> None: ...


def takeback() -> list[tuple[str, float, str, bool]]:
    """One row a propagation delay: none, and one that every answer of the API has to wait for."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        place = Path(name) / "cloud"
        return [_row(place, 0.0), _row(place, 0.5)]


def _row(place: Path, delay: float) -> tuple[str, float, str, bool]:
    cloud = client.start(
        place, images=EXAMPLE / "images.yaml", owner_pid=os.getpid(), propagation_delay=delay
    )
    try:
        with _tools(place) as tools:
            stable, candidate = _revisions(cloud, tools)
            flow, bare = [], []
            for _ in range(ROUNDS):
                flow.append(_by_flow(tools, stable, candidate))
                bare.append(_by_hand(tools, stable, candidate))
    finally:
        client.stop(place)
    one, two = statistics.median(flow), statistics.median(bare)
    told = f"≤ {BOUND:.0f} s; bare calls {two:.3f} s: {one / two:.1f} times that (≤ {TOLERATED:.0f})"
    name = f"verdict to effective traffic, delay {delay:g} s"
    return name, one, told, one <= BOUND and one / two <= TOLERATED


@contextmanager
def _tools(place: Path) -> Iterator[Tools]:
    chosen = settings.read("local", local=place)
    with wiring.connect(chosen, Silent(), lambda _: None) as connected:
        yield connected.tools


def _revisions(cloud: LocalCloud, tools: Tools) -> tuple[str, str]:
    """Two that are ready; of a former life where there is one."""
    found = tools.cloud_run.get_service(NAME)
    with grpc.insecure_channel(cloud.grpc) as channel:
        api = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        if found is None:
            parent = f"projects/{NAME.project}/locations/{NAME.region}"
            template = {"containers": [{"image": "demo/orders:v1"}]}
            api.create_service(
                _messages.CreateServiceRequest(
                    parent=parent, service_id=NAME.service, service={"template": template}
                )
            )
        stable = _settled(tools).latest_ready_revision
        template = {"containers": [{"image": f"demo/orders:{'v2' if found is None else 'v3'}"}]}
        service = _messages.Service(name=NAME.path, template=template)
        api.update_service(service=service, update_mask={"paths": ["template"]})
    return stable, _settled(tools).latest_ready_revision


def _settled(tools: Tools) -> Service:
    while True:
        found = tools.cloud_run.get_service(NAME)
        if found is not None and found.settled and found.latest_ready_revision:
            return found
        time.sleep(0.02)


def _split(tools: Tools, state: State) -> Service:
    """Half of the traffic on the candidate, with the record that says so."""
    targets = [Target(revision, percent) for revision, percent in state.split]
    encoded = record.encode(state, now=state.entered, lease=state.entered + 600)
    tools.cloud_run.update(_settled(tools), targets, {record.ROLLOUT: encoded})
    while effective(found := _settled(tools)) != dict(state.split):
        time.sleep(0.02)
    return found


def _state(tools: Tools, stable: str, candidate: str) -> State:
    now = tools.clock.now()
    return State(
        "bench", "bench", now, Phase.STEP, stable, candidate, percent=50, entered=now,
        moves=(Moved(now, 50),), holder=tools.holders.mine,
        settings=Settings(steps=(50,), look_every=0.05, settle=0.0, recovery=0.0),
    )  # fmt: skip


def _by_flow(tools: Tools, stable: str, candidate: str) -> float:
    state = _state(tools, stable, candidate)
    service = _split(tools, state)
    now = tools.clock.now()
    verdict = Verdict(Decision.ROLLBACK, Attribution.REVISION, now, ("a benchmark asks for it",))
    after, effects = step(state, Judged(now, verdict))
    ended = Runner(Job(NAME, Telemetry(), Criteria()), tools).run(after, effects, service)
    assert ended.restored is not None
    return ended.restored - now


def _by_hand(tools: Tools, stable: str, candidate: str) -> float:
    service = _split(tools, _state(tools, stable, candidate))
    began = time.perf_counter()
    tools.cloud_run.update(service, [Target(stable, 100)], {})
    while True:
        found = tools.cloud_run.get_service(NAME)
        if found is not None and found.settled and effective(found) == {stable: 100}:
            return time.perf_counter() - began
        time.sleep(0.02)
