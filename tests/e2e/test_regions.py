"""One spec in three regions and two waves on the local Cloud Run: real processes, a leak in one region."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from e2e.local_city import SPEC, City, finish, until
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e
EU, US, ASIA = "europe-west1", "us-central1", "asia-east1"


class Continents(City):
    """A city with a spec of three regions."""

    def spec(self, *, step: float = 1, bake: float = 0.5, inconclusive: str = "promote") -> None:
        text = SPEC.format(step=step, bake=bake, inconclusive=inconclusive)
        text = text.replace(f"region: {EU}\n", f"regions: [{EU}, {US}, {ASIA}]\n")
        text = text.replace("rollout:\n", f"rollout:\n  waves: [[{EU}], [{US}, {ASIA}]]\n")
        text = text.replace("recovery: 15s", "recovery: 4s")
        (self.directory / "tidegate.yaml").write_text(text)

    def of(self, region: str) -> dict[str, Any]:
        done = self.run("status", "--target", "local", "--region", region, "--format", "json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def serving(self) -> dict[str, list[str]]:
        done = self.run("status", "--target", "local", "--format", "json")
        assert done.returncode == 0, done.stderr
        return {region: list(one["traffic"]) for region, one in json.loads(done.stdout)["regions"].items()}

    def phase(self, region: str) -> str:
        """As the record of the service has it, read over REST."""
        url = f"{self.daemon.rest}/v2/projects/demo-project/locations/{region}/services/orders"
        with urllib.request.urlopen(url, timeout=10) as answer:
            record = json.load(answer)["annotations"]["tidegate/rollout"]
        return str(json.loads(record)["phase"])

    @contextmanager
    def load_on(self, region: str, rate: int) -> Iterator[None]:
        running = self.start(
            "local", "load", self.of(region)["url"], "--rate", str(rate), "--duration", "300",
            "--directory", str(self.cloud), "--format", "json",
        )  # fmt: skip
        try:
            yield
        finally:
            running.terminate()
            finish(running)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Continents]:
    city = Continents(tmp_path_factory.mktemp("continents"))
    try:
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        assert f"wave 2 of 2: {US}, {ASIA}" in done.stderr
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


def test_a_leak_in_one_region_sends_all_of_them_back(city: Continents) -> None:
    before = city.serving()
    city.spec(step=6)
    with city.load_on(US, 20):
        done = city.deploy("v2", "--no-monitoring", "--format", "json")
    assert done.returncode == ExitCode.ROLLED_BACK, done.stderr
    found = json.loads(done.stdout)
    assert found["cause"] == US
    stands = {region: one["stand"] for region, one in found["regions"].items()}
    assert stands == {EU: "returned", US: "regressed", ASIA: "returned"}
    assert found["regions"][EU]["rollout"]["phase"] == Phase.PROMOTED
    assert found["regions"][EU]["back"]["phase"] in (Phase.RECOVERED, Phase.ROLLED_BACK)
    assert city.serving() == before
    assert f"{EU}, {ASIA} sent back because of it" in found["sentence"]


def test_a_signal_brings_the_regions_of_the_wave_to_a_safe_end(city: Continents) -> None:
    before = city.serving()
    city.spec(step=20)
    running = city.start_deploy("v3", "--no-monitoring", "--format", "json")
    until(lambda: city.phase(EU) == Phase.STEP)
    running.send_signal(signal.SIGTERM)
    done = finish(running)
    assert done.returncode == ExitCode.TERMINATED, done.stderr
    regions = json.loads(done.stdout)["regions"]
    assert (regions[EU]["stand"], regions[US]["stand"]) == ("aborted", "waiting")
    assert city.serving() == before


def test_a_killed_parent_leaves_regions_that_end_by_themselves_and_the_deployment_can_be_repeated(
    city: Continents,
) -> None:
    city.spec()
    running = city.start_deploy("v3", "--no-monitoring")
    until(lambda: city.phase(EU) in (Phase.STEP, Phase.BAKE))
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    until(lambda: city.phase(EU) == Phase.PROMOTED)
    (first,) = city.serving()[EU]
    done: subprocess.CompletedProcess[str] = city.deploy("v3", "--no-monitoring", "--format", "json")
    assert done.returncode == ExitCode.DONE, done.stderr
    regions = json.loads(done.stdout)["regions"]
    assert [one["stand"] for one in regions.values()] == ["unchanged", "promoted", "promoted"]
    assert city.serving()[EU] == [first]
    resumed = city.run("resume", "--target", "local")
    assert resumed.returncode == ExitCode.DONE, resumed.stderr
    assert [line.split()[0] for line in resumed.stdout.splitlines()] == [EU, US, ASIA]
