"""A replay as plain values for JSON. No number in it is infinite or not a number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.core.replay.stepping import Replayed
from tidegate.core.verdict import MetricResult


def data(replayed: Replayed, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """`verdict`, `attribution`, `decided_at`, `reasons`, `metrics`; `warnings` where there are any."""
    found: dict[str, Any] = {
        "verdict": str(replayed.decision),
        "attribution": str(replayed.attribution),
        "decided_at": replayed.decided_at,
        "reasons": list(replayed.reasons),
        "metrics": [_metric(m) for m in replayed.metrics],
    }
    if said := [*warnings, *replayed.warnings]:
        found["warnings"] = said
    return found


def table_data(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Several traces by name: each the `data` of its replay, or `{"error": sentence}`."""
    verdicts = Counter(row["verdict"] for row in results.values() if "verdict" in row)
    return {
        "traces": [{"trace": name, **row} for name, row in results.items()],
        "summary": {
            "traces": len(results),
            **{name: verdicts[name] for name in ("promote", "rollback", "hold")},
            "errors": sum("error" in row for row in results.values()),
        },
    }


def _metric(result: MetricResult) -> dict[str, Any]:
    return {
        "metric": result.metric,
        "finding": str(result.finding),
        "estimate": _finite(result.estimate),
        "low": _finite(result.low),
        "high": _finite(result.high),
        "unit": result.unit,
        "evidence": _finite(result.evidence),
        "boundary": _finite(result.boundary),
        "samples": result.samples,
        "decisive": result.decisive,
        "sentence": result.sentence,
    }


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
