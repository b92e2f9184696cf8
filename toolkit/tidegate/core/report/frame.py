"""Where things are drawn: the area of a picture, its ticks, and the marks of what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tidegate.core.report.scale import Axis, Tick

_LABEL_ROOM = 40.0


@dataclass(frozen=True)
class Frame:
    """The drawing area inside a view box that starts at 0, 0."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int

    def x(self, axis: Axis, time: float) -> float:
        share = min(1.0, max(0.0, axis.share(time)))
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, axis: Axis, value: float) -> float:
        share = min(1.0, max(0.0, axis.share(value)))
        return round(self.bottom - share * (self.bottom - self.top), 1)


@dataclass(frozen=True)
class Placed:
    """A tick where it is drawn."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """Something that happened: a vertical line. `label` is empty where there is no room for one."""

    x: float
    kind: Literal["move", "decision"]
    label: str
    title: str
    anchor: Literal["start", "middle", "end"] = "middle"


@dataclass(frozen=True)
class Happening:
    """What a mark is made from. `time` is epoch seconds."""

    time: float
    kind: Literal["move", "decision"]
    label: str
    title: str


def placed(ticks: Iterable[Tick], where: Callable[[float], float]) -> tuple[Placed, ...]:
    return tuple(Placed(where(t.at), t.label) for t in ticks)


def placed_marks(happenings: Sequence[Happening], frame: Frame, time: Axis) -> tuple[Mark, ...]:
    """Labels go into two rows by kind; one that would run into its left neighbour stays a title."""
    marks: list[Mark] = []
    last = {"move": -1e9, "decision": -1e9}
    for one in sorted(happenings, key=lambda h: h.time):
        if not time.low <= one.time <= time.high:
            continue
        x = frame.x(time, one.time)
        fits = x - last[one.kind] >= _LABEL_ROOM
        if fits:
            last[one.kind] = x
        anchor: Literal["start", "end"] = "start" if x < (frame.left + frame.right) / 2 else "end"
        marks.append(
            Mark(
                x,
                one.kind,
                one.label if fits else "",
                one.title,
                "middle" if one.kind == "move" else anchor,
            )
        )
    return tuple(marks)
