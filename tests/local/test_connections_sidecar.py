"""`tidegate collect` beside a service on the local Cloud Run: each instance counts its own connections."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from pathlib import Path

import aiohttp

from local.cloud_parts import SERVICE, stand, until, wanted
from tidegate.local.collector import Collector
from tidegate.local.runtime import Instance, orphans
from tidegate.local.world import Container, Mount, Sample, SecretFile, Volume, WantedRevision

CONFIG = b"""
apiVersion: monitoring.googleapis.com/v1beta
kind: RunMonitoring
spec:
  endpoints:
    - {port: 8080, interval: 200ms}
    - {port: 9465, interval: 200ms}
"""
SIDECAR = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"


def established(written: list[Sample], instance: Instance) -> float | None:
    for sample in reversed(written):
        if (
            sample.metric_type == "prometheus.googleapis.com/tcp_connections/gauge"
            and sample.metric_labels["instanceId"] == instance.id
            and sample.metric_labels["state"] == "established"
        ):
            return float(sample.value) if isinstance(sample.value, (int, float)) else None
    return None


def with_exporter(app: WantedRevision) -> WantedRevision:
    exporter = Container(
        "connections",
        app.containers[0].image,
        command=(sys.executable, "-m", "tidegate", "collect", "--keep", "0"),
        env=(("TIDEGATE_COLLECT_PORT", "9465"),),
        depends_on=("app",),
    )
    return dataclasses.replace(app, containers=(*app.containers, exporter))


def collected(revision: WantedRevision) -> WantedRevision:
    sidecar = Container("collector", SIDECAR, mounts=(Mount("config", "/etc/rungmp"),))
    volume = Volume("config", "secret", (SecretFile("config.yaml", CONFIG),))
    return dataclasses.replace(revision, containers=(*revision.containers, sidecar), volumes=(volume,))


async def answers(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/healthz"
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def test_every_instance_counts_its_own_connections(tmp_path: Path) -> None:
    async def scene() -> None:
        written: list[Sample] = []
        async with stand(tmp_path) as one:
            await one.run(collected(with_exporter(wanted(min_instances=2))))
            await until(lambda: len(one.fleet.pools[SERVICE, "orders-1"].ready()) == 2)
            first, second = one.fleet.pools[SERVICE, "orders-1"].ready()
            assert first.local_port(9465) != second.local_port(9465)
            collecting = asyncio.create_task(Collector(one.fleet, written.append, time.time).run())
            held = [await asyncio.open_connection("127.0.0.1", first.port) for _ in range(7)]
            try:
                await until(lambda: (established(written, first) or 0) >= 7)
                await until(lambda: established(written, second) is not None)
                assert (established(written, second) or 0) < 7
            finally:
                collecting.cancel()
                for _, writer in held:
                    writer.close()
        assert orphans.marked(one.settings.mark) == []

    asyncio.run(scene())


def test_it_ends_with_its_instance(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            await one.run(with_exporter(wanted()))
            (instance,) = one.fleet.pools[SERVICE, "orders-1"].ready()
            port = instance.local_port(9465)
            while not await answers(port):
                await asyncio.sleep(0.05)
            await instance.stop(5)
            assert not await answers(port)

    asyncio.run(asyncio.wait_for(scene(), 60))
