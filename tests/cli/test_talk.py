"""What a rollout says of its looks while it runs."""

from __future__ import annotations

import io

from tidegate.cli.progress import Display
from tidegate.cli.talk import Talk
from tidegate.core.verdict import Attribution, Decision, Finding, MetricResult, Verdict


def told(*verdicts: Verdict) -> list[str]:
    stream = io.StringIO()
    talk = Talk(Display(stream, environment={}))
    for verdict in verdicts:
        talk.look(verdict)
    return stream.getvalue().splitlines()


def verdict(decision: Decision, *metrics: MetricResult) -> Verdict:
    return Verdict(decision, Attribution.NONE, 0.0, ("five samples are missing",), metrics)


FINE = MetricResult("open_fds", Finding.FINE, "open fds are flat")
DRY = MetricResult("queue_depth", Finding.WORSE, "queue depth is 40 % up", decisive=False)


def test_what_never_decides_is_told_beside_what_does() -> None:
    (line,) = told(verdict(Decision.PROMOTE, FINE, DRY))
    assert line.endswith("look 1: nothing against it in open_fds; not decisive: queue depth is 40 % up")
    (line,) = told(verdict(Decision.CONTINUE, FINE, DRY))
    assert line.endswith("five samples are missing; not decisive: queue depth is 40 % up")


def test_looks_that_find_the_same_are_told_once() -> None:
    lines = told(*[verdict(Decision.CONTINUE, FINE)] * 3, verdict(Decision.CONTINUE, FINE, DRY))
    assert len(lines) == 2
