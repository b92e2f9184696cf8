"""What happened when: the events of a rollout, and the candidate's share of the traffic as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.report.frame import Frame, Happening, Mark, Placed, placed, placed_marks
from tidegate.core.report.model import Report
from tidegate.core.report.numbers import duration, offset
from tidegate.core.report.scale import Axis, time_axis
from tidegate.core.rollout import Phase, when
from tidegate.core.samples import Window
from tidegate.core.verdict import Verdict

_FRAME = Frame(width=1120, height=150, left=52, right=1092, top=26, bottom=106)
_LOOKS_AT = 118
_LEAD = 0.5
"""How long before the first move the charts begin, as a share of what follows it."""
_SHORTEST_LEAD = 20.0
_BACK = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.RECOVERED, Phase.NOT_RECOVERED})


@dataclass(frozen=True)
class Step:
    """One share of the traffic from `x` to `x + width`. `y` is the top of the candidate's part."""

    x: float
    width: float
    y: float
    percent: int
    label: str
    title: str


@dataclass(frozen=True)
class LookMark:
    x: float
    y: float
    decision: str
    title: str


@dataclass(frozen=True)
class Timeline:
    frame: Frame
    steps: tuple[Step, ...]
    looks: tuple[LookMark, ...]
    marks: tuple[Mark, ...]
    across: tuple[Placed, ...]
    with_stable: bool
    label: str


@dataclass(frozen=True)
class Entry:
    """`after` is the time relative to the origin, in words; `at` the moment in UTC."""

    after: str
    at: str
    what: str


def origin(report: Report) -> float:
    """The moment that is called 0."""
    return report.state.started if report.first_moved is None else report.first_moved


def window(report: Report) -> Window:
    """What the charts show: the rollout, and enough before it to see how the stable revision was."""
    zero = origin(report)
    state = report.state
    times = (state.started, state.entered, state.decided, state.restored, *(m.time for m in state.moves))
    end = max(time for time in times if time is not None)
    firsts = [float(s.times[0]) for s in report.samples.by_key.values()]
    lead = max(_SHORTEST_LEAD, _LEAD * (end - zero))
    earliest = min([state.started, *firsts])
    return Window(max(min(earliest, zero), zero - lead) - 1e-3, max(end, zero + 1.0))


def happenings(report: Report) -> tuple[Happening, ...]:
    """Traffic moves and the decision, for the charts. Times are epoch seconds."""
    zero, candidate = origin(report), report.state.candidate
    moves = [
        Happening(
            m.time,
            "move",
            f"{m.percent} %",
            f"{m.percent} % of the traffic to {candidate}, {offset(m.time - zero)}",
        )
        for m in report.state.moves
    ]
    if report.state.decided is not None:
        what = decision(report)
        title = f"{what}, {offset(report.state.decided - zero)}"
        moves.append(Happening(report.state.decided, "decision", what, title))
    return tuple(moves)


def decision(report: Report) -> str:
    """What was decided, in a word or two."""
    if report.state.phase in _BACK:
        return "roll back"
    return {Phase.PROMOTED: "promote", Phase.HELD: "hold"}.get(report.state.phase, "decided")


def entries(report: Report) -> tuple[Entry, ...]:
    """The events in order, for the table of times."""
    state = report.state
    events: list[tuple[float, int, str]] = [(state.started, 0, f"started by {state.owner}")]
    events += [(m.time, 2, f"{m.percent} % of the traffic to {state.candidate}") for m in state.moves]
    if state.decided is not None:
        events.append((state.decided, 1, f"decision: {decision(report)}"))
    if state.restored is not None:
        events.append((state.restored, 3, f"all traffic is effectively on {state.stable} again"))
    events.append((state.entered, 4, f"ended: {report.verdict}"))
    zero = origin(report)
    return tuple(Entry(offset(t - zero), when(t), what) for t, _, what in sorted(events))


def draw(report: Report, shown: Window) -> Timeline | None:
    """None when the candidate never had traffic: there is nothing to draw then."""
    if not report.state.moves:
        return None
    zero = origin(report)
    time = time_axis(shown.start, shown.end, zero, 12)
    return Timeline(
        frame=_FRAME,
        steps=_steps(report, time),
        looks=tuple(_look(report, v, i, time) for i, v in _inside(report.verdicts, time)),
        marks=placed_marks(happenings(report), _FRAME, time),
        across=placed(time.ticks, lambda t: _FRAME.x(time, t)),
        with_stable=bool(report.state.stable),
        label=_told(report),
    )


def _steps(report: Report, time: Axis) -> tuple[Step, ...]:
    moves = report.state.moves
    spans = [(m.time, m.percent) for m in moves]
    if moves[0].percent:
        # Before its first move a candidate has nothing; what one had that is first taken away is not known.
        spans.insert(0, (time.low, 0))
    ends = [start for start, _ in spans[1:]] + [time.high]
    found = []
    for (start, percent), end in zip(spans, ends, strict=True):
        left, right = _FRAME.x(time, start), _FRAME.x(time, end)
        if right <= left:
            continue
        top = round(_FRAME.bottom - percent / 100 * (_FRAME.bottom - _FRAME.top), 1)
        label = f"{percent} %" if percent and right - left >= 40 else ""
        title = f"{percent} % of the traffic to {report.state.candidate} for {duration(end - start)}"
        if start < moves[0].time:
            title = f"no traffic to {report.state.candidate} before"
        found.append(Step(left, round(right - left, 1), top, percent, label, title))
    return tuple(found)


def _inside(verdicts: Sequence[Verdict], time: Axis) -> list[tuple[int, Verdict]]:
    return [(i, v) for i, v in enumerate(verdicts, 1) if time.low <= v.decided_at <= time.high]


def _look(report: Report, verdict: Verdict, number: int, time: Axis) -> LookMark:
    after = offset(verdict.decided_at - origin(report))
    title = f"look {number}, {after}: {verdict.decision}"
    return LookMark(_FRAME.x(time, verdict.decided_at), _LOOKS_AT, str(verdict.decision), title)


def _told(report: Report) -> str:
    told = [f"{e.after} {e.what}" for e in entries(report)]
    return f"Traffic of {report.state.candidate} over time: {'; '.join(told)}."
