"""The provider as a gRPC server that a running Terraform attaches to.

Terraform opens one connection for each provider block of each phase of a run and configures it; many runs may
be attached at once. What one connection configured is kept under its peer address, and dropped when the
connection closes: the plugin protocol has every client hold one stream open for as long as it lives.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from tidegate.core.errors import Unreachable
from tidegate.local.provider import wire
from tidegate.local.provider.service import ProviderService

_LOG = logging.getLogger(__name__)

ADDRESSES = ("registry.terraform.io/hashicorp/google", "registry.opentofu.org/hashicorp/google")
"""The names under which terraform and tofu look for the provider."""

_MESSAGE_BYTES = 256 << 20
_WORKERS = 512  # one is held by every attached client's stream; threads are made as they are needed


class ProviderServer:
    """A running provider. Stop it with `stop`, or use it as a context manager."""

    def __init__(self, service: ProviderService, address: str) -> None:
        self._service = service
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="provider")
        self._server = grpc.server(
            self._pool,
            options=[
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._server.add_generic_rpc_handlers(tuple(self._handlers()))
        host = address.rpartition(":")[0]
        try:
            self.address = f"{host}:{self._server.add_insecure_port(address)}"
        except RuntimeError as error:
            raise Unreachable(f"the provider cannot listen on {address}: {error}") from error
        self._server.start()

    def reattach(self) -> dict[str, Any]:
        """The value for TF_REATTACH_PROVIDERS, before `json.dumps`."""
        entry = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,  # Terraform must not try to end this process
            "Addr": {"Network": "tcp", "String": self.address},
        }
        return dict.fromkeys(ADDRESSES, entry)

    @property
    def connections(self) -> int:
        """How many configured connections are being kept."""
        return self._service.connections

    def stop(self) -> None:
        """Stop serving. Waiting calls end as if Terraform had been interrupted."""
        self._stopped.set()
        self._service.close()
        self._server.stop(grace=1).wait()
        self._pool.shutdown(wait=True)

    def __enter__(self) -> ProviderServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _handlers(self) -> Iterator[grpc.GenericRpcHandler[Any, Any]]:
        provider = {
            name: _unary(self._service.method(name), request) for name, (request, _) in wire.METHODS.items()
        }
        yield grpc.method_handlers_generic_handler("tfplugin6.Provider", provider)
        stream = grpc.unary_stream_rpc_method_handler(
            self._stdio, wire.message_class("Empty").FromString, _serialize
        )
        yield grpc.method_handlers_generic_handler("plugin.GRPCStdio", {"StreamStdio": stream})
        # A client may ask a plugin to shut down; this one serves others too and stays.
        shutdown = _unary(lambda request, peer: wire.new("Empty"), "Empty")
        yield grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": shutdown})
        check = _unary(lambda request, peer: wire.new("HealthResponse", status=1), "Empty")
        yield grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})

    def _stdio(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Nothing is ever printed; the open stream tells when the client has gone."""
        ended = threading.Event()
        peer = context.peer()
        if context.add_callback(ended.set):
            self._service.attached(peer)
            while not ended.wait(0.5) and not self._stopped.is_set():
                pass
        self._service.gone(peer)
        yield from ()


def _unary(handle: Callable[[Any, str], Any], request: str) -> grpc.RpcMethodHandler[Any, Any]:
    def run(message: Any, context: grpc.ServicerContext) -> Any:
        return handle(message, context.peer())

    return grpc.unary_unary_rpc_method_handler(run, wire.message_class(request).FromString, _serialize)


def _serialize(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def serve(base_url: str, project: str | None = None, address: str = "127.0.0.1:0") -> ProviderServer:
    """Start the provider against the local control plane.

    `base_url` is the control plane's REST root, such as `http://127.0.0.1:8085`; `project` is used where
    neither the provider block nor the resource names one. Raises Unreachable when nothing can listen on
    `address`.
    """
    return ProviderServer(ProviderService(base_url, project), address)
