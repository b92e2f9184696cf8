"""What must hold at every accepted write, at the end of every process, and when all is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fakes import FakeCloudRun
from tidegate.core import record
from tidegate.core.errors import ExitCode, OutcomeUnknown, TidegateError
from tidegate.core.record import Record
from tidegate.core.rollout import Phase, State
from tidegate.core.verdict import Decision, Verdict
from tidegate.flows.serving import effective, percents
from tidegate.ports import Service
from torture.lockstep import Stage

if TYPE_CHECKING:
    from torture.city import Seat

_STOPPED = {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
_CODES: dict[Phase, set[ExitCode]] = {
    Phase.PROMOTED: {ExitCode.DONE},
    Phase.RECOVERED: {ExitCode.ROLLED_BACK},
    Phase.NOT_RECOVERED: {ExitCode.NEEDS_PERSON},
    Phase.ROLLED_BACK: {ExitCode.ROLLED_BACK, *_STOPPED},
    Phase.HELD: {ExitCode.HELD},
    Phase.PAUSED: {ExitCode.DONE, ExitCode.HELD, *_STOPPED},
    Phase.NEEDS_PERSON: {ExitCode.NEEDS_PERSON},
    Phase.ABORTED: {
        ExitCode.PLAN_REFUSED, ExitCode.TERRAFORM, ExitCode.ROLLED_BACK, ExitCode.REMOTE, ExitCode.HELD,
        *_STOPPED,
    },
}  # fmt: skip
_ON_STABLE = (Phase.RECOVERED, Phase.NOT_RECOVERED, Phase.ROLLED_BACK, Phase.ABORTED)
_BLAME = ("from outside", "somebody else", "has taken this rollout", "has started rollout")
_SKEW = 60.0
"""Seconds by which the clocks of two processes may differ, and then some."""


class Watch:
    """`good` are the revisions known to be good: what served at first, and what was promoted."""

    def __init__(self, stage: Stage, cloud: FakeCloudRun, good: set[str]) -> None:
        self._stage = stage
        self._cloud = cloud
        self.good = good
        self.failed: dict[str, str] = {}
        """The candidates of rollouts that the judge has turned down."""
        self.judges: set[tuple[str, str]] = set()
        """Of which rollouts, and in which processes."""
        self.recorded: set[str] = set()
        """Those of which such a process has written the record since: another one cannot know."""
        self.touched = -1.0
        """When somebody outside of tidegate has last done something."""
        self.changes: list[tuple[float, str]] = []
        """Who has changed the service, and when."""
        self.ends: dict[str, TidegateError | None] = {}
        """How each process has ended: with which error, if any."""
        self.written = False
        """Whether a record was ever written."""
        self._log: list[tuple[float, str, str]] = []

    # ------------------------------------------------------------------------------- the story

    def log(self, who: str, what: str) -> None:
        self._log.append((self._stage.now(), who, what))

    @property
    def story(self) -> str:
        began = self._log[0][0] if self._log else 0.0
        return "\n".join(f"{time - began:9.1f} {who:12} {what}" for time, who, what in self._log)

    def _must(self, holds: bool, why: str) -> None:
        if not holds:
            self._stage.fail(f"{why}\n{self.story}")

    # ------------------------------------------------------------------------------- changes

    def outsider(self, what: str) -> None:
        self.touched = self._stage.now()
        self.changes.append((self.touched, "outsider"))
        self.log("outsider", f"{what}: {self._traffic()}")

    def applied(self, who: str, revision: str, before: Service | None) -> None:
        """Terraform has made `revision` for `who`, and sent annotations as old as its plan."""
        self.changes.append((self._stage.now(), who))
        service = self._cloud.service
        if before and before.annotations.get(record.ROLLOUT) != service.annotations.get(record.ROLLOUT):
            self.touched = self._stage.now()
        self.log(who, f"makes {revision}: {self._traffic()}")

    def _traffic(self) -> str:
        service = self._cloud.service
        if service is None:
            return "no service"
        found = record.find(service.annotations)
        what = "no record" if found is None else "a damaged record"
        if isinstance(found, Record):
            state = found.state
            what = (
                f"{state.phase} {state.percent} % exit {state.exit_code} by {state.holder}, {state.id[-6:]}, "
                f"lease {found.lease - self._stage.now():.0f}; {state.reason[:100]}"
            )
        return f"{dict(percents(service.traffic, service))} {what}"

    def wrote(self, seat: Seat, before: Service, after: Service) -> None:
        """An update of `seat` was accepted."""
        self.log(seat.name, f"writes {self._traffic()}")
        self.changes.append((self._stage.now(), seat.name))
        split, old = percents(after.traffic, after), percents(before.traffic, before)
        self._must(sum(t.percent for t in after.traffic) == 100, "the traffic does not total 100 %")
        self._must(all(t.revision for t in after.traffic), "a part of the traffic names no revision")
        if after.annotations.get(record.ROLLOUT) == before.annotations.get(record.ROLLOUT):
            self._must(split == old, "the traffic was moved, and the record does not say so")
            return
        found = record.find(after.annotations)
        self._must(isinstance(found, Record), "the record was removed or damaged")
        assert isinstance(found, Record)
        state = found.state
        self._must(state.holder == seat.name, "a record was written in another's name")
        share = split.get(state.candidate, 0)
        touched = split == old and self.touched >= 0
        self._must(
            share <= state.percent or touched or state.candidate == state.stable,
            "the candidate has more than the record says",
        )
        failed = self.failed.get(state.id)
        self._must(
            failed is None or split.get(failed, 0) <= old.get(failed, 0) or self._unheard(state),
            "a candidate got more traffic after a failing verdict",
        )
        self._must(not seat.robbed, f"it writes although it has seen that {seat.robbed} has taken over")
        prior = record.find(before.annotations)
        self._owner(seat, prior)
        if (state.id, seat.name) in self.judges:
            self.recorded.add(state.id)
        if state.phase is Phase.PROMOTED or state.forced:
            self.good.add(state.candidate)
        self.written = True
        seat.claimed, seat.generation = state.id, after.generation

    def _unheard(self, state: State) -> bool:
        """Whether a person promotes it who cannot know of the verdict: it never got into the record."""
        return state.forced and state.id not in self.recorded

    def _owner(self, seat: Seat, prior: Record | record.Unreadable | None) -> None:
        """A living process is not robbed."""
        if not isinstance(prior, Record) or prior.state.holder == seat.name:
            return
        owner = next((s for s in seat.city.seats if s.name == prior.state.holder and s.living), None)
        works = owner is not None and not prior.state.final
        robbed = works and (owner.untroubled or prior.lives_at(self._stage.now() + _SKEW))
        self._must(not robbed or seat.robs, f"{prior.state.holder} was robbed")

    def read(self, seat: Seat, found: Service | None) -> None:
        if found is None or not seat.claimed or found.generation <= seat.generation:
            return
        there = record.find(found.annotations)
        if isinstance(there, Record) and there.state.holder != seat.name and not seat.robbed:
            self.log(seat.name, f"sees that {there.state.holder} has taken over")
            seat.robbed = there.state.holder

    def judged(self, seat: Seat, verdict: Verdict) -> None:
        state = seat.state
        if verdict.decision is not Decision.CONTINUE:
            self.log(seat.name, f"judges {verdict.decision}")
        if verdict.decision is Decision.ROLLBACK and state and state.phase in (Phase.STEP, Phase.BAKE):
            self.failed[state.id] = state.candidate
            self.judges.add((state.id, seat.name))

    # ------------------------------------------------------------------------------- ends

    def ended(self, seat: Seat, state: State | None, error: TidegateError | None) -> None:
        """A process has ended with the last state of the rollout, if it had one, or with an error."""
        self.ends[seat.name] = error
        told = f"{type(error).__name__}: {error}" if error else "done"
        if state is not None:
            told = f"{state.phase}, {state.percent} %, exit {state.exit_code}; {state.reason}"
        self.log(seat.name, f"ends: {told}")
        if error is not None:
            wrote = seat.process.command == "deploy" and bool(seat.claimed) and not seat.robbed
            self._must(not wrote or isinstance(error, OutcomeUnknown), "it has written, and says it has not")
        if state is None or state.holder != seat.name:
            return
        self._must(state.exit_code is not None, "it has ended, and its state has not")
        assert state.exit_code is not None
        self._must(
            ExitCode(state.exit_code) in _CODES[state.phase],
            f"exit code {state.exit_code} does not go with {state.phase}",
        )
        alone = all(who == seat.name or time < seat.began for time, who in self.changes)
        alone = alone and self.touched < seat.began
        if state.phase is Phase.PROMOTED and seat.made and not state.first and alone and not seat.misled:
            self._must(state.candidate == seat.made, f"it says done, and {seat.made} was never looked at")
        if alone:
            self._agrees(state)
            blamed = seat.process.command == "deploy" and any(words in state.reason for words in _BLAME)
            self._must(not blamed or seat.misled, "it blames somebody who was not there")
            gave_up = state.phase is Phase.NEEDS_PERSON and seat.untroubled
            self._must(not gave_up, "it calls a person for what would have passed")

    def _agrees(self, state: State) -> None:
        """Nobody else had a hand in it: traffic and record are what it says."""
        service = self._cloud.service
        if service is None or state.phase is Phase.NEEDS_PERSON:
            return
        serves = effective(service)
        if state.phase is Phase.PROMOTED:
            self._must(serves == {state.candidate: 100}, "it was not promoted")
        elif state.phase in _ON_STABLE and not state.first:
            self._must(serves == {state.stable: 100}, "the stable revision has not all traffic")
        elif not state.first:
            self._must(serves == dict(state.split), "the traffic is not what it says")
        found = record.find(service.annotations)
        if "could not be written" in state.reason or (state.first and state.phase is Phase.ABORTED):
            return
        self._must(
            isinstance(found, Record) and found.state == record.as_read(state),
            "the record does not say how it ended",
        )

    def over(self) -> None:
        """All is calm, a person has asked to abort: a good revision serves, and the record says so."""
        service = self._cloud.service
        if service is None:
            return
        self.log("end", self._traffic())
        serves = effective(service)
        found = record.find(service.annotations)
        if not service.latest_ready_revision:
            return  # nothing has ever started
        self._must(len(serves) == 1, f"the traffic is left split: {serves}")
        revision = next(iter(serves))
        first = isinstance(found, Record) and found.state.first  # there is nothing else that could serve
        self._must(first or revision in self.good, f"{revision} serves, and nobody knows it to be good")
        if found is None:
            self._must(self.touched >= 0 or not self.written, "the record is gone")
            return
        if not isinstance(found, Record) and self.touched >= 0:
            return
        self._must(isinstance(found, Record), "the record is left damaged")
        assert isinstance(found, Record)
        self._must(not found.held_at(self._stage.now() + _SKEW), "the service is left held")
        if not found.state.first and (self.touched < 0 or self.touched < found.updated - _SKEW):
            said = found.state.split
            self._must(dict(said) == serves, f"the record says {said}, and {serves} serves")
