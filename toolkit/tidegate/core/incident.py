"""An open incident of an alert policy, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Incident:
    """`opened` is epoch seconds, None where the answer does not say; `severity` may be empty."""

    policy: str
    """The policy's display name."""
    opened: float | None = None
    severity: str = ""
