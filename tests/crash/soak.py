"""`make soak`: rollouts in a row with random outcomes and faults, and whether anything is left behind.

Every rollout runs in this process, over the real protocols of a local Cloud Run; one in six is killed in a
process of its own and taken up by another. Loopback only; what goes on is drawn from the seed. Exit code 1
when an invariant was broken or something grew.
"""

from __future__ import annotations

import argparse
import collections
import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crash.campaign import COUNTED
from crash.fuse import Fuse
from crash.invariants import broken_at_the_end, broken_on_the_way, writes_of
from crash.nursery import Nursery
from crash.place import IMAGES, api, load, name_of, templates
from crash.play import Place, Point, as_order, connections, first_failing, taken_up
from crash.scenarios import PERIOD, SCENARIOS, Actor
from tidegate.core.errors import TidegateError
from tidegate.local import client
from tidegate.local.runtime import orphans
from tidegate.local.state import LocalCloud

_PART_KILLED = 1 / 6
RETENTION = 20.0
"""Seconds that samples are kept, so that memory can come to rest within a run."""
_WRITE, _READ = "Services/UpdateService", "Services/GetService"
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "unavailable": {"faults": [{"method": _WRITE, "code": "UNAVAILABLE", "times": 2}]},
    "exhausted": {"faults": [{"method": _WRITE, "code": "RESOURCE_EXHAUSTED", "times": 2}]},
    "lost": {"faults": [{"method": _WRITE, "response_lost": True, "times": 2}]},
    "unreadable": {"faults": [{"method": _READ, "code": "UNAVAILABLE", "times": 3}]},
    "slow": {"faults": [{"method": "*Service", "latency": 0.1, "times": 10}], "propagation_delay": 0.3},
    "unseen": {"missing_samples": ["run.googleapis.com/*"]},
}
BLIND = ("unseen",)
"""Under which nothing can be judged: only for rollouts that nothing is wrong with."""
_ROUNDS = 20
"""Into how many rounds a run is cut; each ends with its service gone, and with a measurement."""
_POOL = 32
"""Threads that the local control plane may have for each of its two protocols."""
_REST = 15.0
_HEAD = "rollouts  s each   daemon: MiB  fds  threads   own: MiB  fds  threads   processes  files"


@dataclass(frozen=True)
class Measured:
    """What there is once a service is gone and everything has come to rest. Memory in MiB."""

    daemon_mib: float
    daemon_fds: int
    daemon_threads: int
    own_mib: float
    own_fds: int
    own_threads: int
    processes: int
    """Started by the local Cloud Run and still there."""
    files: int
    """In its directory and in the one for temporary files, without the logs of services."""


