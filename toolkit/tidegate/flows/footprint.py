"""What a rollout has left on its service, and so what somebody else has done to that since."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.core import record
from tidegate.core.errors import RolloutHeld
from tidegate.core.rollout import Interfered, Phase, State, describe
from tidegate.flows.serving import held, percents
from tidegate.ports import Clock, Service


class Footprint:
    """Begins with the service as this process has found it; None where there is none yet."""

    def __init__(self, service: Service | None, clock: Clock) -> None:
        self.claimed = False
        """Whether this process's name stands in the record."""
        self._clock = clock
        self._found = None if service is None else service.annotations.get(record.ROLLOUT)
        self._split: Mapping[str, int] | None = (
            None if service is None else percents(service.traffic, service)
        )
        """As this rollout found or left it; None before there is a service."""
        self._created = None if service is None else service.latest_created_revision

    def written(self, state: State) -> None:
        """Record and split of this state are on the service, by this process."""
        self.claimed = True
        self._split = dict(state.split)

    def created(self, revision: str) -> None:
        """This rollout has made `revision`, so it is nobody else's."""
        self._created = revision

    def stranger(self, state: State, found: Service) -> Interfered | None:
        """Somebody else's record. Raises RolloutHeld where this process has not written its own yet."""
        now = self._clock.now()
        other = record.find(found.annotations)
        if not self.claimed:
            if found.annotations.get(record.ROLLOUT) != self._found:
                raise _came_in_between(other, now)
        elif not is_mine(state, other):
            if isinstance(other, record.Record):
                same = other.state.id == state.id
                what = "taken this rollout over" if same else f"started rollout {other.state.id}"
                return Interfered(now, f"{other.state.owner} has {what}")
            gone = "was removed" if other is None else f"cannot be read any more ({other.reason})"
            return Interfered(now, f"its record {gone}: somebody else wrote there", share(state, found))
        return None

    def intruder(self, state: State, found: Service) -> Interfered | None:
        """Somebody else's rollout, or a service that is not as this one left it."""
        if stranger := self.stranger(state, found):
            return stranger
        now, split = self._clock.now(), percents(found.traffic, found)
        there = record.find(found.annotations)
        if isinstance(there, record.Record) and is_mine(state, there) and split == dict(there.state.split):
            self._split = split  # an earlier write of its own: the answer was lost, or it came late
        if self._split is not None and split not in (self._split, dict(state.split)):
            moved = share(state, found) if self.claimed else None
            return Interfered(now, f"its traffic was changed to {describe(split)} from outside", moved)
        new = found.latest_created_revision
        if self.claimed and state.candidate and self._created and new != self._created:
            if state.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
                return None  # it takes nothing from the revision that the traffic goes back to
            why = f"revision {new} was created from outside"
            return Interfered(now, why, share(state, found))
        return None


def is_mine(state: State, found: record.Record | record.Unreadable | None) -> bool:
    """Whether the process that works on `state` has written this record."""
    return (
        isinstance(found, record.Record) and found.state.id == state.id and found.state.holder == state.holder
    )


def share(state: State, found: Service) -> int:
    """Percent that the candidate is asked to have on the service as found."""
    return percents(found.traffic, found).get(state.candidate, 0) if state.candidate else 0


def _came_in_between(other: record.Record | record.Unreadable | None, now: float) -> RolloutHeld:
    if isinstance(other, record.Record):
        return held(other, now)
    return RolloutHeld("somebody else changed the record at the same moment", hint="try again")
