"""How gRPC channels are made: to Google with credentials and TLS, or to a local Cloud Run without either."""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tidegate.core.errors import UsageError

if TYPE_CHECKING:
    import google.auth.credentials
    import grpc

CLOUD_RUN = "run.googleapis.com:443"
"""The global endpoint, for every region. A regional one is not needed: the client sends the region of the
resource in the `x-goog-request-params` header (the API's own routing annotation), and the global front end
routes by it. `REGION-run.googleapis.com` belongs to the v1 API. One host name also keeps a wrong region an
API error, not a failing name look-up."""
MONITORING = "monitoring.googleapis.com:443"

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_OPTIONS: tuple[tuple[str, Any], ...] = (
    # A page of distributions is larger than gRPC's 4 MiB default.
    ("grpc.max_receive_message_length", -1),
    # Retries are decided in `retry`, where it is known what is safe; not by a service config from DNS as
    # well.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
)


class Channels:
    """Opens each channel once, closes them together. Safe to use from several threads."""

    def __init__(self, open_channel: Callable[[str], grpc.Channel]) -> None:
        # gRPC's C core writes its own notes ("Got goaway …") to stderr, past every logger, unless told not to
        # before its first channel. A person who set a level wants them.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        self._open = open_channel
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def to(self, endpoint: str) -> grpc.Channel:
        """The channel to `endpoint`, one of `CLOUD_RUN` and `MONITORING`."""
        with self._lock:
            if endpoint not in self._channels:
                self._channels[endpoint] = self._open(endpoint)
            return self._channels[endpoint]

    def close(self) -> None:
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def __enter__(self) -> Channels:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def google_channels(credentials: google.auth.credentials.Credentials) -> Channels:
    """TLS channels to Google that carry `credentials` (see `credentials.find`) on every call."""

    def open_channel(endpoint: str) -> grpc.Channel:
        from google.api_core import grpc_helpers

        return grpc_helpers.create_channel(  # type: ignore[no-any-return]  # untyped library
            endpoint, credentials=credentials, scopes=[SCOPE], options=list(_OPTIONS)
        )

    return Channels(open_channel)


def local_channels(address: str) -> Channels:
    """Plain channels to the `host:port` of a local Cloud Run, whatever the endpoint asked for.

    Raises UsageError unless the host is this machine: without TLS nothing else can be trusted.
    """
    if not _is_loopback(address):
        raise UsageError(
            f"{address!r} is not an address of this machine",
            hint="a local Cloud Run listens on 127.0.0.1:PORT; `tidegate local status` prints it",
        )

    def open_channel(_endpoint: str) -> grpc.Channel:
        import grpc

        # Proxy settings of the environment must not carry loopback traffic away.
        return grpc.insecure_channel(address, options=[*_OPTIONS, ("grpc.enable_http_proxy", 0)])

    return Channels(open_channel)


def _is_loopback(address: str) -> bool:
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit():
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
