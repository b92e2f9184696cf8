"""The store of time series: bounded in memory, and blind to samples younger than the ingestion delay."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType

from tidegate.local.world.alignment import Line, Point
from tidegate.local.world.descriptors import Descriptors
from tidegate.local.world.ground import Ground
from tidegate.local.world.model import Sample

POINTS_PER_SERIES = 20_000
SERIES = 50_000
_SWEEP = 0.1
"""Part of the retention that a series without new points may stay longer."""

Key = tuple[str, str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


@dataclass
class Stored:
    """One series. Labels and kind are those of its first sample."""

    sample: Sample
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=POINTS_PER_SERIES))


class Series:
    def __init__(self, ground: Ground, descriptors: Descriptors) -> None:
        self._ground = ground
        self._descriptors = descriptors
        self._stored: dict[Key, Stored] = {}
        self._swept = ground.now()
        self.missing: tuple[str, ...] = ()
        """Shell patterns of metric types whose samples get lost on the way; a fault that tests ask for."""

    def write(self, sample: Sample) -> None:
        """Add a sample. One that is not newer than the last of its series replaces nothing and is dropped."""
        if any(fnmatchcase(sample.metric_type, pattern) for pattern in self.missing):
            return
        stored = self._stored.get(key_of(sample))
        if stored is None:
            self._make_room()
            stored = self._stored.setdefault(key_of(sample), Stored(_frozen(sample)))
            self._descriptors.note(
                sample.resource_labels.get("project_id", "-"),
                sample.metric_type,
                sample.kind,
                sample.value_type,
                sample.unit,
                list(sample.metric_labels),
                sample.resource_type,
            )
        if stored.points and sample.end_time <= stored.points[-1].end:
            return
        stored.points.append(Point(sample.start_time, sample.end_time, sample.value))
        oldest = self._ground.now() - self._ground.knobs.retention
        while stored.points and stored.points[0].end < oldest:
            stored.points.popleft()

    def last(self, sample: Sample) -> Point | None:
        """The newest point of the series that this sample belongs to."""
        stored = self._stored.get(key_of(sample))
        return stored.points[-1] if stored and stored.points else None

    def lines(self, metric_type: str, project: str, visible_until: float) -> Iterator[Line]:
        """Every series of a metric in a project, with the points that may be seen by then, oldest first."""
        for key in sorted(key for key in self._stored if key[0] == metric_type):
            stored = self._stored[key]
            if stored.sample.resource_labels.get("project_id", project) != project:
                continue
            points = tuple(point for point in stored.points if point.end <= visible_until)
            if points:
                s = stored.sample
                yield Line(
                    s.metric_type, s.metric_labels, s.resource_type, s.resource_labels, s.kind, s.value_type,
                    s.unit, points,
                )  # fmt: skip

    def _make_room(self) -> None:
        now, retention = self._ground.now(), self._ground.knobs.retention
        if len(self._stored) < SERIES and now - self._swept < _SWEEP * retention:
            return
        self._swept = now
        dead = [key for key, s in self._stored.items() if not s.points or s.points[-1].end < now - retention]
        for key in dead:
            del self._stored[key]
        while len(self._stored) >= SERIES:
            del self._stored[next(iter(self._stored))]


def key_of(sample: Sample) -> Key:
    return (
        sample.metric_type,
        sample.resource_type,
        tuple(sorted(sample.metric_labels.items())),
        tuple(sorted(sample.resource_labels.items())),
    )


def _frozen(sample: Sample) -> Sample:
    """The sample with labels that nobody else can change."""

    def own(labels: Mapping[str, str]) -> Mapping[str, str]:
        return MappingProxyType(dict(labels))

    return Sample(
        sample.metric_type, sample.resource_type, own(sample.resource_labels), own(sample.metric_labels),
        sample.kind, sample.value_type, sample.unit, sample.start_time, sample.end_time, sample.value,
    )  # fmt: skip
