"""A small load generator for services on this machine: so many requests a second, and a summary."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tidegate.core.errors import UsageError

MOST_RATE = 2000.0
MOST_SECONDS = 24 * 3600.0
MOST_CONCURRENCY = 1000


@dataclass
class Summary:
    """Codes by number of requests; `0` stands for no answer at all. Latencies in milliseconds, in order."""

    codes: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    skipped: int = 0
    """Requests that were due while all connections were busy: the service was slower than the rate."""
    interrupted: bool = False

    @property
    def requests(self) -> int:
        return sum(self.codes.values())

    def percentile(self, percent: float) -> float | None:
        """Milliseconds; None when nothing was answered."""
        if not self.latencies:
            return None
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "rate": round(self.requests / self.seconds, 3) if self.seconds else 0.0,
            "codes": {str(code): count for code, count in sorted(self.codes.items())},
            "skipped": self.skipped,
            "interrupted": self.interrupted,
            "latency_ms": {f"p{p:g}": _rounded(self.percentile(p)) for p in (50, 95, 99, 100)},
        }


def run(
    url: str,
    *,
    rate: float,
    duration: float,
    concurrency: int = 50,
    timeout: float = 30.0,
    stopping: Callable[[Callable[[], None]], None] | None = None,
) -> Summary:
    """Sends `rate` GETs a second to `url` for `duration` seconds; TERM and INT end it early.

    Loopback addresses only. `stopping` is given the function that ends it, for callers without signals.
    Raises UsageError for an address elsewhere or a number out of bounds.
    """
    _check(url, rate, duration, concurrency)
    return asyncio.run(_run(url, rate, duration, concurrency, timeout, stopping))


async def _run(
    url: str,
    rate: float,
    duration: float,
    concurrency: int,
    timeout: float,
    stopping: Callable[[Callable[[], None]], None] | None,
) -> Summary:
    summary, ended, loop = Summary(), asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        summary.interrupted = True
        ended.set()

    if stopping is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
    else:
        stopping(lambda: _discard(loop.call_soon_threadsafe(end)))
    running: set[asyncio.Task[None]] = set()
    begun = loop.time()
    connector = aiohttp.TCPConnector(limit=concurrency, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=timeout), trust_env=False
    ) as session:
        sent = 0
        while not ended.is_set() and (due := begun + sent / rate) < begun + duration:
            try:
                async with asyncio.timeout_at(due):
                    await ended.wait()
            except TimeoutError:
                sent += 1
                if len(running) >= concurrency:
                    summary.skipped += 1
                    continue
                task = asyncio.create_task(_one(session, url, summary))
                running.add(task)
                task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running, timeout=1.0 if ended.is_set() else timeout)
        for task in running:
            task.cancel()
    summary.seconds = loop.time() - begun
    summary.latencies.sort()
    return summary


async def _one(session: aiohttp.ClientSession, url: str, summary: Summary) -> None:
    begun = time.perf_counter()
    try:
        async with session.get(url, allow_redirects=False) as answer:
            await answer.read()
            summary.codes[answer.status] += 1
            summary.latencies.append((time.perf_counter() - begun) * 1000)
    except (aiohttp.ClientError, OSError, TimeoutError):
        summary.codes[0] += 1


def _check(url: str, rate: float, duration: float, concurrency: int) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not _is_loopback(host):
        raise UsageError(
            f"load is sent to this machine only, not to {url!r}", hint="give http://127.0.0.1:PORT/…"
        )
    if not 0 < rate <= MOST_RATE:
        raise UsageError(f"the rate is above 0 and at most {MOST_RATE:.0f} requests a second, not {rate:g}")
    if not 0 < duration <= MOST_SECONDS:
        raise UsageError(f"the duration is above 0 s and at most a day, not {duration:g} s")
    if not 0 < concurrency <= MOST_CONCURRENCY:
        raise UsageError(f"the concurrency is from 1 to {MOST_CONCURRENCY}, not {concurrency}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _discard(_: object) -> None:
    """Makes a function that returns something one that returns nothing."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
