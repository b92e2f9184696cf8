"""The proxy in front of real processes: splits, tags, headers, bodies, and what it answers when it cannot."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from local.cloud_parts import SERVICE, stand, until, wanted
from tidegate.local.proxy import Proxy
from tidegate.local.world import Route


async def get(url: str, method: str = "GET", **options: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as answer:
        return answer.status, await answer.text()


def test_requests_follow_the_percentages_and_tags_ignore_them(tmp_path: Path) -> None:
    async def scene() -> Counter[str]:
        async with stand(tmp_path) as one:
            split = {"orders-1": 75, "orders-2": 25}
            url = await one.run(wanted("orders-1"), wanted("orders-2"), split=split, canary="orders-2")
            seen: Counter[str] = Counter()
            async with aiohttp.ClientSession() as session:
                for _ in range(400):
                    async with session.get(url) as answer:
                        seen[(await answer.text()).split()[0]] += 1
            tagged = one.proxy.address(SERVICE, "canary")
            assert tagged != url
            assert [(await get(tagged))[1].split()[0] for _ in range(5)] == ["orders-2"] * 5
            assert (await get(one.proxy.address(SERVICE, "nobody")))[0] == 404
            one.proxy.route([Route(SERVICE, (("orders-2", 100), ("orders-1", 0)), {})])
            assert {(await get(url))[1].split()[0] for _ in range(10)} == {"orders-2"}
            one.proxy.route([])
            assert (await get(url))[0] == 404
            return seen

    seen = asyncio.run(scene())
    # Five standard deviations of a binomial with 400 draws at 25 %.
    assert 57 <= seen["orders-2"] <= 143


def test_headers_that_concern_one_connection_stay_on_it(tmp_path: Path) -> None:
    async def scene() -> tuple[list[Any], Any]:
        async with stand(tmp_path) as one:
            url = await one.run(wanted())
            sent = {
                "Host": "orders.example",
                "Connection": "keep-alive, X-Private",
                "X-Private": "1",
                "Keep-Alive": "timeout=5",
                "TE": "trailers",
                "X-Kept": "yes",
                "X-Forwarded-For": "198.51.100.7",
            }
            async with (
                aiohttp.ClientSession() as session,
                session.get(URL(url + "/headers?a=%2F&b=%20x", encoded=True), headers=sent) as answer,
            ):
                return json.loads(await answer.text()), answer.headers

    (line, *headers), answered = asyncio.run(scene())
    names = {name.lower(): value for name, value in headers}
    assert line == "GET /headers?a=%2F&b=%20x HTTP/1.1"
    assert names["host"] == "orders.example"
    assert names["x-kept"] == "yes"
    assert names["x-forwarded-for"] == "198.51.100.7, 127.0.0.1"
    assert not {"x-private", "keep-alive", "te", "proxy-connection"} & set(names)
    assert "x-cloud-trace-context" in names
    assert "X-Hop" not in answered


def test_bodies_of_any_size_pass_both_ways(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted())
            assert await get(url, "POST", data=io.BytesIO(b"y" * 3_000_000)) == (200, "3000000")
            assert await get(url, "POST", data=pieces()) == (200, "1000000")
            assert await get(url, "POST", data=io.BytesIO(b"y" * 2_000_000), expect100=True) == (
                200,
                "2000000",
            )
            assert await get(url + "/stream?20000") == (200, "hello" * 20_000)
            assert await get(url + "/status?204") == (204, "")
            assert await get(url + "/status?304") == (304, "")
            async with aiohttp.ClientSession() as session, session.head(url) as answer:
                assert answer.status == 200
                assert int(answer.headers["Content-Length"]) > 0
            tally = one.fleet.pools[SERVICE, "orders-1"].tally
            assert tally.received_bytes == 6_000_000
            assert tally.sent_bytes >= 100_000

    asyncio.run(scene())


def test_an_answer_that_breaks_off_is_not_taken_for_complete(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted())
            with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)):
                await get(url + "/stream?20000", headers={"X-Test": "cut"})

    asyncio.run(scene())


def test_a_dying_instance_is_503_and_a_slow_one_504(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted(timeout=0.4))
            assert (await get(url + "/slow?5"))[0] == 504
            assert (await get(url + "/die"))[0] == 503
            codes = one.fleet.pools[SERVICE, "orders-1"].tally.requests
            assert (codes[504], codes[503]) == (1, 1)

    asyncio.run(scene())


def test_when_all_instances_are_busy_it_is_429(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path, pending_seconds=0.3) as one:
            url = await one.run(wanted(concurrency=1, max_instances=1))
            pool = one.fleet.pools[SERVICE, "orders-1"]
            busy = asyncio.create_task(get(url + "/slow?3"))
            await until(lambda: pool.instances[0].in_flight)
            waiting = asyncio.create_task(get(url))
            await until(lambda: pool.pending)
            assert (await waiting)[0] == 429
            assert (await busy)[0] == 200
            assert (await get(url))[0] == 200
            # Only what reached an instance is counted.
            assert dict(pool.tally.requests) == {200: 2}

    asyncio.run(scene())


def test_when_no_instance_starts_it_is_503(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            one.fleet.reconcile([wanted(env={"EXIT": "1"}, starting=False, min_instances=0)])
            one.proxy.route([Route(SERVICE, (("orders-1", 100),), {})])
            assert (await get(one.proxy.address(SERVICE, "")))[0] == 503

    asyncio.run(scene())


def test_requests_go_to_the_least_loaded_instance(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted(min_instances=2))
            slow = [asyncio.create_task(get(url + "/slow?1.5")) for _ in range(4)]
            pool = one.fleet.pools[SERVICE, "orders-1"]
            await until(lambda: sum(i.in_flight for i in pool.instances) == 4)
            assert [i.in_flight for i in pool.ready()] == [2, 2]
            await asyncio.gather(*slow)

    asyncio.run(scene())


def test_no_request_is_lost_while_an_instance_is_killed_and_another_takes_over(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted(min_instances=1))
            os.kill(one.pids()[0], signal.SIGKILL)
            pool = one.fleet.pools[SERVICE, "orders-1"]
            await until(lambda: not pool.ready())
            assert (await get(url))[0] == 200

    asyncio.run(scene())


def test_a_client_that_leaves_frees_its_slot(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            url = await one.run(wanted(concurrency=1, max_instances=1))
            pool = one.fleet.pools[SERVICE, "orders-1"]
            with pytest.raises(TimeoutError):
                await get(url + "/slow?0.5", timeout=aiohttp.ClientTimeout(total=0.1))
            await until(lambda: not pool.instances[0].in_flight)
            assert (await get(url))[0] == 200

    asyncio.run(scene())


def test_addresses_come_back_unless_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            first = one.proxy.address(SERVICE, "")
            tag = one.proxy.address(SERVICE, "canary")
            ports = one.proxy.ports()
            assert first == one.proxy.address(SERVICE, "")
        with socket.socket() as thief:
            thief.bind(("127.0.0.1", ports[f"{SERVICE}#canary"]))
            thief.listen()
            async with stand(tmp_path / "again") as one:
                again = Proxy(one.fleet, ports)
                assert again.address(SERVICE, "") == first
                assert again.address(SERVICE, "canary") != tag
                await again.close(0)

    asyncio.run(scene())


def test_a_service_that_is_gone_keeps_no_address(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stand(tmp_path) as one:
            other = "projects/p/locations/europe-west1/services/stock"
            orders, stock = one.proxy.address(SERVICE, ""), one.proxy.address(other, "")
            assert (await get(orders))[0] == (await get(stock))[0] == 404  # nothing serves there yet
            one.proxy.keep([other])
            with pytest.raises(aiohttp.ClientConnectionError):
                await get(orders)
            assert (await get(stock))[0] == 404
            assert set(one.proxy.ports()) == {other}

    asyncio.run(scene())
