"""What a policy is, what it finds, and the run of many over many files."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tidegate.core.document import MADE_BY_OWN, Block, Document, Place, own_module
from tidegate.core.errors import Fault, UsageError


class Severity(StrEnum):
    ERROR = "error"
    """Stops a deployment."""
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Finding:
    """One rule broken at one place. Sorts by place. In a plan the place is an address, and the line is 0."""

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    hint: str
    address: str = ""

    @property
    def place(self) -> Place:
        return Place(self.path, self.line, self.column, self.address)

    def __str__(self) -> str:
        return f"{self.place}: {self.severity} {self.rule}: {self.message}"


class Hit(NamedTuple):
    """What a policy's own code yields: where, and what is wrong there, in a sentence without the place."""

    place: Place
    message: str


class Suppression(NamedTuple):
    """`# tidegate:ignore RULE[,RULE…] reason`, on the line of the finding or alone on the line above."""

    rules: frozenset[str]
    reason: str
    place: Place
    lines: frozenset[int] | None
    """The lines of its own file that it speaks of; None for every place in every file."""

    def covers(self, finding: Finding) -> bool:
        here = self.lines is None or (finding.path == self.place.path and finding.line in self.lines)
        return bool(self.reason) and finding.rule in self.rules and here


class Review(NamedTuple):
    """What is known of the suppressions once every other policy has looked."""

    rules: frozenset[str]
    """The ids there are."""
    suppressions: tuple[Suppression, ...]
    used: frozenset[tuple[Place, str]]
    """The place of a suppression and a rule that it kept silent."""


class Fix(NamedTuple):
    """What to do, in the words of the place where it is to be done. Each begins with a plain word."""

    terraform: str
    """By arguments and blocks of Google's resources."""
    module: str = ""
    """By the inputs of tidegate's modules; empty where that is said in the same words."""
    spec: str = ""
    """By the keys of a spec; empty where that is said as for the modules."""

    def by_place(self) -> tuple[tuple[str, str], ...]:
        """What is said where: pairs of a place and what to do there. One without a place if it is the same
        everywhere."""
        ways = (
            ("in a resource" if self.module else "in Terraform", self.terraform),
            ("in a call of tidegate's module", self.module),
            ("in a spec", self.spec),
        )
        given = tuple((where, way) for where, way in ways if way)
        return given if len(given) > 1 else (("", self.terraform),)


def _nothing(_: object) -> Iterable[Hit]:
    return ()


@dataclass(frozen=True)
class Policy:
    """`look` and `review` never raise and never object to what only Terraform can compute. `hear` is told of
    what could not be read."""

    id: str
    name: str
    title: str
    severity: Severity
    rationale: str
    fix: Fix
    look: Callable[[Sequence[Document]], Iterable[Hit]] = _nothing
    review: Callable[[Review], Iterable[Hit]] = _nothing
    hear: Callable[[Sequence[Fault]], Iterable[Hit]] = _nothing

    def findings(self, hits: Iterable[Hit], hint: Callable[[Fix, Place], str]) -> Iterator[Finding]:
        for place, message in hits:
            path, line, column, address = place
            yield Finding(path, line, column, self.id, self.severity, message, hint(self.fix, place), address)


_IGNORE = re.compile(
    r"tidegate:ignore\b[ \t:]*(?P<rules>TG\d+(?:[ \t]*,[ \t]*TG\d+)*)?(?P<reason>.*)", re.DOTALL
)


def run(
    documents: Sequence[Document],
    policies: Sequence[Policy],
    accepted: Iterable[Suppression] = (),
    faults: Sequence[Fault] = (),
    *,
    rendered: bool = False,
) -> tuple[Finding, ...]:
    """Every finding that neither a comment nor `accepted` suppresses, once, ordered by place and rule.

    `faults` is what could not be read. `rendered` says that it all comes from a spec, which the hints then
    speak of.
    """
    hint = in_a_spec if rendered else Hints(documents).hint
    found = {f for policy in policies for f in policy.findings(policy.look(documents), hint)}
    found |= {f for policy in policies for f in policy.findings(policy.hear(faults), hint)}
    comments = tuple(s for document in documents for s in suppressions(document))
    silencers = _Silencers((*comments, *accepted))
    loud = {finding for finding in found if not silencers.silence(finding)}
    review = Review(frozenset(p.id for p in policies), silencers.all, frozenset(silencers.used))
    reviewed = {f for policy in policies for f in policy.findings(policy.review(review), hint)}
    return tuple(sorted(loud | {finding for finding in reviewed if not silencers.silence(finding)}))


def in_a_spec(fix: Fix, _: Place) -> str:
    return fix.spec or fix.module or fix.terraform


class Hints:
    """Which words of a fix suit a place: those for the call of a module of tidegate's, or for resources."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._blocks = {document.path: document.blocks for document in documents}
        self._planned = {b.address: b for document in documents for b in document.blocks if b.place.address}

    def hint(self, fix: Fix, place: Place) -> str:
        block = self._planned.get(place.address) if place.address else self._around(place)
        return (fix.module or fix.terraform) if block and _by_module(block) else fix.terraform

    def _around(self, place: Place) -> Block | None:
        """The last block that begins before it: a place of a finding is never outside of all blocks."""
        blocks = self._blocks.get(place.path, ())
        number = bisect.bisect_right(blocks, place[1:3], key=lambda block: block.place[1:3])
        return blocks[number - 1] if number else None


def _by_module(block: Block) -> bool:
    source = block.get("source") if block.type == "module" else None
    return MADE_BY_OWN in block.attributes or (source is not None and bool(own_module(source.value)))


class _Silencers:
    """Suppressions by the lines they speak of, so that a thousand files take a thousand times one file."""

    def __init__(self, suppressions: tuple[Suppression, ...]) -> None:
        self.all = suppressions
        self.used: set[tuple[Place, str]] = set()
        self._everywhere = [s for s in suppressions if s.lines is None]
        self._by_line: dict[tuple[str, int], list[Suppression]] = {}
        for suppression in suppressions:
            for line in suppression.lines or ():
                self._by_line.setdefault((suppression.place.path, line), []).append(suppression)

    def silence(self, finding: Finding) -> bool:
        """Whether one covers the finding; all that do are used."""
        nearby = (*self._by_line.get((finding.path, finding.line), ()), *self._everywhere)
        covering = [s for s in nearby if s.covers(finding)]
        self.used.update((s.place, finding.rule) for s in covering)
        return bool(covering)


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
    ways = policy.fix.by_place()
    todo = "".join(f"\n  {where}: {way}" if where else f" {way}" for where, way in ways)
    return (
        f"{policy.id} {policy.name} ({policy.severity})\n{policy.title}.\n\n"
        f"Why: {policy.rationale}\n\nWhat to do:{todo}\n\n"
        f"To accept one place, with a reason: # tidegate:ignore {policy.id} REASON\n"
    )
