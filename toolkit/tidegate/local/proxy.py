"""The front of the local Cloud Run: a listening port per service and per tag, each request to one instance.

A request goes to a revision drawn by the effective percentages, to its least loaded instance, and stays
there: a shift of traffic never touches a request in flight. Bodies are streamed in both directions.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tidegate.core.errors import UsageError
from tidegate.local.runtime import Fleet, Instance, NoInstance, Pool
from tidegate.local.world import Route

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_WHOLE = 65_536
"""A body of known length up to this many bytes is passed on in one piece."""
_BACKLOG = 1024
_IN_FLIGHT = 3.0
"""Seconds that requests to a service that is gone have to end."""
_CLIENT_GONE = 499
_T = TypeVar("_T")


@dataclass
class _Endpoint:
    service: str
    tag: str
    socket: socket.socket
    port: int
    server: asyncio.AbstractServer | None = None
    handler: web.Server | None = None


@dataclass(frozen=True)
class _Choice:
    """A route, ready to draw from."""

    revisions: tuple[str, ...] = ()
    weights: tuple[int, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def draw(self, tag: str) -> str:
        """Empty when nothing serves here."""
        if tag:
            return self.tags.get(tag, "")
        return random.choices(self.revisions, self.weights)[0] if self.revisions else ""  # noqa: S311


class Proxy:
    """`address` may be called from any thread, everything else on the loop given to `start`."""

    def __init__(self, fleet: Fleet, ports: Mapping[str, int]) -> None:
        """`ports`: those of a former life, by `service path` or `service path#tag`; kept where still free."""
        self._fleet = fleet
        self._former = dict(ports)
        self._endpoints: dict[tuple[str, str], _Endpoint] = {}
        self._lock = threading.Lock()
        self._routes: dict[str, _Choice] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    def address(self, service: str, tag: str) -> str:
        """The base URL of a service, or of one of its tags. The socket listens before this returns."""
        with self._lock:
            endpoint = self._endpoints.get((service, tag))
            if endpoint is None:
                listener = _listen(self._former.get(_name(service, tag), 0))
                endpoint = _Endpoint(service, tag, listener, listener.getsockname()[1])
                self._endpoints[service, tag] = endpoint
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._serve_soon, endpoint)
            return f"http://127.0.0.1:{endpoint.port}"

    def ports(self) -> dict[str, int]:
        """What to hand to the next life."""
        with self._lock:
            mine = {_name(e.service, e.tag): e.port for e in self._endpoints.values()}
        return self._former | mine

    def route(self, routes: Iterable[Route]) -> None:
        self._routes = {
            route.service: _Choice(
                tuple(revision for revision, percent in route.split if percent),
                tuple(percent for _, percent in route.split if percent),
                dict(route.tags),
            )
            for route in routes
        }

    def keep(self, services: Collection[str]) -> None:
        """Closes the addresses of all other services; requests in flight may still end."""
        with self._lock:
            gone = [e for e in self._endpoints.values() if e.service not in services]
            for endpoint in gone:
                del self._endpoints[endpoint.service, endpoint.tag]
        for endpoint in gone:
            self._soon(self._stop(endpoint, _IN_FLIGHT))

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=1.5, force_close=False)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        with self._lock:
            self._loop = asyncio.get_running_loop()
            early = list(self._endpoints.values())
        for endpoint in early:
            await self._serve(endpoint)

    async def close(self, patience: float) -> None:
        """New connections are refused at once, requests in flight have `patience` seconds."""
        with self._lock:
            self._loop = None
            endpoints = list(self._endpoints.values())
        await asyncio.gather(*(self._stop(endpoint, patience) for endpoint in endpoints))
        if self._session is not None:
            await self._session.close()

    # ------------------------------------------------------------------------------------------- serving

    def _serve_soon(self, endpoint: _Endpoint) -> None:
        self._soon(self._serve(endpoint))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop(self, endpoint: _Endpoint, patience: float) -> None:
        if endpoint.server is None:
            endpoint.socket.close()
        else:
            endpoint.server.close()
        if endpoint.handler is not None:
            await endpoint.handler.shutdown(patience)

    def _is_gone(self, endpoint: _Endpoint) -> bool:
        with self._lock:
            return self._endpoints.get((endpoint.service, endpoint.tag)) is not endpoint

    async def _serve(self, endpoint: _Endpoint) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(endpoint, request)

        if self._is_gone(endpoint):
            return
        endpoint.handler = web.Server(handle, access_log=None, keepalive_timeout=75.0)
        endpoint.server = await asyncio.get_running_loop().create_server(
            endpoint.handler, sock=endpoint.socket, backlog=_BACKLOG
        )
        if self._is_gone(endpoint):
            endpoint.server.close()

    async def _handle(self, endpoint: _Endpoint, request: web.BaseRequest) -> web.StreamResponse:
        revision = self._routes.get(endpoint.service, _Choice()).draw(endpoint.tag)
        if not revision:
            return _plain(404, "The requested URL was not found on this server.")
        pool = self._fleet.pools.get((endpoint.service, revision))
        if pool is None:
            return _plain(503, "Service Unavailable")
        try:
            instance = await pool.acquire()
        except NoInstance as refusal:
            return _plain(refusal.status, refusal.message)
        begun = time.perf_counter()
        status = _CLIENT_GONE
        try:
            response = await self._forward(request, pool, instance)
            status = response.status
            return response
        finally:
            pool.release(instance)
            pool.tally.request(status, (time.perf_counter() - begun) * 1000)

    async def _forward(self, request: web.BaseRequest, pool: Pool, instance: Instance) -> web.StreamResponse:
        assert self._session is not None  # noqa: S101 (set before the first endpoint serves)
        passed = _Passed()
        try:
            async with asyncio.timeout(pool.wanted.timeout):
                async with self._session.request(
                    request.method,
                    URL(f"http://127.0.0.1:{instance.port}{_target(request)}", encoded=True),
                    headers=_request_headers(request),
                    data=_body(request, pool, passed) if request.body_exists else None,
                    allow_redirects=False,
                ) as answer:
                    return await _pass_on(request, answer, pool, passed)
        except TimeoutError:
            return _broken(passed, request, 504, "upstream request timeout")
        except (aiohttp.ClientError, OSError) as error:
            if passed.client_gone:
                raise
            instance.note(f"request {request.method} {request.path} failed: {error or type(error).__name__}")
            return _broken(passed, request, 503, "Service Unavailable")


@dataclass
class _Passed:
    """How far an answer has got on its way to the client."""

    response: web.StreamResponse | None = None
    client_gone: bool = False


async def _pass_on(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, pool: Pool, passed: _Passed
) -> web.StreamResponse:
    headers = _end_to_end(answer.headers)
    length = answer.content_length
    if length is not None and length <= _WHOLE and request.method != "HEAD":
        body = await answer.read()
        pool.tally.sent_bytes += len(body)
        headers.popall("Content-Length", None)
        return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=body)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await _to_client(response.prepare(request), passed)
    passed.response = response
    async for chunk in answer.content.iter_any():
        pool.tally.sent_bytes += len(chunk)
        await _to_client(response.write(chunk), passed)
    await _to_client(response.write_eof(), passed)
    return response


async def _to_client(sending: Awaitable[_T], passed: _Passed) -> _T:
    try:
        return await sending
    except OSError:
        passed.client_gone = True
        raise


async def _body(request: web.BaseRequest, pool: Pool, passed: _Passed) -> AsyncIterator[bytes]:
    try:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for chunk in request.content.iter_any():
            pool.tally.received_bytes += len(chunk)
            yield chunk
    except (aiohttp.ClientError, OSError, web.RequestPayloadError):
        passed.client_gone = True
        raise


def _broken(passed: _Passed, request: web.BaseRequest, status: int, message: str) -> web.StreamResponse:
    """An answer that has begun can only be cut off, so that the client does not take it for complete."""
    if passed.response is None:
        return _plain(status, message)
    if request.transport is not None:
        request.transport.abort()
    return passed.response


def _target(request: web.BaseRequest) -> str:
    """Path and query exactly as sent; a proxy-style absolute target loses its host."""
    raw = request.raw_path
    return raw if raw.startswith("/") else request.rel_url.raw_path_qs


def _request_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers)
    headers.popall("Expect", None)
    trace = secrets.token_hex(16)
    known = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{known}, {request.remote}" if known else str(request.remote)
    headers["X-Forwarded-Proto"] = "http"
    headers.setdefault("X-Cloud-Trace-Context", f"{trace}/{secrets.randbits(63)};o=0")
    headers.setdefault("traceparent", f"00-{trace}-{secrets.token_hex(8)}-00")
    return headers


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """All but those that concern one connection only: the standard ones, and those `Connection` names."""
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    gone = HOP_BY_HOP | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in gone)


def _plain(status: int, message: str) -> web.Response:
    return web.Response(status=status, text=message + "\n")


def _name(service: str, tag: str) -> str:
    return f"{service}#{tag}" if tag else service


def _listen(former: int) -> socket.socket:
    """On the port of a former life when it is still free, else on any."""
    for port in (former, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            continue
        listener.setblocking(False)
        return listener
    raise UsageError("no free local port is left for another address")
