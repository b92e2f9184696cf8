"""How a trace is judged where no policy says so."""

from __future__ import annotations

from tidegate.core.judge import JUDGED, Criteria
from tidegate.core.replay.looks import last_look
from tidegate.core.samples import Samples
from tidegate.core.trace import BUCKETS, Rollout

_USUAL = ("request_count", "error_ratio", "latency_p99_ms", "latency_mean_ms", "open_fds", "tcp_connections")
_SHORT = 6
"""Warm-ups a rollout lasts at least: growth is not decided before three and a half of them."""


def warm_up(rollout: Rollout, samples: Samples) -> float:
    """Seconds: the usual warm-up, or what a rollout too short for that leaves room for.

    A rollout of a minute was meant for a service that is warm within seconds.
    """
    length = last_look(rollout, samples) - rollout.ingestion_delay - rollout.start
    return min(Criteria().warm_up, max(length / _SHORT, rollout.sample_period))


def required(rollout: Rollout, samples: Samples) -> tuple[str, ...]:
    """What was measured of the stable revision; of the candidate where the stable one has nothing.

    A trace with only some metrics is judged on those, and a metric that only the candidate lacks stays
    required. Empty where nothing was measured that can be judged.
    """
    for revision in filter(None, (rollout.stable, rollout.candidate)):
        measured = _measured(samples, revision)
        usual = tuple(metric for metric in _USUAL if metric in measured)
        found = usual or tuple(metric for metric in JUDGED if metric in measured)
        if found:
            return found
    return ()


def _measured(samples: Samples, revision: str) -> set[str]:
    found = {key.metric for key in samples.by_key if key.revision == revision}
    if {"request_count", "error_count"} <= found:
        found.add("error_ratio")
    if BUCKETS in found:
        found.add("latency_p99_ms")
    if "latency_p99_ms" in found:
        found.discard("latency_mean_ms")  # one of the two is enough
    return found
