"""A service whose very first revision cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.local_city import City
from tidegate.core.errors import ExitCode

pytestmark = pytest.mark.e2e


def test_the_next_image_mends_it_in_place(tmp_path: Path) -> None:
    city = City(tmp_path)
    try:
        done = city.deploy("nope", "--no-monitoring")
        assert done.returncode == ExitCode.TERRAFORM, done.stderr
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        assert [r["percent"] for r in city.seen()["revisions"] if r["percent"]] == [100]
    finally:
        city.close()
