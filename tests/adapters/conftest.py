"""A gRPC server whose answers a test writes down, and clocks that do not wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from tidegate.adapters.channels import Channels, local_channels
from tidegate.adapters.retry import Retrying, RetryPolicy
from tidegate.local import grpc_api
from tidegate.local.world import World

Answer = Callable[[Any, grpc.ServicerContext], Any]
NOW = 1_790_000_000.0


class FakeClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.time = NOW
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@dataclass
class ScriptedServer:
    """`answers` maps full method names to functions of the request and the context, as in a servicer."""

    address: str = ""
    answers: dict[str, tuple[Any, Answer]] = field(default_factory=dict)
    calls: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, method: str, request_type: Any, answer: Answer) -> None:
        self.answers[method] = (request_type, answer)

    def requests(self, method: str) -> list[Any]:
        return [request for name, request, _ in self.calls if name.endswith(method)]

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method not in self.answers:
            return None
        request_type, answer = self.answers[details.method]

        def handle(data: bytes, context: grpc.ServicerContext) -> bytes:
            request = request_type.deserialize(data)
            with self._lock:
                self.calls.append((details.method, request, dict(context.invocation_metadata())))
            response = answer(request, context)
            message = type(response).pb(response) if hasattr(type(response), "pb") else response
            return message.SerializeToString()

        return grpc.unary_unary_rpc_method_handler(handle)


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, server: ScriptedServer) -> None:
        self._server = server

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._server.service(handler_call_details)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    # Tests stop servers under their clients; gRPC would note each of these on stderr, past pytest's capture.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    scripted = ScriptedServer()
    running = grpc.server(futures.ThreadPoolExecutor(8), handlers=[_Handler(scripted)])
    scripted.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield scripted
    running.stop(None).wait(5)


@pytest.fixture
def channels(server: ScriptedServer) -> Iterator[Channels]:
    with local_channels(server.address) as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def retrying(clock: FakeClock) -> Retrying:
    return Retrying(clock, RetryPolicy(attempts=4, timeout=10.0), jitter=lambda: 0.0)


@pytest.fixture
def local_world() -> World:
    """The state of a local Cloud Run whose clock stands still."""
    return World(lambda: NOW, lambda service, tag: f"http://{tag or service}.localhost")


@pytest.fixture
def local_api(local_world: World) -> Iterator[Channels]:
    """Channels to the local Cloud Run's own gRPC server."""
    running, port = grpc_api.serve(local_world, "127.0.0.1:0")
    with local_channels(f"127.0.0.1:{port}") as opened:
        yield opened
    running.stop(None).wait(5)
