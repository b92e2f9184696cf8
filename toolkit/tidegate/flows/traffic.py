"""Traffic and record of one service: written in one call, read back, and looked at while a rollout waits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from tidegate.core import record
from tidegate.core.errors import (
    Conflict,
    Denied,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteError,
    Unreachable,
)
from tidegate.core.rollout import (
    AbortAsked,
    Event,
    PauseAsked,
    Phase,
    PromoteAsked,
    State,
    TrafficFailed,
    TrafficSet,
    allows,
    describe,
)
from tidegate.flows.footprint import Footprint, is_mine, share
from tidegate.flows.job import Job, Tools
from tidegate.flows.serving import as_found, effective, percents
from tidegate.flows.terms import terms_of
from tidegate.ports import Service, Target

_EFFECTIVE_WITHIN = 120.0
_WRITE_FOR = 60.0
"""Seconds for which a write that cannot get through is tried again."""
_INSIST_FOR = 600.0
"""The same for what takes the traffic back: as long as it is not through, the candidate serves."""
_NOTE_FOR = 10.0
"""The same for a record alone, which moves nothing."""
_LEASE = 600.0
"""Seconds without a sign of life after which a process counts as dead."""
_APPLY_LEASE = 900.0
"""The same on top of the time a revision may take to start: Terraform leaves no room for signs of life."""

WISHES: Mapping[record.Wish, type[PauseAsked | AbortAsked | PromoteAsked]] = {
    "pause": PauseAsked,
    "abort": AbortAsked,
    "promote": PromoteAsked,
}
"""What a living process can be asked."""


class Traffic:
    """The service as this rollout last saw and left it. `service` is None until there is one."""

    def __init__(self, job: Job, tools: Tools, service: Service | None) -> None:
        self.service = service
        self.footprint = Footprint(service, tools.clock)
        self._job = job
        self._tools = tools
        self._terms = terms_of(job)
        self._answered: record.Request | None = None
        self._lease = 0.0

    # ------------------------------------------------------------------------------- writing

    def write(self, state: State, *, keep_tag: bool) -> Event:
        """Split and record of `state` in one call, then the wait until the split is effective.

        Raises RolloutHeld when somebody else took the service first, and RemoteError when not even that
        first write could be made: then nothing has happened.
        """
        try:
            service = self.service or self._tools.cloud_run.get_service(self._job.name)
        except RemoteError as error:
            return self._not_written(state, error)
        if service is None:
            return TrafficFailed(self._now(), f"there is no service {self._job.name.service}")
        already = effective(service) == dict(state.split) and service.settled
        if stranger := self.footprint.stranger(state, service):
            return stranger
        begun, pause = self._now(), 0.5
        doubt: OutcomeUnknown | None = None
        while True:
            targets = self._targets(state, service, keep_tag=keep_tag)
            try:
                self.service = self._update(state, service, targets)
                break
            except RemoteError as error:
                doubt = error if isinstance(error, OutcomeUnknown) else doubt
                if self._now() - begun > _patience(state, error) or self._tools.interruption.insisted:
                    # What a later attempt met does not tell whether an earlier one took effect.
                    return self._not_written(state, doubt or error)
            self._tools.clock.sleep(pause)
            pause = min(2 * pause, 5.0)
            service = self._reread(service)
            if self._is_written(state, targets, service):
                self.service = service  # the answer was lost, the write was not
                break
            if intruder := self.footprint.intruder(state, service):
                return intruder
        self.footprint.written(state)
        return self._until_effective(state, already=already)

    def note(self, state: State) -> TrafficFailed | None:
        """Writes the record alone, beside the traffic as it is found."""
        if not self.footprint.claimed:
            return None
        begun = self._now()
        while True:
            try:
                service = self._tools.cloud_run.get_service(self._job.name)
                if service is None:
                    return TrafficFailed(self._now(), f"there is no service {self._job.name.service}")
                other = record.find(service.annotations)
                if isinstance(other, record.Record) and not is_mine(state, other):
                    return None  # theirs stays
                seen = replace(state, percent=share(state, service))
                self.service = self._update(seen, service, as_found(service))
                return None
            except RemoteError as error:
                if self._now() - begun > _NOTE_FOR:
                    return TrafficFailed(self._now(), f"the record could not be written: {error.message}")
            self._tools.clock.sleep(1.0)

    def renew(self, state: State) -> None:
        """Another lease, once half of this one is over. A renewal that fails is left to the next look."""
        if self.service is None or self._lease - self._now() > _lease(state, self._job) / 2:
            return
        with suppress(RemoteError):
            self.service = self._update(state, self.service, as_found(self.service))

    def _update(self, state: State, service: Service, targets: tuple[Target, ...]) -> Service:
        now = self._now()
        lease = now if state.final else now + _lease(state, self._job)
        encoded = record.encode(state, now=now, lease=lease, terms=self._terms)
        written: dict[str, str | None] = {record.ROLLOUT: encoded}
        if state.final and state.phase is not Phase.PAUSED:
            written[record.HISTORY] = record.remember(service.annotations, state, now=now)
        if record.REQUEST in service.annotations:
            asked = record.asked(service.annotations, state.id)
            if state.final or asked is None or asked == self._answered:
                written[record.REQUEST] = None
        updated = self._tools.cloud_run.update(service, targets, written)
        self._lease = lease
        return updated

    def _targets(self, state: State, service: Service, *, keep_tag: bool) -> tuple[Target, ...]:
        """The split, the candidate's tag, and everybody else's tags as they are."""
        mine = self._job.tag
        targets = [Target(revision, percent) for revision, percent in state.split]
        if keep_tag and state.candidate and mine:
            targets.append(Target(state.candidate, 0, mine))
        latest = service.latest_ready_revision
        targets += [
            Target(t.revision or latest, 0, t.tag) for t in service.traffic if t.tag and t.tag != mine
        ]
        return tuple(targets)

    def _is_written(self, state: State, targets: tuple[Target, ...], found: Service) -> bool:
        """Whether an earlier attempt, its answer lost, has taken effect: the times in it may be others."""
        there = record.find(found.annotations)
        same = isinstance(there, record.Record) and there.state == record.as_read(state)
        return same and percents(found.traffic, found) == percents(targets, found)

    def _not_written(self, state: State, error: RemoteError) -> Event:
        if not self.footprint.claimed and not state.first:
            raise error  # nothing has happened yet, so the error itself is the whole story
        return TrafficFailed(self._now(), error.message)

    def _reread(self, service: Service) -> Service:
        try:
            return self._read() or service
        except RemoteError:
            return service  # what is known; the write that follows meets the same trouble, or a stale etag

    def _until_effective(self, state: State, *, already: bool) -> Event:
        """Reads back until what was asked for is what serves, or somebody else's hand is seen."""
        wanted = dict(state.split)
        within = _INSIST_FOR if _takes_back(state) else _EFFECTIVE_WITHIN
        deadline = self._now() + within
        pause = 0.1
        while True:
            seen = None
            with suppress(RemoteError):  # read again; the deadline bounds it
                seen = self._read()
            now = self._now()
            if seen is not None:
                self.service = seen
                if seen.settled and effective(seen) == wanted:
                    return TrafficSet(now, already)
                if not state.final and (intruder := self.footprint.intruder(state, seen)):
                    return intruder
                if state.final and self.footprint.stranger(state, seen):
                    return TrafficSet(now, already)  # it was over, and somebody has started the next one
            if now >= deadline or self._tools.interruption.insisted:
                return TrafficFailed(now, self._not_effective(wanted, within))
            self._tools.clock.sleep(pause)
            pause = min(1.5 * pause, 2.0)

    def _not_effective(self, wanted: dict[str, int], within: float) -> str:
        text = f"{describe(wanted)} was asked for and is not effective after {within:.0f} s"
        if self.service is None:
            return text
        serving = effective(self.service)
        text += "; it is still being settled" if serving == wanted else f"; effective is {describe(serving)}"
        condition = self.service.terminal_condition
        return text + (f" ({condition.reason}: {condition.message})" if condition.reason else "")

    # ------------------------------------------------------------------------------- looking

    def look(self, state: State) -> Event | None:
        """What somebody else has done, or asks for, since the last look. Raises RemoteError."""
        found = self._read()
        if found is None:
            return None
        if intruder := self.footprint.intruder(state, found):
            return intruder
        self.service = found
        asked = record.asked(found.annotations, state.id)
        if asked is None or asked == self._answered:
            return None
        self._answered = asked
        kind = WISHES[asked.wish]
        return kind(self._now(), asked.by) if allows(state, kind) else None

    def _read(self) -> Service | None:
        """The service as it is now; None where there is none, or where the answer is older than what is
        known already: a read is served from anywhere."""
        found = self._tools.cloud_run.get_service(self._job.name)
        if found is not None and self.service is not None and found.generation < self.service.generation:
            return None
        return found

    def _now(self) -> float:
        return self._tools.clock.now()


def _patience(state: State, error: RemoteError) -> float:
    """Seconds for which a write is tried again."""
    back = _takes_back(state)
    if isinstance(error, Denied | NotFound | Rejected):
        return _WRITE_FOR if back else 0.0
    if not isinstance(error, Conflict | OutcomeUnknown | Unreachable):
        return 0.0
    return _INSIST_FOR if back else _WRITE_FOR


def _takes_back(state: State) -> bool:
    """Whether the candidate would keep traffic that it should not have, were this write given up."""
    moved = bool(state.stable) and any(move.percent for move in state.moves)
    return state.phase is Phase.ROLLING_BACK or (state.phase is Phase.ABORTED and moved)


def _lease(state: State, job: Job) -> float:
    if state.phase is Phase.LOCKED:
        return _APPLY_LEASE + job.start_timeout
    looks = 4 * state.settings.look_every + job.telemetry.ingestion_delay
    return max(_LEASE, looks) + (job.unwatched if state.phase is Phase.APPLIED else 0.0)
