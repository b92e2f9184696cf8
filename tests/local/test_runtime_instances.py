"""Instances are real processes: started, probed, scaled, restarted and ended, with nothing left behind."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.cloud_parts import SERVICE, Stand, exists, stand, until, wanted, with_container
from tidegate import procfs
from tidegate.local.local_status import describe
from tidegate.local.runtime import State, orphans
from tidegate.local.runtime.logs import InstanceLog, Lines
from tidegate.local.world import Mount, Probe, Route, SecretFile, Volume


async def get(url: str, **options: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, **options) as answer:
        return answer.status, await answer.text()


def test_a_revision_starts_and_sees_the_environment_of_cloud_run(tmp_path: Path) -> None:
    async def scene() -> dict[str, str]:
        async with stand(tmp_path) as one:
            url = await one.run(wanted(env={"COLOUR": "blue"}))
            assert one.reports.started == ["orders-1"]
            env: dict[str, str] = json.loads((await get(url + "/env"))[1])
            assert int(env["PORT"]) == one.fleet.pools[SERVICE, "orders-1"].ready()[0].port
            return env

    os.environ["SECRET_OF_THE_DAEMON"] = "hidden"
    try:
        env = asyncio.run(scene())
    finally:
        del os.environ["SECRET_OF_THE_DAEMON"]
    assert (env["K_SERVICE"], env["K_REVISION"], env["K_CONFIGURATION"]) == ("orders", "orders-1", "orders")
    assert env["COLOUR"] == "blue"
    assert "SECRET_OF_THE_DAEMON" not in env


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        ({"image": "demo/none:v9"}, "CONTAINER_MISSING", ["Image 'demo/none:v9' not found."]),
        ({"env": (("EXIT", "7"),)}, "HEALTH_CHECK_CONTAINER_ERROR", ["exit(7)", "about to give up"]),
        (
            {"env": (("SILENT", "1"),), "startup_probe": Probe("tcp", 8080, period=1, failure_threshold=1)},
            "HEALTH_CHECK_CONTAINER_ERROR",
            ["failed to start and listen on the port", "PORT=8080"],
        ),
        (
            {"startup_probe": Probe("http", 8080, path="/status?500", period=1, failure_threshold=1)},
            "HEALTH_CHECK_CONTAINER_ERROR",
            ["failed the configured startup probe checks"],
        ),
        ({"command": ("/no/such/program",)}, "HEALTH_CHECK_CONTAINER_ERROR", ["cannot run /no/such/program"]),
    ],
)
def test_a_revision_that_does_not_start_says_why_as_cloud_run_does(
    tmp_path: Path, change: dict[str, object], reason: str, said: list[str]
) -> None:
    async def scene() -> tuple[str, str, str]:
        async with stand(tmp_path) as one:
            one.fleet.reconcile([with_container(wanted(), **change)])
            await until(lambda: one.reports.failed)
            await until(lambda: not one.fleet.pools[SERVICE, "orders-1"].instances)
            assert one.reports.started == []
            assert orphans.marked(one.settings.mark) == []
            return one.reports.failed[0]

    _, found, message = asyncio.run(scene())
    assert found == reason
    assert all(words in message for words in said)


def test_a_failed_revision_is_reported_once_and_left_alone(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            broken = wanted(env={"EXIT": "1"})
            one.fleet.reconcile([broken])
            await until(lambda: one.reports.failed)
            for _ in range(10):
                one.fleet.reconcile([broken])
                await asyncio.sleep(0.05)
            assert len(one.reports.failed) == 1
            assert one.fleet.pools[SERVICE, "orders-1"].instances == []

    asyncio.run(scene())


def test_without_a_probe_the_port_has_to_open(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(with_container(wanted(), startup_probe=None))
            assert (await get(url))[0] == 200

    asyncio.run(scene())


def test_a_killed_instance_is_replaced(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted())
            (first,) = one.pids()
            os.kill(first, signal.SIGKILL)
            await until(lambda: one.pids() and one.pids() != [first])
            assert (await get(url))[0] == 200
            assert one.fleet.pools[SERVICE, "orders-1"].restarts == 1
            log = next((tmp_path / "state/logs/orders/orders-1").glob("*.log"))
            assert len(list(log.parent.glob("*.log"))) == 2

    asyncio.run(scene())


def test_one_that_fails_its_liveness_probe_is_replaced(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            probe = Probe("http", 8080, path="/health", period=1, timeout=1, failure_threshold=1)
            url = await one.run(with_container(wanted(), liveness_probe=probe))
            (first,) = one.pids()
            await get(url + "/sick")
            await until(lambda: one.pids() and one.pids() != [first])
            assert not exists(first)

    asyncio.run(scene())


def test_instances_follow_concurrency_up_and_down_to_the_minimum(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path, idle_seconds=0.5) as one:
            url = await one.run(wanted(concurrency=1, max_instances=3))
            pool = one.fleet.pools[SERVICE, "orders-1"]
            answers = await asyncio.gather(*(get(url + "/slow?0.6") for _ in range(6)))
            assert [status for status, _ in answers] == [200] * 6
            assert len(pool.instances) == 3
            await until(lambda: len(pool.instances) == 1)
            await asyncio.sleep(0.8)
            assert len(pool.ready()) == 1

    asyncio.run(scene())


def test_scale_to_zero_and_a_cold_start_while_the_request_waits(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path, idle_seconds=0.3) as one:
            cold = wanted(min_instances=0)
            url = await one.run(cold)
            one.fleet.reconcile([dataclasses.replace(cold, starting=False)])
            await until(lambda: not one.fleet.pools[SERVICE, "orders-1"].instances)
            assert orphans.marked(one.settings.mark) == []
            assert (await get(url))[0] == 200

    asyncio.run(scene())


def test_term_is_heard_and_the_deaf_are_killed(tmp_path: Path) -> None:
    async def scene() -> list[int]:
        async with stand(tmp_path, stop_grace=0.5) as one:
            await one.run(wanted("orders-1"), wanted("orders-2", env={"STUBBORN": "1"}))
            return one.pids("orders-1") + one.pids("orders-2")

    pids = asyncio.run(scene())
    assert not any(map(exists, pids))
    (log,) = (tmp_path / "state/logs/orders/orders-1").glob("*.log")
    assert "goodbye" in log.read_text()


def test_a_request_in_flight_ends_before_its_revision_does(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted())
            pool = one.fleet.pools[SERVICE, "orders-1"]
            slow = asyncio.create_task(get(url + "/slow?0.7"))
            await until(lambda: pool.instances[0].in_flight)
            one.fleet.reconcile([])
            status, _ = await slow
            assert status == 200
            await until(lambda: not pool.instances)

    asyncio.run(scene())


def test_grandchildren_that_left_the_session_end_too(tmp_path: Path) -> None:
    async def scene() -> list[int]:
        async with stand(tmp_path) as one:
            await one.run(wanted(env={"CHILD": "1"}))
            await until(lambda: len(orphans.marked(one.settings.mark)) == 2)
            return orphans.marked(one.settings.mark)

    assert not any(map(exists, asyncio.run(scene())))


def test_a_sidecar_starts_after_what_it_depends_on(tmp_path: Path) -> None:
    async def scene() -> Stand:
        async with stand(tmp_path) as one:
            app = wanted()
            script = "import time; print('sidecar up', flush=True); time.sleep(600)"
            sidecar = dataclasses.replace(
                app.containers[0],
                name="side",
                port=0,
                startup_probe=None,
                command=("python", "-c", script),
                depends_on=("app",),
            )
            await one.run(dataclasses.replace(app, containers=(*app.containers, sidecar)))
            (instance,) = one.fleet.pools[SERVICE, "orders-1"].ready()
            await until(lambda: "sidecar up" in instance.log.path.read_text())
            assert set(instance.processes) == {"app", "side"}
            lines = instance.log.path.read_text().splitlines()
            assert [line.split()[1] for line in lines] == ["app", "side"]
            os.kill(instance.processes["side"].pid, signal.SIGKILL)
            await until(lambda: instance.state is State.STOPPED)
            assert not exists(instance.processes["app"].pid)
            return one

    asyncio.run(scene())


def test_the_containers_of_an_instance_share_a_volume_in_memory(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            script = (
                "import os, pathlib, time\n"
                "pathlib.Path(os.environ['LOCAL_MOUNTS'] + '/in/side').write_text('hello')\n"
                "time.sleep(60)"
            )
            app = with_container(wanted(), mounts=(Mount("scratch", "/deep/out"),))
            sidecar = dataclasses.replace(
                app.containers[0],
                name="side",
                port=0,
                startup_probe=None,
                command=("python", "-c", script),
                mounts=(Mount("scratch", "/in"),),
            )
            volume = Volume("scratch", "empty_dir")
            url = await one.run(
                dataclasses.replace(app, containers=(*app.containers, sidecar), volumes=(volume,))
            )
            root = Path(json.loads((await get(url + "/env"))[1])["LOCAL_MOUNTS"])
            await until(lambda: (root / "deep/out/side").exists())
            assert (root / "deep/out/side").read_text() == "hello"

    asyncio.run(scene())


def test_secret_files_are_there_to_read_and_gone_afterwards(tmp_path: Path) -> None:
    async def scene() -> Path:
        async with stand(tmp_path) as one:
            volume = Volume(
                "keys", "secret", (SecretFile("key.pem", b"s3cret"), SecretFile("../../evil", b"x"))
            )
            app = with_container(wanted(), mounts=(Mount("keys", "/etc/keys"),))
            url = await one.run(dataclasses.replace(app, volumes=(volume,)))
            root = Path(json.loads((await get(url + "/env"))[1])["LOCAL_MOUNTS"])
            found = root / "etc/keys/key.pem"
            assert found.read_bytes() == b"s3cret"
            assert found.stat().st_mode & 0o077 == 0
            assert not list(tmp_path.rglob("evil"))
            return found

    assert not asyncio.run(scene()).exists()


def test_the_kernel_says_what_a_process_holds() -> None:
    mine = os.getpid()
    ticks = procfs.start_ticks(mine)
    assert ticks is not None
    assert procfs.is_alive(mine, ticks)
    assert not procfs.is_alive(mine, ticks + 1)
    before = procfs.open_fds(mine) or 0
    with Path("/dev/null").open():
        assert procfs.open_fds(mine) == before + 1
    usage = procfs.usage_by_session()[os.getsid(0)]
    assert mine in usage.pids
    assert usage.memory_bytes > 1 << 20
    assert procfs.start_ticks(1 << 30) is None
    assert procfs.open_fds(1 << 30) is None


def test_a_log_stays_small(tmp_path: Path) -> None:
    log = InstanceLog(tmp_path / "a.log", most_bytes=2000)
    for number in range(500):
        log.write("app", f"line {number}")
    log.close()
    log.write("app", "after the end")
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["a.log", "a.log.1"]
    assert all(file.stat().st_size < 2200 for file in files)
    assert "line 499" in files[0].read_text() or "line 499" in files[1].read_text()


def test_output_is_cut_into_lines_whatever_its_pieces() -> None:
    lines = Lines()
    found = [
        line for piece in (b"a", b"b\nc", b"\r\n", b"\xff\n", b"x" * 20_000) for line in lines.feed(piece)
    ]
    assert found[:3] == ["ab", "c", "�"]
    assert found[3] == "x" * 20_000
    assert list(lines.end()) == []


def test_an_instance_that_has_not_begun_yet_can_be_told_of(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            one.fleet.reconcile([wanted()])
            routes = [Route(SERVICE, (("orders-1", 100),), {})]
            told = describe(Routes(routes), one.fleet, one.proxy)
            (instance,) = told["services"][0]["revisions"][0]["instances"]
            assert (instance["state"], instance["pid"], instance["port"]) == (State.STARTING, 0, 0)

    class Routes:
        def __init__(self, found: list[Route]) -> None:
            self.found = tuple(found)

        def routes(self) -> tuple[Route, ...]:
            return self.found

    asyncio.run(scene())
