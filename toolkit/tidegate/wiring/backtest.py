"""What `tidegate alerts backtest` reads the past from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from tidegate.core.errors import UsageError
from tidegate.settings import Settings

if TYPE_CHECKING:
    import requests

    from tidegate.ports import History

T = TypeVar("T")
_AT_ONCE = 3
"""Queries under way at a time: they are heavy for the other side, and others use it as well."""
_ATTEMPTS, _TIMEOUT = 2, 60.0
_GOOGLES = ".googleapis.com"


def side_by_side(works: Sequence[Callable[[], T]]) -> Iterator[tuple[int, T]]:
    from tidegate.adapters import workers

    return workers.side_by_side(works, _AT_ONCE, "backtest")


def history(settings: Settings, address: str | None) -> History:
    """Cloud Monitoring, or what answers at `address`. Raises UsageError, Denied without credentials."""
    from tidegate.adapters import credentials
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.promql import PromQl
    from tidegate.adapters.retry import Retrying, RetryPolicy

    retrying = Retrying(SystemClock(), RetryPolicy(attempts=_ATTEMPTS, timeout=_TIMEOUT))
    if address is None:
        if settings.target == "local":
            raise UsageError(
                "the local Cloud Run keeps samples, but evaluates no PromQL",
                hint="name a Prometheus that has the history: --prometheus URL",
            )
        found = credentials.find()
        return PromQl(lambda: credentials.session(found), retrying)
    place = _address(address)
    denied = "check the credentials in the address given with --prometheus"
    return PromQl(_session(place), retrying, place.replace("{", "{{").replace("}", "}}"), denied)


def _address(given: str) -> str:
    """Without a slash or the path of the API at its end."""
    place = given.rstrip("/").removesuffix("/api/v1")
    try:
        parts = urlsplit(place)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise UsageError(
            "--prometheus is not the address of a Prometheus",
            hint="write it such as http://localhost:9090, without /api/v1",
        )
    return place


def _session(place: str) -> Callable[[], requests.Session]:
    """Google's own get our credentials, and nobody else."""
    import requests

    from tidegate.adapters import credentials

    parts = urlsplit(place)
    if parts.scheme == "https" and (parts.hostname or "").endswith(_GOOGLES):
        found = credentials.find()
        return lambda: credentials.session(found)
    return requests.Session
