"""`tidegate doctor`: runs named checks, and turns what they raise into something to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tidegate.core.errors import TidegateError

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """`run` says what was found, or raises a TidegateError. `needs` names checks that must pass before."""

    name: str
    run: Callable[[], str]
    needs: tuple[str, ...] = ()
    only_for: str = ""
    """The one command that wants it: what is missing is said, and does not fail."""


@dataclass(frozen=True)
class Finding:
    check: str
    state: Outcome
    said: str
    hint: str = ""


def examine(checks: Iterable[Check]) -> tuple[Finding, ...]:
    """All checks in their order; one whose needs have failed is skipped."""
    passed: set[str] = set()
    found: list[Finding] = []
    for check in checks:
        missing = [need for need in check.needs if need not in passed]
        if missing:
            found.append(Finding(check.name, "skipped", f"needs {', '.join(missing)}"))
            continue
        try:
            found.append(Finding(check.name, "ok", check.run()))
            passed.add(check.name)
        except TidegateError as error:
            state: Outcome = "skipped" if check.only_for else "failed"
            wanted = f" (only for `{check.only_for}`)" if check.only_for else ""
            found.append(Finding(check.name, state, error.message + wanted, error.hint))
    return tuple(found)
