"""One alert as the monitoring module makes it, and all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidegate.core.alerting.subject import Subject


@dataclass(frozen=True)
class Rule:
    """`query` is PromQL with the user's settings in it, true where there is trouble."""

    kind: str
    title: str
    when: str
    """A sentence: what makes it fire."""
    topic: str
    severity: str
    query: str
    for_seconds: int
    """How long the query must hold."""
    within_minutes: int
    """At the default settings it has fired this long after the beginning of what is meant by `within`."""
    within: str
    """Goes on from the minutes: `of an instance that leaks from its start`."""


@dataclass(frozen=True)
class Rules:
    """In the order of the manual. `off` are the kinds that the spec leaves out."""

    on: tuple[Rule, ...]
    off: tuple[str, ...] = ()
    subject: Subject = field(default_factory=Subject)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(rule.kind for rule in self.on)

    def of(self, kind: str) -> Rule:
        """Raises KeyError where it is off."""
        return {rule.kind: rule for rule in self.on}[kind]
