"""The two processes of a crash point: the one that is killed, and the one that comes after it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from crash.fuse import Fuse, Kind, fused
from crash.place import load, losing, name_of, templates
from crash.scenarios import SCENARIOS, Actor
from tidegate import settings, wiring
from tidegate.core import record
from tidegate.core.errors import TidegateError
from tidegate.core.rollout import Phase
from tidegate.flows.job import Tools
from tidegate.flows.operate import Command, operate
from tidegate.flows.serving import effective, percents
from tidegate.local import client
from tidegate.local.state import LocalCloud
from tidegate.ports import Notice

_APPROVALS = 3
"""Pauses that a resumption can lead to, one after the other."""


@dataclass(frozen=True)
class Point:
    """Where the process dies, and how the rollout is taken up again. `service` is its own."""

    service: str
    scenario: str
    kind: Kind = "never"
    number: int = 0
    ending: Literal["resume", "abort"] = "resume"
    counted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.scenario}: {self.kind} effect {self.number}, {self.ending} ({self.service})"


@dataclass(frozen=True)
class Place:
    """Files of one point. `cloud` is the directory of the local Cloud Run."""

    cloud: Path
    directory: Path

    def verdicts(self, point: Point) -> Path:
        return self.directory / f"{point.service}.verdicts"

    def effects(self, point: Point) -> Path:
        return self.directory / f"{point.service}.effects.json"

    def after(self, point: Point) -> Path:
        return self.directory / f"{point.service}.after.json"


class Silent:
    def tell(self, notice: Notice) -> None: ...


def play(point: dict[str, Any], cloud: str, directory: str) -> None:
    """The scenario up to the point. Writes what was counted where it is not killed."""
    it, place = Point(**point), Place(Path(cloud), Path(directory))
    found = _running(place)
    if SCENARIOS[it.scenario].exists:
        with templates(found, it.service) as by_api:
            by_api.create("v1")
    _perform(it, place, found)


def _perform(it: Point, place: Place, cloud: LocalCloud) -> None:
    scenario = SCENARIOS[it.scenario]
    with templates(cloud, it.service) as by_api, connections(place) as connect:
        fuse = Fuse(it.kind, it.number, frozenset(it.counted), losing(cloud, it.service))
        actor = Actor(it.service, fused(connect(), fuse), connect, fuse, by_api, place.verdicts(it))
        with load(cloud, it.service, scenario.rate):
            scenario.run(actor)
    place.effects(it).write_text(json.dumps(fuse.names))


def resumed(point: dict[str, Any], cloud: str, directory: str) -> None:
    """Like `play`, on a service that is there already."""
    it, place = Point(**point), Place(Path(cloud), Path(directory))
    _perform(it, place, _running(place))


def afterwards(point: dict[str, Any], cloud: str, directory: str) -> None:
    """A fresh process takes the rollout up."""
    it, place = Point(**point), Place(Path(cloud), Path(directory))
    with connections(place) as connect:
        place.after(it).write_text(json.dumps(taken_up(it, connect, _running(place))))


def taken_up(it: Point, connect: Callable[[], Tools], cloud: LocalCloud) -> dict[str, Any]:
    """Until nothing is left to do; then the same once more. What was answered, and the service then."""
    tools = connect()
    answers: list[str] = []
    rate = SCENARIOS[it.scenario].rate if it.ending == "resume" else 0.0
    with load(cloud, it.service, rate):
        for _ in range(_APPROVALS):
            answers.append(_operated(it, tools))
            if _phase(it, tools) is not Phase.PAUSED:
                break
    ended = _seen(it, tools)
    answers.append(_operated(it, connect()))
    return {"answers": answers, "ended": ended, "again": _seen(it, tools)}


def first_failing(place: Place, point: Point) -> float | None:
    """When the process that was killed first saw a verdict against the candidate, epoch seconds."""
    verdicts = place.verdicts(point)
    lines = verdicts.read_text().splitlines() if verdicts.exists() else []
    return next((float(time) for time, said in map(str.split, lines) if said == "rollback"), None)


def _operated(point: Point, tools: Tools) -> str:
    command = Command(point.ending, name_of(point.service), "afterwards", watch=point.ending == "resume")
    try:
        with tools.interruption.installed():
            return operate(command, tools).sentence
    except TidegateError as error:
        return f"{type(error).__name__}: {error.message}"


def _phase(point: Point, tools: Tools) -> Phase | None:
    service = tools.cloud_run.get_service(name_of(point.service))
    found = None if service is None else record.find(service.annotations)
    return found.state.phase if isinstance(found, record.Record) else None


def _seen(point: Point, tools: Tools) -> dict[str, Any] | None:
    """The service as a reader sees it; None where there is none."""
    name = name_of(point.service)
    service = tools.cloud_run.get_service(name)
    while service is not None and not service.settled:  # a revision may still be starting
        tools.clock.sleep(0.1)
        service = tools.cloud_run.get_service(name)
    if service is None:
        return None
    serving = effective(service)
    revisions = {one: tools.cloud_run.get_revision(name, one) for one in serving}
    return {
        "etag": service.etag,
        "settled": service.settled,
        "traffic": dict(percents(service.traffic, service)),
        "serving": serving,
        "images": {one: revision.image if revision else "" for one, revision in revisions.items()},
        "record": service.annotations.get(record.ROLLOUT, ""),
    }


def _running(place: Place) -> LocalCloud:
    found = client.find(place.cloud)
    assert found is not None
    return found


@contextlib.contextmanager
def connections(place: Place) -> Iterator[Any]:
    """Opens the tools of a command, each time of another process as far as they can tell."""
    with contextlib.ExitStack() as stack:

        def connect() -> Tools:
            chosen = settings.read("local", local=place.cloud)
            opened = wiring.connect(chosen, Silent(), lambda _: None)
            return stack.enter_context(opened).tools

        yield connect


def as_order(point: Point) -> dict[str, Any]:
    return asdict(point)
