"""A world with a clock that tests turn, and the real clients on top of it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tidegate.local import rest_api
from tidegate.local.methods import invoke, methods
from tidegate.local.world import World

PARENT = "projects/demo/locations/europe-west1"
SERVICE = f"{PARENT}/services/orders"


class Turned:
    """Epoch seconds that move only when told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_world(clock: Any = None, **delays: float) -> World:
    return World(
        clock or Turned(), lambda service, tag: f"http://{tag or 'main'}.{service[-6:]}.test", **delays
    )


def call(world: World, method_name: str, /, **fields: Any) -> Any:
    """One method by the end of its name, its request built from fields."""
    method = next(m for m in methods(world) if m.name.endswith(f"/{method_name}") and m.request is not None)
    return invoke(world, method, method.request(**fields))


def start_all(world: World) -> None:
    for wanted in world.wanted():
        if wanted.starting:
            world.revision_started(wanted.service, wanted.revision)


@contextlib.contextmanager
def rest(world: World) -> Iterator[str]:
    """The REST application on a real socket; its base URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    runner = web.AppRunner(rest_api.application(world), shutdown_timeout=0.1)

    async def begin() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
