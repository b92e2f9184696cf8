"""What a policy is, what it finds, and the run of many over many files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tidegate.core.document import Document, Place
from tidegate.core.errors import UsageError


class Severity(StrEnum):
    ERROR = "error"
    """Stops a deployment."""
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Finding:
    """One rule broken at one place. Sorts by place."""

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.severity} {self.rule}: {self.message}"


class Hit(NamedTuple):
    """What a policy's own code yields: where, and what is wrong there, in a sentence without the place."""

    place: Place
    message: str


@dataclass(frozen=True)
class Policy:
    """`look` never raises and never objects to what only Terraform can compute."""

    id: str
    name: str
    title: str
    severity: Severity
    rationale: str
    fix: str
    look: Callable[[Sequence[Document]], Iterable[Hit]]

    def check(self, documents: Sequence[Document]) -> Iterator[Finding]:
        for place, message in self.look(documents):
            yield Finding(*place, self.id, self.severity, message, self.fix)


class Suppression(NamedTuple):
    """`# tidegate:ignore RULE[,RULE…] reason`, on the line of the finding or alone on the line above."""

    rules: frozenset[str]
    reason: str
    place: Place
    lines: frozenset[int]
    """The lines it speaks of."""


_IGNORE = re.compile(
    r"tidegate:ignore\b[ \t:]*(?P<rules>TG\d+(?:[ \t]*,[ \t]*TG\d+)*)?(?P<reason>.*)", re.DOTALL
)


def run(documents: Sequence[Document], policies: Iterable[Policy]) -> tuple[Finding, ...]:
    """Every finding that no comment suppresses, once, ordered by path, line, column and rule."""
    silent = {
        (document.path, line, rule)
        for document in documents
        for suppression in suppressions(document)
        if suppression.reason
        for line in suppression.lines
        for rule in suppression.rules
    }
    found = {finding for policy in policies for finding in policy.check(documents)}
    return tuple(sorted(f for f in found if (f.path, f.line, f.rule) not in silent))


def suppressions(document: Document) -> Iterator[Suppression]:
    """The suppressing comments of a file. Without a reason they do not count; a policy says so."""
    for comment in document.comments:
        if match := _IGNORE.match(comment.text):
            rules = frozenset(re.findall(r"TG\d+", match["rules"] or ""))
            lines = {comment.line, comment.line + 1} if comment.alone else {comment.line}
            place = Place(document.path, comment.line, comment.column)
            yield Suppression(rules, match["reason"].strip(" \t\n:-"), place, frozenset(lines))


def find(rule: str, policies: Sequence[Policy]) -> Policy:
    """By id or name, in any case. Raises UsageError for a rule there is not."""
    for policy in policies:
        if rule.casefold() in (policy.id.casefold(), policy.name.casefold()):
            return policy
    known = ", ".join(p.id for p in policies)
    raise UsageError(f"there is no rule {rule!r}", hint=f"the rules are {known}")


def explain(rule: str, policies: Sequence[Policy]) -> str:
    """What a rule wants, why, and the way out, as plain text. Raises UsageError for a rule there is not."""
    policy = find(rule, policies)
    return (
        f"{policy.id} {policy.name} ({policy.severity})\n{policy.title}.\n\n"
        f"Why: {policy.rationale}\n\nWhat to do: {policy.fix}\n\n"
        f"To accept one place, with a reason: # tidegate:ignore {policy.id} REASON\n"
    )
