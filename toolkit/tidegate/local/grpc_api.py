"""The table of methods over gRPC, without generated servicers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc

from tidegate.local.methods import invoke, methods
from tidegate.local.table import Method
from tidegate.local.world import ApiError, ResponseLost, World

_WORKERS = 32


def serve(world: World, address: str = "127.0.0.1:0") -> tuple[grpc.Server, int]:
    """Start serving; the port that was bound. Stop with `server.stop(grace).wait()`. Raises RuntimeError if
    taken."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="local-api"),
        # A second daemon on the same port must fail instead of taking every other call.
        options=(("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 << 20)),
    )
    by_service: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = defaultdict(dict)
    for method in methods(world):
        if method.request is not None:
            service, _, name = method.name.rpartition("/")
            by_service[service][name] = grpc.unary_unary_rpc_method_handler(
                _handler(world, method),
                request_deserializer=method.request.FromString,
                response_serializer=method.response.SerializeToString,
            )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(service, table) for service, table in by_service.items())
    )
    port = server.add_insecure_port(address)
    server.start()
    return server, port


def _handler(world: World, method: Method) -> Callable[[Any, grpc.ServicerContext], Any]:
    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return invoke(world, method, request)
        except ApiError as error:
            context.abort(grpc.StatusCode[error.code], error.message)
        except ResponseLost:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        raise AssertionError("abort raises")

    return handle
