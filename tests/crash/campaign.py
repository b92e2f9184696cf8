"""Every scenario once unharmed, to count its effects; then once more for each point."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from crash.fuse import WRITES
from crash.invariants import broken_at_the_end, broken_on_the_way, writes_of
from crash.nursery import Nursery
from crash.place import IMAGES, api, name_of, templates
from crash.play import Place, Point, as_order, first_failing
from crash.scenarios import PERIOD, SCENARIOS
from tidegate.local import client
from tidegate.local.state import LocalCloud

KILLED = -9
COUNTED = (*WRITES, "started", "smoke")
"""Effects that change something; what is done between two of them changes nothing outside."""
ALL = (*COUNTED, "notice", "read", "look")
_AT_ONCE = 10
_ADAPTERS = ("cloud_run", "credentials", "delivery", "hooks", "metrics", "probe", "promql", "terraform")
_PRELOADED = ("crash.play", *(f"tidegate.adapters.{one}" for one in _ADAPTERS))


@dataclass
class Outcome:
    """What came of one point. `killed`: whether the process got as far as the point."""

    point: Point
    killed: bool
    broken: list[str]

    def __str__(self) -> str:
        return "\n  ".join([str(self.point), *self.broken])


@dataclass
class Report:
    effects: dict[str, list[str]] = field(default_factory=dict)
    """What each scenario does to the outside, in order."""
    outcomes: list[Outcome] = field(default_factory=list)

    def of(self, scenario: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.point.scenario == scenario]


def run(directory: Path, *, everything: bool) -> Report:
    """Starts a local Cloud Run in `directory`, goes through all points, and ends it.

    `everything`: also those around reads, looks and notices, and with both ways to take a rollout up.
    """
    images = directory / "images.yaml"
    images.write_text(IMAGES)
    place = Place(directory / "cloud", directory / "points")
    place.directory.mkdir()
    cloud = client.start(
        place.cloud, images=images, owner_pid=os.getpid(), sample_period=PERIOD, ingestion_delay=PERIOD,
        stop_grace=1.0,
    )  # fmt: skip
    try:
        with Nursery(directory / "nursery.log", *_PRELOADED) as nursery, ThreadPoolExecutor(_AT_ONCE) as pool:
            return _campaign(cloud, place, nursery, pool, everything=everything)
    finally:
        client.stop(place.cloud)


def _campaign(
    cloud: LocalCloud, place: Place, nursery: Nursery, pool: ThreadPoolExecutor, *, everything: bool
) -> Report:
    def perform(point: Point) -> Outcome:
        try:
            return _perform(point, cloud, place, nursery)
        finally:
            with templates(cloud, point.service) as by_api:
                by_api.delete()

    report = Report()
    counted = ALL if everything else COUNTED
    unharmed = [
        Point(f"whole-{number}", scenario, counted=counted) for number, scenario in enumerate(SCENARIOS)
    ]
    report.outcomes += pool.map(perform, unharmed)
    for point in unharmed:
        effects = place.effects(point)
        report.effects[point.scenario] = json.loads(effects.read_text()) if effects.exists() else []
    points = list(_points(report.effects, counted, everything=everything))
    # Those that need many requests would otherwise all come at the same time.
    random.Random(4).shuffle(points)
    report.outcomes += pool.map(perform, points)
    return report


def _points(
    effects: Mapping[str, list[str]], counted: tuple[str, ...], *, everything: bool
) -> Iterator[Point]:
    """After an effect and before the next one the world is the same: the one resumes, the other aborts."""
    kinds: tuple[tuple[Literal["before", "after", "lost"], Literal["resume", "abort"]], ...]
    kinds = (("before", "resume"), ("after", "abort"), ("lost", "resume"))
    if everything:
        kinds += (("before", "abort"), ("after", "resume"), ("lost", "abort"))
    number = 0
    for scenario, names in effects.items():
        for at, name in enumerate(names, 1):
            for kind, ending in kinds:
                if kind == "lost" and name not in WRITES:
                    continue
                number += 1
                yield Point(f"s{number}", scenario, kind, at, ending, counted)


def _perform(point: Point, cloud: LocalCloud, place: Place, nursery: Nursery) -> Outcome:
    where = {"point": as_order(point), "cloud": str(place.cloud), "directory": str(place.directory)}
    code = nursery.run("crash.play:play", **where)
    broken = [] if code in (0, KILLED) else [f"the process ended with {code}"]
    if code == KILLED and point.kind == "never":
        broken.append("killed by somebody else")
    if nursery.run("crash.play:afterwards", **where):
        return Outcome(point, code == KILLED, [*broken, "the process that takes it up has failed"])
    scenario = SCENARIOS[point.scenario]
    after: dict[str, Any] = json.loads(place.after(point).read_text())
    writes = writes_of(api(cloud, "GET", f"/_local/journal/{name_of(point.service).path}"))
    broken += broken_on_the_way(writes, first_failing(place, point))
    broken += broken_at_the_end(after["ended"], after["again"], scenario.good, exists=scenario.exists)
    if broken:
        broken += [f"{w.time:.2f} {w}" for w in writes] + after["answers"]
    return Outcome(point, code == KILLED, broken)
