"""A service that burns, and its fix: found out and let out over real protocols."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.local_city import City, until
from tidegate.core.errors import ExitCode
from tidegate.local.runtime import orphans

pytestmark = pytest.mark.e2e


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    """Its first revision leaks as soon as it gets requests."""
    city = City(tmp_path)
    try:
        city.spec(step=2, bake=1)
        done = city.deploy("v2")
        assert done.returncode == ExitCode.DONE, done.stderr
        yield city
    finally:
        city.close()
    assert orphans.marked(city.daemon.mark) == []


def preflight(city: City, code: ExitCode = ExitCode.DONE) -> dict[str, Any]:
    done = city.run("preflight", "--target", "local", "--format", "json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def on_demand(city: City, what: str, **asked: Any) -> None:
    body = json.dumps(asked).encode()
    request = urllib.request.Request(f"{city.daemon.rest}/_local/{what}", data=body, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def kinds(found: dict[str, Any]) -> set[str]:
    return {finding["kind"] for finding in found["findings"]}


def test_the_fix_goes_out_while_the_service_burns(city: City) -> None:
    assert kinds(preflight(city)).isdisjoint({"healthy", "burning", "alert_firing"})
    on_demand(city, "incidents", user_labels={"service": "orders", "alert": "fd_growth"})
    found = preflight(city)
    assert ("alert_firing" in kinds(found), found["mode"]) == (True, "fix")
    with city.load(20):
        until(lambda: "burning" in kinds(preflight(city)))
        city.spec(step=6, bake=2)
        done = city.deploy("v3", "--format", "json")
    assert done.returncode == ExitCode.DONE, done.stderr
    said = next(line for line in done.stderr.splitlines() if "orders is burning: " in line)
    assert "climb" in said
    assert "File descriptors grow" in said
    assert "judged for improvement (fix mode)" in done.stderr
    assert re.search(r"open fds per instance: [\d,.]+/min on orders-00001-", done.stdout)  # what it cures
    on_demand(city, "faults", faults=[{"method": "AlertService/ListAlerts", "code": "PERMISSION_DENIED"}])
    found = preflight(city)
    assert "unread" in kinds(found)
    assert found["goes"]
