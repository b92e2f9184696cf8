"""The example in Go on the local Cloud Run: the revision that makes a transport per request is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.local_city import City, descriptors, finish, until
from services.go_programs import build
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e

IMAGES = """
images:
  demo/orders:v1: {{command: [{program}], env: {{{backing}}}}}
  demo/orders:v2: {{command: [{program}], env: {{LEAK: transport, {backing}}}}}
backing:
  upstream: {{command: [{program}, upstream]}}
  database: {{command: [{program}, database]}}
"""
BACKING = 'UPSTREAM_URL: "${backing.upstream.url}", DATABASE_AT: "127.0.0.1:${backing.database.port}"'


class GoCity(City):
    def __init__(self, directory: Path, program: Path) -> None:
        self.program = program
        super().__init__(directory)

    def up(self) -> None:
        text = IMAGES.format(program=self.program, backing=BACKING)
        (self.directory / "images.yaml").write_text(text)
        super().up()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = GoCity(tmp_path, build(tmp_path))
    try:
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


def test_a_leaking_revision_in_go_is_rolled_back(city: City) -> None:
    first = city.deploy("v1", "--no-monitoring")
    assert first.returncode == ExitCode.DONE, first.stderr
    (v1,) = city.answering()
    with city.load(20):
        city.spec(step=15, bake=5, inconclusive="hold")
        running = city.start_deploy("v2", "--no-monitoring", "--format", "json")
        city.until_phase(running, Phase.STEP)
        pid = city.pid_of("v2")
        assert pid is not None
        begin = descriptors(pid)
        until(lambda: descriptors(pid) >= begin + 20)  # an outside observer sees it leak while it serves
        done = finish(running)
    assert done.returncode == ExitCode.ROLLED_BACK, done.stderr
    reason = json.loads(done.stdout)["reason"]
    assert "open fds" in reason or "TCP connections" in reason
    assert city.answering() == {v1}
