"""A service that was made by other means and serves by LATEST; and one whose traffic is split."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from e2e.local_city import City, until
from tidegate.core.errors import ExitCode

pytestmark = pytest.mark.e2e
PLACE = "/v2/projects/demo-project/locations/europe-west1/services"

UNTOUCHED = ("annotations", "etag", "generation", "template", "traffic")


def call(city: City, verb: str, path: str, body: Any = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{city.daemon.rest}{path}", data=data, method=verb, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.load(answer))


def test_latest_is_pinned_by_name_a_lost_state_is_found_again_and_a_split_is_refused(tmp_path: Path) -> None:
    city = City(tmp_path)
    try:
        city.spec(step=1, bake=0.5)
        probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 30}
        container = {"image": "demo/orders:v1", "ports": [{"containerPort": 8080}], "startupProbe": probe}
        call(city, "POST", f"{PLACE}?serviceId=orders", {"template": {"containers": [container]}})
        until(lambda: call(city, "GET", f"{PLACE}/orders").get("latestReadyRevision"))
        made = call(city, "GET", f"{PLACE}/orders")
        by_hand = made["latestReadyRevision"].rpartition("/")[2]
        assert {t["type"] for t in made["traffic"]} == {"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}

        done = city.deploy("v3", "--no-monitoring")
        assert done.returncode == ExitCode.PLAN_REFUSED, done.stderr
        assert "compute@developer.gserviceaccount.com" in done.stderr
        assert "--allow-destroy lets it happen" in done.stderr
        refused = call(city, "GET", f"{PLACE}/orders")
        assert {name: refused.get(name) for name in UNTOUCHED} == {name: made.get(name) for name in UNTOUCHED}

        done = city.deploy("v3", "--no-monitoring", "--allow-destroy")
        assert done.returncode == ExitCode.DONE, done.stderr
        assert "takes over what exists already and is not in the state: service orders" in done.stderr
        assert done.stderr.count("takes over what exists already") == 1
        assert city.recorded()["stable"] == by_hand
        now = call(city, "GET", f"{PLACE}/orders")
        assert {t["type"] for t in now["traffic"]} == {"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}
        shares = {t["revision"]: t.get("percent", 0) for t in now["trafficStatuses"]}
        assert shares[now["latestReadyRevision"].rpartition("/")[2]] == 100

        shutil.rmtree(city.cloud / "roots")
        done = city.deploy("v3", "--no-monitoring")
        assert done.returncode == ExitCode.DONE, done.stderr
        assert "takes over what exists already" in done.stderr
        assert call(city, "GET", f"{PLACE}/orders")["latestCreatedRevision"] == now["latestCreatedRevision"]

        candidate = now["latestReadyRevision"].rpartition("/")[2]
        split = [
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": name, "percent": 50}
            for name in (by_hand, candidate)
        ]
        call(city, "PATCH", f"{PLACE}/orders?updateMask=traffic", {"traffic": split})
        until(lambda: len(call(city, "GET", f"{PLACE}/orders")["trafficStatuses"]) == 2)
        done = city.deploy("v1", "--no-monitoring")
        assert done.returncode == ExitCode.BUSY, done.stderr
        assert "is split" in done.stderr
        assert "tidegate rollback --to REVISION" in done.stderr
        city.run("rollback", "--target", "local", "--to", candidate, "--no-watch")
        assert city.answering() == {candidate}
        assert city.deploy("v3", "--no-monitoring").returncode == ExitCode.DONE
    finally:
        city.close()
