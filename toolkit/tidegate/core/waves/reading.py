"""What a process that worked on one region has printed → `Outcome`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.core.waves.state import Outcome

_SIGNALS = {-1: ExitCode.TERMINATED, -2: ExitCode.INTERRUPTED, -15: ExitCode.TERMINATED}
"""HUP, INT and TERM, got while nobody had a handler for them."""
_ERROR = "error: "


def outcome(code: int, out: str, err: str) -> Outcome:
    """Never raises: a process that died in mid-sentence has told nothing.

    `out` is the report of a rollout as JSON, or what `resume`, `pause`, `abort` and `promote` print where
    another process has done it. Without either, the error of `err` is the reason.
    """
    code = int(_SIGNALS.get(code, code))
    errors = [line for line in err.splitlines() if line.startswith(_ERROR)]
    reason = errors[-1].removeprefix(_ERROR) if errors else ""
    try:
        found = json.loads(out)
    except (ValueError, RecursionError):
        return Outcome(code, reason=reason or _without_words(code))
    if not isinstance(found, dict):
        return Outcome(code, reason=reason)
    told: Any = found
    candidate, stable = "revision", "previous_revision"
    if "phase" not in found:
        told, candidate, stable = found.get("rollout"), "candidate", "stable"
    if not isinstance(told, Mapping):
        return Outcome(code, reason=reason or str(found.get("said", "")), data=found)
    try:
        return Outcome(
            code,
            Phase(told["phase"]),
            str(told[stable] or ""),
            str(told[candidate] or ""),
            float(told["started"]),
            _reason(told, found),
            told.get("aborted") is True,
            found,
        )
    except (KeyError, TypeError, ValueError):
        return Outcome(code, reason=reason, data=found)


def _reason(told: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return str(told.get("reason") or found.get("said") or "")


def _without_words(code: int) -> str:
    return f"its process was killed by signal {-code}" if code < 0 else f"it ended with exit code {code}"
