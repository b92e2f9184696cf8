"""The table of methods over REST, as the Terraform provider and the REST clients speak it, and what is asked
for on demand: `/_local/faults`, `/_local/incidents`, `/_local/journal`."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tidegate.local import transcoding
from tidegate.local.methods import invoke, methods
from tidegate.local.world import ApiError, ResponseLost, World
from tidegate.local.world.faults import Faults
from tidegate.local.world.incidents import Incidents

_WORKERS = 32
_LARGEST_BODY = 64 << 20
_LOCAL = "/_local/"


def application(world: World) -> web.Application:
    """An application that answers every REST binding. Handlers run in threads of their own: a world that
    blocks, or a latency that was asked for, never stalls the event loop."""
    app = web.Application(client_max_size=_LARGEST_BODY)
    executor = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="local-rest")
    table = transcoding.routes(methods(world))

    async def handle(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        # The query of aiohttp is decoded already; the raw path is needed because names may hold encoded
        # slashes.
        path, _, query = request.raw_path.partition("?")
        loop = asyncio.get_running_loop()
        try:
            status, answer = await loop.run_in_executor(executor, _answer, request.method, path, query, raw)
        except ResponseLost:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        return web.json_response(answer, status=status, dumps=_dumps)

    def _answer(verb: str, path: str, query_text: str, raw: bytes) -> tuple[int, dict[str, Any]]:
        query = parse_qsl(query_text, keep_blank_values=True)
        try:
            if path.startswith(_LOCAL):
                return 200, _on_demand(world, verb, path.removeprefix(_LOCAL), raw)
            route, parameters = transcoding.find(table, verb, path)
            request = transcoding.request_of(route, parameters, query, raw)
            answer = invoke(world, route.method, request)
            return 200, transcoding.answer_of(answer, integers_for_enums=transcoding.wants_integers(query))
        except ApiError as error:
            return error.http_status, transcoding.error_of(error)

    async def close(_: web.Application) -> None:
        executor.shutdown(wait=False, cancel_futures=True)

    app.router.add_route("*", "/{path:.*}", handle)
    app.on_cleanup.append(close)
    return app


def _on_demand(world: World, verb: str, what: str, raw: bytes) -> dict[str, Any]:
    if what.partition("/")[0] == "journal":
        return _journal(world, verb, what.partition("/")[2])
    kept: Faults | Incidents
    if what == "faults":
        kept = world.faults
    elif what == "incidents":
        kept = world.incidents
    else:
        raise ApiError("NOT_FOUND", f"There is no {_LOCAL}{what}.")
    if verb == "GET":
        return kept.shown()
    if verb == "DELETE":
        return kept.clear()
    if verb != "POST":
        raise ApiError("UNIMPLEMENTED", f"{_LOCAL}{what} takes GET, POST and DELETE.")
    try:
        asked = json.loads(raw or b"{}")
    except ValueError as error:
        raise ApiError("INVALID_ARGUMENT", f"Invalid JSON payload received: {error}") from error
    if not isinstance(asked, dict):
        raise ApiError("INVALID_ARGUMENT", "An object is expected.")
    return kept.add(asked)


def _journal(world: World, verb: str, service: str) -> dict[str, Any]:
    if verb == "GET":
        return world.services.journal.shown(service)
    if verb == "DELETE" and not service:
        return world.services.journal.clear()
    raise ApiError("UNIMPLEMENTED", f"{_LOCAL}journal takes GET, and DELETE of the whole.")


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
