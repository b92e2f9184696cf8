"""Charts as plain geometry: what the template writes down as SVG. Lengths are in units of the view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tidegate.core.report.curves import Curve, envelope, pieces, thinned
from tidegate.core.report.frame import Frame, Happening, Mark, Placed, placed, placed_marks
from tidegate.core.report.kinds import Kind
from tidegate.core.report.scale import Axis, time_axis, value_axis
from tidegate.core.samples import FloatArray, Samples, Window

Role = Literal["candidate", "stable"]

_MOST_LINES = 8
"""More instances than this are drawn as a band: nobody tells so many lines apart."""
_HIGHEST = 1e15


FRAME = Frame(width=560, height=236, left=52, right=532, top=26, bottom=206)


@dataclass(frozen=True)
class Line:
    """SVG path data of class `role`; `area` tells a filled band from a stroke."""

    role: Role
    path: str
    title: str
    dots: str = ""
    """Points with nothing on either side to draw a line to."""
    area: bool = False


@dataclass(frozen=True)
class Chart:
    title: str
    unit: str
    frame: Frame
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    across: tuple[Placed, ...]
    upward: tuple[Placed, ...]
    readings: tuple[tuple[Role, str, str], ...]
    """Role, revision, and the curve in words."""
    missing: tuple[str, ...]
    """Why a revision has no line, in words."""

    @property
    def label(self) -> str:
        """The whole chart in one sentence, for who cannot see it."""
        told = [f"{revision} ({role}) {words}" for role, revision, words in self.readings]
        return f"{self.title}, {self.unit}: {'; '.join(told)}."


@dataclass(frozen=True)
class Scene:
    """What all charts of a page share. `origin` is the time called 0; `period` the sample period."""

    samples: Samples
    revisions: tuple[tuple[Role, str], ...]
    window: Window
    origin: float
    period: float | None
    happenings: tuple[Happening, ...]


def draw(kind: Kind, scene: Scene) -> Chart | None:
    """None when nothing of it was measured inside the scene's window."""
    found = {role: _curves(kind, scene, revision) for role, revision in scene.revisions}
    if not any(found.values()):
        return None
    time = time_axis(scene.window.start, scene.window.end, scene.origin, 7)
    highest = max(float(c.values.max()) for curves in found.values() for c in curves)
    value = value_axis(kind.headroom * highest, least=kind.least, whole=kind.whole, label=kind.told)
    lines: list[Line] = []
    # The candidate comes last: it is drawn on top of what it is compared with.
    for role, revision in reversed(scene.revisions):
        lines += _lines(role, revision, found[role], kind, scene, time, value)
    return Chart(
        title=kind.title,
        unit=kind.unit,
        frame=FRAME,
        lines=tuple(lines),
        marks=placed_marks(scene.happenings, FRAME, time),
        across=placed(time.ticks, lambda t: FRAME.x(time, t)),
        upward=placed(value.ticks, lambda v: FRAME.y(value, v)),
        readings=tuple(
            (role, revision, _reading(found[role], kind)) for role, revision in scene.revisions if found[role]
        ),
        missing=tuple(
            f"No data for {revision}: {silence(kind, scene, revision)}."
            for role, revision in scene.revisions
            if not found[role]
        ),
    )


def silence(kind: Kind, scene: Scene, revision: str) -> str:
    """Why there is nothing to draw for a revision."""
    never = [m for m in kind.metrics if not scene.samples.of_metric(m, revision)]
    if never:
        return f"{' and '.join(never)} {'were' if len(never) > 1 else 'was'} never measured"
    if kind.source(scene.samples, revision, scene.period):
        return "nothing was measured in the time shown"
    return "there were no requests" if "request_count" in kind.metrics else "too little was measured"


def _curves(kind: Kind, scene: Scene, revision: str) -> list[Curve]:
    found = kind.source(scene.samples, revision, scene.period)
    inside = [cut for c in found if (cut := c.within(scene.window)) is not None]
    # A value no service can have must not take the axis with it to where arithmetic ends.
    return [Curve(c.instance, c.times, np.clip(c.values, -_HIGHEST, _HIGHEST)) for c in inside]


def _lines(
    role: Role, revision: str, curves: Sequence[Curve], kind: Kind, scene: Scene, time: Axis, value: Axis
) -> list[Line]:
    columns = FRAME.right - FRAME.left
    if len(curves) > _MOST_LINES:
        return _band(role, revision, curves, kind, scene, time, value)
    lines = []
    for curve in curves:
        drawn = [thinned(piece, scene.window, columns) for piece in pieces(curve, scene.period)]
        path = "".join(_path(p.times, p.values, time, value) for p in drawn if p.times.size > 1)
        dots = "".join(_path(p.times, p.values, time, value) for p in drawn if p.times.size == 1)
        who = f"{revision} ({role})" + (f", instance {_short(curve.instance)}" if curve.instance else "")
        lines.append(Line(role, path, f"{who}: {_course(curve, kind)}", dots))
    return lines


def _band(
    role: Role, revision: str, curves: Sequence[Curve], kind: Kind, scene: Scene, time: Axis, value: Axis
) -> list[Line]:
    shape = envelope(curves, scene.window, (FRAME.right - FRAME.left) // 2, scene.period)
    who = f"{revision} ({role}), {len(curves)} instances"
    edge = _path(
        np.concatenate([shape.times, shape.times[::-1]]),
        np.concatenate([shape.high, shape.low[::-1]]),
        time,
        value,
    )
    middle = _path(shape.times, shape.middle, time, value)
    return [
        Line(role, f"{edge}Z", f"{who}: lowest to highest", area=True),
        Line(role, middle, f"{who}: the middle one; {_reading(curves, kind)}"),
    ]


def _path(times: FloatArray, values: FloatArray, time: Axis, value: Axis) -> str:
    points = zip(times.tolist(), values.tolist(), strict=True)
    steps = [f"{FRAME.x(time, t):g},{FRAME.y(value, v):g}" for t, v in points]
    # A lone point gets a length of nearly nothing: its round caps then show as a dot.
    return f"M{steps[0]}h.01" if len(steps) == 1 else f"M{'L'.join(steps)}"


def _reading(curves: Sequence[Curve], kind: Kind) -> str:
    """The curves of one revision in words."""
    if len(curves) == 1:
        return _course(curves[0], kind)
    last = [float(c.values[-1]) for c in curves]
    highest = max(float(c.values.max()) for c in curves)
    low, high = kind.told(min(last)), kind.told(max(last))
    ends = low if low == high else f"{low} to {high}"
    return f"{len(curves)} instances, {ends} at the end, highest {kind.told(highest)}"


def _course(curve: Curve, kind: Kind) -> str:
    first, last = kind.told(float(curve.values[0])), kind.told(float(curve.values[-1]))
    highest = kind.told(float(curve.values.max()))
    course = first if first == last else f"{first} → {last}"
    return course if highest in (first, last) else f"{course}, highest {highest}"


def _short(instance: str) -> str:
    """Instance ids are very long; their last characters tell them apart."""
    return instance if len(instance) <= 16 else f"…{instance[-12:]}"
