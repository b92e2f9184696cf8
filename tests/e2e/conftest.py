"""What takes a minute to end begins before everything else."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from e2e.local_city import City, finish
from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.local.runtime import orphans


@pytest.fixture(scope="session")
def bereft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, subprocess.Popen[str]]]:
    """A deployment that has lost its control plane in a step, and is still trying."""
    city = City(tmp_path_factory.mktemp("bereft"))
    try:
        done = finish(city.start_deploy("v1", "--no-monitoring"))
        assert done.returncode == ExitCode.DONE, done.stderr
        city.spec(step=2, inconclusive="hold")
        running = city.start_deploy("v2", "--no-monitoring")
        city.until_phase(running, Phase.STEP)
        os.kill(city.daemon.pid, signal.SIGKILL)
        yield city, running
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []
