"""The one retry policy of the Google adapters: few attempts, exponential back-off with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tidegate.ports import Clock

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """`timeout` is the deadline of one attempt; `first` and `longest` bound the pauses. All in seconds."""

    attempts: int = 5
    timeout: float = 15.0
    first: float = 0.25
    factor: float = 2.0
    longest: float = 4.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.timeout <= 0:
            raise ValueError(f"not a retry policy: {self}")


BRIEF = RetryPolicy(attempts=2, timeout=5.0)
"""For what nobody should wait for, or not for long."""


@dataclass(frozen=True)
class Retrying:
    """`jitter` returns numbers in [0, 1)."""

    clock: Clock
    policy: RetryPolicy = RetryPolicy()
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int) -> None:
        """Waits after failed attempt number `attempt` (from 1): between half the step and the whole of it."""
        step = min(self.policy.longest, self.policy.first * self.policy.factor ** (attempt - 1))
        self.clock.sleep(step * (0.5 + 0.5 * self.jitter()))

    def call(self, attempt: Callable[[], T], worth_repeating: Callable[[Exception], bool]) -> T:
        """Repeats `attempt` while it fails in a way that is worth it. The last exception passes unchanged."""
        for number in range(1, self.policy.attempts):
            try:
                return attempt()
            except Exception as error:
                if not worth_repeating(error):
                    raise
            self.pause(number)
        return attempt()
