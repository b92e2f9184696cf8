"""One metric's result with whom it is put down to."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.verdict import Attribution, MetricResult


@dataclass(frozen=True)
class Judged:
    result: MetricResult
    attribution: Attribution