@dataclass
class Soak:
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    broken: list[str] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def grown(self) -> list[str]:
        """What there is more of at the end than in the middle: medians, against one odd moment."""
        third = max(1, len(self.measured) // 3)
        found = []
        for name in asdict(self.measured[0]):
            values = [float(getattr(one, name)) for one in self.measured]
            middle, late = statistics.median(values[third : 2 * third]), statistics.median(values[-third:])
            if late - middle > (max(4.0, 0.05 * middle) if name.endswith("mib") else 1.0):
                found.append(f"{name} has grown from {middle:.0f} to {late:.0f}")
        return found


def run(rollouts: int, seed: int, say: Callable[[str], None]) -> Soak:
    with tempfile.TemporaryDirectory(prefix="tidegate-soak-") as name:
        directory = Path(name)
        images = directory / "images.yaml"
        images.write_text(IMAGES)
        place = Place(directory / "cloud", directory / "points")
        place.directory.mkdir()
        cloud = client.start(
            place.cloud, images=images, owner_pid=os.getpid(), sample_period=PERIOD, ingestion_delay=PERIOD,
            stop_grace=1.0,
        )  # fmt: skip
        try:
            with Nursery(directory / "nursery.log", "crash.play") as nursery:
                soak = _Run(cloud, place, nursery, random.Random(seed), say).all(rollouts)
        finally:
            client.stop(place.cloud)
        if left := orphans.marked(cloud.mark):
            soak.broken.append(f"processes outlive the local Cloud Run: {left}")
    return soak


class _Run:
    def __init__(
        self, cloud: LocalCloud, place: Place, nursery: Nursery, chance: random.Random,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.cloud, self.place, self.nursery, self.chance, self.say = cloud, place, nursery, chance, say
        self.soak = Soak()

    def all(self, rollouts: int) -> Soak:
        self._fill_pools()
        self.say(_HEAD)
        size = max(2, -(-rollouts // _ROUNDS))
        for begin in range(0, rollouts, size):
            began, many = time.monotonic(), min(size, rollouts - begin)
            self._round(f"soak-{begin}", many)
            each = (time.monotonic() - began) / many
            self.soak.measured.append(_measure(self.cloud, self.place))
            self.say(_row(begin + many, each, self.soak.measured[-1]))
        return self.soak

    def _fill_pools(self) -> None:
        """Has the control plane make all the threads it may have: they come as they are needed, and stay."""
        slow = {"method": "Services/ListServices", "latency": 1.0, "times": 0}
        api(self.cloud, "POST", "/_local/faults", {"faults": [slow]})
        with connections(self.place) as connect, ThreadPoolExecutor(2 * _POOL) as together:
            cloud_run, name = connect().cloud_run, name_of("soak")
            path = f"/v2/projects/{name.project}/locations/{name.region}/services"
            for _ in range(_POOL):
                together.submit(api, self.cloud, "GET", path)
                together.submit(cloud_run.check_access, name.project, name.region)
        self._calm()

    def _round(self, service: str, rollouts: int) -> None:
        """A service from its first deployment to its end."""
        with templates(self.cloud, service) as by_api:
            self._rollout(service, "first deployment", "none", kill=False)
            for _ in range(rollouts - 1):
                scenario = self.chance.choice(("promoted", "rolled back", "cancelled", "paused", "aborted"))
                judged = SCENARIOS[scenario].rate > 0
                fault = self.chance.choice([f for f in FAULTS if not (judged and f in BLIND)])
                self._rollout(service, scenario, fault, kill=self.chance.random() < _PART_KILLED)
            by_api.delete()
        for leftover in self.place.directory.iterdir():
            leftover.unlink()

    def _rollout(self, service: str, scenario: str, fault: str, *, kill: bool) -> None:
        """One rollout, and what must hold of it; whatever it has come to is aborted, which ends it."""
        self._calm()
        api(self.cloud, "POST", "/_local/faults", FAULTS[fault])
        if kill:
            point = Point(service, scenario, "after", self.chance.randint(1, 8), "abort", COUNTED)
            code = self.nursery.run("crash.play:resumed", **self._where(point))
            how = "killed" if code < 0 else "not reached"
        else:
            # A fuse that never burns, and that does not ask for the usual end.
            point = Point(service, scenario, "lost", 0, "abort")
            how = self._perform(point)
        self._calm()
        with connections(self.place) as connect:
            after = taken_up(point, connect, self.cloud)
        self.soak.outcomes[f"{scenario}, {how}"] += 1
        self._check(point, fault, after)

    def _perform(self, point: Point) -> str:
        scenario = SCENARIOS[point.scenario]
        with templates(self.cloud, point.service) as by_api, connections(self.place) as connect:
            fuse = Fuse("lost", 0, frozenset(), lambda: None)
            actor = Actor(point.service, connect(), connect, fuse, by_api, self.place.verdicts(point))
            try:
                with load(self.cloud, point.service, scenario.rate if scenario.exists else 0.0):
                    scenario.run(actor)
            except TidegateError as error:
                return f"refused: {type(error).__name__}"
        return "to its end"

    def _check(self, point: Point, fault: str, after: Mapping[str, Any]) -> None:
        path = f"/_local/journal/{name_of(point.service).path}"
        writes = writes_of(api(self.cloud, "GET", path))
        broken = [*broken_on_the_way(writes, first_failing(self.place, point))]
        broken += broken_at_the_end(after["ended"], after["again"], ("v1", "v2"), exists=True)
        self.soak.broken += [f"{point} under {fault}: {one}" for one in broken]
        api(self.cloud, "DELETE", "/_local/journal")
        self.place.verdicts(point).unlink(missing_ok=True)

    def _calm(self) -> None:
        api(self.cloud, "DELETE", "/_local/faults")
        api(self.cloud, "POST", "/_local/faults", {"retention": RETENTION})

    def _where(self, point: Point) -> dict[str, Any]:
        return {
            "point": as_order(point), "cloud": str(self.place.cloud), "directory": str(self.place.directory)
        }  # fmt: skip


# ------------------------------------------------------------------------------------------- measuring


def _measure(cloud: LocalCloud, place: Place) -> Measured:
    end = time.monotonic() + _REST
    while len(orphans.marked(cloud.mark)) > 1 and time.monotonic() < end:
        time.sleep(0.2)
    gc.collect()
    files = [path for path in place.cloud.parent.rglob("*") if path.is_file() and "logs" not in path.parts]
    return Measured(
        *_of(cloud.pid), *_of(os.getpid()), processes=len(orphans.marked(cloud.mark)), files=len(files)
    )


def _of(pid: int) -> tuple[float, int, int]:
    """MiB that are resident, file descriptors, threads."""
    process = Path(f"/proc/{pid}")
    pages = int((process / "statm").read_text().split()[1])
    fds, threads = (sum(1 for _ in (process / one).iterdir()) for one in ("fd", "task"))
    return pages * os.sysconf("SC_PAGESIZE") / 2**20, fds, threads


def _row(rollouts: int, each: float, now: Measured) -> str:
    return (
        f"{rollouts:8} {each:7.1f} {now.daemon_mib:13.1f} {now.daemon_fds:4} {now.daemon_threads:8}"
        f" {now.own_mib:10.1f} {now.own_fds:4} {now.own_threads:8} {now.processes:11} {now.files:6}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Many rollouts in a row; is anything left behind?")
    parser.add_argument("--rollouts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    soak = run(asked.rollouts, asked.seed, lambda line: print(line, flush=True))
    print()
    for outcome, number in sorted(soak.outcomes.items()):
        print(f"{number:5}  {outcome}")
    trouble = soak.broken + soak.grown()
    print("\n".join(["", *trouble]) if trouble else "\nnothing is left behind, nothing has grown")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
