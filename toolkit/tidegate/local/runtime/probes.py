"""Startup and liveness probes against a local port.

One attempt asks again and again until it is answered well or its timeout is over: a process that is not up
after some milliseconds would otherwise cost a whole period, which is fair to a container in a data centre and
wasteful on one machine. How long a container may take altogether is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import grpc

from tidegate.local.world import Probe

_PAUSE = 0.03


def default_startup_probe(port: int) -> Probe:
    """What Cloud Run does when the template says nothing."""
    return Probe("tcp", port, timeout=240, period=240, failure_threshold=1)


async def attempt(probe: Probe, port: int) -> bool:
    """One attempt at the local `port`: whether it was answered well within the probe's timeout."""
    loop = asyncio.get_running_loop()
    end = loop.time() + max(probe.timeout, 1)
    while (left := end - loop.time()) > 0:
        if await _ask(probe, port, left):
            return True
        await asyncio.sleep(min(_PAUSE, max(0.0, end - loop.time())))
    return False


async def succeeds(probe: Probe, port: int, count: Callable[[bool], None]) -> bool:
    """A startup probe: True at the first success, False after as many failures in a row as allowed."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(probe.initial_delay)
    for _ in range(max(probe.failure_threshold, 1)):
        begun = loop.time()
        healthy = await attempt(probe, port)
        count(healthy)
        if healthy:
            return True
        await asyncio.sleep(max(0.0, begun + probe.period - loop.time()))
    return False


async def fails(probe: Probe, port: int, count: Callable[[bool], None]) -> None:
    """A liveness probe: returns when it has failed as often in a row as allowed, else never."""
    await asyncio.sleep(probe.initial_delay)
    failures = 0
    while failures < max(probe.failure_threshold, 1):
        await asyncio.sleep(max(probe.period, 1))
        healthy = await attempt(probe, port)
        count(healthy)
        failures = 0 if healthy else failures + 1


async def _ask(probe: Probe, port: int, timeout: float) -> bool:
    try:
        if probe.kind == "grpc":
            return await asyncio.to_thread(_grpc, probe.service, port, timeout)
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return probe.kind == "tcp" or await _http(probe, port, reader, writer)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return False


async def _http(probe: Probe, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    own = {name.lower() for name, _ in probe.headers}
    headers = [*probe.headers]
    headers += [] if "host" in own else [("Host", f"127.0.0.1:{port}")]
    headers += [] if "user-agent" in own else [("User-Agent", "GoogleHC/1.0")]
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    writer.write(f"GET {probe.path or '/'} HTTP/1.1\r\n{text}Connection: close\r\n\r\n".encode())
    await writer.drain()
    status = (await reader.readline()).split()
    return len(status) > 1 and 200 <= int(status[1]) < 400


def _grpc(service: str, port: int, timeout: float) -> bool:
    """The health checking protocol by hand: one string in, one enum out, 1 is SERVING."""
    name = service.encode()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", bytes, bytes)
        try:
            return bool(
                check(b"\n" + bytes([len(name)]) + name if name else b"", timeout=timeout) == b"\x08\x01"
            )
        except grpc.RpcError:
            return False
