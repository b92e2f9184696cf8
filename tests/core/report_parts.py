"""Reports to test with, and a reader of the page that sees what a browser would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import numpy as np

from builders import a_state
from tidegate.adapters.rootdir import template_texts
from tidegate.core.report import TEMPLATE, Report, page
from tidegate.core.rollout import Moved, Phase, State
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Attribution, Decision, Finding, MetricResult, Verdict

START = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC: when the candidate first gets traffic."""
OLD, NEW = "orders-00001-abc", "orders-00002-def"
LEAK = MetricResult(
    "open_fds", Finding.WORSE, f"open fds per instance climb 323/min on {NEW}", 17, "per minute",
    322.9, 215.6, 430.2, 6.496, 5.712,
)  # fmt: skip
FINE = MetricResult("error_ratio", Finding.FINE, "no errors", 105, "ratio", 0.0, -4e-14, 0.0353, -3.9, 5.76)
UNSEEN = MetricResult("latency_p99_ms", Finding.NOT_ENOUGH_DATA, "p99 latency: 1 of 8 samples so far", 1)


def template() -> str:
    return template_texts()[TEMPLATE]


def series(
    metric: str, revision: str, values: Sequence[float], *, instance: str = "", start: float = START,
    period: float = 1.0,
) -> Series:  # fmt: skip
    """One sample per period, the first a period after `start`."""
    times = start + period * (1 + np.arange(len(values), dtype=np.float64))
    return Series(Key(metric, revision, instance), times, np.array(values, dtype=np.float64))


def leaking() -> Samples:
    """40 s of the stable revision, of which 20 s with a candidate that leaks."""
    before = START - 20
    return Samples.of(
        [
            series("open_fds", NEW, [10 + 6 * i for i in range(20)], instance="b1"),
            series("open_fds", OLD, [8] * 40, instance="a1", start=before),
            series("tcp_connections", NEW, [5 + 6 * i for i in range(20)], instance="b1"),
            series("tcp_connections", OLD, [3] * 40, instance="a1", start=before),
            series("request_count", NEW, [6] * 20),
            series("request_count", OLD, [24] * 40, start=before),
            series("error_count", NEW, [0] * 19 + [3]),
            series("error_count", OLD, [0] * 40, start=before),
            series("latency_p50_ms", NEW, [4.5] * 20),
            series("latency_p99_ms", NEW, [9.0] * 20),
            series("latency_p99_ms", OLD, [8.0] * 40, start=before),
            series("instance_count", NEW, [1] * 20),
        ]
    )


def a_look(after: float, decision: Decision, *metrics: MetricResult, reasons: Sequence[str] = ()) -> Verdict:
    told = tuple(reasons) or (f"because {decision}",)
    return Verdict(decision, Attribution.REVISION, START + after, told, metrics)


def rolled_back(**changes: object) -> Report:
    """20 % for 20 s, a leak found, rolled back, recovered after 10 s more."""
    reasons = (LEAK.sentence, f"{OLD} is flat; it needs 25,000")
    state = a_state(
        started=START - 1.5, phase=Phase.RECOVERED, stable=OLD, candidate=NEW, entered=START + 30,
        moves=(Moved(START, 20), Moved(START + 20, 0)), reason="; ".join(reasons), decided=START + 20,
        restored=START + 20.25, exit_code=6,
    )  # fmt: skip
    report = Report(
        "orders", "demo-project", "europe-west1", "https://orders.example.com", None, "demo/orders:v2", state,
        {OLD: 100},
        (
            a_look(10, Decision.CONTINUE, UNSEEN),
            a_look(20, Decision.ROLLBACK, LEAK, FINE, UNSEEN, reasons=reasons),
            a_look(30, Decision.PROMOTE, FINE),
        ),
        leaking(),
        Rollout("orders", OLD, NEW, (Step(START, 20), Step(START + 20, 0)), START + 30, 1.0, 2.0),
    )  # fmt: skip
    return replace(report, **changes)  # type: ignore[arg-type]  # the fields are Report's own


def with_state(report: Report, **changes: object) -> Report:
    state: State = replace(report.state, **changes)  # type: ignore[arg-type]  # the fields are State's own
    return replace(report, state=state)


def never_moved(**changes: object) -> Report:
    """Smoke checks failed: the candidate had no traffic and nothing was looked at."""
    report = rolled_back(samples=Samples(), verdicts=(), rollout=None)
    fields: dict[str, object] = {
        "phase": Phase.ABORTED, "moves": (), "restored": None, "entered": START + 3, "decided": START + 3,
        "reason": "smoke checks failed, no traffic was moved: 500 instead of 200",
    }  # fmt: skip
    return with_state(report, **(fields | changes))


# --------------------------------------------------------------------------------------- reading the page

_VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        whole = "".join(c if isinstance(c, str) else c.text for c in self.children)
        return " ".join(whole.split())

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str, kind: str = "") -> list[Element]:
        """Descendants by tag, with all of the space-separated classes of `kind`."""
        wanted = set(kind.split())
        found = (e for e in self.walk() if e.tag == tag)
        return [e for e in found if wanted <= set(e.attributes.get("class", "").split())]

    def chart(self, title: str) -> Element:
        [found] = [f for f in self.all("figure") if f.all("h3")[0].text == title]
        return found


class _Reader(HTMLParser):
    """Builds the tree, and fails where tags do not close in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def finished(self) -> Element:
        self.close()
        assert self._open == [self.root], f"<{self._open[-1].tag}> is never closed"
        return self.root


def read(html: str) -> Element:
    reader = _Reader()
    reader.feed(html)
    return reader.finished()


def shown(report: Report) -> Element:
    return read(page(report, template()))
